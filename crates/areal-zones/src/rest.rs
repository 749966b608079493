//! What zones leave of a row: cells in no zone, and in more than one.

use areal_grid::Window;

use crate::walker::{ONE, from_fixed, to_fixed};
use crate::{Others, Span};

/// Sums of several coverages this close to 1, about 1e-10 of a cell, are 1.
const EPSILON: i64 = 450_000;

/// What zones leave of a row: where their coverages add up to less or to more than 1. Only columns where a span begins or
/// ends are looked at.
pub(crate) struct RestRow {
    window: Window,
    others: Others,
    /// By column, one more than the window has: what begins there, less what ended, of zones and of overlaps.
    steps: Vec<[i64; 2]>,
    /// One bit a column: whether anything does.
    touched: Vec<u64>,
}

impl RestRow {
    pub(crate) fn new(window: Window, zones: usize) -> Self {
        let columns = window.width + 1;
        let others = Others::after(zones);
        Self { window, others, steps: vec![[0; 2]; columns], touched: vec![0; columns.div_ceil(64)] }
    }

    /// Adds to `rest` what the zones' spans of one row leave; `common` is what they have in common.
    pub(crate) fn fill(&mut self, zones: &[Span], common: &[Span], rest: &mut Vec<Span>) {
        for (k, spans) in [zones, common].into_iter().enumerate() {
            for span in spans {
                let start = span.col as usize - self.window.col;
                self.step(start, k, to_fixed(span.coverage));
                self.step(start + span.len as usize, k, -to_fixed(span.coverage));
            }
        }
        let mut row = Leftover { others: self.others, window: self.window, from: 0, sums: [0, 0], rest };
        for (word, bits) in self.touched.iter_mut().enumerate() {
            while *bits != 0 {
                let column = word * 64 + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                let [zones, common] = std::mem::take(&mut self.steps[column]);
                if [zones, common] != [0, 0] {
                    row.to(column);
                    row.sums = [row.sums[0] + zones, row.sums[1] + common];
                }
            }
        }
        row.to(self.window.width);
    }

    fn step(&mut self, column: usize, kind: usize, by: i64) {
        self.steps[column][kind] += by;
        self.touched[column / 64] |= 1 << (column % 64);
    }
}

/// The run of columns that is being looked at: all have the same sums.
struct Leftover<'a> {
    others: Others,
    window: Window,
    from: usize,
    sums: [i64; 2],
    rest: &'a mut Vec<Span>,
}

impl Leftover<'_> {
    /// Ends the run before a column.
    fn to(&mut self, column: usize) {
        let [zones, common] = self.sums;
        let col = (self.window.col + self.from) as u32;
        let len = (column - self.from) as u32;
        self.from = column;
        if len == 0 || (zones - ONE).abs() <= EPSILON && common <= EPSILON {
            return;
        }
        // A cell is not covered by more than its own, whatever the rounding of overlaps.
        let both = common.max(zones - ONE);
        for (zone, coverage) in [(self.others.outside, ONE - zones + both), (self.others.overlap, both)] {
            if coverage > EPSILON {
                self.rest.push(Span { zone, col, len, coverage: from_fixed(coverage) });
            }
        }
    }
}
