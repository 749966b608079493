//! Exact coverage of the cells of a window by zones, row by row.

use areal_grid::Window;

use crate::ZonesError;
use crate::placed_shapes::PlacedShapes;
use crate::rest::RestRow;
use crate::rim::Rim;
use crate::shape::ZoneShape;
use crate::shared_ground::shared_ground;
use crate::tally::ExtraTallies;
use crate::walker::Walker;

/// Cells of one row that a zone covers to the same fraction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Index of the zone in the slice of shapes; past the last, an index of [`crate::tally::ExtraTallies`].
    pub zone: u32,
    /// First column, of the grid.
    pub col: u32,
    pub len: u32,
    /// Fraction of each cell that lies in the zone, above 0 and up to 1: a whole number of 2^-52.
    pub coverage: f64,
}

/// Coverage of the cells of one window by a set of zones.
///
/// ```
/// use areal_grid::Window;
/// use areal_zones::{WindowCoverage, ZoneShape};
/// use geo::{MultiPolygon, polygon};
///
/// // Pixel coordinates: x is the column, y the row.
/// let zone = polygon![(x: 0.5, y: 0.0), (x: 3.0, y: 0.0), (x: 3.0, y: 1.0), (x: 0.5, y: 1.0)];
/// let shape = ZoneShape::new(&MultiPolygon::new(vec![zone]));
/// let coverage = WindowCoverage::new(&[shape], Window::new(0, 0, 2, 4));
/// let cells: Vec<_> = coverage.row(0).iter().map(|s| (s.col, s.len, s.coverage)).collect();
/// assert_eq!(cells, [(0, 1, 0.5), (1, 2, 1.0)]);
/// assert!(coverage.row(1).is_empty());
/// assert_eq!(coverage.covered(0), 2.5);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct WindowCoverage {
    window: Window,
    zones: SpanRows,
    rest: SpanRows,
    /// The number that spans of [`WindowCoverage::rest`] have where no zone is.
    outside: u32,
}

/// Spans row by row.
#[derive(Debug, Clone, Default, PartialEq)]
struct SpanRows {
    spans: Vec<Span>,
    /// Where each row begins, and after the last row the end; nothing without spans.
    starts: Vec<usize>,
}

impl SpanRows {
    /// Sorts spans by row, keeping their order in each: a counting sort.
    fn sorted(height: usize, found: &[(u32, Span)]) -> Self {
        let mut starts = vec![0usize; height + 1];
        for (row, _) in found {
            starts[*row as usize + 1] += 1;
        }
        for k in 0..height {
            starts[k + 1] += starts[k];
        }
        let mut next = starts.clone();
        let mut spans = vec![Span { zone: 0, col: 0, len: 0, coverage: 0.0 }; found.len()];
        for (row, span) in found {
            let at = &mut next[*row as usize];
            spans[*at] = *span;
            *at += 1;
        }
        Self { spans, starts }
    }

    fn row(&self, k: usize) -> &[Span] {
        match (self.starts.get(k), self.starts.get(k + 1)) {
            (Some(start), Some(end)) => &self.spans[*start..*end],
            _ => &[],
        }
    }
}

/// Spans of shapes, by number, each with its row in the window.
fn spans_of(shapes: &PlacedShapes, near: &[u32], window: Window) -> Result<Vec<(u32, Span)>, ZonesError> {
    let mut walker = Walker::new(window);
    let (mut found, mut edges) = (Vec::new(), Vec::new());
    for zone in near.iter().filter(|zone| shapes.reaches(**zone, &window)) {
        shapes.edges(*zone, &window, &mut edges)?;
        walker.edges(&edges);
        walker.sweep(*zone, &mut found);
    }
    Ok(found)
}

impl WindowCoverage {
    /// Coverage of the cells of `window` by each of `shapes`. Exact up to rounding for outlines that do not cross
    /// themselves; what it says of a cell does not depend on the window.
    pub fn new(shapes: &[ZoneShape], window: Window) -> Self {
        Self::of(shapes.iter().enumerate().map(|(zone, shape)| (zone as u32, shape)), window)
    }

    /// Of shapes with their numbers, which rise.
    fn of<'a>(shapes: impl Iterator<Item = (u32, &'a ZoneShape)>, window: Window) -> Self {
        let mut walker = Walker::new(window);
        let mut found = Vec::new();
        for (zone, shape) in shapes {
            walker.shape(shape);
            walker.sweep(zone, &mut found);
        }
        Self { window, zones: SpanRows::sorted(window.height, &found), rest: SpanRows::default(), outside: u32::MAX }
    }

    /// As [`WindowCoverage::new`], and what the zones leave of each row ([`WindowCoverage::rest`]). What they have in common
    /// is worked out from their edges where coverages do not tell: else overlaps and gaps within one cell would offset each
    /// other.
    ///
    /// Of cells on the rim of the Earth (row and column in the grid, and the share that is on it), coverage is that of what
    /// is on the Earth.
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub(crate) fn with_rest(
        shapes: &PlacedShapes,
        window: Window,
        rim: &[([usize; 2], f64)],
    ) -> Result<Self, ZonesError> {
        let near = shapes.near(&window);
        let mut found = spans_of(shapes, &near, window)?;
        let mut zones = SpanRows::sorted(window.height, &found);
        let mut row = RestRow::new(window, shapes.len());
        let (mut rest, mut crowded) = (Vec::new(), Vec::new());
        for k in 0..window.height {
            row.fill(k, zones.row(k), &mut rest, &mut crowded);
        }
        let mut common = Vec::new();
        if !crowded.is_empty() {
            common = shared_ground(shapes, &near, window, &crowded)?;
        }
        if !rim.is_empty() {
            Rim::new(window, rim, &found, &common).cover([&mut found, &mut common]);
            zones = SpanRows::sorted(window.height, &found);
            rest.clear();
            crowded.clear();
            for k in 0..window.height {
                row.fill(k, zones.row(k), &mut rest, &mut crowded);
            }
        }
        row.fill_crowded(&crowded, &common, &mut rest);
        let rest = SpanRows::sorted(window.height, &rest);
        Ok(Self { window, zones, rest, outside: ExtraTallies::after(shapes.len()).outside })
    }

    pub fn window(&self) -> Window {
        self.window
    }

    /// Spans of one row of the grid, by zone, then by column. Empty for a row outside the window.
    pub fn row(&self, row: usize) -> &[Span] {
        row.checked_sub(self.window.row).map_or(&[], |k| self.zones.row(k))
    }

    /// What zones leave of one row: cells, or fractions of them, in no zone, and those in more than one, once for each zone
    /// beyond the first. Spans carry the numbers of [`crate::tally::ExtraTallies`].
    pub fn rest(&self, row: usize) -> &[Span] {
        row.checked_sub(self.window.row).map_or(&[], |k| self.rest.row(k))
    }

    /// The part of each cell of a row, or the run of them, that lies in no zone. The row is one of the grid.
    pub fn uncovered(&self, row: usize) -> impl Iterator<Item = &Span> {
        self.rest(row).iter().filter(|span| span.zone == self.outside)
    }

    /// All spans of zones, row by row.
    pub fn spans(&self) -> &[Span] {
        &self.zones.spans
    }

    /// Adds up what `zone` covers, in cells.
    pub fn covered(&self, zone: u32) -> f64 {
        self.zones.spans.iter().filter(|s| s.zone == zone).map(|s| f64::from(s.len) * s.coverage).sum()
    }
}
