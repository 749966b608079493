//! The label file: polygons or points with a class, points with a value, or a raster of class codes.

use std::path::{Path, PathBuf};

use areal_formats::{Resampling, SceneSettings, UnknownName, counted};
use areal_grid::{Crs, Target};
use areal_raster::{
    FieldValue, FileFacts, LayerChoice, NamedCode, RasterError, RasterFile, VectorLayer, read_layer_as,
};
use areal_tables::{
    ClassKeys, ClassLabels, ClassNaming, CodeRule, Encoding, LabelFault, LegendRow, Recoding, clean,
    warn_of_unused_rules,
};
use geo::{Coord, Geometry};
use serde::{Deserialize, Serialize};

use super::outline::self_crossing;
use crate::PatchError;
use crate::classes::{Legend, legend, legend_of_names};
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
    /// Encoding of text that is not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// The classes; without a list, those in the file.
    pub classes: Vec<LegendRow>,
    /// Codes that count as classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub map: Vec<CodeRule>,
    /// Whether labels are names or codes; without it, whichever fits all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class_by: Option<ClassNaming>,
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

impl LabelSettings {
    /// Labels in a file as they are.
    pub fn new(file: PathBuf, kind: LabelKind) -> Self {
        Self {
            file,
            layer: None,
            kind,
            encoding: None,
            classes: Vec::new(),
            map: Vec::new(),
            class_by: None,
            group_field: None,
            split_field: None,
            nodata: None,
            resampling: None,
        }
    }
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
    /// Without classes for values.
    pub legend: Legend,
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
                let choice = LayerChoice { layer: settings.layer.clone(), encoding: settings.encoding };
                let layer = read_layer_as(&settings.file, &choice)?;
                Reader { settings, path: &settings.file, layer: &layer }.read(field)
            }
        }
    }

    /// The label of each item, by its number.
    pub fn by_item(&self) -> Vec<Label> {
        self.items.iter().map(|item| item.label).collect()
    }
}

/// The target of a label file, without reading any scene. `None` if the classes are only known from the label pixels
/// themselves. Some of the classes may later have no patch.
///
/// # Errors
/// Labels that cannot be read.
pub fn label_target(settings: &LabelSettings) -> Result<Option<Target>, PatchError> {
    let labels = Labels::read(settings)?;
    Ok(match &settings.kind {
        LabelKind::Value { field, unit } => Some(Target::Value { name: field.clone(), unit: unit.clone() }),
        LabelKind::Raster if !labels.listed => None,
        LabelKind::Raster | LabelKind::Class { .. } => Some(Target::Classes { classes: labels.legend.classes }),
    })
}

/// Whether a file is a raster.
pub fn is_raster(path: &Path) -> bool {
    FileFacts::read(path).is_ok()
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
    let raster = RasterFile::open_as(&SceneSettings::new("labels", vec![path.clone()]));
    let listed = !settings.classes.is_empty() || !settings.map.is_empty();
    let named = match &raster {
        // A given legend stands alone.
        Ok(_) if listed => Vec::new(),
        Ok(raster) => raster.named_codes(1, settings.encoding)?,
        // On another grid: its names are not needed to read it.
        Err(RasterError::NotNorthUp { .. } | RasterError::Gcps { .. }) => Vec::new(),
        Err(_) => raster?.named_codes(1, settings.encoding)?,
    };
    let legend = if listed {
        if settings.classes.iter().any(|class| class.code.is_some()) {
            Recoding::of_raster(&settings.classes, &settings.map)?;
        }
        legend(&settings.classes, &settings.map)?
    } else if named.iter().any(|named| named.code >= i64::from(Target::NODATA_CLASS)) {
        legend(&named.iter().map(row).collect::<Vec<_>>(), &[])?
    } else {
        codes_by_themselves(&named)?
    };
    let items = (0..=255).map(|code| LabelItem { label: Label::Class(code), group: None, split: None }).collect();
    Ok(Labels { items, shapes: Shapes::Raster, legend, listed })
}

fn row(named: &NamedCode) -> LegendRow {
    LegendRow { code: Some(named.code), name: clean(&named.name), colour: named.colour, parent: None }
}

