//! Areas as a table and outlines.

use std::collections::HashMap;
use std::path::Path;

use areal_formats::{AreasMeta, RepairMeta};
use areal_grid::CrsKind;
use areal_raster::{FieldValue, VectorLayer, read_layer};
use areal_report::{AreaColumn, AreaSection, Note, Report, Zone};
use geo::Geometry;

use super::{ReportCsv, document, name_of, part};
use crate::errors::CliError;

pub fn add(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let name = name_of(folder);
    let path = folder.join(AreasMeta::FILE);
    let meta = document(report, &path, &AreasMeta::FORMATS)?;
    let mut section = table(&name, &ReportCsv::read(&folder.join(AreasMeta::CSV))?)?;
    outlines(&mut section, &read_layer(&folder.join(AreasMeta::LAYER), None)?);
    report.areas.push(section);
    report.notes.extend(repaired(&name, &part::<Vec<_>>(&meta, &path, "repairs")?));
    Ok(())
}

/// From one row a zone and measure to one row a zone; zones and columns keep the order in which they first appear.
fn table(name: &str, rows: &ReportCsv) -> Result<AreaSection, CliError> {
    let at = |column| rows.column(column);
    let (id, zone_name, state) = (at("zone_id")?, at("zone_name")?, at("zone_state")?);
    let (variable, measure, class) = (at("variable")?, at("measure")?, at("class_name")?);
    let (value, unit) = (at("value")?, at("unit")?);
    let mut section = AreaSection {
        name: name.to_owned(),
        zones: Vec::new(),
        columns: Vec::new(),
        values: Vec::new(),
        aspect: 1.0,
        metres: 1.0,
    };
    let (mut zones, mut columns) = (HashMap::new(), HashMap::new());
    for record in &rows.records {
        let text = |k: usize| record.get(k).unwrap_or_default().to_owned();
        // A majority has another class in each zone.
        let is_picked = matches!(text(measure).as_str(), "majority" | "minority");
        let subject = match (text(class), text(variable)) {
            (class, variable) if !class.is_empty() && !is_picked => match variable.as_str() {
                "class" => class,
                _ => format!("{variable}, {class}"),
            },
            (_, variable) if variable == "zone" || variable == "class" => String::new(),
            (_, variable) => variable,
        };
        let zone = *zones.entry(text(id)).or_insert_with(|| {
            section.zones.push(Zone { id: text(id), name: text(zone_name), state: text(state), rings: Vec::new() });
            section.values.push(Vec::new());
            section.zones.len() - 1
        });
        let column = *columns.entry((text(measure), subject.clone())).or_insert_with(|| {
            section.columns.push(AreaColumn { measure: text(measure), subject, unit: text(unit) });
            section.columns.len() - 1
        });
        let row = &mut section.values[zone];
        row.resize(row.len().max(column + 1), None);
        row[column] = rows.number(record, value)?;
    }
    let width = section.columns.len();
    section.values.iter_mut().for_each(|row| row.resize(width, None));
    Ok(section)
}

/// Gives each zone its rings, and the section the shape of its degrees.
fn outlines(section: &mut AreaSection, layer: &VectorLayer) {
    let Some(id) = layer.fields.iter().position(|f| f.name == "zone_id") else { return };
    let mut rings: HashMap<&str, Vec<Vec<[f64; 2]>>> = HashMap::new();
    for feature in &layer.features {
        if let (Some(FieldValue::Text(id)), Some(geometry)) = (feature.values.get(id), &feature.geometry) {
            rings.insert(id, rings_of(geometry));
        }
    }
    for zone in &mut section.zones {
        zone.rings = rings.remove(zone.id.as_str()).unwrap_or_default();
    }
    match layer.crs.as_ref().map(|c| &c.kind) {
        Some(CrsKind::Geographic { .. }) => section.use_degrees(),
        Some(CrsKind::Projected { metres_per_unit }) => section.metres = *metres_per_unit,
        None => {}
    }
}

fn rings_of(geometry: &Geometry<f64>) -> Vec<Vec<[f64; 2]>> {
    let polygons = match geometry {
        Geometry::Polygon(p) => std::slice::from_ref(p),
        Geometry::MultiPolygon(m) => m.0.as_slice(),
        _ => &[],
    };
    let rings = polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    rings.map(|r| r.coords().map(|c| [c.x, c.y]).collect()).collect()
}

fn repaired(name: &str, repairs: &[RepairMeta]) -> Vec<Note> {
    repairs.iter().map(|r| Note::warning(format!("{name}: zone {} was repaired: {}", r.zone_id, r.fault))).collect()
}
