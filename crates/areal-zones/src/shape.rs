//! The outline of a zone in pixel coordinates, as edges sorted for the coverage walk.

use areal_grid::Window;
use geo::{LineString, MultiPolygon};

/// The outline of one zone in pixel coordinates (`x` = column, `y` = row; pixel (row, col) is the unit square from
/// `(col, row)`), ready for coverage.
#[derive(Debug, Clone, Default)]
pub struct ZoneShape {
    edges: Vec<Edge>,
    chunks: Vec<Bounds>,
    bounds: Option<Bounds>,
}

/// One edge of an outline, stored downwards in the raster (`y0 < y1`), so that two zones that share it compute the same
/// numbers from it. `sign` is +1 when the zone's inside lies at greater columns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Edge {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
    pub sign: f64,
}

impl Edge {
    /// Column at a row between its ends: computed from the nearer one, so that the error stays small at both.
    pub(crate) fn x_at(&self, y: f64) -> f64 {
        if y <= self.y0 {
            return self.x0;
        }
        if y >= self.y1 {
            return self.x1;
        }
        let slope = (self.x1 - self.x0) / (self.y1 - self.y0);
        let x =
            if y - self.y0 < self.y1 - y { self.x0 + (y - self.y0) * slope } else { self.x1 - (self.y1 - y) * slope };
        x.clamp(self.x0.min(self.x1), self.x0.max(self.x1))
    }
}

/// A box in pixel coordinates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bounds {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl Bounds {
    fn of(edge: &Edge) -> Self {
        Self { x0: edge.x0.min(edge.x1), y0: edge.y0, x1: edge.x0.max(edge.x1), y1: edge.y1 }
    }

    pub(crate) fn of_window(window: &Window) -> Self {
        let [x0, y0, x1, y1] = [window.col, window.row, window.col_end(), window.row_end()].map(|v| v as f64);
        Self { x0, y0, x1, y1 }
    }

    /// True where two boxes have a point in common.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        self.x0 <= other.x1 && self.x1 >= other.x0 && self.y0 <= other.y1 && self.y1 >= other.y0
    }

    /// True where edges in the box can matter to a window: those right of it cover nothing in it, those left of it whole rows.
    pub(crate) fn matters_to(&self, window: &Window) -> bool {
        self.y0 < window.row_end() as f64 && self.y1 > window.row as f64 && self.x0 < window.col_end() as f64
    }

    pub(crate) fn join(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }
}

/// Edges whose common box is looked at before they are.
pub(crate) const CHUNK: usize = 32;

impl ZoneShape {
    /// From polygons in pixel coordinates, `x` = column, `y` = row. Rings may wind either way: shells are taken as
    /// positive, holes as negative. Rings must not cross each other or themselves.
    pub fn new(polygons: &MultiPolygon<f64>) -> Self {
        let mut edges = Vec::new();
        for polygon in polygons {
            push_ring(polygon.exterior(), 1.0, &mut edges);
            for hole in polygon.interiors() {
                push_ring(hole, -1.0, &mut edges);
            }
        }
        Self::from_edges(edges)
    }

    fn from_edges(edges: Vec<Edge>) -> Self {
        let chunks: Vec<Bounds> =
            edges.chunks(CHUNK).filter_map(|chunk| chunk.iter().map(Bounds::of).reduce(Bounds::join)).collect();
        let bounds = chunks.iter().copied().reduce(Bounds::join);
        Self { edges, chunks, bounds }
    }

    /// True when the outline encloses nothing.
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Area in cells.
    pub fn area(&self) -> f64 {
        // The origin is moved to the shape: far from it, the products would lose their last digits.
        let x = self.bounds.map_or(0.0, |b| b.x1);
        self.edges.iter().map(|e| e.sign * (e.y1 - e.y0) * (x - 0.5 * (e.x0 + e.x1))).sum()
    }

    /// `[first column, first row, last column, last row]` of the outline, in fractions of pixels.
    pub fn extent(&self) -> Option<[f64; 4]> {
        self.bounds.map(|b| [b.x0, b.y0, b.x1, b.y1])
    }

    /// The same outline moved by a number of columns and joined to this one: the copies of a zone that reaches over
    /// the antimeridian.
    #[must_use]
    pub fn with_copies(&self, shifts: &[f64]) -> Self {
        let moved = |e: &Edge, dx: f64| Edge { x0: e.x0 + dx, x1: e.x1 + dx, ..*e };
        Self::from_edges(shifts.iter().flat_map(|dx| self.edges.iter().map(move |e| moved(e, *dx))).collect())
    }

    pub(crate) fn bounds(&self) -> Option<Bounds> {
        self.bounds
    }

    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Chunks of edges with their common boxes.
    pub(crate) fn chunks(&self) -> impl Iterator<Item = (&Bounds, &[Edge])> {
        self.chunks.iter().zip(self.edges.chunks(CHUNK))
    }
}

/// Twice the signed area of a ring, relative to its first point.
fn twice_signed_area(ring: &LineString<f64>) -> f64 {
    let Some(o) = ring.0.first() else { return 0.0 };
    ring.lines().map(|l| (l.start.x - o.x) * (l.end.y - o.y) - (l.end.x - o.x) * (l.start.y - o.y)).sum()
}

fn push_ring(ring: &LineString<f64>, role: f64, edges: &mut Vec<Edge>) {
    // With y downwards, a positive shoelace sum runs down on the right of its inside.
    let sign = -role * twice_signed_area(ring).signum();
    for line in ring.lines() {
        let (a, b) = (line.start, line.end);
        if a.y < b.y {
            edges.push(Edge { x0: a.x, y0: a.y, x1: b.x, y1: b.y, sign });
        } else if b.y < a.y {
            edges.push(Edge { x0: b.x, y0: b.y, x1: a.x, y1: a.y, sign: -sign });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::polygon;

    #[test]
    fn area_does_not_depend_on_winding() {
        let square = polygon![(x: 1.0, y: 1.0), (x: 4.0, y: 1.0), (x: 4.0, y: 3.0), (x: 1.0, y: 3.0)];
        let back = polygon![(x: 1.0, y: 1.0), (x: 1.0, y: 3.0), (x: 4.0, y: 3.0), (x: 4.0, y: 1.0)];
        for p in [square, back] {
            let hole = vec![(2.0, 1.5), (3.0, 1.5), (3.0, 2.5), (2.0, 2.5), (2.0, 1.5)];
            let p = geo::Polygon::new(p.exterior().clone(), vec![LineString::from(hole)]);
            let shape = ZoneShape::new(&MultiPolygon::new(vec![p]));
            // 3 x 2 less 1 x 1.
            assert!((shape.area() - 5.0).abs() < 1e-12);
            assert_eq!(shape.extent(), Some([1.0, 1.0, 4.0, 3.0]));
            let copies = shape.with_copies(&[0.0, 10.0]);
            assert_eq!(copies.extent(), Some([1.0, 1.0, 14.0, 3.0]));
            assert!((copies.area() - 10.0).abs() < 1e-12);
        }
    }
}
