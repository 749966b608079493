//! The area table of `areal aggregate` as JSON and as text.

use areal_zones::{AreaTable, MapAreas, Measure, Quantity, Statistic, Total};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::columns::aligned;

/// The table as JSON: an object a zone, one key a column.
pub fn to_json(table: &AreaTable<'_>) -> Value {
    let columns = table.columns();
    let zone = |(k, zone): (usize, &areal_zones::Zone)| {
        let mut object = serde_json::Map::new();
        object.insert("zone_id".into(), json!(zone.id));
        object.insert("zone_name".into(), json!(zone.name));
        object.insert("zone_state".into(), json!(table.state(k)));
        for (name, item) in columns.iter().zip(&table.items) {
            object.insert(name.clone(), json!(table.value(item, k)));
            if item.picks_class() {
                object.insert(format!("{name}_class"), json!(table.class(item, k).map(|(_, name)| name)));
            }
        }
        Value::Object(object)
    };
    let zones: Vec<Value> = table.set.zones.iter().enumerate().map(zone).collect();
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
    let mut json = json!({ "zones": zones, "totals": totals });
    match &table.maps[..] {
        [one] => json["reconciliation"] = json!(one.areas.reconciliation),
        maps => {
            let of = |map: &MapAreas<'_>| (map.name.to_owned(), json!(map.areas.reconciliation));
            json["reconciliation"] = Value::Object(maps.iter().map(of).collect());
        }
    }
    json
}

/// The table for people: a line a zone, then what is in none, and the map.
pub fn to_text(table: &AreaTable<'_>) -> String {
    let names = table.columns();
    let shown: Vec<usize> = (0..names.len()).filter(|k| is_shown(table.items[*k].measure)).collect();
    let mut lines = vec![vec!["zone".to_owned(), "name".to_owned()]];
    lines[0].extend(shown.iter().map(|k| names[*k].clone()));
    let cell = |item: &Quantity, value: Option<f64>, class: Option<(i64, &str)>| match (value, class) {
        (Some(_), Some((_, name))) if item.picks_class() && !name.is_empty() => name.to_owned(),
        (value, _) => number(item, value),
    };
    let of_zone = |zone: usize| -> Vec<String> {
        let item = |k: &usize| &table.items[*k];
        shown.iter().map(item).map(|item| cell(item, table.value(item, zone), table.class(item, zone))).collect()
    };
    let zones = table.set.zones.par_iter().enumerate();
    lines.par_extend(zones.map(|(k, zone)| [vec![zone.id.clone(), zone.name.clone()], of_zone(k)].concat()));
    for total in table.totals() {
        let cells = shown.iter().map(|k| cell(&table.items[*k], total.values[*k], total.classes[*k])).collect();
        lines.push([vec![format!("({})", total.name), String::new()], cells].concat());
    }
    aligned(&lines, |k| k >= 2).join("\n") + "\n"
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
