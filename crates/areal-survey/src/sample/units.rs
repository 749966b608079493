//! The drawn units: `units.csv`, and the files in which interpreters write their labels.

use std::path::Path;

use areal_estimate::{CellValue, Census, DrawnCell, significant};
use areal_formats::{Design, DesignUnit};
use areal_grid::{ToLonLat, Window};
use areal_job::{FileError, StagedDir};
use areal_raster::{Feature, Field, FieldKind, FieldValue, Projection, VectorLayer, write_layer};

use crate::labels::DESIGN_FIELD;
use crate::{MapFrame, SurveyError};

/// All facts about the drawn cells; `numbers` are the units of each stratum.
pub(super) fn describe(
    frame: &mut MapFrame,
    census: &Census,
    numbers: &[u64],
    drawn: Vec<(DrawnCell, bool)>,
) -> Result<Vec<DesignUnit>, SurveyError> {
    let mut places: Vec<[f64; 2]> = drawn.iter().map(|(d, _)| frame.grid().centre(d.row, d.col)).collect();
    Projection::to_lonlat(&frame.grid().crs)?.to_lonlat(&mut places)?;
    let mut units = Vec::with_capacity(drawn.len());
    for (k, ((cell, second_look), [lon, lat])) in drawn.into_iter().zip(places).enumerate() {
        let h = cell.stratum as usize;
        let here = frame.values(&Window::new(cell.row, cell.col, 1, 1))?;
        let class = here.first().copied().flatten().and_then(CellValue::class_index);
        let class = class.and_then(|class| frame.meta.target.classes().get(class));
        units.push(DesignUnit {
            unit_id: k as u64 + 1,
            stratum: frame.stratum_label(h).name,
            row: cell.row as u64,
            col: cell.col as u64,
            lon: significant(lon, 11),
            lat: significant(lat, 11),
            area_km2: significant(cell.area, 10),
            inclusion_probability: significant(numbers[h] as f64 / census.populations()[h] as f64, 10),
            map_class: class.map(|c| c.code),
            second_look,
        });
    }
    Ok(units)
}

fn write_fault(path: &Path) -> impl Fn(csv::Error) -> FileError {
    let path = path.to_path_buf();
    move |e| FileError::io("write", &path)(std::io::Error::other(e))
}

/// Writes `units.csv`.
pub(super) fn write_units(path: &Path, units: &[DesignUnit]) -> Result<(), SurveyError> {
    let fault = write_fault(path);
    let mut writer = csv::Writer::from_path(path).map_err(&fault)?;
    for unit in units {
        writer.serialize(unit).map_err(&fault)?;
    }
    Ok(writer.flush().map_err(FileError::io("write", path))?)
}

/// The interpreter's files, without what the map says unless `show_map`: cell outlines as a `GeoPackage`, centres and
/// sides as CSV, an empty label each.
pub(super) struct InterpreterFiles<'a> {
    pub frame: &'a MapFrame<'a>,
    pub design: &'a Design,
    pub show_map: bool,
}

impl InterpreterFiles<'_> {
    /// Writes `{name}.gpkg` and `{name}.csv`.
    pub(super) fn write(&self, out: &StagedDir, name: &str, units: &[DesignUnit]) -> Result<(), SurveyError> {
        let fields = self.fields();
        let layer = VectorLayer {
            name: name.to_owned(),
            crs: Some(self.frame.grid().crs.clone()),
            fields: fields.iter().map(|(name, kind)| Field { name: (*name).to_owned(), kind: *kind }).collect(),
            features: units
                .iter()
                .map(|u| Feature { fid: -1, geometry: Some(self.outline(u)), values: self.values(u) })
                .collect(),
        };
        write_layer(&out.file(&format!("{name}.gpkg")), &layer)?;
        let path = out.file(&format!("{name}.csv"));
        let fault = write_fault(&path);
        let mut writer = csv::Writer::from_path(&path).map_err(&fault)?;
        writer.write_record(fields.iter().map(|f| f.0)).map_err(&fault)?;
        for unit in units {
            writer.write_record(self.values(unit).iter().map(FieldValue::to_string)).map_err(&fault)?;
        }
        Ok(writer.flush().map_err(FileError::io("write", &path))?)
    }

    fn fields(&self) -> Vec<(&'static str, FieldKind)> {
        let label = if self.frame.is_value() { FieldKind::Real } else { FieldKind::Text };
        let mut fields = vec![
            ("unit_id", FieldKind::Integer),
            ("lon", FieldKind::Real),
            ("lat", FieldKind::Real),
            ("label", label),
            ("confidence", FieldKind::Text),
            ("remark", FieldKind::Text),
            ("cell_side_m", FieldKind::Real),
            (DESIGN_FIELD, FieldKind::Text),
        ];
        if self.show_map {
            fields.push(("map_class", FieldKind::Integer));
        }
        fields
    }

    fn values(&self, unit: &DesignUnit) -> Vec<FieldValue> {
        let mut values = vec![
            FieldValue::Integer(unit.unit_id as i64),
            FieldValue::Real(unit.lon),
            FieldValue::Real(unit.lat),
            FieldValue::Null,
            FieldValue::Null,
            FieldValue::Null,
            // Side of a square as large as the cell.
            FieldValue::Real(significant((unit.area_km2 * 1e6).sqrt(), 4)),
            FieldValue::Text(self.design.design_id.clone()),
        ];
        if self.show_map {
            values.push(unit.map_class.map_or(FieldValue::Null, |c| FieldValue::Integer(i64::from(c))));
        }
        values
    }

    fn outline(&self, unit: &DesignUnit) -> geo::Geometry<f64> {
        let ring = self.frame.grid().corners(&Window::new(unit.row as usize, unit.col as usize, 1, 1));
        let ring: Vec<geo::Coord<f64>> = ring.iter().map(|&[x, y]| geo::Coord { x, y }).collect();
        geo::Geometry::Polygon(geo::Polygon::new(geo::LineString::new(ring), Vec::new()))
    }
}
