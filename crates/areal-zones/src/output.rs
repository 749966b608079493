//! The `areas/` folder: a tidy table with its metadata, a layer to map, and how it came to be.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use areal_formats::{AreasMeta, CsvColumn, CsvTable, CsvType, MapMeta, Provenance, RepairMeta, SkippedMeta};
use areal_job::{FileError, Job, StagedDir, write_json};
use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, write_features};
use geo::Geometry;
use rayon::prelude::*;

use crate::placed_zones::zone_task;
use crate::style::style;
use crate::{AreaTable, MapAreas, Measure, Quantity, ZoneName, ZoneRow, ZoneState, ZonesError};

/// Columns of `areas.csv`, with their meaning.
fn areas_csv(table: &AreaTable<'_>) -> CsvTable {
    let measures: BTreeSet<Measure> = table.items.iter().map(|item| item.measure).collect();
    let measures: Vec<String> = measures.iter().map(|m| format!("{m}: {}", m.description())).collect();
    let variable = match table.maps.len() {
        1 => "what is measured: zone (the zone itself), class (the class map) or the name of a value",
        _ => {
            "what is measured: zone (the zone itself), or the name of a map, with _ and the name of a value where the map has \
             several"
        }
    };
    let text = |name: &str, title: &str, description: &str| CsvColumn::new(name, title, CsvType::Text, description);
    CsvTable {
        title: "Areas by zone".to_owned(),
        description: "WindowTallies of a map over zones, one row for each zone and measure. Areas are true areas on the \
                      ellipsoid; cells on a border count by the exact share that lies in the zone."
            .to_owned(),
        columns: vec![
            text("zone_id", "Zone", "id of the zone in the zone file"),
            text("zone_name", "Name", "name of the zone; empty where none is given").optional(),
            text(
                "zone_state",
                "State",
                "inside: the whole zone lies on the map (on all, of several); partial: a part of it; outside: none of it, sums \
                 are 0",
            ),
            text(
                "variable",
                "Variable",
                variable,
            ),
            text("measure", "Measure", &measures.join("; ")),
            CsvColumn::new("class_code", "Class code", CsvType::Integer, "code of the class in the map; of a majority or minority the class that it is in this zone").optional(),
            text("class_name", "Class", "name of the class").optional(),
            CsvColumn::new("value", "Value", CsvType::Number, "the value; empty where there is none").optional(),
            text(
                "unit",
                "Unit",
                "unit of the value: km2, 1 (a share), cells, values or classes (how many), weights (as in the weights raster), the \
                 variable's own, or that squared",
            )
            .optional(),
        ],
        primary_key: Vec::new(),
    }
}

/// Writes the folder's files to `folder`.
///
/// # Errors
/// When a file cannot be written.
pub fn write_areas(
    table: &AreaTable<'_>,
    meta: &AreasMeta,
    folder: &StagedDir,
    job: Job<'_>,
) -> Result<(), ZonesError> {
    // The layer is the longer work of the two.
    let task = zone_task(job, "write zones", table.zones());
    let is_written = || task.iter().for_each(|task| task.advance(1));
    let csv = folder.file(AreasMeta::CSV);
    // The layer is the longer work and only one thread's: it goes first.
    let (layer, written) = rayon::join(
        || write_zones(table, &folder.file(AreasMeta::LAYER), &is_written),
        || write_csv(table, &csv).and_then(|()| Ok(areas_csv(table).write_metadata(&csv)?)),
    );
    written?;
    layer?;
    write_json(&folder.file(AreasMeta::FILE), meta)?;
    Ok(())
}

/// Zones whose rows are made in one go.
const BATCH: usize = 128;

fn write_csv(table: &AreaTable<'_>, path: &Path) -> Result<(), ZonesError> {
    let fault = || FileError::io("write", path);
    let mut file = File::create(path).map_err(fault())?;
    let rows = CsvRows::new(table).map_err(|e| fault()(e.into()))?;
    file.write_all(&rows.header).map_err(fault())?;
    let zones: Vec<Range<usize>> =
        (0..table.zones()).step_by(BATCH).map(|k| k..(k + BATCH).min(table.zones())).collect();
    for batches in zones.chunks(4 * rayon::current_num_threads()) {
        let made: Vec<Result<Vec<u8>, ZonesError>> =
            batches.par_iter().map(|zones| rows.of(zones.clone(), path)).collect();
        for rows in made {
            file.write_all(&rows?).map_err(fault())?;
        }
    }
    Ok(())
}

