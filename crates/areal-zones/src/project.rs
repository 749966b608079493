//! Bringing outlines from the zones' CRS onto a pixel grid, with vertices added so that what is straight there stays
//! true here.

use areal_grid::{PixelGrid, ProjectionError};
use geo::{Coord, LineString, MultiPolygon, Polygon};

use crate::grid_projection::{GridProjection, join};

/// From positions in the zones' CRS to positions in the grid's.
pub(crate) type Transform<'a> = &'a dyn Fn(&mut [[f64; 2]]) -> Result<(), ProjectionError>;

/// How far, in cells, an edge may lie from where it belongs.
const TOLERANCE: f64 = 1e-3;
/// An edge shorter than this, in cells, needs no vertices between its ends.
const SHORT: f64 = 0.05;
/// A stretch shorter than this, in cells, is a point.
const POINT: f64 = 1e-6;
/// A stretch whose middle lies off by less than this, in cells, is straight.
const STRAIGHT: f64 = 1e-5;
/// An edge is halved at most so often.
const MAX_HALVINGS: u32 = 18;

/// Why outlines cannot be projected.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ProjectFault {
    #[error(transparent)]
    Position(#[from] ProjectionError),
    #[error("the projection is discontinuous along its outline near ({x}, {y})")]
    Torn { x: f64, y: f64 },
}

/// One stretch of an edge: between the fractions `t0` and `t1` of it.
struct Stretch {
    ring: usize,
    edge: usize,
    t: [f64; 2],
    ends: [[f64; 2]; 2],
    halvings: u32,
}

/// A vertex to be added to an edge, at the fraction `t` of it.
pub(crate) struct Vertex {
    pub ring: usize,
    pub edge: usize,
    pub t: f64,
    pub at: [f64; 2],
}

/// Projects outlines to pixel coordinates (`x` = column, `y` = row).
pub(crate) fn project(
    outlines: &[&MultiPolygon<f64>],
    way: &GridProjection<'_>,
) -> Result<Vec<MultiPolygon<f64>>, ProjectFault> {
    let rings: Vec<&LineString<f64>> = outlines
        .iter()
        .flat_map(|m| m.iter())
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .collect();
    let mut corners: Vec<[f64; 2]> = rings.iter().flat_map(|r| r.coords().map(|c| [c.x, c.y])).collect();
    if let Some(transform) = way.transform {
        transform(&mut corners)?;
    }
    let mut placed: Vec<Vec<[f64; 2]>> = Vec::with_capacity(rings.len());
    let mut rest = corners.as_slice();
    for ring in &rings {
        let (head, tail) = rest.split_at(ring.0.len());
        rest = tail;
        placed.push(head.iter().map(|p| to_pixel(way.grid, *p)).collect());
    }
    let Some(transform) = way.transform else { return Ok(rebuild(outlines, &placed, &[], &[])) };
    let knots = join(&rings, &mut placed, transform, way)?;
    let caps: Vec<Option<f64>> = rings.iter().zip(&placed).map(|(ring, at)| way.cap(ring, at)).collect();
    let added = densify(&rings, &placed, knots, transform, way)?;
    Ok(rebuild(outlines, &placed, &added, &caps))
}

pub(crate) fn to_pixel(grid: &PixelGrid, point: [f64; 2]) -> [f64; 2] {
    grid.transform.invert(point).map_or([f64::NAN; 2], |(row, col)| [col, row])
}

/// Stretches of all edges between their vertices and knots. Knots are sorted by ring and edge.
fn stretches(rings: &[&LineString<f64>], placed: &[Vec<[f64; 2]>], knots: &[Vertex]) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut next = 0;
    for (ring, line) in rings.iter().enumerate() {
        for edge in 0..line.0.len().saturating_sub(1) {
            let (a, b) = (placed[ring][edge], placed[ring][edge + 1]);
            // The same way for both zones beside the edge, so that both get the same vertices.
            let [a, b] = if forwards(line, edge) { [a, b] } else { [b, a] };
            let mut inner: Vec<(f64, [f64; 2])> = Vec::new();
            while let Some(knot) = knots.get(next).filter(|k| k.ring == ring && k.edge == edge) {
                inner.push((knot.t, knot.at));
                next += 1;
            }
            inner.sort_by(|p, q| p.0.total_cmp(&q.0));
            let halvings = u32::from(!inner.is_empty());
            let mut from = (0.0, a);
            for to in inner.into_iter().chain([(1.0, b)]) {
                stretches.push(Stretch { ring, edge, t: [from.0, to.0], ends: [from.1, to.1], halvings });
                from = to;
            }
        }
    }
    stretches
}

