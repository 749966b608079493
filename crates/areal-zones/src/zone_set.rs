//! Zones read from a vector layer: ids, names, valid outlines.

use areal_formats::{NamedChoice, UnknownName};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use areal_grid::{Crs, CrsKind};
use areal_raster::{Feature, FieldKind, FieldValue, LayerChoice, VectorLayer, read_layer_as};
use areal_tables::Encoding;
use geo::{Area, Coord, CoordsIter, Geometry, MultiPolygon};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::longitude::unwrap;
use crate::validity::{find_fault, repair};
use crate::{Fault, ZonesError};

/// What is done with an invalid polygon.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Invalid {
    /// It is an error.
    Refuse,
    /// Its area is made well-defined, with a warning: each polygon by the even-odd rule, parts united.
    #[default]
    Repair,
}

impl NamedChoice for Invalid {
    const WHAT: &'static str = "treatment";
}

/// How a zone layer is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ZoneSettings {
    /// Layer of the file; none for its only one.
    pub layer: Option<String>,
    /// Encoding of text that is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Field that identifies a zone; none where only one field can.
    pub id_field: Option<String>,
    /// Field with a zone's name for people.
    pub name_field: Option<String>,
    /// What is done with an invalid polygon.
    pub invalid: Invalid,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// Its id, unique in its set.
    pub id: String,
    /// Its name; empty where no name field is given or its value is null.
    pub name: String,
    /// Its polygons in the CRS of the set; their rings do not cross.
    pub outline: MultiPolygon<f64>,
}

/// A polygon that was repaired.
#[derive(Debug, Clone, PartialEq)]
pub struct Repair {
    pub id: String,
    pub fid: i64,
    pub fault: Fault,
    /// Area before, shells less holes, in square units of the CRS.
    pub area_before: f64,
    /// Area after, in square units of the CRS.
    pub area_after: f64,
}

impl Repair {
    /// Area after over area before, less 1; `None` where there was none before.
    pub fn relative_change(&self) -> Option<f64> {
        (self.area_before > 0.0).then(|| self.area_after / self.area_before - 1.0)
    }
}

/// Zones of one layer: ids are unique, outlines are valid.
#[derive(Debug, Clone)]
pub struct ZoneSet {
    pub path: PathBuf,
    /// The field that ids come from.
    pub id_field: String,
    /// CRS of the outlines.
    pub crs: Crs,
    /// The zones, in the order of the file.
    pub zones: Vec<Zone>,
    pub repairs: Vec<Repair>,
    /// Ids of zones whose outline jumps by more than half a turn and was read as one over the antimeridian.
    pub unwrapped: Vec<String>,
}

impl ZoneSet {
    /// Reads and checks a zone layer.
    ///
    /// # Errors
    /// See [`ZonesError`]: no CRS, no such field, an empty or shared id, an empty geometry, anything but polygons, an
    /// invalid polygon that may not be repaired.
    pub fn read(path: &Path, settings: &ZoneSettings) -> Result<Self, ZonesError> {
        let choice = LayerChoice { layer: settings.layer.clone(), encoding: settings.encoding };
        Self::from_layer(path, read_layer_as(path, &choice)?, settings)
    }

