//! Geographic blocks: square cells of the ground that are never divided between splits.

use std::collections::BTreeMap;

use areal_store::Footprint;

/// The block size when none is given: a tenth of the side of a square as large as the box around all patches, so about
/// a hundred blocks; at least two patches, and a whole number of patches. All in metres.
pub fn default_block_size(footprints: &[Footprint]) -> f64 {
    let Some(first) = footprints.first() else { return 1.0 };
    let patch = first.area().sqrt();
    let all = footprints
        .iter()
        .map(Footprint::bounds)
        .fold(first.bounds(), |a, b| [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]);
    let side = ((all[2] - all[0]) * (all[3] - all[1])).sqrt() / 10.0;
    // Half a millimetre of rounding must not make a block one patch larger.
    patch * (side / patch - 1e-6).ceil().max(2.0)
}

/// The block of each footprint by its centre, numbered from 0 row by row from the north; only blocks with a patch have a
/// number. Blocks begin at multiples of their size, so that the same place is in the same block whatever else is cut.
pub(crate) fn number_blocks(footprints: &[Footprint], size: f64) -> Vec<i64> {
    let cells: Vec<(i64, i64)> = footprints
        .iter()
        .map(|f| {
            let [x, y] = f.centre();
            (-((y / size).floor() as i64), (x / size).floor() as i64)
        })
        .collect();
    let mut numbers: BTreeMap<(i64, i64), i64> = cells.iter().map(|cell| (*cell, 0)).collect();
    for (number, value) in (0..).zip(numbers.values_mut()) {
        *value = number;
    }
    cells.iter().map(|cell| numbers[cell]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(x: f64, y: f64) -> Footprint {
        Footprint { corners: [[x, y], [x + 10.0, y], [x + 10.0, y - 10.0], [x, y - 10.0]] }
    }

    #[test]
    fn blocks_are_numbered_from_the_north_west() {
        let patches = [patch(0.0, 100.0), patch(60.0, 100.0), patch(5.0, 95.0), patch(0.0, -200.0)];
        assert_eq!(number_blocks(&patches, 50.0), [0, 1, 0, 2]);
    }

    #[test]
    fn the_default_makes_about_a_hundred_blocks_of_whole_patches() {
        // 10 m patches over 1000 x 1000 m: blocks of 100 m.
        let patches: Vec<_> =
            (0..100).flat_map(|i| (0..100).map(move |j| patch(f64::from(j) * 10.0, f64::from(i) * 10.0))).collect();
        assert!((default_block_size(&patches) - 100.0).abs() < 1e-9);
        assert!((default_block_size(&patches[..3]) - 20.0).abs() < 1e-9);
    }
}