/// The vertices that edges need between their ends, the knots among them, by ring and edge and along the edge.
fn densify(
    rings: &[&LineString<f64>],
    placed: &[Vec<[f64; 2]>],
    knots: Vec<Vertex>,
    transform: Transform<'_>,
    way: &GridProjection<'_>,
) -> Result<Vec<Vertex>, ProjectFault> {
    let mut pending = stretches(rings, placed, &knots);
    let mut added = knots;
    let poles = way.pole_rows();
    while !pending.is_empty() {
        // What was cut once is bent, and looked at however short it is.
        let least = |s: &Stretch| if s.halvings == 0 { SHORT } else { POINT };
        pending.retain(|s| (s.ends[0][0] - s.ends[1][0]).hypot(s.ends[0][1] - s.ends[1][1]) > least(s));
        // A quarter and the middle: the middle alone would miss an S-shaped edge.
        let at = |s: &Stretch, f: f64| s.t[0] + f * (s.t[1] - s.t[0]);
        let mut points: Vec<[f64; 2]> =
            pending.iter().flat_map(|s| [0.25, 0.5].map(|f| along(rings[s.ring], s.edge, at(s, f)))).collect();
        transform(&mut points)?;
        let mut next = Vec::new();
        for (s, pair) in pending.iter().zip(points.chunks_exact(2)) {
            let near = |p: [f64; 2], f: f64| {
                let mut q = to_pixel(way.grid, p);
                q[0] += way.turns(q[0], s.ends[0][0] + f * (s.ends[1][0] - s.ends[0][0]));
                q
            };
            let (quarter, middle) = (near(pair[0], 0.25), near(pair[1], 0.5));
            if distance(quarter, s.ends).max(distance(middle, s.ends)) <= TOLERANCE && is_between(middle, s.ends) {
                if distance(middle, s.ends) > STRAIGHT {
                    added.push(Vertex { ring: s.ring, edge: s.edge, t: at(s, 0.5), at: bulge(middle, s.ends) });
                }
                continue;
            }
            // At a pole any longitude is right.
            if poles.is_some_and(|poles| poles.iter().any(|row| is_at(*row, &[s.ends[0], middle, s.ends[1]]))) {
                continue;
            }
            if s.halvings >= MAX_HALVINGS || !middle[0].is_finite() || !middle[1].is_finite() {
                let p = along(rings[s.ring], s.edge, s.t[0]);
                return Err(ProjectFault::Torn { x: p[0], y: p[1] });
            }
            let t = at(s, 0.5);
            added.push(Vertex { ring: s.ring, edge: s.edge, t, at: middle });
            for (range, ends) in [([s.t[0], t], [s.ends[0], middle]), ([t, s.t[1]], [middle, s.ends[1]])] {
                next.push(Stretch { ring: s.ring, edge: s.edge, t: range, ends, halvings: s.halvings + 1 });
            }
        }
        pending = next;
    }
    for vertex in &mut added {
        if !forwards(rings[vertex.ring], vertex.edge) {
            vertex.t = 1.0 - vertex.t;
        }
    }
    added.sort_by(|a, b| (a.ring, a.edge).cmp(&(b.ring, b.edge)).then(a.t.total_cmp(&b.t)));
    Ok(added)
}

/// The vertex that gives two straight lines the area of a parabola through the middle: 4/3 of its distance from the chord.
/// Small zones are thus not too small by what all their edges bend outwards.
fn bulge(middle: [f64; 2], [a, b]: [[f64; 2]; 2]) -> [f64; 2] {
    [0, 1].map(|k| {
        let chord = 0.5 * (a[k] + b[k]);
        chord + 4.0 / 3.0 * (middle[k] - chord)
    })
}

/// True when points lie on a row.
fn is_at(row: f64, points: &[[f64; 2]]) -> bool {
    points.iter().all(|p| (p[1] - row).abs() <= TOLERANCE)
}

/// True when an edge runs from its lesser to its greater end.
pub(crate) fn forwards(ring: &LineString<f64>, edge: usize) -> bool {
    let (a, b) = (ring.0[edge], ring.0[edge + 1]);
    (a.x, a.y) <= (b.x, b.y)
}

/// Position at a fraction of an edge, counted from its lesser end.
pub(crate) fn along(ring: &LineString<f64>, edge: usize, t: f64) -> [f64; 2] {
    let (mut a, mut b) = (ring.0[edge], ring.0[edge + 1]);
    if !forwards(ring, edge) {
        std::mem::swap(&mut a, &mut b);
    }
    [a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)]
}

