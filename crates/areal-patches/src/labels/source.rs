//! The label file: polygons or points with a class, points with a value, or a raster of class codes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use areal_formats::{Resampling, UnknownName};
use areal_grid::{Class, Crs};
use areal_raster::{FieldValue, RasterFile, VectorLayer, read_layer};
use geo::{Coord, Geometry};
use serde::{Deserialize, Serialize};

use super::outline::self_crossing;
use crate::PatchError;
use crate::classes::{ListedClass, legend, legend_of_names};
use areal_store::{Label, Split};

/// Where labels come from and how they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSettings {
    /// The file: a vector layer or a raster.
    pub file: PathBuf,
    /// The layer, where the file has several.
    pub layer: Option<String>,
    /// What a feature or pixel says.
    pub kind: LabelKind,
    /// The classes; without a list, those in the file.
    pub classes: Vec<ListedClass>,
    /// Field whose equal values make a group; without it, each feature is one.
    pub group_field: Option<String>,
    /// Field that names each feature's split: train, validation or test.
    pub split_field: Option<String>,
    /// Code in a label raster that means no label, besides its nodata value.
    pub nodata: Option<f64>,
    /// How a label raster on another pixel grid than a scene's is read: [`Resampling::Nearest`], as codes have no
    /// means. Without it, such a raster is an error.
    pub resampling: Option<Resampling>,
}

/// What a feature or pixel of the label file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum LabelKind {
    /// A field of polygons or points names a class.
    Class {
        /// The field; an empty name is an error that says which fields there are.
        field: String,
    },
    /// A field of points holds a value.
    Value {
        /// The field, and the name of the value.
        field: String,
        /// Unit of the value; empty for an index.
        unit: String,
    },
    /// The pixels of a raster are class codes.
    Raster,
}

/// One thing that carries a label: a polygon, a point, a class of a raster.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LabelItem {
    pub label: Label,
    pub group: Option<String>,
    pub split: Option<Split>,
}

/// The label file in memory (of a raster, what is known before it is read).
pub(crate) struct Labels {
    pub items: Vec<LabelItem>,
    pub shapes: Shapes,
    /// Empty for values.
    pub classes: Vec<Class>,
    /// True when a person listed the classes or the raster names them: codes are kept as they are.
    pub listed: bool,
}

pub(crate) enum Shapes {
    /// One geometry an item.
    Polygons(Crs, Vec<Geometry<f64>>),
    /// One position an item.
    Points(Crs, Vec<[f64; 2]>),
    /// Items are class codes.
    Raster,
}

impl Labels {
    pub fn read(settings: &LabelSettings) -> Result<Self, PatchError> {
        match &settings.kind {
            LabelKind::Raster => raster(settings),
            LabelKind::Class { field } | LabelKind::Value { field, .. } => {
                let layer = read_layer(&settings.file, settings.layer.as_deref())?;
                Reader { settings, path: &settings.file, layer: &layer }.read(field)
            }
        }
    }

    /// The label of each item, by its number.
    pub fn by_item(&self) -> Vec<Label> {
        self.items.iter().map(|item| item.label).collect()
    }
}

/// Says of a file that was given without a field whether it is a raster.
pub fn is_raster(path: &Path) -> bool {
    RasterFile::open(path).is_ok()
}

/// The names of a layer's fields, for messages: `id, class`.
fn field_names(layer: &VectorLayer) -> String {
    match layer.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => "no field".into(),
        names => names,
    }
}

fn raster(settings: &LabelSettings) -> Result<Labels, PatchError> {
    let path = &settings.file;
    for (field, given) in [("group", &settings.group_field), ("split", &settings.split_field)] {
        if given.is_some() {
            let reason = format!("a raster has no fields, so it has no {field} field");
            return Err(PatchError::Labels { path: path.clone(), reason });
        }
    }
    let names = RasterFile::open(path)?.category_names(1)?;
    let code_name = |code: u8| match names.get(usize::from(code)) {
        Some(name) if !name.is_empty() && names.iter().filter(|n| *n == name).count() == 1 => name.clone(),
        Some(name) if !name.is_empty() => format!("{name} {code}"),
        _ => code.to_string(),
    };
    let listed = !settings.classes.is_empty();
    let classes = if listed {
        legend(&settings.classes)?
    } else {
        let all = (0..255).map(|code| ListedClass { code: Some(code), name: code_name(code), colour: None });
        legend(&all.collect::<Vec<_>>())?
    };
    let items = (0..=255).map(|code| LabelItem { label: Label::Class(code), group: None, split: None }).collect();
    Ok(Labels { items, shapes: Shapes::Raster, classes, listed })
}

/// Reads items and shapes from a layer.
struct Reader<'a> {
    settings: &'a LabelSettings,
    path: &'a Path,
    layer: &'a VectorLayer,
}

