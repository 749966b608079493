//! Counts of pixel states in each cell, for the rows of cells that are still needed.

use std::collections::VecDeque;
use std::ops::Range;

use areal_grid::{PatchLayout, PixelBlock};

use crate::assemble::{OwnPixels, enough, histogram, own_pixels};

/// Pixels of each cell by what they are, for the rows of cells that are still needed.
pub struct CellStates {
    layout: PatchLayout,
    size: (usize, usize),
    min_valid: f64,
    columns: Range<usize>,
    /// First row of cells that is kept.
    first: usize,
    /// Observed, nodata, masked, outside; only pixels of the scene count.
    rows: VecDeque<Vec<[u32; 4]>>,
}

impl CellStates {
    /// Of the cells of some columns, from a row on.
    pub fn new(layout: PatchLayout, size: (usize, usize), min_valid: f64, columns: Range<usize>, first: usize) -> Self {
        Self { layout, size, min_valid, columns, first, rows: VecDeque::new() }
    }

    /// Counts rows of pixels; each must come once, in order. Rows above the first cell do not count.
    pub fn count(&mut self, blocks: &[&PixelBlock], rows: &Range<usize>) {
        let stride = self.layout.stride();
        for row in rows.start.max(self.first * stride)..rows.end.min(self.size.0) {
            let cell_row = row / stride - self.first;
            if self.rows.len() <= cell_row {
                self.rows.resize_with(cell_row + 1, || vec![[0; 4]; self.columns.len()]);
            }
            for block in blocks.iter().filter(|b| (b.window.row..b.window.row_end()).contains(&row)) {
                let w = block.window;
                let states = &block.states[(row - w.row) * w.width..][..w.width];
                let cells = w.col / stride..w.col_end().div_ceil(stride);
                for cell in cells.start.max(self.columns.start)..cells.end.min(self.columns.end) {
                    let (from, to) = ((cell * stride).max(w.col), ((cell + 1) * stride).min(w.col_end()));
                    let counts = histogram(std::iter::once(&states[from - w.col..to - w.col]));
                    let sums = &mut self.rows[cell_row][cell - self.columns.start];
                    sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n as u32);
                }
            }
        }
    }

    /// Drops the rows of cells before `row`.
    pub fn release(&mut self, row: usize) {
        while self.first < row && !self.rows.is_empty() {
            self.rows.pop_front();
            self.first += 1;
        }
    }

    /// Pixels of a cell.
    pub fn cell(&self, row: usize, column: usize) -> [u64; 4] {
        let counts = self.rows.get(row.wrapping_sub(self.first)).map(|r| r[column - self.columns.start]);
        counts.unwrap_or_default().map(u64::from)
    }

    /// For each of some patches of a row, whether enough of it is observed.
    pub fn valid(&self, patch_row: usize, patches: &Range<usize>) -> Vec<bool> {
        let (span, plane) = (self.layout.cells_per_patch(), self.layout.patch_size().pow(2));
        let first = patch_row - self.first;
        let rows = first.min(self.rows.len())..(first + span).min(self.rows.len());
        let observed: Vec<u64> = (0..self.columns.len())
            .map(|column| self.rows.range(rows.clone()).map(|row| u64::from(row[column][0])).sum())
            .collect();
        let of = |patch: usize| -> u64 {
            let from = patch - self.columns.start;
            observed[from..(from + span).min(observed.len())].iter().sum()
        };
        patches.clone().map(|patch| enough(of(patch) as usize, plane, self.min_valid)).collect()
    }

    /// What the own pixels of a cell say of it; `patch` owns it.
    pub fn own(&self, (row, column): (usize, usize), patch: (usize, usize)) -> OwnPixels {
        own_pixels(self.cell(row, column), self.layout.stride().pow(2), self.min_valid, || self.patch(patch))
    }

    /// Pixels of a patch; those past the scene are outside.
    fn patch(&self, (i, j): (usize, usize)) -> [u64; 4] {
        let cells = self.layout.cells_of(i, j);
        let mut counts = [0; 4];
        for row in cells.row..cells.row_end() {
            for column in cells.col..cells.col_end() {
                counts.iter_mut().zip(self.cell(row, column)).for_each(|(sum, n)| *sum += n);
            }
        }
        counts[3] += self.layout.patch_size().pow(2) as u64 - counts.iter().sum::<u64>();
        counts
    }
}
