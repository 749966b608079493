//! Which patches are compared between the two modes.

use std::collections::VecDeque;
use std::ops::Range;

use areal_grid::{PatchLayout, PixelBlock, PixelState, PixelType, Pixels, Window};
use areal_model::{Inference, PatchBatch, probabilities};
use ndarray::{Array2, Axis};

use crate::PredictError;
use crate::assemble::{copy_pixels, copy_states};
use crate::dense::ModeDifference;

/// Rows of patches that are compared, and patches of each.
const ROWS: usize = 16;
const COLUMNS: usize = 16;

/// Which patches of a scene are predicted one by one too: a grid of at most 16 x 16 over the scene, the same for every run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    rows: Vec<usize>,
    columns: Vec<usize>,
}

impl Sample {
    /// Of a scene; at most `batch_size` patches of a row.
    pub fn new(layout: &PatchLayout, batch_size: usize) -> Self {
        let (rows, columns) = layout.patches();
        // Sampled rows do not overlap, so that one row of patches is held at a time.
        let apart = (rows / layout.cells_per_patch()).clamp(1, ROWS);
        Self { rows: spread(rows, apart), columns: spread(columns, columns.min(COLUMNS).min(batch_size)) }
    }
}

/// `count` of `all` places, the middles of as many equal parts.
fn spread(all: usize, count: usize) -> Vec<usize> {
    (0..count).map(|k| (2 * k + 1) * all / (2 * count)).collect()
}

/// Predicts the sampled patches of a panel one by one, while its rows go by.
pub struct DenseSampler<'a> {
    inference: &'a mut dyn Inference,
    layout: PatchLayout,
    height: usize,
    /// Sampled rows that are not complete.
    rows: VecDeque<usize>,
    columns: Vec<usize>,
    batch: PatchBatch,
    /// Outputs of the sampled rows that are complete.
    done: VecDeque<(usize, Array2<f32>)>,
}

impl<'a> DenseSampler<'a> {
    /// For the patches of some columns, from a patch row on.
    pub fn new(
        sample: &Sample,
        inference: &'a mut dyn Inference,
        layout: PatchLayout,
        height: usize,
        first: usize,
        columns: &Range<usize>,
        pixel_type: PixelType,
    ) -> Self {
        let rows = sample.rows.iter().copied().filter(|row| *row >= first).collect();
        let columns: Vec<usize> = sample.columns.iter().copied().filter(|c| columns.contains(c)).collect();
        let (bands, side) = (inference.spec().bands.len(), layout.patch_size());
        let batch = PatchBatch {
            shape: [columns.len(), bands, side, side],
            pixels: Pixels::zeros(pixel_type, columns.len() * bands * side * side),
            states: vec![PixelState::Outside; columns.len() * side * side],
        };
        Self { inference, layout, height, rows, columns, batch, done: VecDeque::new() }
    }

    /// Takes rows of pixels in.
    pub fn take(&mut self, blocks: &[&PixelBlock], rows: &Range<usize>) -> Result<(), PredictError> {
        while let Some(&patch_row) = self.rows.front() {
            let first = self.layout.window(patch_row, 0);
            if first.row >= rows.end || self.columns.is_empty() {
                return Ok(());
            }
            for (slot, column) in self.columns.iter().enumerate() {
                let window = self.layout.window(patch_row, *column);
                let part = Window { row: window.row.max(rows.start), ..window };
                let part = Window { height: window.row_end().min(rows.end).saturating_sub(part.row), ..part };
                let plane = window.len();
                for block in blocks {
                    copy_pixels(block, &part, &window, &mut self.batch, slot);
                    copy_states(block, &part, &window, &mut self.batch.states[slot * plane..(slot + 1) * plane]);
                }
            }
            if first.row_end().min(self.height) > rows.end {
                return Ok(());
            }
            let logits = self.inference.infer(&self.batch)?;
            self.done.push_back((patch_row, logits));
            self.rows.pop_front();
            let values = self.batch.pixels.len();
            self.batch.pixels = Pixels::zeros(self.batch.pixels.pixel_type(), values);
            self.batch.states.fill(PixelState::Outside);
        }
        Ok(())
    }

    /// Compares a row of patches, if it is sampled: outputs `[patch, K]` of the patches from column `first` on, and which
    /// of them are predicted.
    pub fn compare(
        &mut self,
        patch_row: usize,
        first: usize,
        outputs: &Array2<f32>,
        valid: &[bool],
        difference: &mut ModeDifference,
    ) {
        if self.done.front().is_none_or(|(row, _)| *row != patch_row) {
            return;
        }
        let Some((_, logits)) = self.done.pop_front() else { return };
        let alone = probabilities(self.inference.spec(), logits.view());
        for (column, alone) in self.columns.iter().zip(alone.axis_iter(Axis(0))) {
            let at = column - first;
            if valid[at] {
                let dense = outputs.index_axis(Axis(0), at);
                difference.add(dense.iter().copied().zip(alone.iter().copied()));
            }
        }
    }
}