/// The rows of `areas.csv`: what every zone's have in common is put into words once.
struct CsvRows<'a> {
    table: &'a AreaTable<'a>,
    header: Vec<u8>,
    items: Vec<CsvItem<'a>>,
}

/// One item of the table, and its row before and after the value.
struct CsvItem<'a> {
    item: &'a Quantity,
    before: Vec<u8>,
    after: Vec<u8>,
}

impl<'a> CsvRows<'a> {
    fn new(table: &'a AreaTable<'a>) -> csv::Result<Self> {
        let item = |item: &'a Quantity| {
            let mut before = first_fields(&[item.variable.as_str(), &item.measure.to_string()])?;
            if !item.picks_class() {
                before.extend(class_fields(item.class.as_ref().map(|(code, name)| (*code, name.as_str())))?);
            }
            // After the value, whatever it is.
            Ok(CsvItem { item, before, after: record(&["", &item.unit])? })
        };
        let items = table.items.iter().map(item).collect::<csv::Result<_>>()?;
        Ok(Self { table, header: record(&areas_csv(table).header())?, items })
    }

    /// The rows of some zones, for a table at `path`.
    fn of(&self, zones: Range<usize>, path: &Path) -> Result<Vec<u8>, ZonesError> {
        let mut rows = Vec::new();
        for zone in zones {
            let row = self.table.row(zone)?;
            self.add(&row, &mut rows).map_err(|e| FileError::io("write", path)(e.into()))?;
        }
        Ok(rows)
    }

    fn add(&self, row: &ZoneRow, rows: &mut Vec<u8>) -> csv::Result<()> {
        let zone = first_fields(&[row.name.id.as_str(), &row.name.name, &row.state().to_string()])?;
        for CsvItem { item, before, after } in &self.items {
            rows.extend_from_slice(&zone);
            rows.extend_from_slice(before);
            if item.picks_class() {
                rows.extend(class_fields(row.class(item))?);
            }
            if let Some(value) = row.value(item) {
                write!(rows, "{value}")?;
            }
            rows.extend_from_slice(after);
        }
        Ok(())
    }
}

/// Code and name of a class, with a comma after each.
fn class_fields(class: Option<(i64, &str)>) -> csv::Result<Vec<u8>> {
    match class {
        Some((code, name)) => first_fields(&[&code.to_string(), name]),
        None => first_fields(&["", ""]),
    }
}

/// A whole row, the end of the line included.
fn record(fields: &[&str]) -> csv::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().buffer_capacity(256).from_writer(Vec::new());
    writer.write_record(fields)?;
    writer.into_inner().map_err(|e| e.into_error().into())
}

/// The first fields of a row, with a comma after each.
fn first_fields(fields: &[&str]) -> csv::Result<Vec<u8>> {
    let mut row = record(fields)?;
    row.pop();
    row.push(b',');
    Ok(row)
}

/// Writes the zones with one field an item, one by one.
fn write_zones(table: &AreaTable<'_>, path: &Path, is_written: &dyn Fn()) -> Result<(), ZonesError> {
    let text = |name: &str| Field { name: name.to_owned(), kind: FieldKind::Text };
    let mut fields = vec![text("zone_id"), text("zone_name"), text("zone_state")];
    let mut taken: BTreeSet<String> = table.columns().into_iter().collect();
    for (name, item) in table.columns().into_iter().zip(&table.items) {
        // Beside the code of a class its name.
        let mut of_class = format!("{name}_class");
        while item.picks_class() && !taken.insert(of_class.clone()) {
            of_class.push('_');
        }
        fields.push(Field { name, kind: FieldKind::Real });
        fields.extend(item.picks_class().then(|| text(&of_class)));
    }
    let crs = Some(table.set.crs.clone());
    let layer = VectorLayer { name: "areas".to_owned(), crs, fields, features: Vec::new() };
    let mut failed = None;
    let features = (0..table.zones()).map_while(|zone| feature(table, zone).map_err(|e| failed = Some(e)).ok());
    let features = features.inspect(|_| is_written());
    let written = write_features(path, &layer, features, style(table)?.as_ref());
    match failed {
        Some(error) => Err(error),
        None => Ok(written?),
    }
}

