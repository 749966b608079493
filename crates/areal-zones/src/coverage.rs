//! Exact coverage of cells by polygons.
//!
//! Each edge is walked through the cells it crosses. In a cell it leaves two numbers: the rows it spans (`cover`), which
//! is what it adds to every cell further right, and the part of its own cell that lies right of it (`area`). A sweep
//! along each row sums them up. This is the signed-area accumulation of outline font rasterisers, in double precision
//! and with sparse rows: work is done where an outline crosses a cell, and whole runs of inner cells cost nothing.

use areal_grid::Window;

use crate::shape::{Edge, ZoneShape};

/// Cells of one row that a zone covers to the same fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Index of the zone in the slice of shapes.
    pub zone: u32,
    /// First column, of the grid.
    pub col: u32,
    /// Number of cells.
    pub len: u32,
    /// Fraction of each cell that lies in the zone, above 0 and up to 1.
    pub coverage: f64,
}

/// Sums of several coverages this close to 1 are 1.
const REST_EPSILON: f64 = 1e-10;

/// Coverage of the cells of one window by a set of zones.
#[derive(Debug, Clone)]
pub struct WindowCoverage {
    window: Window,
    spans: Vec<Span>,
    row_starts: Vec<usize>,
    /// What several zones have in common, once for each zone beyond the first.
    overlaps: Option<Box<Self>>,
}

/// A fraction this close to 0 or 1 is rounding.
const EPSILON: f64 = 1e-11;

impl WindowCoverage {
    /// Coverage of the cells of `window` by each of `shapes`. Exact up to rounding for outlines that do not cross
    /// themselves.
    pub fn new(shapes: &[ZoneShape], window: Window) -> Self {
        let mut walker = Walker::new(window);
        let mut found: Vec<(u32, Span)> = Vec::new();
        for (zone, shape) in shapes.iter().enumerate() {
            walker.shape(shape);
            walker.sweep(zone as u32, &mut found);
        }
        Self::by_rows(window, &found)
    }

    /// As [`WindowCoverage::new`], with what the shapes have in common, once for each beyond the first: without it,
    /// overlaps and gaps within one cell offset each other in [`WindowCoverage::rest`].
    pub fn with_overlaps(shapes: &[ZoneShape], overlaps: &[ZoneShape], window: Window) -> Self {
        let common = (!overlaps.is_empty()).then(|| Box::new(Self::new(overlaps, window)));
        Self { overlaps: common, ..Self::new(shapes, window) }
    }

    /// Sorts spans by row, keeping the order of zones in each: a counting sort.
    fn by_rows(window: Window, found: &[(u32, Span)]) -> Self {
        let mut row_starts = vec![0usize; window.height + 1];
        for (row, _) in found {
            row_starts[*row as usize + 1] += 1;
        }
        for k in 0..window.height {
            row_starts[k + 1] += row_starts[k];
        }
        let mut next = row_starts.clone();
        let mut spans = vec![Span { zone: 0, col: 0, len: 0, coverage: 0.0 }; found.len()];
        for (row, span) in found {
            let at = &mut next[*row as usize];
            spans[*at] = *span;
            *at += 1;
        }
        Self { window, spans, row_starts, overlaps: None }
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Spans of one row of the grid, by zone, then by column. Empty for a row outside the window.
    pub fn row(&self, row: usize) -> &[Span] {
        match row.checked_sub(self.window.row) {
            Some(r) if r < self.window.height => &self.spans[self.row_starts[r]..self.row_starts[r + 1]],
            _ => &[],
        }
    }

    /// What zones leave of one row: cells, or fractions of them, in no zone, and those in more than one, once for each
    /// zone beyond the first. Spans carry the zone numbers given.
    pub fn rest(&self, row: usize, outside: u32, overlap: u32) -> Vec<Span> {
        let sums = self.sums(row);
        let overlaps = self.overlaps.as_deref().filter(|o| !o.row(row).is_empty()).map(|o| o.sums(row));
        let common = |col: usize| overlaps.as_ref().map_or(0.0, |o| o[col]);
        let mut rest = Vec::new();
        let mut col = 0;
        while col < sums.len() {
            // Eight at a time where zones fill everything, which is nearly everywhere.
            if let Some(eight) = sums.get(col..col + 8)
                && eight.iter().all(|s| (s - 1.0).abs() <= REST_EPSILON)
                && (col..col + 8).all(|c| common(c) <= REST_EPSILON)
            {
                col += 8;
                continue;
            }
            let at = (sums[col], common(col));
            let len = (col..sums.len()).take_while(|c| (sums[*c], common(*c)) == at).count();
            // A cell is not covered by more than its own, whatever the rounding of overlaps.
            let both = at.1.max(at.0 - 1.0);
            for (zone, coverage) in [(outside, 1.0 - at.0 + both), (overlap, both)] {
                if coverage > REST_EPSILON {
                    rest.push(Span { zone, col: (self.window.col + col) as u32, len: len as u32, coverage });
                }
            }
            col += len;
        }
        rest
    }

    /// Coverage of each cell of one row, all zones together.
    fn sums(&self, row: usize) -> Vec<f64> {
        let mut sums = vec![0.0f64; self.window.width];
        for span in self.row(row) {
            let at = span.col as usize - self.window.col;
            for sum in &mut sums[at..at + span.len as usize] {
                *sum += span.coverage;
            }
        }
        sums
    }

    /// All spans, row by row.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Adds up what `zone` covers, in cells.
    pub fn covered(&self, zone: u32) -> f64 {
        self.spans.iter().filter(|s| s.zone == zone).map(|s| f64::from(s.len) * s.coverage).sum()
    }
}

/// What the edges of one zone leave in one cell.
#[derive(Debug, Clone, Copy)]
struct Cell {
    /// Row in the window in the high half, column in the window in the low half.
    key: u64,
    cover: f64,
    area: f64,
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
        let (top, bottom) = (self.window.row as f64, self.window.row_end() as f64);
        let (left, right) = (self.window.col as f64, self.window.col_end() as f64);
        match shape.bounds() {
            Some(b) if b.y0 < bottom && b.y1 > top && b.x0 < right && b.x1 > left => {}
            _ => return,
        }
        // An edge right of the window covers nothing in it; one left of it covers whole rows.
        for (_, edges) in shape.chunks().filter(|(b, _)| b.y0 < bottom && b.y1 > top && b.x0 < right) {
            for edge in edges {
                if edge.y0 < bottom && edge.y1 > top && edge.x0.min(edge.x1) < right {
                    self.edge(edge);
                }
            }
        }
    }

