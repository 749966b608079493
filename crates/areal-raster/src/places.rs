//! Places in a table: rows with longitude and latitude in degrees are points.

use areal_formats::counted_do;
use std::path::Path;

use areal_tables::{DecimalMark, Degrees, Table};
use geo::{Geometry, Point};

use crate::RasterError;
use crate::srs::crs_from_text;
use crate::vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
use crate::vector_read::LayerChoice;

/// Names of columns with geometries as text, in lower case.
const GEOMETRIES: [&str; 6] = ["wkt", "_wkt", "wkt_geom", "geometry", "geom", "the_geom"];

/// Reads a table with columns of longitude and latitude, on WGS 84. `None` for any other file.
///
/// # Errors
/// A table that cannot be read, a coordinate that is not a number or out of range. Rows without both are features without a
/// geometry.
pub(crate) fn read(path: &Path, choice: &LayerChoice) -> Option<Result<VectorLayer, RasterError>> {
    let is_table = path.extension().is_some_and(|e| ["csv", "tsv", "txt"].iter().any(|t| e.eq_ignore_ascii_case(t)));
    if !is_table || choice.layer.is_some() {
        return None;
    }
    let table = match Table::read(path, choice.encoding) {
        Ok(table) => table,
        Err(source) => return Some(Err(source.into())),
    };
    // Geometries in the table are what it is about; GDAL reads them.
    let is_geometry = |column: &String| GEOMETRIES.contains(&column.to_lowercase().as_str());
    if table.columns.iter().any(is_geometry) {
        return None;
    }
    match Degrees::of(&table) {
        Ok(degrees) => Some(layer(path, &table, degrees?)),
        Err(source) => Some(Err(source.into())),
    }
}

fn layer(path: &Path, table: &Table, degrees: Degrees) -> Result<VectorLayer, RasterError> {
    let columns = (0..table.columns.len()).map(|k| Column::new(table, k)).collect::<Vec<_>>();
    let mut features = Vec::with_capacity(table.rows.len());
    let mut at_zero = 0;
    for (k, row) in table.rows.iter().enumerate() {
        let place = degrees.place(table, row)?;
        at_zero += usize::from(place == Some([0.0, 0.0]));
        let values = columns.iter().enumerate().map(|(k, column)| column.value(row.text(k))).collect();
        let geometry = place.map(|[x, y]| Geometry::Point(Point::new(x, y)));
        features.push(Feature { fid: k as i64 + 1, geometry, values });
    }
    let [lon, lat] = degrees.names(table);
    tracing::info!("{}: positions are read from the columns {lon} and {lat} (WGS 84)", path.display());
    if at_zero > 0 {
        tracing::warn!(
            "{}: {} at longitude 0, latitude 0, which in surveys often means that the place is not known; remove such rows if it \
             does",
            path.display(),
            counted_do(at_zero, "place", ["is", "are"])
        );
    }
    let fields =
        table.columns.iter().zip(&columns).map(|(name, c)| Field { name: name.clone(), kind: c.kind }).collect();
    let name = path.file_stem().map_or(String::new(), |stem| stem.to_string_lossy().into_owned());
    Ok(VectorLayer { name, crs: Some(crs_from_text("EPSG:4326")?), fields, features })
}

/// How the cells of a column are read.
struct Column {
    kind: FieldKind,
    mark: DecimalMark,
}

impl Column {
    /// Whole numbers, numbers or text, whichever fits all of its cells.
    fn new(table: &Table, k: usize) -> Self {
        let cells = || table.rows.iter().map(|row| row.text(k)).filter(|cell| !cell.is_empty());
        let text = Self { kind: FieldKind::Text, mark: DecimalMark::Point };
        let Ok(mark) = DecimalMark::of(cells()) else { return text };
        // A leading zero is a part of a code.
        let is_code = |cell: &str| cell.len() > 1 && cell.starts_with('0') && cell.bytes().all(|b| b.is_ascii_digit());
        if cells().next().is_none() || cells().any(is_code) {
            text
        } else if cells().all(|cell| cell.parse::<i64>().is_ok()) {
            Self { kind: FieldKind::Integer, mark }
        } else if cells().all(|cell| mark.number(cell).is_some()) {
            Self { kind: FieldKind::Real, mark }
        } else {
            text
        }
    }

    fn value(&self, cell: &str) -> FieldValue {
        match self.kind {
            _ if cell.is_empty() => FieldValue::Null,
            FieldKind::Integer => cell.parse().map_or(FieldValue::Null, FieldValue::Integer),
            FieldKind::Real => self.mark.number(cell).map_or(FieldValue::Null, FieldValue::Real),
            FieldKind::Text => FieldValue::Text(cell.to_owned()),
        }
    }
}
