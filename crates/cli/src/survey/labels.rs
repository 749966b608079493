use std::path::Path;

use areal_raster::{FieldValue, read_layer};
use geo::Centroid;

use crate::errors::{CliError, Exit};

/// One row of a labelled sample.
pub struct Labelled {
    /// The unit's number.
    pub unit_id: u64,
    /// What the interpreter wrote; empty where they wrote nothing.
    pub label: String,
    /// Longitude and latitude, where the file has them.
    pub place: Option<[f64; 2]>,
    /// The draw that it says it is of; empty where the file has no such field.
    pub design: String,
}

/// The field of a sample that names its draw.
pub const DESIGN_FIELD: &str = "design_id";

/// Reads a labelled sample: a CSV file, or any vector layer, with a field `unit_id` and the label field.
pub fn read_labels(path: &Path, field: &str) -> Result<Vec<Labelled>, CliError> {
    let is_csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { read_csv(path, field)? } else { read_vector(path, field)? };
    let mut seen = std::collections::HashSet::new();
    if let Some(twice) = rows.iter().find(|r| !seen.insert(r.unit_id)) {
        return Err(input(path, &format!("has unit {} twice", twice.unit_id)).help("keep one row a unit"));
    }
    Ok(rows)
}

fn input(path: &Path, what: &str) -> CliError {
    CliError::new(Exit::Input, format!("{} {what}", path.display()))
}

fn no_field(path: &Path, field: &str, fields: &[&str]) -> CliError {
    input(path, &format!("has no field \"{field}\"; it has {}", fields.join(", ")))
        .help("the label stands in the field named with --label-field [default: label], the unit's number in unit_id")
}

/// A file whose one column holds another delimiter was saved with that.
fn other_delimiter(path: &Path, names: &[&str]) -> Result<(), CliError> {
    let [only] = names else { return Ok(()) };
    let found = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")].into_iter().find(|(d, _)| only.contains(*d));
    found.map_or(Ok(()), |(_, name)| {
        Err(input(path, &format!("has its fields separated by {name}, not commas"))
            .help("save it as CSV with commas (in a spreadsheet: export, field delimiter \",\"), or give a GeoPackage"))
    })
}

fn unit_id(path: &Path, text: &str, row: usize) -> Result<u64, CliError> {
    text.trim().parse().map_err(|_| {
        input(path, &format!("row {row}: unit_id is \"{text}\", not a whole number"))
            .help("keep the unit_id that `areal sample` gave")
    })
}

fn read_csv(path: &Path, field: &str) -> Result<Vec<Labelled>, CliError> {
    let fault =
        |e: csv::Error| input(path, &format!("cannot be read: {e}")).help("check that it is a CSV file with a header");
    let mut reader = csv::Reader::from_path(path).map_err(fault)?;
    let header: Vec<String> =
        reader.headers().map_err(fault)?.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let column = |name: &str| names.iter().position(|n| *n == name);
    other_delimiter(path, &names)?;
    let id = column("unit_id").ok_or_else(|| no_field(path, "unit_id", &names))?;
    let design = column(DESIGN_FIELD);
    let label = column(field).ok_or_else(|| no_field(path, field, &names))?;
    let place = column("lon").zip(column("lat"));
    let mut rows = Vec::new();
    for (k, record) in reader.records().enumerate() {
        let record = record.map_err(fault)?;
        let number = |i: usize| record.get(i).and_then(|t| t.trim().parse::<f64>().ok());
        rows.push(Labelled {
            unit_id: unit_id(path, record.get(id).unwrap_or_default(), k + 2)?,
            label: record.get(label).unwrap_or_default().trim().to_owned(),
            place: place.and_then(|(x, y)| Some([number(x)?, number(y)?])),
            design: design.and_then(|i| record.get(i)).unwrap_or_default().trim().to_owned(),
        });
    }
    Ok(rows)
}

fn read_vector(path: &Path, field: &str) -> Result<Vec<Labelled>, CliError> {
    let layer = read_layer(path, None)?;
    let names: Vec<&str> = layer.fields.iter().map(|f| f.name.as_str()).collect();
    let id = layer.field_index("unit_id").ok_or_else(|| no_field(path, "unit_id", &names))?;
    let label = layer.field_index(field).ok_or_else(|| no_field(path, field, &names))?;
    let design = layer.field_index(DESIGN_FIELD);
    let to_lonlat = layer.crs.as_ref().map(areal_raster::Projection::to_lonlat).transpose()?;
    let text = |v: Option<&FieldValue>| v.map(FieldValue::to_string).unwrap_or_default();
    layer
        .features
        .iter()
        .enumerate()
        .map(|(k, feature)| {
            let centre = feature.geometry.as_ref().and_then(Centroid::centroid);
            let place = centre.zip(to_lonlat.as_ref()).and_then(|(p, projection)| {
                let mut points = [[p.x(), p.y()]];
                projection.apply(&mut points).ok().map(|()| points[0])
            });
            Ok(Labelled {
                unit_id: unit_id(path, &text(feature.values.get(id)), k + 1)?,
                label: text(feature.values.get(label)).trim().to_owned(),
                place,
                design: text(design.and_then(|i| feature.values.get(i))).trim().to_owned(),
            })
        })
        .collect()
}
