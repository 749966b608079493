//! Zones read from a vector layer: ids, names, valid outlines.

use areal_formats::{NamedChoice, UnknownName};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use areal_grid::Crs;
use areal_raster::{Feature, FieldKind, FieldValue, LayerChoice, VectorLayer, read_layer_as};
use areal_tables::Encoding;
use geo::MultiPolygon;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::longitude::Antimeridian;
use crate::zone_geometry::{BadFeature, Geometries, NoOutline, Outline, Shapeless};
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
    /// How edges over more than half of all longitudes are read.
    pub antimeridian: Antimeridian,
    /// Whether features with the same id are one zone; else they are an error.
    pub dissolve: bool,
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
    /// Ids of zones that have an edge over more than half of all longitudes.
    pub long_edges: Vec<String>,
    /// Features without a polygon, which are no zones.
    pub skipped: Vec<Skipped>,
    /// Lines and points that came with polygons and were left out.
    pub other_parts: usize,
    /// Features that were united with an earlier one of the same id.
    pub dissolved: usize,
}

/// A feature without a polygon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    pub fid: i64,
    /// Its id, which may be empty.
    pub id: String,
    pub why: Shapeless,
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
        if layer.features.iter().all(|feature| feature.geometry.is_none()) && layer.crs.is_none() {
            return Err(ZonesError::NoGeometries { path, layer: layer.name });
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
        let mut set = Self::empty(path, id_field, crs);
        let groups = set.group(layer.features, id, name, settings)?;
        let (kind, path) = (set.crs.kind, set.path.clone());
        let read = |group: Group| {
            let read = group.geometries.read(kind, settings.antimeridian, settings.invalid);
            match read {
                Ok(outline) => Ok((group.id, group.name, outline)),
                Err(NoOutline::Bad(BadFeature { fid, fault, repairable })) => {
                    Err(ZonesError::Invalid { path: path.clone(), fid, id: group.id, fault, repairable })
                }
                Err(NoOutline::Lost(lost)) => Err(ZonesError::LostArea { path: path.clone(), id: group.id, lost }),
            }
        };
        let found: Vec<Result<(String, String, Outline), ZonesError>> = groups.into_par_iter().map(read).collect();
        for read in found {
            let (id, name, outline) = read?;
            set.long_edges.extend(outline.has_long_edge.then(|| id.clone()));
            set.repairs.extend(outline.repairs.into_iter().map(|r| Repair { id: id.clone(), ..r }));
            set.other_parts += outline.other_parts;
            set.zones.push(Zone { id, name, outline: outline.polygons });
        }
        set.warn(settings.antimeridian);
        Ok(set)
    }

    fn empty(path: PathBuf, id_field: String, crs: Crs) -> Self {
        let (zones, repairs, long_edges, skipped) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { path, id_field, crs, zones, repairs, long_edges, skipped, other_parts: 0, dissolved: 0 }
    }

    /// The features of each zone, in the order of the file. Those without a polygon are set aside.
    fn group(
        &mut self,
        features: Vec<Feature>,
        id: usize,
        name: Option<usize>,
        settings: &ZoneSettings,
    ) -> Result<Vec<Group>, ZonesError> {
        let (path, field) = (self.path.clone(), self.id_field.clone());
        let mut groups: Vec<Group> = Vec::with_capacity(features.len());
        let mut numbers: HashMap<String, usize> = HashMap::with_capacity(features.len());
        for mut feature in features {
            let (value, fid) = (text(&feature, id), feature.fid);
            let geometry = match Shapeless::check(feature.geometry.take()) {
                Ok(geometry) => geometry,
                Err(why) => {
                    self.skipped.push(Skipped { fid, id: value, why });
                    continue;
                }
            };
            if value.is_empty() {
                return Err(ZonesError::EmptyId { path, fid, field });
            }
            let name = name.map_or(String::new(), |k| text(&feature, k));
            match numbers.get(&value) {
                None => {
                    numbers.insert(value.clone(), groups.len());
                    groups.push(Group { id: value, name, geometries: Geometries::new(fid, geometry) });
                }
                Some(number) if settings.dissolve => {
                    let group = &mut groups[*number];
                    group.geometries.push(fid, geometry);
                    self.dissolved += 1;
                    if group.name.is_empty() {
                        group.name = name;
                    }
                }
                Some(number) => {
                    let first = groups[*number].geometries.first_fid();
                    return Err(ZonesError::DuplicateId { path, field, id: value, first, second: fid });
                }
            }
        }
        match self.skipped.first() {
            Some(Skipped { fid, id, why }) if groups.is_empty() => Err(why.error(path, *fid, id.clone())),
            _ => Ok(groups),
        }
    }

    /// Says what was changed; of many changes, the first few.
    fn warn(&self, antimeridian: Antimeridian) {
        const SHOWN: usize = 10;
        let path = self.path.display();
        for r in self.repairs.iter().take(SHOWN) {
            let change = r.relative_change().map_or("from nothing".to_owned(), |c| format!("by {:+.4} %", c * 100.0));
            tracing::warn!("{path}: zone \"{}\" was repaired because {}; its area changes {change}", r.id, r.fault);
        }
        let reading = match antimeridian {
            Antimeridian::AsWritten => {
                "it is read as straight in degrees, as in GeoJSON (--antimeridian cross for the short way, over the \
                 antimeridian)"
            }
            Antimeridian::Cross => "it is read as crossing the antimeridian",
        };
        for id in self.long_edges.iter().take(SHOWN) {
            tracing::warn!("{path}: zone \"{id}\" has an edge over more than half of all longitudes; {reading}");
        }
        let more = self.repairs.len().saturating_sub(SHOWN) + self.long_edges.len().saturating_sub(SHOWN);
        if more > 0 {
            tracing::warn!("{path}: and {more} more such zones");
        }
        self.warn_of_rest();
    }

    /// Says what of the layer is not in the zones.
    fn warn_of_rest(&self) {
        const SHOWN: usize = 5;
        let path = self.path.display();
        if !self.skipped.is_empty() {
            let named = |s: &Skipped| format!("{} (\"{}\", {})", s.fid, s.id, s.why);
            let first: Vec<String> = self.skipped.iter().take(SHOWN).map(named).collect();
            let more = if self.skipped.len() > SHOWN { ", ..." } else { "" };
            tracing::warn!(
                "{path}: {} features have no polygon and are no zones: {}{more}",
                self.skipped.len(),
                first.join(", ")
            );
        }
        if self.other_parts > 0 {
            tracing::warn!("{path}: {} lines and points beside polygons are left out", self.other_parts);
        }
        if self.dissolved > 0 {
            tracing::info!(
                "{path}: {} features are united into {} zones",
                self.dissolved + self.zones.len(),
                self.zones.len()
            );
        }
    }
}

/// The features of one zone.
struct Group {
    id: String,
    name: String,
    geometries: Geometries,
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
        let zones = layer.features.iter().filter(|f| f.geometry.is_some());
        zones.map(|f| text(f, k)).all(|v| !v.is_empty() && seen.insert(v))
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
