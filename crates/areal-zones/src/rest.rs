//! What zones leave of a row: cells in no zone, and in more than one.

use areal_grid::Window;

use crate::walker::{ONE, from_fixed, to_fixed};
use crate::{ExtraTallies, Span};

/// Sums of several coverages this close to 1, about 1e-10 of a cell, are 1.
const EPSILON: i64 = 450_000;

/// Sums over all zones in a run of columns.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct CoverageSums {
    /// Coverage, in fixed point.
    zones: i64,
    /// Zones that cover these cells as a whole, and in part.
    whole: i32,
    part: i32,
}

impl CoverageSums {
    fn of(span: &Span) -> Self {
        let zones = to_fixed(span.coverage);
        let whole = i32::from(zones == ONE);
        Self { zones, whole, part: 1 - whole }
    }

    fn plus(self, other: Self) -> Self {
        Self { zones: self.zones + other.zones, whole: self.whole + other.whole, part: self.part + other.part }
    }

    fn minus(self, other: Self) -> Self {
        Self { zones: self.zones - other.zones, whole: self.whole - other.whole, part: self.part - other.part }
    }

    /// True where several zones cover cells in part and none as a whole: coverages do not tell what they have in common.
    fn is_crowded(&self) -> bool {
        self.whole == 0 && self.part > 1
    }
}

/// Cells of one row of a window that several zones cover in part and none as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crowded {
    /// Row of the window.
    pub row: u32,
    /// Columns of the grid, from the first to before the second.
    pub cols: [u32; 2],
    sums: CoverageSums,
}

/// What zones leave of a row: where their coverages add up to less or to more than 1. Only columns where a span begins or
/// ends are looked at.
pub(crate) struct RestRow {
    window: Window,
    others: ExtraTallies,
    /// By column, one more than the window has: what begins there, less what ended.
    steps: Vec<CoverageSums>,
    /// One bit a column: whether anything does.
    touched: Vec<u64>,
}

impl RestRow {
    pub(crate) fn new(window: Window, zones: usize) -> Self {
        let columns = window.width + 1;
        let others = ExtraTallies::after(zones);
        Self { window, others, steps: vec![CoverageSums::default(); columns], touched: vec![0; columns.div_ceil(64)] }
    }

    /// Adds to `rest` what the zones' spans of one row leave, and to `crowded` the cells of which coverages do not tell it.
    pub(crate) fn fill(&mut self, row: usize, zones: &[Span], rest: &mut Vec<(u32, Span)>, crowded: &mut Vec<Crowded>) {
        let (others, first, row) = (self.others, self.window.col as u32, row as u32);
        for span in zones {
            self.step(span);
        }
        let mut run = |from: usize, to: usize, sums: CoverageSums| {
            let cols = [first + from as u32, first + to as u32];
            if to > from && sums.is_crowded() {
                crowded.push(Crowded { row, cols, sums });
            } else if to > from {
                leftover(others, row, cols, [sums.zones, 0], rest);
            }
        };
        let (mut from, mut sums) = (0, CoverageSums::default());
        for (word, bits) in self.touched.iter_mut().enumerate() {
            while *bits != 0 {
                let column = word * 64 + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                let step = std::mem::take(&mut self.steps[column]);
                if step != CoverageSums::default() {
                    run(from, column, sums);
                    (from, sums) = (column, sums.plus(step));
                }
            }
        }
        run(from, self.window.width, sums);
    }

    /// Adds to `rest` what zones leave of crowded cells; `common` is what zones have in common there, in the same order.
    pub(crate) fn fill_crowded(&self, crowded: &[Crowded], common: &[(u32, Span)], rest: &mut Vec<(u32, Span)>) {
        let mut common = common.iter().peekable();
        for Crowded { row, cols, sums } in crowded {
            for col in cols[0]..cols[1] {
                while common.next_if(|(r, span)| (*r, span.col) < (*row, col)).is_some() {}
                let here = common.next_if(|(r, span)| (*r, span.col) == (*row, col));
                let both = here.map_or(0, |(_, span)| to_fixed(span.coverage));
                leftover(self.others, *row, [col, col + 1], [sums.zones, both], rest);
            }
        }
    }

    fn step(&mut self, span: &Span) {
        let start = span.col as usize - self.window.col;
        let end = start + span.len as usize;
        let by = CoverageSums::of(span);
        self.steps[start] = self.steps[start].plus(by);
        self.steps[end] = self.steps[end].minus(by);
        for column in [start, end] {
            self.touched[column / 64] |= 1 << (column % 64);
        }
    }
}

/// Adds what zones leave of a run of columns, from their coverage and what they have in common.
fn leftover(
    others: ExtraTallies,
    row: u32,
    [from, to]: [u32; 2],
    [zones, common]: [i64; 2],
    rest: &mut Vec<(u32, Span)>,
) {
    if (zones - ONE).abs() <= EPSILON && common <= EPSILON {
        return;
    }
    // A cell is not covered by more than its own, whatever the rounding of what is in common. Where a zone covers it as a
    // whole, all beyond one cell is.
    let both = common.max(zones - ONE);
    for (zone, coverage) in [(others.outside, ONE - zones + both), (others.overlap, both)] {
        if coverage > EPSILON {
            rest.push((row, Span { zone, col: from, len: to - from, coverage: from_fixed(coverage) }));
        }
    }
}
