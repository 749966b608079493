//! Cell areas of one row, with sums over chunks.

use std::ops::Range;

use areal_grid::WindowAreas;

use crate::tally::LANES;

/// Cells of a row that are summed once, for every span that holds them all.
pub(crate) const CHUNK: usize = 64;

/// True areas of the cells of one row of a window, in square metres.
pub(crate) struct RowAreas {
    areas: Vec<f64>,
    /// Their sums over [`CHUNK`] cells each.
    chunks: Vec<f64>,
}

impl RowAreas {
    pub(crate) fn new(width: usize) -> Self {
        Self { areas: vec![0.0; width], chunks: vec![0.0; width.div_ceil(CHUNK)] }
    }

    /// Goes to a row of the grid, from a column on.
    pub(crate) fn fill(&mut self, cell_areas: &WindowAreas, row: usize, col: usize) {
        cell_areas.fill_row(row, col, &mut self.areas);
        for (chunk, areas) in self.chunks.iter_mut().zip(self.areas.chunks(CHUNK)) {
            *chunk = sum(areas);
        }
    }

    /// Takes a share of each cell of a row.
    pub(crate) fn scale(&mut self, row: &Self, shares: &[f64]) {
        for (area, (whole, share)) in self.areas.iter_mut().zip(row.areas.iter().zip(shares)) {
            *area = whole * share;
        }
        for (chunk, areas) in self.chunks.iter_mut().zip(self.areas.chunks(CHUNK)) {
            *chunk = sum(areas);
        }
    }

    /// Areas of columns of the window.
    pub(crate) fn of(&self, cols: Range<usize>) -> &[f64] {
        &self.areas[cols]
    }

    /// Areas of columns of the window, and their sum in one piece.
    pub(crate) fn with_sum(&self, cols: Range<usize>) -> (&[f64], f64) {
        let areas = &self.areas[cols];
        (areas, sum(areas))
    }

    /// Sums over [`CHUNK`] cells each.
    pub(crate) fn chunks(&self) -> &[f64] {
        &self.chunks
    }

    /// The sum of columns of the window.
    pub(crate) fn sum(&self, cols: Range<usize>) -> f64 {
        let [head, whole, tail] = split(cols, self.areas.len());
        sum(&self.areas[head]) + sum(&self.chunks[whole]) + sum(&self.areas[tail])
    }
}

/// Cuts columns into those before the first whole chunk, the chunks (by number) and those after the last. The last chunk
/// of a row may be short.
pub(crate) fn split(cols: Range<usize>, width: usize) -> [Range<usize>; 3] {
    let first = cols.start.div_ceil(CHUNK);
    let last = if cols.end == width { width.div_ceil(CHUNK) } else { cols.end / CHUNK };
    if first >= last {
        return [cols.clone(), 0..0, cols.end..cols.end];
    }
    [cols.start..first * CHUNK, first..last, (last * CHUNK).min(cols.end)..cols.end]
}

fn sum(values: &[f64]) -> f64 {
    let (many, few) = values.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for values in many {
        for (lane, v) in lanes.iter_mut().zip(values) {
            *lane += v;
        }
    }
    lanes.iter().chain(few).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_split_at_chunks() {
        assert_eq!(split(0..200, 200), [0..0, 0..4, 200..200]);
        assert_eq!(split(3..199, 200), [3..64, 1..3, 192..199]);
        assert_eq!(split(70..120, 200), [70..120, 0..0, 120..120]);
        assert_eq!(split(64..128, 200), [64..64, 1..2, 128..128]);
        assert_eq!(split(195..200, 200), [195..200, 0..0, 200..200]);
        assert_eq!(split(192..200, 200), [192..192, 3..4, 200..200]);
    }
}
