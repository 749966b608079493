//! The labelled sample as people return it: a table or a vector layer with unit numbers and labels.

use std::collections::HashSet;
use std::path::Path;

use areal_estimate::{CellValue, counted};
use areal_grid::Target;
use areal_raster::{FieldValue, LayerChoice, Projection, read_layer_as};
use areal_tables::{ClassKeys, ClassLabels, ClassNaming, DecimalMark, Degrees, LabelFault, Table, clean};
use geo::Centroid;

use crate::SurveyError;

/// The field of a sample that names its draw.
pub(crate) const DESIGN_FIELD: &str = "design_id";

/// One row of a labelled sample.
pub(crate) struct LabelRow {
    pub unit_id: u64,
    /// The label as written, trimmed; empty if there is none.
    pub label: String,
    /// Longitude and latitude, where the file has them.
    pub place: Option<[f64; 2]>,
    /// The draw that the row says it is of; empty where the file has no such field.
    pub design_id: String,
}

/// Reads a labelled sample: a table, or any vector layer, with a field `unit_id` and the label field.
pub(crate) fn read_labels(path: &Path, field: &str, choice: &LayerChoice) -> Result<Vec<LabelRow>, SurveyError> {
    let is_table =
        path.extension().is_some_and(|e| ["csv", "txt", "tsv"].iter().any(|ending| e.eq_ignore_ascii_case(ending)));
    let rows = if is_table { read_table(path, field, choice)? } else { read_vector(path, field, choice)? };
    let mut seen = HashSet::new();
    match rows.iter().find(|r| !seen.insert(r.unit_id)) {
        Some(twice) => Err(SurveyError::UnitTwice { path: path.to_path_buf(), unit: twice.unit_id }),
        None => Ok(rows),
    }
}

/// What the labels of a sample say: classes of the map by name or by code, or numbers for a map of a value.
pub(crate) enum LabelReader {
    Classes(ClassLabels),
    Numbers(DecimalMark),
}

impl LabelReader {
    /// Reads the labels of all rows. Reports all unusable ones at once, with what is allowed.
    pub(crate) fn new(
        target: &Target,
        labels: &[LabelRow],
        path: &Path,
        by: Option<ClassNaming>,
    ) -> Result<Self, SurveyError> {
        let bad = |is_bad: &dyn Fn(&LabelRow) -> Option<String>, classes: String| {
            const SHOWN: usize = 10;
            let bad: Vec<String> = labels
                .iter()
                .filter(|l| !l.label.is_empty())
                .filter_map(|l| is_bad(l).map(|hint| format!("unit {} \"{}\"{hint}", l.unit_id, l.label)))
                .collect();
            let more = if bad.len() > SHOWN { format!(" and {} more", bad.len() - SHOWN) } else { String::new() };
            let shown = bad[..bad.len().min(SHOWN)].join(", ") + &more;
            (!bad.is_empty()).then_some(SurveyError::Labels { count: bad.len(), shown, classes })
        };
        if matches!(target, Target::Value { .. }) {
            let mark = decimal_mark(path, "the label", labels.iter().map(|l| l.label.as_str()))?;
            let error = bad(&|l| mark.number(&l.label).is_none().then(String::new), String::new());
            return error.map_or(Ok(Self::Numbers(mark)), Err);
        }
        let texts = labels.iter().map(|l| l.label.as_str());
        let fault = match ClassLabels::read(&ClassKeys::from(target.classes()), texts, by) {
            Ok(read) => {
                read.warn(&path.display().to_string());
                return Ok(Self::Classes(read));
            }
            Err(fault) => fault,
        };
        let classes: Vec<String> = target.classes().iter().map(|c| format!("{} ({})", c.name, c.code)).collect();
        if let LabelFault::Unknown { labels: unknown } = &fault {
            let hint = |row: &LabelRow| {
                let (_, near) = unknown.iter().find(|(label, _)| *label == row.label)?;
                Some(near.as_ref().map_or(String::new(), |near| format!(" (did you mean \"{near}\"?)")))
            };
            if let Some(error) = bad(&hint, classes.join(", ")) {
                return Err(error);
            }
        }
        let units = |these: &[String]| {
            let of = labels.iter().filter(|row| these.contains(&row.label)).map(|row| row.unit_id.to_string());
            of.take(UNITS_SHOWN).collect::<Vec<_>>().join(", ")
        };
        let kinds = match &fault {
            LabelFault::Mixed { names, codes } => Some([units(names), units(codes)]),
            _ => None,
        };
        Err(SurveyError::LabelReading { path: path.to_path_buf(), fault, kinds })
    }

