//! Merges the outputs of the patches that cover a cell.

use std::ops::Range;

use areal_grid::{PatchLayout, PixelState};

use crate::assemble::OwnPixels;
use crate::strip::StripResult;

/// How the outputs of the patches that cover a cell become one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merge {
    /// Class probabilities: their mean, one number a class.
    Mean { classes: usize },
    /// Features of the network: their mean.
    Features { features: usize },
    /// A value: mean and standard deviation (divisor n) over the patches, by Welford's recurrence (1962).
    MeanAndSpread,
}

impl Merge {
    /// Numbers kept for a cell.
    pub fn channels(self) -> usize {
        match self {
            Self::Mean { classes } => classes,
            Self::Features { features } => features,
            Self::MeanAndSpread => 2,
        }
    }
}

/// Sums over the patches that cover each cell, for the rows of cells that are not final yet.
///
/// Patches are added in the plan's order, so that the sums are the same to the last bit however many threads read.
#[derive(Debug, Clone, PartialEq)]
pub struct CellAccumulator {
    merge: Merge,
    layout: PatchLayout,
    /// First row of cells that is not final.
    first_row: usize,
    /// Patches added to each cell, `[row, col]` from `first_row`.
    counts: Vec<u32>,
    /// `[row, col, channel]`.
    sums: Vec<f64>,
}

impl CellAccumulator {
    /// No patch added yet.
    pub fn new(layout: PatchLayout, merge: Merge) -> Self {
        Self { merge, layout, first_row: 0, counts: Vec::new(), sums: Vec::new() }
    }

    /// As it was when the rows before `first_row` had just become final.
    pub fn restore(layout: PatchLayout, merge: Merge, first_row: usize, counts: Vec<u32>, sums: Vec<f64>) -> Self {
        Self { merge, layout, first_row, counts, sums }
    }

    /// How outputs become results.
    pub fn merge(&self) -> Merge {
        self.merge
    }

    /// Patches added to each cell, and the sums, of the rows that are not final.
    pub fn pending(&self) -> (&[u32], &[f64]) {
        (&self.counts, &self.sums)
    }

    /// Adds the outputs of the patch in patch row `i` and patch column `j` to the cells it covers.
    pub fn add(&mut self, i: usize, j: usize, outputs: &[f32]) {
        let covered = self.layout.cells_of(i, j);
        let cols = self.layout.cells().1;
        let cells = (covered.row_end() - self.first_row) * cols;
        if self.counts.len() < cells {
            self.counts.resize(cells, 0);
            self.sums.resize(cells * self.merge.channels(), 0.0);
        }
        for row in covered.row..covered.row_end() {
            for col in covered.col..covered.col_end() {
                self.add_to((row - self.first_row) * cols + col, outputs);
            }
        }
    }

    fn add_to(&mut self, cell: usize, outputs: &[f32]) {
        self.counts[cell] += 1;
        let channels = self.merge.channels();
        let sums = &mut self.sums[cell * channels..(cell + 1) * channels];
        match self.merge {
            Merge::Mean { .. } | Merge::Features { .. } => {
                sums.iter_mut().zip(outputs).for_each(|(sum, p)| *sum += f64::from(*p));
            }
            Merge::MeanAndSpread => {
                let value = f64::from(outputs[0]);
                let delta = value - sums[0];
                sums[0] += delta / f64::from(self.counts[cell]);
                sums[1] += delta * (value - sums[0]);
            }
        }
    }

