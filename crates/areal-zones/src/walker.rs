//! The walk of outlines through the cells they cross, in fixed point.
//!
//! Each edge leaves two numbers in a cell: the rows it spans (`cover`), which is what it adds to every cell further
//! right, and the part of its own cell that lies right of it (`area`). A sweep along each row sums them up. This is the
//! signed-area accumulation of outline font rasterisers, with sparse rows: work is done where an outline crosses a cell,
//! and whole runs of inner cells cost nothing.
//!
//! Sums are whole numbers of 2^-52 of a cell. They do not depend on the order of additions, nor on the window that is
//! looked at; a closed ring adds up to exactly 1 inside and 0 outside; and two zones with the same border get shares that
//! add up to exactly 1.

use areal_grid::Window;

use crate::Span;
use crate::shape::{Edge, ZoneShape};

/// A whole cell in fixed point. Every such number from 0 to `ONE` is a double without rounding.
pub(crate) const ONE: i64 = 1 << 52;
/// A coverage this close to 0 or 1, about 1e-11 of a cell, is rounding.
const EPSILON: i64 = 45_000;

/// A coverage as a number of 2^-52 of a cell, exactly: coverages are such numbers.
pub(crate) fn to_fixed(coverage: f64) -> i64 {
    (coverage * ONE as f64) as i64
}

/// The coverage of a number of 2^-52 of a cell, exactly.
pub(crate) fn from_fixed(coverage: i64) -> f64 {
    coverage as f64 / ONE as f64
}

/// What the edges of one zone leave in one cell.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// Row in the window in the high half, column in the window in the low half.
    key: u64,
    cover: i64,
    area: i64,
}

pub(crate) struct Walker {
    window: Window,
    cells: Vec<Cell>,
}

impl Walker {
    pub(crate) fn new(window: Window) -> Self {
        Self { window, cells: Vec::new() }
    }

    /// Walks every edge of a shape that can matter to the window.
    pub(crate) fn shape(&mut self, shape: &ZoneShape) {
        let left = self.window.col as f64;
        if shape.bounds().is_some_and(|b| b.matters_to(&self.window) && b.x1 > left) {
            let window = self.window;
            shape.chunks().filter(|(b, _)| b.matters_to(&window)).for_each(|(_, edges)| self.edges(edges));
        }
    }

    /// Walks those of some edges that can matter to the window.
    pub(crate) fn edges(&mut self, edges: &[Edge]) {
        let (top, bottom) = (self.window.row as f64, self.window.row_end() as f64);
        let right = self.window.col_end() as f64;
        for edge in edges {
            if edge.y0 < bottom && edge.y1 > top && edge.x0.min(edge.x1) < right {
                self.edge(edge);
            }
        }
    }

    /// Cuts an edge at row boundaries. Every position on it is computed from its ends, never from the step before, so
    /// that the pieces add up to the whole and both zones beside it agree.
    fn edge(&mut self, e: &Edge) {
        let (first, last) = (self.window.row as f64, self.window.row_end() as f64);
        let sign = if e.sign > 0.0 { 1 } else { -1 };
        let mut y = e.y0.max(first);
        let end = e.y1.min(last);
        let mut x = e.x_at(y);
        while y < end {
            let row = y.floor();
            let y_next = (row + 1.0).min(end);
            let x_next = e.x_at(y_next);
            // Heights within the row, rounded at their ends: what is below one edge of a ring is above the next.
            let height = to_fixed(y_next - row) - to_fixed(y - row);
            self.piece((row - first) as u32, x, x_next, height, sign);
            (x, y) = (x_next, y_next);
        }
    }

    /// Cuts a piece within one row at column boundaries.
    fn piece(&mut self, row: u32, xa: f64, xb: f64, height: i64, sign: i64) {
        let (left, right) = (self.window.col as f64, self.window.col_end() as f64);
        let (low, high) = (xa.min(xb), xa.max(xb));
        if high <= left {
            return self.add(row, 0, sign, height, 1.0);
        }
        if low >= right {
            return;
        }
        if low >= left && low.floor() == high.floor() {
            let col = low.floor();
            return self.add(row, (col - left) as u32, sign, height, 1.0 - (0.5 * (xa + xb) - col));
        }
        // From left to right, whichever way the piece runs; `gone` is the part of its height already walked.
        let rate = height as f64 / (high - low);
        let height_to = |x: f64| if x >= high { height } else { (((x - low) * rate) as i64).min(height) };
        let mut gone = 0;
        let mut x = low;
        if low < left {
            gone = height_to(left);
            self.add(row, 0, sign, gone, 1.0);
            x = left;
        }
        while x < high && x < right {
            let col = x.floor();
            let x_next = (col + 1.0).min(high);
            let there = height_to(x_next);
            self.add(row, (col - left) as u32, sign, there - gone, 1.0 - (0.5 * (x + x_next) - col));
            (x, gone) = (x_next, there);
        }
    }

    /// Adds to a cell an edge piece of a height, with `share` of the cell's width right of it.
    fn add(&mut self, row: u32, col: u32, sign: i64, height: i64, share: f64) {
        let key = u64::from(row) << 32 | u64::from(col);
        // Rounded before the sign, so that the zones on both sides round alike.
        let (cover, area) = (sign * height, sign * (height as f64 * share) as i64);
        match self.cells.last_mut() {
            Some(cell) if cell.key == key => {
                // Sums may run over on the way: what they come to does not.
                cell.cover = cell.cover.wrapping_add(cover);
                cell.area = cell.area.wrapping_add(area);
            }
            _ => self.cells.push(Cell { key, cover, area }),
        }
    }

    /// Turns the cells of one zone into spans, each with its row in the window, and forgets them. Neighbouring cells of
    /// equal coverage are one span.
    pub(crate) fn sweep(&mut self, zone: u32, found: &mut Vec<(u32, Span)>) {
        self.cells.sort_unstable_by_key(|c| c.key);
        let (first_col, width) = (self.window.col as u32, self.window.width as u32);
        let start = found.len();
        let mut push = |row: u32, col: u32, len: u32, coverage: i64| {
            if coverage <= EPSILON || len == 0 {
                return;
            }
            let coverage = if coverage >= ONE - EPSILON { 1.0 } else { from_fixed(coverage) };
            let col = first_col + col;
            if let Some((last_row, last)) = found[start..].last_mut()
                && *last_row == row
                && last.col + last.len == col
                && last.coverage == coverage
            {
                last.len += len;
                return;
            }
            found.push((row, Span { zone, col, len, coverage }));
        };
        let mut k = 0;
        while k < self.cells.len() {
            let row = (self.cells[k].key >> 32) as u32;
            let (mut cover, mut next) = (0i64, 0);
            while k < self.cells.len() && (self.cells[k].key >> 32) as u32 == row {
                let key = self.cells[k].key;
                let col = key as u32;
                push(row, next, col - next, cover);
                let mut own = cover;
                while k < self.cells.len() && self.cells[k].key == key {
                    own = own.wrapping_add(self.cells[k].area);
                    cover = cover.wrapping_add(self.cells[k].cover);
                    k += 1;
                }
                push(row, col, 1, own);
                next = col + 1;
            }
            push(row, next, width.saturating_sub(next), cover);
        }
        self.cells.clear();
    }
}
