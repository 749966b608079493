//! Which patches give way, so that no ground is in two splits.

use areal_store::{PlacedPatch, conflicts};

/// Which patches to leave out so that no conflict is left, by index. Of two in conflict the test patch stays before
/// the validation patch, and that before the training patch: training has the most to give, and what is measured is
/// not thinned out.
pub(crate) fn to_drop(patches: &[PlacedPatch], size: usize, buffer: f64) -> Vec<bool> {
    let mut dropped = vec![false; patches.len()];
    let mut pairs = Vec::new();
    conflicts(patches, size, buffer, |c| {
        let (a, b) = (c.first, c.second);
        pairs.push(if patches[a].split < patches[b].split { (a, b) } else { (b, a) });
        true
    });
    // A validation patch that was dropped for a test patch no longer conflicts with training patches.
    pairs.sort_by_key(|(lower, _)| std::cmp::Reverse(patches[*lower].split));
    for (lower, higher) in pairs {
        if !dropped[higher] {
            dropped[lower] = true;
        }
    }
    dropped
}

#[cfg(test)]
mod tests {
    use areal_store::{Footprint, Split};
    use proptest::prelude::*;

    use super::*;

    /// A patch of 4 pixels of 10 m; scene 1 is shifted by half a pixel.
    fn patch(scene: usize, row: i64, col: i64, split: Split) -> PlacedPatch {
        let (x, y) = (col as f64 * 10.0 + 5.0 * scene as f64, row as f64 * -10.0);
        let footprint = Footprint { corners: [[x, y], [x + 40.0, y], [x + 40.0, y - 40.0], [x, y - 40.0]] };
        PlacedPatch { scene, row, col, footprint, split }
    }

    fn near(a: &PlacedPatch, b: &PlacedPatch, buffer: f64) -> bool {
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
            let patches: Vec<PlacedPatch> =
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