    /// Cuts an edge at row boundaries. Every position on it is computed from its ends, never from the step before, so
    /// that the pieces add up to the whole and both zones beside it agree.
    fn edge(&mut self, e: &Edge) {
        let (first, last) = (self.window.row as f64, self.window.row_end() as f64);
        let slope = (e.x1 - e.x0) / (e.y1 - e.y0);
        let x_at = |y: f64| {
            if y <= e.y0 {
                e.x0
            } else if y >= e.y1 {
                e.x1
            } else {
                // From the nearer end, so that the error stays small at both.
                let x = if y - e.y0 < e.y1 - y { e.x0 + (y - e.y0) * slope } else { e.x1 - (e.y1 - y) * slope };
                x.clamp(e.x0.min(e.x1), e.x0.max(e.x1))
            }
        };
        let mut y = e.y0.max(first);
        let end = e.y1.min(last);
        let mut x = x_at(y);
        while y < end {
            let row = y.floor();
            let y_next = (row + 1.0).min(end);
            let x_next = x_at(y_next);
            self.piece((row - first) as u32, (x, y), (x_next, y_next), e.sign);
            (x, y) = (x_next, y_next);
        }
    }

    /// Cuts a piece within one row at column boundaries.
    fn piece(&mut self, row: u32, (xa, ya): (f64, f64), (xb, yb): (f64, f64), sign: f64) {
        let (left, right) = (self.window.col as f64, self.window.col_end() as f64);
        let (low, high) = (xa.min(xb), xa.max(xb));
        if high <= left {
            return self.add(row, 0, sign * (yb - ya), 1.0);
        }
        if low >= right {
            return;
        }
        if low >= left && low.floor() == high.floor() {
            let col = low.floor();
            return self.add(row, (col - left) as u32, sign * (yb - ya), 1.0 - (0.5 * (xa + xb) - col));
        }
        // From left to right, whichever way the piece runs; `gone` is the part of its height already walked.
        let height = yb - ya;
        let rate = height / (high - low);
        let height_to = |x: f64| if x >= high { height } else { ((x - low) * rate).min(height) };
        let mut gone = 0.0;
        let mut x = low;
        if low < left {
            gone = height_to(left);
            self.add(row, 0, sign * gone, 1.0);
            x = left;
        }
        while x < high && x < right {
            let col = x.floor();
            let x_next = (col + 1.0).min(high);
            let there = height_to(x_next).max(gone);
            self.add(row, (col - left) as u32, sign * (there - gone), 1.0 - (0.5 * (x + x_next) - col));
            (x, gone) = (x_next, there);
        }
    }

    /// Adds to a cell an edge piece of signed height `cover`, with `share` of the cell's width right of it.
    fn add(&mut self, row: u32, col: u32, cover: f64, share: f64) {
        let key = u64::from(row) << 32 | u64::from(col);
        match self.cells.last_mut() {
            Some(cell) if cell.key == key => {
                cell.cover += cover;
                cell.area += cover * share;
            }
            _ => self.cells.push(Cell { key, cover, area: cover * share }),
        }
    }

    /// Turns the cells of one zone into spans, each with its row in the window, and forgets them.
    pub(crate) fn sweep(&mut self, zone: u32, found: &mut Vec<(u32, Span)>) {
        // Stable, so that the order of additions, and with it the last digit, is the outline's.
        self.cells.sort_by_key(|c| c.key);
        let (first_col, width) = (self.window.col as u32, self.window.width as u32);
        let mut push = |row: u32, col: u32, len: u32, coverage: f64| {
            if coverage > EPSILON && len > 0 {
                let coverage = if coverage > 1.0 - EPSILON { 1.0 } else { coverage };
                found.push((row, Span { zone, col: first_col + col, len, coverage }));
            }
        };
        let mut k = 0;
        while k < self.cells.len() {
            let row = (self.cells[k].key >> 32) as u32;
            let (mut cover, mut next) = (0.0, 0);
            while k < self.cells.len() && (self.cells[k].key >> 32) as u32 == row {
                let key = self.cells[k].key;
                let col = key as u32;
                push(row, next, col - next, cover);
                let mut area = 0.0;
                let before = cover;
                while k < self.cells.len() && self.cells[k].key == key {
                    area += self.cells[k].area;
                    cover += self.cells[k].cover;
                    k += 1;
                }
                push(row, col, 1, before + area);
                next = col + 1;
            }
            push(row, next, width.saturating_sub(next), cover);
        }
        self.cells.clear();
    }
}
