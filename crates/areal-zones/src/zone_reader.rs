//! From features, as they are read, to zones.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_grid::CrsKind;
use areal_raster::{Feature, FieldValue, VectorLayer, layers_with_geometries};
use geo::{Geometry, MultiPolygon};
use rayon::prelude::*;

use crate::codec::{read_outline, write_outline};
use crate::dissolve::unite;
use crate::spill::Records;
use crate::zone_geometry::{BadFeature, NoPolygon, Outline, WithoutPolygon, read_one};
use crate::{Repair, Skipped, ZoneLayerSettings, ZoneSet, ZonesError};

/// Zones whose features are united in one go.
const UNITED: usize = 1024;

/// Puts features into a set of zones.
pub(crate) struct ZoneReader<'a> {
    path: PathBuf,
    /// Name of the layer.
    layer: String,
    settings: &'a ZoneLayerSettings,
    /// Numbers of the fields of id and name.
    id: usize,
    name: Option<usize>,
    pub(crate) set: ZoneSet,
    /// By id: number of the zone, and the feature it came with.
    seen: HashMap<Box<str>, (u32, i64)>,
    repairs: Vec<(u32, Repair)>,
    long_edges: Vec<u32>,
    /// Where features with the same id are one zone.
    groups: Option<Groups>,
}

/// Features by zone, until all are read.
struct Groups {
    parts: Records,
    zones: Vec<Group>,
}

struct Group {
    id: String,
    name: String,
    parts: Vec<u32>,
}

/// A feature with a polygon, of a zone.
struct Found {
    zone: u32,
    fid: i64,
    id: String,
    name: String,
    geometry: Geometry<f64>,
}

impl<'a> ZoneReader<'a> {
    pub(crate) fn new(
        set: ZoneSet,
        layer: &VectorLayer,
        settings: &'a ZoneLayerSettings,
        id: usize,
        name: Option<usize>,
    ) -> Self {
        let groups = settings.dissolve.then(|| Groups { parts: Records::new(settings.bytes()), zones: Vec::new() });
        let (seen, repairs, long_edges) = (HashMap::new(), Vec::new(), Vec::new());
        Self {
            path: set.path.clone(),
            layer: layer.name.clone(),
            settings,
            id,
            name,
            set,
            seen,
            repairs,
            long_edges,
            groups,
        }
    }

    /// Adds features, in the order of the file.
    pub(crate) fn add(&mut self, features: Vec<Feature>) -> Result<(), ZonesError> {
        let mut found = Vec::with_capacity(features.len());
        for feature in features {
            found.extend(self.sort(feature)?);
        }
        let (kind, settings) = (self.set.crs.kind, self.settings);
        let read =
            |Found { zone, fid, id, name, geometry }: Found| (zone, id, name, outline(fid, geometry, kind, settings));
        let read: Vec<_> = found.into_par_iter().map(read).collect();
        for (zone, id, name, outline) in read {
            let outline = outline.map_err(|BadFeature { fid, fault, repairable }| ZonesError::Invalid {
                path: self.path.clone(),
                fid,
                id: id.clone(),
                fault,
                repairable,
            })?;
            self.put(zone, id, name, outline)?;
        }
        Ok(())
    }

    /// Finds the zone of a feature; one without a polygon is set aside.
    fn sort(&mut self, mut feature: Feature) -> Result<Option<Found>, ZonesError> {
        let (id, fid) = (text(&feature, self.id), feature.fid);
        let geometry = feature.geometry.take();
        if let Some(why) = NoPolygon::why(geometry.as_ref()) {
            self.set.skipped.push(Skipped { fid, id, why });
            return Ok(None);
        }
        let Some(geometry) = geometry else { return Ok(None) };
        let (path, field) = (|| self.path.clone(), || self.set.id_field.clone());
        if id.is_empty() {
            return Err(ZonesError::EmptyId { path: path(), fid, field: field() });
        }
        let name = self.name.map_or(String::new(), |k| text(&feature, k));
        let zone = match self.seen.get(id.as_str()) {
            Some((zone, _)) if self.groups.is_some() => {
                self.set.dissolved += 1;
                *zone
            }
            Some((_, first)) => {
                return Err(ZonesError::DuplicateId { path: path(), field: field(), id, first: *first, second: fid });
            }
            None => {
                let zone = self.seen.len() as u32;
                self.seen.insert(id.as_str().into(), (zone, fid));
                zone
            }
        };
        Ok(Some(Found { zone, fid, id, name, geometry }))
    }