    /// What a row says; `None` where it says nothing.
    pub(crate) fn value(&self, row: &LabelRow) -> Option<CellValue> {
        match self {
            Self::Classes(read) => read.place(&row.label).map(CellValue::Class),
            Self::Numbers(mark) => mark.number(&row.label).map(CellValue::Number),
        }
    }
}

/// Units that are listed in a message.
const UNITS_SHOWN: usize = 10;

/// The decimal mark of a column, which is told where it is a comma.
fn decimal_mark<'a>(
    path: &Path,
    column: &str,
    cells: impl IntoIterator<Item = &'a str>,
) -> Result<DecimalMark, SurveyError> {
    let fault = |fault| SurveyError::Decimals { path: path.to_path_buf(), column: column.to_owned(), fault };
    let mark = DecimalMark::of(cells).map_err(fault)?;
    if mark == DecimalMark::Comma {
        tracing::info!("{}: commas in {column} are read as decimal commas", path.display());
    }
    Ok(mark)
}

fn no_field(path: &Path, field: &str, fields: &[&str]) -> SurveyError {
    SurveyError::NoField { path: path.to_path_buf(), field: field.to_owned(), fields: fields.join(", ") }
}

fn unit_id(path: &Path, text: &str, row: usize) -> Result<u64, SurveyError> {
    // Programs may write whole numbers as 12.0.
    let whole = || text.parse::<f64>().ok().filter(|v| v.fract() == 0.0 && (0.0..1e15).contains(v)).map(|v| v as u64);
    let fault = || SurveyError::UnitId { path: path.to_path_buf(), row, text: text.to_owned() };
    text.parse().ok().or_else(whole).ok_or_else(fault)
}

fn read_table(path: &Path, field: &str, choice: &LayerChoice) -> Result<Vec<LabelRow>, SurveyError> {
    let table = Table::read(path, choice.encoding)?;
    let names: Vec<&str> = table.columns.iter().map(String::as_str).collect();
    let required = |name: &str| table.column(name)?.ok_or_else(|| no_field(path, name, &names));
    let (id, label) = (required("unit_id")?, required(field)?);
    let design = table.column(DESIGN_FIELD)?;
    let degrees = Degrees::of(&table)?;
    // Positions only show whether the labels belong to the sample, so an unreadable one counts as missing.
    let mut unread = Vec::new();
    let mut row = |row: &areal_tables::TableRow| {
        let place = degrees.map_or(Ok(None), |degrees| degrees.place(&table, row)).unwrap_or_else(|fault| {
            unread.push(fault);
            None
        });
        Ok::<_, SurveyError>(LabelRow {
            unit_id: unit_id(path, row.text(id), row.line as usize)?,
            label: row.text(label).to_owned(),
            place,
            design_id: design.map(|column| row.text(column).to_owned()).unwrap_or_default(),
        })
    };
    let rows = table.rows.iter().map(&mut row).collect::<Result<_, _>>()?;
    if let Some(first) = unread.first() {
        tracing::warn!("{} cannot be read and are ignored: {first}", counted(unread.len(), "place"));
    }
    Ok(rows)
}

fn read_vector(path: &Path, field: &str, choice: &LayerChoice) -> Result<Vec<LabelRow>, SurveyError> {
    let layer = read_layer_as(path, choice)?;
    let names: Vec<&str> = layer.fields.iter().map(|f| f.name.as_str()).collect();
    let id = layer.field_index("unit_id").ok_or_else(|| no_field(path, "unit_id", &names))?;
    let label = layer.field_index(field).ok_or_else(|| no_field(path, field, &names))?;
    let design = layer.field_index(DESIGN_FIELD);
    let to_lonlat = layer.crs.as_ref().map(Projection::to_lonlat).transpose()?;
    let text = |v: Option<&FieldValue>| v.map(|v| clean(&v.to_string())).unwrap_or_default();
    let row = |(k, feature): (usize, &areal_raster::Feature)| {
        let centre = feature.geometry.as_ref().and_then(Centroid::centroid);
        let place = centre.zip(to_lonlat.as_ref()).and_then(|(p, projection)| {
            let mut points = [[p.x(), p.y()]];
            projection.apply(&mut points).ok().map(|()| points[0])
        });
        let label = text(feature.values.get(label));
        Ok(LabelRow {
            unit_id: unit_id(path, &text(feature.values.get(id)), k + 1)?,
            label,
            place,
            design_id: text(design.and_then(|i| feature.values.get(i))),
        })
    };
    layer.features.iter().enumerate().map(row).collect()
}