    /// Checks a layer that is in memory; `path` is for messages.
    pub fn from_layer(path: &Path, layer: VectorLayer, settings: &ZoneSettings) -> Result<Self, ZonesError> {
        let path = path.to_path_buf();
        if layer.features.is_empty() {
            return Err(ZonesError::NoZones { path });
        }
        let Some(crs) = layer.crs.clone() else {
            return Err(ZonesError::NoCrs { path });
        };
        let id = match &settings.id_field {
            Some(name) => field(&path, &layer, name)?,
            None => guess_id(&path, &layer)?,
        };
        let name = settings.name_field.as_deref().map(|name| field(&path, &layer, name)).transpose()?;
        let id_field = layer.fields[id].name.clone();
        check_ids(&path, &layer.features, id, &id_field)?;
        let mut set = Self { path, id_field, crs, zones: Vec::new(), repairs: Vec::new(), unwrapped: Vec::new() };
        let read = |mut feature: Feature| {
            let (id, name) = (text(&feature, id), name.map_or(String::new(), |k| text(&feature, k)));
            set.read_one(feature.fid, feature.geometry.take(), id, name, settings.invalid)
        };
        let found: Vec<Result<Read, ZonesError>> = layer.features.into_par_iter().map(read).collect();
        for read in found {
            let Read { zone, repair, unwrapped } = read?;
            set.unwrapped.extend(unwrapped.then(|| zone.id.clone()));
            set.repairs.extend(repair);
            set.zones.push(zone);
        }
        set.warn();
        Ok(set)
    }

    /// Says what was changed; of many changes, the first few.
    fn warn(&self) {
        const SHOWN: usize = 10;
        let path = self.path.display();
        for r in self.repairs.iter().take(SHOWN) {
            let change = r.relative_change().map_or("from nothing".to_owned(), |c| format!("by {:+.4} %", c * 100.0));
            tracing::warn!("{path}: zone \"{}\" was repaired because {}; its area changes {change}", r.id, r.fault);
        }
        for id in self.unwrapped.iter().take(SHOWN) {
            tracing::warn!(
                "{path}: zone \"{id}\" has an edge longer than half the Earth; it is read as crossing the antimeridian"
            );
        }
        let more = self.repairs.len().saturating_sub(SHOWN) + self.unwrapped.len().saturating_sub(SHOWN);
        if more > 0 {
            tracing::warn!("{path}: and {more} more such zones");
        }
    }

    /// One zone: over the antimeridian in one piece, valid.
    fn read_one(
        &self,
        fid: i64,
        geometry: Option<Geometry<f64>>,
        id: String,
        name: String,
        invalid: Invalid,
    ) -> Result<Read, ZonesError> {
        let path = self.path.clone();
        let geometry = match geometry {
            Some(g) if g.coords_count() > 0 => g,
            _ => return Err(ZonesError::EmptyGeometry { path, fid, id }),
        };
        let mut outline = match polygons(geometry) {
            Ok(outline) => outline,
            Err(kind) => return Err(ZonesError::NotPolygon { path, fid, id, kind }),
        };
        let unwrapped = match self.crs.kind {
            CrsKind::Geographic { degrees_per_unit } => {
                let turn = 360.0 / degrees_per_unit;
                if let Some(fault) = no_position(&outline, turn) {
                    return Err(ZonesError::Invalid { path, fid, id, fault, repairable: false });
                }
                unwrap(&mut outline, turn)
            }
            CrsKind::Projected { .. } => false,
        };
        let Some(fault) = find_fault(&outline) else {
            return Ok(Read { zone: Zone { id, name, outline }, repair: None, unwrapped });
        };
        let repaired = match (invalid, fault) {
            (Invalid::Refuse, _) | (_, Fault::NotFinite { .. }) => MultiPolygon::new(Vec::new()),
            (Invalid::Repair, _) => repair(&outline),
        };
        let area_after = repaired.unsigned_area();
        if area_after.is_nan() || area_after <= 0.0 {
            let repairable = invalid == Invalid::Refuse && repair(&outline).unsigned_area() > 0.0;
            return Err(ZonesError::Invalid { path, fid, id, fault, repairable });
        }
        let area_before = crate::validity::signed_parts_area(&outline);
        let repair = Some(Repair { id: id.clone(), fid, fault, area_before, area_after });
        Ok(Read { zone: Zone { id, name, outline: repaired }, repair, unwrapped })
    }
}