    /// Takes the rows out that no later patch covers. `own`, `[row, col]`, says which cells are not predicted whatever
    /// patches cover them, and what a cell is that is not predicted.
    pub fn finish(&mut self, rows: Range<usize>, own: &[OwnPixels]) -> StripResult {
        let (cols, channels) = (self.layout.cells().1, self.merge.channels());
        let cells = rows.len() * cols;
        if self.counts.len() < cells {
            self.counts.resize(cells, 0);
            self.sums.resize(cells * channels, 0.0);
        }
        let mut values = vec![f32::NAN; channels * cells];
        let mut states: Vec<_> = own.iter().map(|own| own.unpredicted).collect();
        let mut shares: Vec<_> = own.iter().map(OwnPixels::unpredicted_shares).collect();
        for (cell, &count) in self.counts[..cells].iter().enumerate() {
            if count == 0 || !own[cell].enough {
                continue;
            }
            states[cell] = PixelState::Observed;
            shares[cell] = own[cell].shares;
            let sums = &self.sums[cell * channels..(cell + 1) * channels];
            for (channel, value) in self.merge.results(sums, f64::from(count)).enumerate() {
                values[channel * cells + cell] = value as f32;
            }
        }
        self.counts.drain(..cells);
        self.sums.drain(..cells * channels);
        self.first_row = rows.end;
        StripResult { first_row: rows.start, first_col: 0, rows: rows.len(), cols, channels, values, states, shares }
    }
}

impl Merge {
    fn results(self, sums: &[f64], count: f64) -> impl Iterator<Item = f64> {
        sums.iter().enumerate().map(move |(channel, sum)| match (self, channel) {
            (Self::Mean { .. } | Self::Features { .. }, _) => sum / count,
            (Self::MeanAndSpread, 0) => *sum,
            (Self::MeanAndSpread, _) => (sum / count).max(0.0).sqrt(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(enough: bool, unpredicted: PixelState) -> OwnPixels {
        OwnPixels { enough, unpredicted, shares: [0.75, 0.0, 0.25, 0.0], past_scene: 0.0 }
    }

    #[test]
    fn overlapping_patches_are_averaged_and_their_spread_kept() {
        // One row of three cells, patches of two cells: the middle cell lies in both.
        let layout = PatchLayout::new(4, 12, 8, 4).unwrap();
        let mut cells = CellAccumulator::new(layout, Merge::MeanAndSpread);
        cells.add(0, 0, &[1.0]);
        cells.add(0, 1, &[4.0]);
        let strip = cells.finish(0..1, &[own(true, PixelState::Outside); 3]);
        // Mean of 1 and 4, and their standard deviation: sqrt((1.5^2 + 1.5^2) / 2).
        assert_eq!(strip.values, [1.0, 2.5, 4.0, 0.0, 1.5, 0.0]);
        assert_eq!(strip.states, [PixelState::Observed; 3]);
    }

    #[test]
    fn a_cell_without_a_patch_keeps_its_state_and_is_not_a_number() {
        let layout = PatchLayout::new(4, 8, 4, 4).unwrap();
        let mut cells = CellAccumulator::new(layout, Merge::Mean { classes: 2 });
        cells.add(0, 1, &[0.25, 0.75]);
        let strip = cells.finish(0..1, &[own(true, PixelState::Masked), own(true, PixelState::Nodata)]);
        assert_eq!(strip.states, [PixelState::Masked, PixelState::Observed]);
        assert_eq!(strip.shares, [[0.0, 0.0, 1.0, 0.0], [0.75, 0.0, 0.25, 0.0]]);
        assert!(strip.values[0].is_nan() && strip.values[2].is_nan());
        assert_eq!((strip.values[1], strip.values[3]), (0.25, 0.75));
    }

    #[test]
    fn a_cell_whose_own_pixels_are_not_observed_is_not_predicted_by_the_patches_around_it() {
        // The patch covers both cells; the second one's own pixels are masked.
        let layout = PatchLayout::new(4, 8, 8, 4).unwrap();
        let mut cells = CellAccumulator::new(layout, Merge::Mean { classes: 2 });
        cells.add(0, 0, &[0.25, 0.75]);
        let strip = cells.finish(0..1, &[own(true, PixelState::Nodata), own(false, PixelState::Masked)]);
        assert_eq!(strip.states, [PixelState::Observed, PixelState::Masked]);
        assert_eq!((strip.values[0], strip.values[2]), (0.25, 0.75));
        assert!(strip.values[1].is_nan() && strip.values[3].is_nan());
    }
}