/// Distance of a point from the stretch between two others.
fn distance(p: [f64; 2], ends: [[f64; 2]; 2]) -> f64 {
    let [a, b] = ends;
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let t = (((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    let d = (p[0] - a[0] - t * dx).hypot(p[1] - a[1] - t * dy);
    // A position that is not finite is infinitely far.
    if d.is_nan() { f64::INFINITY } else { d }
}

/// True when a point lies in the middle half between two others: where a map is torn, it lies at one of them.
fn is_between(p: [f64; 2], [a, b]: [[f64; 2]; 2]) -> bool {
    let off = (p[0] - 0.5 * (a[0] + b[0])).hypot(p[1] - 0.5 * (a[1] + b[1]));
    off <= 0.25 * (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Puts outlines together again; a ring with a cap is closed along the row of a pole.
fn rebuild(
    outlines: &[&MultiPolygon<f64>],
    placed: &[Vec<[f64; 2]>],
    added: &[Vertex],
    caps: &[Option<f64>],
) -> Vec<MultiPolygon<f64>> {
    let (mut ring, mut next) = (0, 0);
    let mut take = || {
        let corners = &placed[ring];
        let mut coords: Vec<Coord<f64>> = Vec::with_capacity(corners.len());
        for (edge, corner) in corners.iter().enumerate() {
            coords.push(Coord { x: corner[0], y: corner[1] });
            while let Some(v) = added.get(next).filter(|v| v.ring == ring && v.edge == edge) {
                coords.push(Coord { x: v.at[0], y: v.at[1] });
                next += 1;
            }
        }
        if let (Some(Some(row)), [first, .., last]) = (caps.get(ring), &coords[..]) {
            let cap = [last.x, first.x].map(|x| Coord { x, y: *row });
            coords.extend(cap);
        }
        ring += 1;
        LineString(coords)
    };
    let polygon = |p: &Polygon<f64>, take: &mut dyn FnMut() -> LineString<f64>| {
        let exterior = take();
        Polygon::new(exterior, p.interiors().iter().map(|_| take()).collect())
    };
    outlines.iter().map(|m| MultiPolygon::new(m.iter().map(|p| polygon(p, &mut take)).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_grid::{Affine, Crs, CrsKind, Ellipsoid};
    use geo::{Area, polygon};

    fn grid() -> PixelGrid {
        PixelGrid {
            crs: Crs {
                wkt: String::new(),
                name: "test".into(),
                kind: CrsKind::Projected { metres_per_unit: 1.0 },
                ellipsoid: Ellipsoid::WGS84,
            },
            transform: Affine::north_up([0.0, 100.0], [1.0, 1.0]),
            height: 100,
            width: 100,
        }
    }

    fn through(
        transform: Transform<'_>,
        outlines: &[&MultiPolygon<f64>],
    ) -> Result<Vec<MultiPolygon<f64>>, ProjectFault> {
        let from = CrsKind::Projected { metres_per_unit: 1.0 };
        project(outlines, &GridProjection { transform: Some(transform), grid: &grid(), turn: None, from })
    }

    #[test]
    fn straight_edges_bend_as_the_projection_does() {
        // x' = x, y' = y + x (100 - x) / 200: the lower edge becomes a parabola; the area between two such is kept.
        let bend = |points: &mut [[f64; 2]]| -> Result<(), ProjectionError> {
            for p in points {
                p[1] += p[0] * (100.0 - p[0]) / 200.0;
            }
            Ok(())
        };
        let strip = MultiPolygon::new(vec![
            polygon![(x: 0.0, y: 10.0), (x: 100.0, y: 10.0), (x: 100.0, y: 30.0), (x: 0.0, y: 30.0)],
        ]);
        let out = through(&bend, &[&strip]).unwrap();
        assert!((out[0].unsigned_area() - 2000.0).abs() < 1e-6);
        // Under the parabola down to y = 10: the integral of x (100 - x) / 200 is 100^3 / 1200.
        let above = MultiPolygon::new(vec![polygon![(x: 0.0, y: 10.0), (x: 100.0, y: 10.0), (x: 100.0, y: 9.0)]]);
        let out = through(&bend, &[&above]).unwrap();
        assert!(out[0].0[0].exterior().0.len() > 30, "{}", out[0].0[0].exterior().0.len());
    }

    #[test]
    fn both_sides_of_a_border_get_the_same_vertices() {
        let bend = |points: &mut [[f64; 2]]| -> Result<(), ProjectionError> {
            for p in points {
                p[1] += (p[0] / 17.0).sin();
            }
            Ok(())
        };
        let low = MultiPolygon::new(vec![polygon![(x: 3.0, y: 3.0), (x: 90.0, y: 41.0), (x: 90.0, y: 3.0)]]);
        let high = MultiPolygon::new(vec![polygon![(x: 90.0, y: 41.0), (x: 3.0, y: 3.0), (x: 3.0, y: 41.0)]]);
        let out = through(&bend, &[&low, &high]).unwrap();
        let border = |m: &MultiPolygon<f64>| -> Vec<[f64; 2]> {
            let mut points: Vec<[f64; 2]> = m.0[0].exterior().0.iter().map(|c| [c.x, c.y]).collect();
            points.sort_by(|a, b| a.partial_cmp(b).unwrap());
            points
        };
        let (a, b) = (border(&out[0]), border(&out[1]));
        let shared = a.iter().filter(|p| b.contains(p)).count();
        assert!(shared > 8, "{shared}");
    }

    #[test]
    fn a_torn_outline_is_refused() {
        let tear = |points: &mut [[f64; 2]]| -> Result<(), ProjectionError> {
            points.iter_mut().filter(|p| p[0] > 50.0).for_each(|p| p[0] -= 1000.0);
            Ok(())
        };
        let across = MultiPolygon::new(vec![polygon![(x: 40.0, y: 10.0), (x: 60.0, y: 10.0), (x: 50.0, y: 30.0)]]);
        assert!(matches!(through(&tear, &[&across]), Err(ProjectFault::Torn { .. })));
    }
}
