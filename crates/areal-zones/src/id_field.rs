//! Which field identifies zones, where nobody says.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use areal_raster::{Feature, FieldKind, VectorLayer};

use crate::ZonesError;
use crate::zone_geometry::{NoPolygon, WithoutPolygon};
use crate::zone_reader::{no_polygons, text};

/// Looks for the only field of whole numbers or text whose values are all there and all different.
#[derive(Default)]
pub(crate) struct IdSearch {
    /// By field: hashes of its values, while it may be the one. Two values of one hash among 10 million have a chance of 1 in
    /// 400,000, and then the user is asked.
    fields: Option<Vec<Option<HashSet<u64>>>>,
    has_polygons: bool,
    others: WithoutPolygon,
}

impl IdSearch {
    pub(crate) fn add(&mut self, layer: &VectorLayer, features: &[Feature]) {
        for feature in features {
            match NoPolygon::why(feature.geometry.as_ref()) {
                Some(why) => self.others.add(why),
                None => self.has_polygons = true,
            }
        }
        let may_be = |kind: FieldKind| (kind != FieldKind::Real).then(HashSet::new);
        let fields = self.fields.get_or_insert_with(|| layer.fields.iter().map(|f| may_be(f.kind)).collect());
        for (k, seen) in fields.iter_mut().enumerate() {
            let zones = features.iter().filter(|f| f.geometry.is_some());
            let is_new = |seen: &mut HashSet<u64>, value: String| !value.is_empty() && seen.insert(hash(&value));
            if seen.as_mut().is_some_and(|seen| !zones.map(|f| text(f, k)).all(|value| is_new(seen, value))) {
                *seen = None;
            }
        }
    }

    pub(crate) fn has_features(&self) -> bool {
        self.fields.is_some()
    }

    /// The number of the field.
    pub(crate) fn found(&self, path: &Path, layer: &VectorLayer) -> Result<usize, ZonesError> {
        let fields = self.fields.as_deref().unwrap_or_default();
        let candidates: Vec<usize> = (0..fields.len()).filter(|k| fields[*k].is_some()).collect();
        let names: Vec<&str> = candidates.iter().map(|k| layer.fields[*k].name.as_str()).collect();
        if !self.has_polygons {
            return Err(no_polygons(path, &layer.name, self.others));
        }
        let fault = |found: String| ZonesError::WhichId { path: path.to_path_buf(), found };
        match candidates[..] {
            [only] => {
                tracing::info!(
                    "{}: zones are identified by \"{}\", the only field with a different value for each zone",
                    path.display(),
                    names[0]
                );
                Ok(only)
            }
            [] => Err(fault("no field has a different value for every zone".to_owned())),
            _ => Err(fault(format!("it could be {}", names.join(", ")))),
        }
    }
}

fn hash(value: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