fn feature(table: &AreaTable<'_>, zone: usize) -> Result<Feature, ZonesError> {
    let row = table.row(zone)?;
    let state = row.state().to_string();
    let mut values = Vec::with_capacity(3 + table.items.len());
    for item in &table.items {
        values.push(row.value(item).map_or(FieldValue::Null, FieldValue::Real));
        if item.picks_class() {
            let name = row.class(item).filter(|(_, name)| !name.is_empty());
            values.push(name.map_or(FieldValue::Null, |(_, name)| FieldValue::Text(name.to_owned())));
        }
    }
    let ZoneName { id, name } = row.name;
    let name = if name.is_empty() { FieldValue::Null } else { FieldValue::Text(name) };
    values.splice(0..0, [FieldValue::Text(id), name, FieldValue::Text(state)]);
    let geometry = Some(Geometry::MultiPolygon(table.set.zones.outline(zone)?));
    Ok(Feature { fid: zone as i64 + 1, geometry, values })
}

/// # Errors
/// When the CRS of the zones is not understood, or a temporary file cannot be read.
pub fn areas_meta(table: &AreaTable<'_>, provenance: Provenance) -> Result<AreasMeta, ZonesError> {
    let set = table.set;
    let mut counts = [0usize; 3];
    for row in table.rows() {
        counts[row?.state() as usize] += 1;
    }
    let count = |state: ZoneState| counts[state as usize];
    let map = |of: &MapAreas<'_>| MapMeta {
        name: of.name.to_owned(),
        map: of.map.path.clone(),
        map_crs: of.map.grid.crs.name.clone(),
        cells: of.areas.cells,
        cells_read: of.areas.cells_read,
        reconciliation: of.areas.reconciliation.clone(),
    };
    let mut maps = table.maps.iter().map(map);
    let first = maps.next().expect("a table is of at least one map");
    let repair = |r: &crate::Repair| RepairMeta {
        zone_id: r.id.clone(),
        fault: r.fault.to_string(),
        relative_change: r.relative_change(),
    };
    let skipped = |s: &crate::Skipped| SkippedMeta { fid: s.fid, zone_id: s.id.clone(), has: s.why.to_string() };
    Ok(AreasMeta {
        format: AreasMeta::FORMAT.to_owned(),
        map: first.map,
        map_crs: first.map_crs,
        zones: set.path.clone(),
        id_field: set.id_field.clone(),
        zones_crs: set.crs.name.clone(),
        ellipsoid: crate::AreaBasis::new(&set.crs)?.describe(&set.crs)?,
        inside: count(ZoneState::Inside),
        partial: count(ZoneState::Partial),
        outside: count(ZoneState::Outside),
        repairs: set.repairs.iter().map(repair).collect(),
        skipped: set.skipped.iter().map(skipped).collect(),
        other_parts: set.other_parts,
        dissolved: set.dissolved,
        cells: first.cells,
        cells_read: first.cells_read,
        reconciliation: first.reconciliation,
        other_maps: maps.collect(),
        provenance,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_in_pieces_is_the_row_in_one() {
        let fields = ["z,1", "", "in \"x\"", "a\nb", "", "km2"];
        let whole = record(&fields).unwrap();
        let after = [&b"0.5"[..], &record(&["", ""]).unwrap()].concat();
        let pieces = [first_fields(&fields[..3]).unwrap(), first_fields(&fields[3..5]).unwrap(), b"km2\n".to_vec()];
        assert_eq!(String::from_utf8(whole).unwrap(), String::from_utf8(pieces.concat()).unwrap());
        assert_eq!(after, b"0.5,\n");
    }
}