    /// Adds a feature to its zone.
    fn put(&mut self, zone: u32, id: String, name: String, outline: Outline) -> Result<(), ZonesError> {
        self.repairs.extend(outline.repairs.into_iter().map(|r| (zone, Repair { id: id.clone(), ..r })));
        if outline.has_long_edge {
            self.long_edges.push(zone);
        }
        self.set.other_parts += outline.other_parts;
        let Some(Groups { parts, zones }) = &mut self.groups else {
            return self.set.zones.push(&id, &name, &outline.polygons);
        };
        let mut bytes = Vec::new();
        write_outline(&outline.polygons, &mut bytes);
        let part = parts.len() as u32;
        parts.push(&bytes).map_err(ZonesError::Temporary)?;
        match zones.get_mut(zone as usize) {
            Some(group) => {
                group.parts.push(part);
                if group.name.is_empty() {
                    group.name = name;
                }
            }
            None => zones.push(Group { id, name, parts: vec![part] }),
        }
        Ok(())
    }

    /// The set, when all features are there.
    pub(crate) fn finish(mut self) -> Result<ZoneSet, ZonesError> {
        self.seen = HashMap::new();
        if let Some(groups) = self.groups.take() {
            self.unite(groups)?;
        }
        let mut set = self.set;
        set.zones.settle()?;
        if set.zones.is_empty() && !set.skipped.is_empty() {
            let mut found = WithoutPolygon::default();
            set.skipped.iter().for_each(|skipped| found.add(skipped.why));
            return Err(no_polygons(&self.path, &self.layer, found));
        }
        // In the order of zones, and of features in each.
        self.repairs.sort_by_key(|(zone, _)| *zone);
        set.repairs = self.repairs.into_iter().map(|(_, repair)| repair).collect();
        self.long_edges.sort_unstable();
        self.long_edges.dedup();
        for zone in self.long_edges {
            set.long_edges.push(set.zones.name(zone as usize)?.id);
        }
        Ok(set)
    }

    fn unite(&mut self, Groups { mut parts, zones }: Groups) -> Result<(), ZonesError> {
        parts.settle().map_err(ZonesError::Temporary)?;
        let united = |group: &Group| -> Result<MultiPolygon<f64>, ZonesError> {
            let read = |part: &u32| parts.read(*part as usize, read_outline).map_err(ZonesError::Temporary);
            let features = group.parts.iter().map(read).collect::<Result<_, _>>()?;
            unite(features).map_err(|lost| ZonesError::LostArea { path: self.path.clone(), id: group.id.clone(), lost })
        };
        for groups in zones.chunks(UNITED) {
            let outlines: Vec<Result<_, ZonesError>> = groups.par_iter().map(united).collect();
            for (group, outline) in groups.iter().zip(outlines) {
                self.set.zones.push(&group.id, &group.name, &outline?)?;
            }
        }
        Ok(())
    }
}

/// The error of a layer without a polygon, with the other layers of its file.
pub(crate) fn no_polygons(path: &Path, layer: &str, found: WithoutPolygon) -> ZonesError {
    let mut others = layers_with_geometries(path);
    others.retain(|name| name != layer);
    ZonesError::NoPolygons { path: path.to_path_buf(), layer: layer.to_owned(), found, others }
}

fn outline(
    fid: i64,
    geometry: Geometry<f64>,
    kind: CrsKind,
    settings: &ZoneLayerSettings,
) -> Result<Outline, BadFeature> {
    read_one(fid, geometry, kind, settings.antimeridian, settings.invalid)
}

pub(crate) fn text(feature: &Feature, field: usize) -> String {
    feature.values.get(field).map(FieldValue::to_string).unwrap_or_default()
}

/// The number of a field.
pub(crate) fn field(path: &Path, layer: &VectorLayer, name: &str) -> Result<usize, ZonesError> {
    layer.field_index(name).ok_or_else(|| ZonesError::NoField {
        path: path.to_path_buf(),
        field: name.to_owned(),
        fields: layer.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}
