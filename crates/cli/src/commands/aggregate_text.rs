//! The area table of `areal aggregate` as JSON and as text, printed some zones at a time.

use std::io::{BufWriter, Write};

use areal_zones::{AreaTable, MapAreas, Measure, Quantity, Statistic, Total, ZoneRow, ZonesError};
use rayon::prelude::*;
use serde::ser::{Error, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::columns::{line, widen};
use crate::errors::{CliError, Exit};
use crate::stdout::Stdout;

/// Zones whose lines are made in one go.
const BATCH: usize = 8192;

/// Prints the table as JSON: an object a zone, one key a column.
pub fn print_json(table: &AreaTable<'_>) -> Result<(), CliError> {
    let mut out = BufWriter::with_capacity(1 << 16, Stdout);
    serde_json::to_writer_pretty(&mut out, &JsonTable(table))
        .map_err(|e| CliError::new(Exit::Output, format!("cannot print the table: {e}")))?;
    // What stdout refuses is said at the end.
    let _ = out.write_all(b"\n").and_then(|()| out.flush());
    Ok(())
}

struct JsonTable<'a>(&'a AreaTable<'a>);
struct JsonZones<'a>(&'a AreaTable<'a>);

impl Serialize for JsonTable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(table) = self;
        let columns = table.columns();
        let total = |total: Total<'_>| {
            let mut object = serde_json::Map::new();
            let found = total.values.iter().zip(&total.classes);
            for ((name, item), (value, class)) in columns.iter().zip(&table.items).zip(found) {
                object.insert(name.clone(), json!(value));
                if item.picks_class() {
                    object.insert(format!("{name}_class"), json!(class.map(|(_, name)| name)));
                }
            }
            (total.name.to_owned(), Value::Object(object))
        };
        let totals: serde_json::Map<String, Value> = table.totals().into_iter().map(total).collect();
        let reconciliation = match &table.maps[..] {
            [one] => json!(one.areas.reconciliation),
            maps => {
                let of = |map: &MapAreas<'_>| (map.name.to_owned(), json!(map.areas.reconciliation));
                Value::Object(maps.iter().map(of).collect())
            }
        };
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("zones", &JsonZones(table))?;
        map.serialize_entry("totals", &totals)?;
        map.serialize_entry("reconciliation", &reconciliation)?;
        map.end()
    }
}

impl Serialize for JsonZones<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(table) = self;
        let columns = table.columns();
        let mut zones = serializer.serialize_seq(Some(table.zones()))?;
        for row in table.rows() {
            let row = row.map_err(S::Error::custom)?;
            let mut object = serde_json::Map::new();
            object.insert("zone_id".into(), json!(row.name.id));
            object.insert("zone_name".into(), json!(row.name.name));
            object.insert("zone_state".into(), json!(row.state()));
            for (name, item) in columns.iter().zip(&table.items) {
                object.insert(name.clone(), json!(row.value(item)));
                if item.picks_class() {
                    object.insert(format!("{name}_class"), json!(row.class(item).map(|(_, name)| name)));
                }
            }
            zones.serialize_element(&object)?;
        }
        zones.end()
    }
}

/// The table for people: a line a zone, then what is in none, and the map.
pub struct TextTable<'a> {
    table: &'a AreaTable<'a>,
    /// Items that fit a terminal, with their names.
    shown: Vec<(&'a Quantity, String)>,
    /// Of its columns.
    widths: Vec<usize>,
}

impl<'a> TextTable<'a> {
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn new(table: &'a AreaTable<'a>) -> Result<Self, ZonesError> {
        let shown = table.items.iter().zip(table.columns()).filter(|(item, _)| is_shown(item.measure)).collect();
        let mut new = Self { table, shown, widths: Vec::new() };
        let zones = (0..table.zones()).into_par_iter();
        let of_zones = zones.map(|zone| table.row(zone).map(|row| new.cells(&row)));
        let joined = of_zones.try_fold(Vec::new, |mut widths, cells| {
            widen(&mut widths, &cells?);
            Ok::<_, ZonesError>(widths)
        });
        let mut widths = joined.try_reduce(Vec::new, |a, b| Ok(larger(a, &b)))?;
        new.others().iter().for_each(|cells| widen(&mut widths, cells));
        new.widths = widths;
        Ok(new)
    }

    fn cells(&self, row: &ZoneRow) -> Vec<String> {
        let names = [row.name.id.clone(), row.name.name.clone()];
        names
            .into_iter()
            .chain(self.shown.iter().map(|(item, _)| cell(item, row.value(item), row.class(item))))
            .collect()
    }

    /// The line at the top, and those after the zones.
    fn others(&self) -> Vec<Vec<String>> {
        let head = ["zone", "name"].map(str::to_owned).into_iter();
        let mut lines = vec![head.chain(self.shown.iter().map(|(_, name)| name.clone())).collect()];
        for total in self.table.totals() {
            let found = total.values.iter().zip(&total.classes);
            let values = self.table.items.iter().zip(found).filter(|(item, _)| is_shown(item.measure));
            let names = [format!("({})", total.name), String::new()].into_iter();
            lines.push(names.chain(values.map(|(item, (value, class))| cell(item, *value, *class))).collect());
        }
        lines
    }

    /// # Errors
    /// When a temporary file cannot be read.
    pub fn print(&self) -> Result<(), ZonesError> {
        let text = |cells: &Vec<String>| line(cells, &self.widths, |column| column >= 2) + "\n";
        let others: Vec<String> = self.others().iter().map(text).collect();
        out!("{}", others[0]);
        let zones: Vec<usize> = (0..self.table.zones()).collect();
        for zones in zones.chunks(BATCH) {
            let lines = zones.par_iter().map(|zone| self.table.row(*zone).map(|row| text(&self.cells(&row))));
            let lines: Result<Vec<String>, ZonesError> = lines.collect();
            out!("{}", lines?.concat());
        }
        out!("{}", others[1..].concat());
        Ok(())
    }
}

fn cell(item: &Quantity, value: Option<f64>, class: Option<(i64, &str)>) -> String {
    match (value, class) {
        (Some(_), Some((_, name))) if item.picks_class() && !name.is_empty() => name.to_owned(),
        (value, _) => number(item, value),
    }
}

fn larger(mut a: Vec<usize>, b: &[usize]) -> Vec<usize> {
    a.resize(a.len().max(b.len()), 0);
    a.iter_mut().zip(b).for_each(|(a, b)| *a = (*a).max(*b));
    a
}

/// What fits a terminal; the files hold the rest.
fn is_shown(measure: Measure) -> bool {
    match measure {
        Measure::ObservedArea | Measure::ClassArea | Measure::ClassShare | Measure::Weighted(_) => true,
        Measure::Statistic(statistic) => statistic != Statistic::Cells,
        _ => false,
    }
}

fn number(item: &Quantity, value: Option<f64>) -> String {
    let Some(value) = value else { return "-".to_owned() };
    // A sum of rounding errors is no negative area.
    let value = if value.abs() < 5e-7 { 0.0 } else { value };
    match item.measure {
        Measure::ClassShare => format!("{value:.4}"),
        Measure::Statistic(Statistic::Variety) => format!("{value}"),
        Measure::Statistic(_) | Measure::Weighted(_) if item.picks_class() => format!("{value}"),
        Measure::Statistic(_) | Measure::Weighted(_) => format!("{value:.6}"),
        _ => format!("{value:.3}"),
    }
}
