//! The labelled sample as people return it: a CSV file or a vector layer with unit numbers and labels.

use std::collections::HashSet;
use std::path::Path;

use areal_estimate::CellValue;
use areal_grid::Target;
use areal_raster::{FieldValue, Projection, read_layer};
use geo::Centroid;

use crate::SurveyError;
use crate::error::TableRole;

/// The field of a sample that names its draw.
pub(crate) const DESIGN_FIELD: &str = "design_id";

/// One row of a labelled sample.
pub(crate) struct LabelRow {
    pub unit_id: u64,
    /// As the interpreter wrote it; empty where they wrote nothing.
    pub label: String,
    /// Longitude and latitude, where the file has them.
    pub place: Option<[f64; 2]>,
    /// The draw that the row says it is of; empty where the file has no such field.
    pub design_id: String,
}

/// Reads a labelled sample: a CSV file, or any vector layer, with a field `unit_id` and the label field.
pub(crate) fn read_labels(path: &Path, field: &str) -> Result<Vec<LabelRow>, SurveyError> {
    let is_csv = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("csv"));
    let rows = if is_csv { read_csv(path, field)? } else { read_vector(path, field)? };
    let mut seen = HashSet::new();
    match rows.iter().find(|r| !seen.insert(r.unit_id)) {
        Some(twice) => Err(SurveyError::UnitTwice { path: path.to_path_buf(), unit: twice.unit_id }),
        None => Ok(rows),
    }
}

/// What an interpreter wrote: a class of the map by name or code, or a number for a map of a value.
pub(crate) fn parse_label(target: &Target, text: &str) -> Option<CellValue> {
    if matches!(target, Target::Value { .. }) {
        return text.parse().ok().filter(|v: &f64| v.is_finite()).map(CellValue::Number);
    }
    target.classes().iter().position(|c| c.name == text || c.code.to_string() == text).map(CellValue::Class)
}

/// Reports all unusable labels at once, with what is allowed.
pub(crate) fn check_labels(target: &Target, labels: &[LabelRow]) -> Result<(), SurveyError> {
    const SHOWN: usize = 10;
    let bad: Vec<String> = labels
        .iter()
        .filter(|l| !l.label.is_empty() && parse_label(target, &l.label).is_none())
        .map(|l| format!("unit {} \"{}\"", l.unit_id, l.label))
        .collect();
    if bad.is_empty() {
        return Ok(());
    }
    let more = if bad.len() > SHOWN { format!(" and {} more", bad.len() - SHOWN) } else { String::new() };
    let classes: Vec<String> = target.classes().iter().map(|c| format!("{} ({})", c.name, c.code)).collect();
    Err(SurveyError::Labels {
        count: bad.len(),
        shown: bad[..bad.len().min(SHOWN)].join(", ") + &more,
        classes: classes.join(", "),
    })
}

fn no_field(path: &Path, field: &str, fields: &[&str]) -> SurveyError {
    SurveyError::NoField { path: path.to_path_buf(), field: field.to_owned(), fields: fields.join(", ") }
}

/// A file whose only column holds another delimiter was saved with that delimiter.
fn check_delimiter(path: &Path, names: &[&str]) -> Result<(), SurveyError> {
    let [only] = names else { return Ok(()) };
    let found = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")].into_iter().find(|(d, _)| only.contains(*d));
    found.map_or(Ok(()), |(_, delimiter)| Err(SurveyError::Delimiter { path: path.to_path_buf(), delimiter }))
}

fn unit_id(path: &Path, text: &str, row: usize) -> Result<u64, SurveyError> {
    let fault = |_| SurveyError::UnitId { path: path.to_path_buf(), row, text: text.to_owned() };
    text.trim().parse().map_err(fault)
}

fn read_csv(path: &Path, field: &str) -> Result<Vec<LabelRow>, SurveyError> {
    let fault = TableRole::Labels.fault(path);
    let mut reader = csv::Reader::from_path(path).map_err(fault)?;
    let header: Vec<String> =
        reader.headers().map_err(fault)?.iter().map(|h| h.trim_start_matches('\u{feff}').trim().to_owned()).collect();
    let names: Vec<&str> = header.iter().map(String::as_str).collect();
    let column = |name: &str| names.iter().position(|n| *n == name);
    check_delimiter(path, &names)?;
    let id = column("unit_id").ok_or_else(|| no_field(path, "unit_id", &names))?;
    let design = column(DESIGN_FIELD);
    let label = column(field).ok_or_else(|| no_field(path, field, &names))?;
    let place = column("lon").zip(column("lat"));
    let mut rows = Vec::new();
    for (k, record) in reader.records().enumerate() {
        let record = record.map_err(fault)?;
        let number = |i: usize| record.get(i).and_then(|t| t.trim().parse::<f64>().ok());
        let text = |i: usize| record.get(i).unwrap_or_default().trim().to_owned();
        rows.push(LabelRow {
            unit_id: unit_id(path, record.get(id).unwrap_or_default(), k + 2)?,
            label: text(label),
            place: place.and_then(|(x, y)| Some([number(x)?, number(y)?])),
            design_id: design.map(text).unwrap_or_default(),
        });
    }
    Ok(rows)
}

fn read_vector(path: &Path, field: &str) -> Result<Vec<LabelRow>, SurveyError> {
    let layer = read_layer(path, None)?;
    let names: Vec<&str> = layer.fields.iter().map(|f| f.name.as_str()).collect();
    let id = layer.field_index("unit_id").ok_or_else(|| no_field(path, "unit_id", &names))?;
    let label = layer.field_index(field).ok_or_else(|| no_field(path, field, &names))?;
    let design = layer.field_index(DESIGN_FIELD);
    let to_lonlat = layer.crs.as_ref().map(Projection::to_lonlat).transpose()?;
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
            Ok(LabelRow {
                unit_id: unit_id(path, &text(feature.values.get(id)), k + 1)?,
                label: text(feature.values.get(label)).trim().to_owned(),
                place,
                design_id: text(design.and_then(|i| feature.values.get(i))).trim().to_owned(),
            })
        })
        .collect()
}
