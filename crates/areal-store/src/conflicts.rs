//! Patches of different splits that share ground, or lie too near to each other.

use rstar::{AABB, RTree, RTreeObject};

use crate::{Footprint, PatchRecord, PatchStore, Split, StoreError};

/// A patch, where it lies and which split it is in.
#[derive(Debug, Clone, Copy)]
pub struct PlacedPatch {
    pub scene: usize,
    pub row: i64,
    pub col: i64,
    pub footprint: Footprint,
    pub split: Split,
}

/// Two patches, by index, that may not be in different splits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conflict {
    pub first: usize,
    pub second: usize,
    /// Between their footprints; `None` when they overlap.
    pub distance: Option<f64>,
}

impl PlacedPatch {
    /// Pixels are compared where two patches are of one scene: that is exact.
    fn overlaps(&self, other: &Self, size: i64) -> bool {
        if self.scene == other.scene {
            (self.row - other.row).abs() < size && (self.col - other.col).abs() < size
        } else {
            self.footprint.overlaps(&other.footprint)
        }
    }
}

/// A footprint in a spatial index, with the index of its patch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Indexed {
    patch: usize,
    bounds: [f64; 4],
}

impl RTreeObject for Indexed {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        let [west, south, east, north] = self.bounds;
        AABB::from_corners([west, south], [east, north])
    }
}

/// Every pair of patches of different splits whose footprints overlap or are less than `buffer` apart (in units of the
/// footprints), each once, in ascending order of the first index; stops when `found` says false.
pub fn conflicts(patches: &[PlacedPatch], size: usize, buffer: f64, mut found: impl FnMut(Conflict) -> bool) {
    let indexed = |(patch, p): (usize, &PlacedPatch)| Indexed { patch, bounds: p.footprint.bounds() };
    let tree = RTree::bulk_load(patches.iter().enumerate().map(indexed).collect());
    for (first, a) in patches.iter().enumerate() {
        let [west, south, east, north] = a.footprint.bounds();
        let reach = AABB::from_corners([west - buffer, south - buffer], [east + buffer, north + buffer]);
        let mut near: Vec<usize> = tree.locate_in_envelope_intersecting(&reach).map(|i| i.patch).collect();
        near.retain(|second| *second > first && patches[*second].split != a.split);
        near.sort_unstable();
        for second in near {
            let b = &patches[second];
            let distance = if a.overlaps(b, size as i64) { None } else { Some(a.footprint.distance(&b.footprint)) };
            if distance.is_none_or(|d| d < buffer) && !found(Conflict { first, second, distance }) {
                return;
            }
        }
    }
}

impl PatchStore {
    /// Checks that no ground is in two splits.
    ///
    /// # Errors
    /// [`StoreError::SplitsOverlap`] naming both patches.
    pub fn verify_splits(&self) -> Result<(), StoreError> {
        let names: Vec<&str> = self.records().iter().map(|r| r.scene.as_str()).collect();
        let mut scenes = names.clone();
        scenes.sort_unstable();
        scenes.dedup();
        let place = |((record, footprint), name): ((&PatchRecord, &Footprint), &&str)| PlacedPatch {
            scene: scenes.binary_search(name).expect("every name is in the list made of them"),
            row: record.row,
            col: record.col,
            footprint: *footprint,
            split: record.split,
        };
        let placed: Vec<PlacedPatch> = self.records().iter().zip(self.footprints()).zip(&names).map(place).collect();
        let mut fault = Ok(());
        conflicts(&placed, self.meta().patch_size, 0.0, |c| {
            let describe = |i: usize| self.records()[i].describe();
            fault = Err(StoreError::SplitsOverlap { first: describe(c.first), second: describe(c.second) });
            false
        });
        fault
    }
}