/// The first vertex of an outline in degrees that is beyond a pole or more than two turns away: some layers count from 0 to 360,
/// or on past the antimeridian, but none farther. A vertex that is not finite is left to [`find_fault`].
fn no_position(outline: &MultiPolygon<f64>, turn: f64) -> Option<Fault> {
    let is_far = |c: &Coord<f64>| {
        c.x.is_finite() && c.y.is_finite() && (c.x.abs() > 2.0 * turn || c.y.abs() > 0.25 * turn * (1.0 + 1e-6))
    };
    outline.coords_iter().find(is_far).map(|c| Fault::NoPosition { x: c.x, y: c.y })
}

/// A zone as it was read, and what was changed in it.
struct Read {
    zone: Zone,
    repair: Option<Repair>,
    unwrapped: bool,
}

fn field(path: &Path, layer: &VectorLayer, name: &str) -> Result<usize, ZonesError> {
    layer.field_index(name).ok_or_else(|| ZonesError::NoField {
        path: path.to_path_buf(),
        field: name.to_owned(),
        fields: layer.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

fn text(feature: &Feature, field: usize) -> String {
    feature.values.get(field).map(FieldValue::to_string).unwrap_or_default()
}

/// The only field of whole numbers or text whose values are all there and all different.
fn guess_id(path: &Path, layer: &VectorLayer) -> Result<usize, ZonesError> {
    let identifies = |k: usize| {
        let mut seen = HashSet::new();
        layer.features.iter().map(|f| text(f, k)).all(|v| !v.is_empty() && seen.insert(v))
    };
    let candidates: Vec<usize> =
        (0..layer.fields.len()).filter(|k| layer.fields[*k].kind != FieldKind::Real && identifies(*k)).collect();
    let names: Vec<&str> = candidates.iter().map(|k| layer.fields[*k].name.as_str()).collect();
    match candidates[..] {
        [only] => {
            tracing::info!(
                "{}: zones are identified by \"{}\", the only field with a different value for each zone",
                path.display(),
                names[0]
            );
            Ok(only)
        }
        [] => Err(ZonesError::WhichId {
            path: path.to_path_buf(),
            found: "no field has a different value for every zone".to_owned(),
        }),
        _ => Err(ZonesError::WhichId { path: path.to_path_buf(), found: format!("it could be {}", names.join(", ")) }),
    }
}

fn check_ids(path: &Path, features: &[Feature], id: usize, field: &str) -> Result<(), ZonesError> {
    let (path, field) = (path.to_path_buf(), field.to_owned());
    let mut seen: HashMap<String, i64> = HashMap::with_capacity(features.len());
    for feature in features {
        let value = text(feature, id);
        if value.is_empty() {
            return Err(ZonesError::EmptyId { path, fid: feature.fid, field });
        }
        if let Some(first) = seen.insert(value.clone(), feature.fid) {
            return Err(ZonesError::DuplicateId { path, field, id: value, first, second: feature.fid });
        }
    }
    Ok(())
}

fn polygons(geometry: Geometry<f64>) -> Result<MultiPolygon<f64>, &'static str> {
    match geometry {
        Geometry::Polygon(p) => Ok(MultiPolygon::new(vec![p])),
        Geometry::MultiPolygon(m) => Ok(MultiPolygon::new(m.0.into_iter().filter(|p| p.coords_count() > 0).collect())),
        Geometry::Rect(r) => Ok(MultiPolygon::new(vec![r.to_polygon()])),
        Geometry::Triangle(t) => Ok(MultiPolygon::new(vec![t.to_polygon()])),
        Geometry::GeometryCollection(c) => {
            let parts: Result<Vec<_>, _> = c.0.into_iter().map(polygons).collect();
            Ok(MultiPolygon::new(parts?.into_iter().flat_map(|m| m.0).collect()))
        }
        Geometry::Point(_) | Geometry::MultiPoint(_) => Err("point"),
        Geometry::Line(_) | Geometry::LineString(_) | Geometry::MultiLineString(_) => Err("line"),
    }
}