/// A legend of all codes, each named by the raster or by itself. Names that several codes have are told apart by the codes.
fn codes_by_themselves(named: &[NamedCode]) -> Result<Legend, PatchError> {
    let own = |code: i64| named.iter().find(|named| named.code == code).map(row);
    let count = |name: &str| named.iter().filter(|named| clean(&named.name) == name).count();
    let all = (0..i64::from(Target::NODATA_CLASS)).map(|code| match own(code) {
        Some(row) if count(&row.name) == 1 => row,
        Some(row) => LegendRow { name: format!("{} {code}", row.name), ..row },
        None => LegendRow { code: Some(code), name: code.to_string(), colour: None, parent: None },
    });
    legend(&all.collect::<Vec<_>>(), &[])
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
        if self.layer.features.iter().all(|feature| feature.geometry.is_none()) && self.layer.crs.is_none() {
            return Err(self.bad(format!(
                "its layer \"{}\" has no geometries; a table has places in columns lon and lat",
                self.layer.name
            )));
        }
        let crs = self.layer.crs.clone().ok_or_else(|| self.bad("it has no coordinate reference system".into()))?;
        let classes = self.classes(label)?;
        let (mut items, mut polygons, mut points) = (Vec::new(), Vec::new(), Vec::new());
        let mut left_out = 0;
        for feature in &self.layer.features {
            let fault = |reason: String| self.bad(format!("feature {}: {reason}", feature.fid));
            let value = &feature.values[label];
            let is_blank = clean(&value.to_string()).is_empty();
            let Some(geometry) = feature.geometry.as_ref().filter(|_| !is_blank) else {
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
            let skipped = counted(left_out, "feature");
            tracing::warn!("{}: {skipped} without a label or geometry skipped", self.path.display());
        }
        self.warn_of_crossings(&items, &polygons);
        let shapes = match (polygons.is_empty(), points.is_empty()) {
            (true, true) => return Err(self.bad("none of its features has a label".into())),
            (false, false) => return Err(self.bad("it mixes polygons and points".into())),
            (false, true) if matches!(self.settings.kind, LabelKind::Value { .. }) => {
                return Err(self.bad("values are read from points, but it has polygons".into()));
            }
            (false, true) => Shapes::Polygons(crs, polygons),
            (true, false) => Shapes::Points(crs, points),
        };
        Ok(Labels { items, shapes, legend: classes.legend, listed: classes.listed })
    }

    fn warn_of_crossings(&self, items: &[LabelItem], polygons: &[Geometry<f64>]) {
        let mut crossed = items.iter().zip(polygons).filter_map(|(i, p)| self_crossing(p).map(|place| (i, place)));
        if let Some((item, Coord { x, y })) = crossed.next() {
            let group = item.group.as_deref().unwrap_or("");
            tracing::warn!(
                "{}: {} with an outline that crosses itself, first that of {group} at ({x}, {y}); pixels are inside by the \
                 even-odd rule",
                self.path.display(),
                counted(crossed.count() + 1, "polygon")
            );
        }
    }

    /// The classes of the list, or those in the file, and which of them each label is.
    fn classes(&self, column: usize) -> Result<Classes, PatchError> {
        let values = self.layer.features.iter().map(|feature| &feature.values[column]);
        let texts: Vec<String> = values.filter(|value| **value != FieldValue::Null).map(ToString::to_string).collect();
        let texts = || texts.iter().map(String::as_str);
        let settings = self.settings;
        let listed = !settings.classes.is_empty() || !settings.map.is_empty();
        let (legend, by) = if matches!(settings.kind, LabelKind::Value { .. }) {
            return Ok(Classes { legend: legend(&[], &[])?, labels: ClassLabels::default(), listed: true });
        } else if listed {
            (legend(&settings.classes, &settings.map)?, settings.class_by)
        } else {
            (legend_of_names(texts())?, Some(ClassNaming::Name))
        };
        let labels = ClassLabels::read(&ClassKeys::from(&legend.recoding), texts(), by)
            .map_err(|fault| self.label_error(fault, column, &legend))?;
        let path = self.path.display().to_string();
        labels.warn(&path);
        warn_of_unused_rules(&path, "label", &settings.map, &labels.codes());
        Ok(Classes { legend, labels, listed })
    }

    /// Labels that are not read as classes; of an unknown one, with its feature.
    fn label_error(&self, fault: LabelFault, column: usize, legend: &Legend) -> PatchError {
        let path = self.path.to_path_buf();
        let LabelFault::Unknown { labels } = &fault else { return PatchError::ClassLabels { path, fault } };
        let near = |label: &str| labels.iter().find(|(unknown, _)| unknown == label);
        let first = self.layer.features.iter().find_map(|feature| {
            let label = clean(&feature.values[column].to_string());
            near(&label).map(|(label, near)| (feature.fid, label, near))
        });
        let Some((fid, label, near)) = first else { return PatchError::ClassLabels { path, fault } };
        let near = near.as_ref().map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
        let classes = legend.classes.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        PatchError::UnknownClass { path, label: format!("\"{label}\" (feature {fid}{near})"), classes }
    }

    fn label(&self, value: &FieldValue, classes: &Classes, fid: i64) -> Result<Label, PatchError> {
        if let LabelKind::Value { field, .. } = &self.settings.kind {
            return match value {
                FieldValue::Integer(n) => Ok(Label::Value(*n as f64)),
                FieldValue::Real(x) if x.is_finite() => Ok(Label::Value(*x)),
                other => Err(self.bad(format!("feature {fid}: {field} is \"{other}\", not a number"))),
            };
        }
        let place = classes.labels.place(&value.to_string());
        let code = place.map(|place| classes.legend.codes[place]);
        code.map(Label::Class).ok_or_else(|| self.bad(format!("feature {fid}: its label is blank")))
    }
}

/// A legend, and which of its classes each label of a layer is.
struct Classes {
    legend: Legend,
    labels: ClassLabels,
    listed: bool,
}