impl Reader<'_> {
    fn bad(&self, reason: String) -> PatchError {
        PatchError::Labels { path: self.path.to_path_buf(), reason }
    }

    fn column(&self, field: &str) -> Result<usize, PatchError> {
        let (path, found) = (self.path.to_path_buf(), field_names(self.layer));
        self.layer.field_index(field).ok_or_else(|| match field {
            "" => PatchError::NoLabelField { path, found },
            _ => PatchError::LabelField { path, field: field.to_owned(), found },
        })
    }

    fn read(&self, field: &str) -> Result<Labels, PatchError> {
        let label = self.column(field)?;
        if self.layer.features.is_empty() {
            return Err(self.bad("it has no feature".into()));
        }
        let optional = |field: &Option<String>| field.as_deref().map(|f| self.column(f)).transpose();
        let (group, split) = (optional(&self.settings.group_field)?, optional(&self.settings.split_field)?);
        let crs = self.layer.crs.clone().ok_or_else(|| self.bad("it has no coordinate reference system".into()))?;
        let (classes, listed) = self.classes(label)?;
        let (mut items, mut polygons, mut points) = (Vec::new(), Vec::new(), Vec::new());
        let mut left_out = 0;
        for feature in &self.layer.features {
            let fault = |reason: String| self.bad(format!("feature {}: {reason}", feature.fid));
            let value = &feature.values[label];
            let Some(geometry) = feature.geometry.as_ref().filter(|_| *value != FieldValue::Null) else {
                left_out += 1;
                continue;
            };
            let text = |column: Option<usize>| column.map(|c| feature.values[c].to_string());
            let item = LabelItem {
                label: self.label(value, &classes, feature.fid)?,
                group: Some(text(group).unwrap_or_else(|| feature.fid.to_string())),
                split: text(split)
                    .map(|s| s.trim().parse().map_err(|e: UnknownName| e.to_string()))
                    .transpose()
                    .map_err(fault)?,
            };
            match geometry {
                Geometry::Polygon(_) | Geometry::MultiPolygon(_) => polygons.push(geometry.clone()),
                Geometry::Point(p) => points.push([p.x(), p.y()]),
                Geometry::MultiPoint(m) if m.0.len() == 1 => points.push([m.0[0].x(), m.0[0].y()]),
                _ => return Err(fault("it is neither a polygon nor a point".into())),
            }
            items.push(item);
        }
        if left_out > 0 {
            tracing::warn!("{}: {left_out} features without a label or geometry were skipped", self.path.display());
        }
        self.warn_of_crossings(&items, &polygons);
        let shapes = match (polygons.is_empty(), points.is_empty()) {
            (true, true) => return Err(self.bad("it has no feature with a label".into())),
            (false, false) => return Err(self.bad("it mixes polygons and points".into())),
            (false, true) if matches!(self.settings.kind, LabelKind::Value { .. }) => {
                return Err(self.bad("values are read from points, but it has polygons".into()));
            }
            (false, true) => Shapes::Polygons(crs, polygons),
            (true, false) => Shapes::Points(crs, points),
        };
        Ok(Labels { items, shapes, classes, listed })
    }

    fn warn_of_crossings(&self, items: &[LabelItem], polygons: &[Geometry<f64>]) {
        let mut crossed = items.iter().zip(polygons).filter_map(|(i, p)| self_crossing(p).map(|place| (i, place)));
        if let Some((item, Coord { x, y })) = crossed.next() {
            let group = item.group.as_deref().unwrap_or("");
            tracing::warn!(
                "{}: the outlines of {} polygons cross themselves, first that of {group} at ({x}, {y}); pixels are inside by \
                 the even-odd rule",
                self.path.display(),
                crossed.count() + 1
            );
        }
    }

    /// The classes of the list, or those in the file.
    fn classes(&self, column: usize) -> Result<(Vec<Class>, bool), PatchError> {
        if matches!(self.settings.kind, LabelKind::Value { .. }) {
            return Ok((Vec::new(), true));
        }
        if !self.settings.classes.is_empty() {
            return Ok((legend(&self.settings.classes)?, true));
        }
        let names: BTreeSet<String> = self
            .layer
            .features
            .iter()
            .map(|feature| &feature.values[column])
            .filter(|value| **value != FieldValue::Null)
            .map(ToString::to_string)
            .collect();
        Ok((legend_of_names(names)?, false))
    }

    fn label(&self, value: &FieldValue, classes: &[Class], fid: i64) -> Result<Label, PatchError> {
        if let LabelKind::Value { field, .. } = &self.settings.kind {
            return match value {
                FieldValue::Integer(n) => Ok(Label::Value(*n as f64)),
                FieldValue::Real(x) if x.is_finite() => Ok(Label::Value(*x)),
                other => Err(self.bad(format!("feature {fid}: {field} is \"{other}\", not a number"))),
            };
        }
        let name = value.to_string();
        let by_name = classes.iter().find(|c| c.name == name);
        // A number may be the code of a listed class.
        let by_code = || classes.iter().find(|c| c.code.to_string() == name);
        let class = by_name.or_else(by_code).ok_or_else(|| PatchError::UnknownClass {
            path: self.path.to_path_buf(),
            label: format!("\"{name}\" (feature {fid})"),
            classes: classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "),
        })?;
        Ok(Label::Class(class.code))
    }
}
