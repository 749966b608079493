//! Patches of different splits that share ground, or lie too near to each other.

use rstar::{AABB, RTree};

use crate::footprint::{Footprint, Indexed};
use crate::{PatchError, PatchRecord, PatchStore, Split};

/// A patch, where it lies and which split it is in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    /// Number of its scene.
    pub scene: usize,
    pub row: i64,
    pub col: i64,
    pub footprint: Footprint,
    pub split: Split,
}

/// Two patches, by index, that may not be in different splits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Conflict {
    pub first: usize,
    pub second: usize,
    /// Between their footprints; `None` when they overlap.
    pub distance: Option<f64>,
}

impl Placed {
    /// Pixels are compared where two patches are of one scene: that is exact.
    fn overlaps(&self, other: &Self, size: i64) -> bool {
        if self.scene == other.scene {
            (self.row - other.row).abs() < size && (self.col - other.col).abs() < size
        } else {
            self.footprint.overlaps(&other.footprint)
        }
    }
}

/// Every pair of patches of different splits whose footprints overlap or are less than `buffer` apart (in units of the
/// footprints), each once, in ascending order of the first index; stops when `found` says false.
pub(crate) fn conflicts(patches: &[Placed], size: usize, buffer: f64, mut found: impl FnMut(Conflict) -> bool) {
    let indexed = |(patch, p): (usize, &Placed)| Indexed { patch, bounds: p.footprint.bounds() };
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

/// Which patches to leave out so that no conflict is left, by index. Of two in conflict the test patch stays before
/// the validation patch, and that before the training patch: training has the most to give, and what is measured is
/// not thinned out.
pub(crate) fn to_drop(patches: &[Placed], size: usize, buffer: f64) -> Vec<bool> {
    let mut dropped = vec![false; patches.len()];
    let mut pairs = Vec::new();
    conflicts(patches, size, buffer, |c| {
        let (a, b) = (c.first, c.second);
        pairs.push(if patches[a].split < patches[b].split { (a, b) } else { (b, a) });
        true
    });
    // A validation patch that gives way to a test patch is no reason any more to drop a training patch.
    pairs.sort_by_key(|(lower, _)| std::cmp::Reverse(patches[*lower].split));
    for (lower, higher) in pairs {
        if !dropped[higher] {
            dropped[lower] = true;
        }
    }
    dropped
}

impl PatchStore {
    /// Checks that no ground is in two splits.
    ///
    /// # Errors
    /// [`PatchError::SplitsOverlap`] naming both patches.
    pub fn verify_splits(&self) -> Result<(), PatchError> {
        let names: Vec<&str> = self.records().iter().map(|r| r.scene.as_str()).collect();
        let mut scenes = names.clone();
        scenes.sort_unstable();
        scenes.dedup();
        let place = |((record, footprint), name): ((&PatchRecord, &Footprint), &&str)| Placed {
            scene: scenes.binary_search(name).unwrap_or_default(),
            row: record.row,
            col: record.col,
            footprint: *footprint,
            split: record.split,
        };
        let placed: Vec<Placed> = self.records().iter().zip(self.footprints()).zip(&names).map(place).collect();
        let mut fault = Ok(());
        conflicts(&placed, self.meta().patch_size, 0.0, |c| {
            let describe = |i: usize| self.records()[i].describe();
            fault = Err(PatchError::SplitsOverlap { first: describe(c.first), second: describe(c.second) });
            false
        });
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A patch of 4 pixels of 10 m; scene 1 is shifted by half a pixel.
    fn patch(scene: usize, row: i64, col: i64, split: Split) -> Placed {
        let (x, y) = (col as f64 * 10.0 + 5.0 * scene as f64, row as f64 * -10.0);
        let footprint = Footprint { corners: [[x, y], [x + 40.0, y], [x + 40.0, y - 40.0], [x, y - 40.0]] };
        Placed { scene, row, col, footprint, split }
    }

    fn near(a: &Placed, b: &Placed, buffer: f64) -> bool {
        // Axis-parallel squares: distance by hand.
        let (p, q) = (a.footprint.bounds(), b.footprint.bounds());
        let dx = (p[0] - q[2]).max(q[0] - p[2]);
        let dy = (p[1] - q[3]).max(q[1] - p[3]);
        (dx < 0.0 && dy < 0.0) || dx.max(0.0).hypot(dy.max(0.0)) < buffer
    }

    proptest! {
        #[test]
        fn what_is_kept_has_no_conflict_and_nothing_is_dropped_without_one(
            places in prop::collection::vec((0usize..2, 0i64..30, 0i64..30, 0usize..3), 1..40),
            buffer in prop::sample::select(vec![0.0, 7.0, 30.0]),
        ) {
            let patches: Vec<Placed> =
                places.into_iter().map(|(s, r, c, k)| patch(s, r, c, Split::ALL[k])).collect();
            let dropped = to_drop(&patches, 4, buffer);
            for (i, a) in patches.iter().enumerate() {
                let mut rivals = patches.iter().enumerate().filter(|(_, b)| b.split != a.split && near(a, b, buffer));
                if dropped[i] {
                    prop_assert!(rivals.any(|(j, b)| !dropped[j] && b.split > a.split));
                } else {
                    prop_assert!(rivals.all(|(j, _)| dropped[j]));
                }
            }
        }
    }

    #[test]
    fn patches_side_by_side_are_no_conflict_without_a_buffer() {
        let pair = [patch(0, 0, 0, Split::Train), patch(0, 0, 4, Split::Test)];
        assert_eq!(to_drop(&pair, 4, 0.0), [false, false]);
        assert_eq!(to_drop(&pair, 4, 1.0), [true, false]);
        let over = [patch(0, 0, 0, Split::Test), patch(0, 3, 3, Split::Validation)];
        assert_eq!(to_drop(&over, 4, 0.0), [false, true]);
    }
}
