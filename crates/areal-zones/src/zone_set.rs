//! Zones read from a vector layer: ids, names, valid outlines.

use areal_formats::{NamedChoice, UnknownName, counted, counted_do};
use std::path::{Path, PathBuf};

use areal_grid::Crs;
use areal_raster::{LayerChoice, RasterError, TakeFeatures, VectorLayer, stream_layer};
use areal_tables::Encoding;
use serde::{Deserialize, Serialize};

use crate::id_field::IdSearch;
use crate::longitude::Antimeridian;
use crate::zone_geometry::{NoPolygon, WithoutPolygon};
use crate::zone_reader::{ZoneReader, field, no_polygons};
use crate::{Fault, Zones, ZonesError};

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ZoneLayerSettings {
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
    /// Memory, in MiB, for the outlines of zones, and as much for their outlines on the map and for their sums. What does not fit
    /// goes to temporary files; results are the same.
    #[serde(skip)]
    pub memory: usize,
}

impl Default for ZoneLayerSettings {
    fn default() -> Self {
        Self {
            layer: None,
            encoding: None,
            id_field: None,
            name_field: None,
            invalid: Invalid::default(),
            antimeridian: Antimeridian::default(),
            dissolve: false,
            memory: 64,
        }
    }
}

impl ZoneLayerSettings {
    pub(crate) fn bytes(&self) -> usize {
        self.memory.saturating_mul(1 << 20)
    }
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

    fn change_in_words(&self) -> String {
        match self.relative_change().map(|change| 100.0 * change) {
            None => "from 0".to_owned(),
            // It would be written as -0.0000 %.
            Some(percent) if percent.abs() < 0.00005 => "by less than 0.0001 %".to_owned(),
            Some(percent) => format!("by {percent:+.4} %"),
        }
    }
}

/// Zones of one layer: ids are unique, outlines are valid.
#[derive(Debug)]
pub struct ZoneSet {
    pub path: PathBuf,
    /// The field that ids come from.
    pub id_field: String,
    /// CRS of the outlines.
    pub crs: Crs,
    /// The zones, in the order of the file.
    pub zones: Zones,
    /// Bytes of memory for outlines on a map, and for sums.
    pub(crate) memory: usize,
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
    pub why: NoPolygon,
}

impl ZoneSet {
    /// Reads and checks a zone layer.
    ///
    /// # Errors
    /// See [`ZonesError`]: no CRS, no such field, an empty or shared id, no polygon at all, an
    /// invalid polygon that may not be repaired.
    pub fn read(path: &Path, settings: &ZoneLayerSettings) -> Result<Self, ZonesError> {
        let choice = LayerChoice { layer: settings.layer.clone(), encoding: settings.encoding };
        Self::from_source(path, settings, &mut |take| stream_layer(path, &choice, take))
    }

    /// Checks a layer that is in memory; `path` is for messages.
    ///
    /// # Errors
    /// As [`ZoneSet::read`].
    pub fn from_layer(path: &Path, layer: &VectorLayer, settings: &ZoneLayerSettings) -> Result<Self, ZonesError> {
        let head = VectorLayer { features: Vec::new(), ..layer.clone() };
        Self::from_source(path, settings, &mut |take| {
            if !layer.features.is_empty() {
                take(&head, layer.features.clone());
            }
            Ok(head.clone())
        })
    }

    /// From features that `source` hands over some at a time, twice where the field of ids has to be found.
    fn from_source(path: &Path, settings: &ZoneLayerSettings, source: &mut Source<'_>) -> Result<Self, ZonesError> {
        let id = match &settings.id_field {
            Some(_) => None,
            None => find_id(path, source)?,
        };
        let mut reader: Option<ZoneReader<'_>> = None;
        let (mut failed, mut has_polygons, mut has_features) = (None, false, false);
        let mut others = WithoutPolygon::default();
        let layer = source(&mut |layer, features| {
            has_features = true;
            if layer.crs.is_none() {
                for feature in &features {
                    match NoPolygon::why(feature.geometry.as_ref()) {
                        Some(why) => others.add(why),
                        None => has_polygons = true,
                    }
                }
                return !has_polygons;
            }
            let added = match &mut reader {
                Some(reader) => reader.add(features),
                none => Self::begin(path, layer, settings, id).and_then(|new| none.insert(new).add(features)),
            };
            failed = added.err();
            failed.is_none()
        })?;
        if let Some(error) = failed {
            return Err(error);
        }
        let path = path.to_path_buf();
        let set = match reader {
            Some(reader) => reader.finish()?,
            None if !has_features => return Err(ZonesError::NoZones { path }),
            None if !has_polygons => return Err(no_polygons(&path, &layer.name, others)),
            None => return Err(ZonesError::NoCrs { path }),
        };
        set.warn(settings.antimeridian);
        Ok(set)
    }

    fn begin<'s>(
        path: &Path,
        layer: &VectorLayer,
        settings: &'s ZoneLayerSettings,
        id: Option<usize>,
    ) -> Result<ZoneReader<'s>, ZonesError> {
        let crs = layer.crs.clone().ok_or_else(|| ZonesError::NoCrs { path: path.to_path_buf() })?;
        let id = match (id, &settings.id_field) {
            (Some(id), _) => id,
            (None, name) => field(path, layer, name.as_deref().unwrap_or_default())?,
        };
        let name = settings.name_field.as_deref().map(|name| field(path, layer, name)).transpose()?;
        let set = Self {
            path: path.to_path_buf(),
            id_field: layer.fields[id].name.clone(),
            crs,
            zones: Zones::new(settings.bytes()),
            memory: settings.bytes(),
            repairs: Vec::new(),
            long_edges: Vec::new(),
            skipped: Vec::new(),
            other_parts: 0,
            dissolved: 0,
        };
        Ok(ZoneReader::new(set, layer, settings, id, name))
    }

    /// Says what was changed; of many changes, the first few.
    fn warn(&self, antimeridian: Antimeridian) {
        const SHOWN: usize = 10;
        let path = self.path.display();
        for r in self.repairs.iter().take(SHOWN) {
            tracing::warn!(
                "{path}: zone \"{}\" was repaired because {}; its area changes {}",
                r.id,
                r.fault,
                r.change_in_words()
            );
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
                "{path}: {} no polygon and {} skipped: {}{more}",
                counted_do(self.skipped.len(), "feature", ["has", "have"]),
                if self.skipped.len() == 1 { "is" } else { "are" },
                first.join(", ")
            );
        }
        if self.other_parts > 0 {
            let parts = counted_do(self.other_parts, "line or point", ["is", "are"])
                .replace("line or points", "lines and points");
            tracing::warn!("{path}: {parts} ignored beside polygons");
        }
        if self.dissolved > 0 {
            tracing::info!(
                "{path}: {} were merged into {}",
                counted(self.dissolved + self.zones.len(), "feature"),
                counted(self.zones.len(), "zone")
            );
        }
    }
}

/// Hands over the features of a layer, some at a time; returns the layer without them.
type Source<'a> = dyn FnMut(&mut TakeFeatures<'_>) -> Result<VectorLayer, RasterError> + 'a;

/// The number of the field that identifies zones; `None` for a layer without a CRS, of which nothing is read.
fn find_id(path: &Path, source: &mut Source<'_>) -> Result<Option<usize>, ZonesError> {
    let mut search = IdSearch::default();
    let layer = source(&mut |layer, features| {
        search.add(layer, &features);
        layer.crs.is_some()
    })?;
    if layer.crs.is_some() && search.has_features() { search.found(path, &layer).map(Some) } else { Ok(None) }
}
