//! Bringing outlines from the zones' CRS onto a pixel grid, with vertices added so that what is straight there stays
//! true here.

use areal_grid::{PixelGrid, ProjectionError};
use geo::{Coord, LineString, MultiPolygon, Polygon};

/// From positions in the zones' CRS to positions in the grid's.
pub(crate) type Transform<'a> = &'a dyn Fn(&mut [[f64; 2]]) -> Result<(), ProjectionError>;

/// How far, in cells, an edge may lie from where it belongs.
const TOLERANCE: f64 = 1e-3;
/// An edge shorter than this, in cells, needs no vertices between its ends.
const SHORT: f64 = 0.05;
/// An edge is halved at most so often.
const MAX_HALVINGS: u32 = 18;

/// Why outlines cannot be projected.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ProjectFault {
    #[error(transparent)]
    Position(#[from] ProjectionError),
    #[error("the projection tears its outline apart near ({x}, {y})")]
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
struct Vertex {
    ring: usize,
    edge: usize,
    t: f64,
    at: [f64; 2],
}

/// Projects outlines to pixel coordinates (`x` = column, `y` = row). `turn` is 360 degrees in columns, where the grid's
/// columns are longitudes. Without a transform both sides share a CRS, and straight edges stay straight.
pub(crate) fn project(
    outlines: &[&MultiPolygon<f64>],
    transform: Option<Transform<'_>>,
    grid: &PixelGrid,
    turn: Option<f64>,
) -> Result<Vec<MultiPolygon<f64>>, ProjectFault> {
    let rings: Vec<&LineString<f64>> = outlines
        .iter()
        .flat_map(|m| m.iter())
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .collect();
    let mut corners: Vec<[f64; 2]> = rings.iter().flat_map(|r| r.coords().map(|c| [c.x, c.y])).collect();
    if let Some(transform) = transform {
        transform(&mut corners)?;
    }
    let mut placed: Vec<Vec<[f64; 2]>> = Vec::with_capacity(rings.len());
    let mut rest = corners.as_slice();
    for ring in &rings {
        let (head, tail) = rest.split_at(ring.0.len());
        rest = tail;
        placed.push(head.iter().map(|p| to_pixel(grid, *p)).collect());
    }
    if let Some(turn) = turn {
        for ring in &mut placed {
            join_turns(ring, turn);
        }
    }
    let added = match transform {
        Some(transform) => densify(&rings, &placed, transform, grid, turn)?,
        None => Vec::new(),
    };
    Ok(rebuild(outlines, &placed, &added))
}

fn to_pixel(grid: &PixelGrid, point: [f64; 2]) -> [f64; 2] {
    grid.transform.invert(point).map_or([f64::NAN; 2], |(row, col)| [col, row])
}

/// Moves each vertex by whole turns next to the one before it; a ring that then does not close is left as it was.
fn join_turns(ring: &mut [[f64; 2]], turn: f64) {
    let mut joined = ring.to_vec();
    for k in 1..joined.len() {
        let turns = (joined[k - 1][0] - joined[k][0]) / turn;
        // A step of a whole turn is meant.
        if turns.abs() > 0.5 && (turns.abs() - 1.0).abs() > 1e-9 {
            joined[k][0] += turns.round() * turn;
        }
    }
    if let (Some(a), Some(b)) = (joined.first(), joined.last())
        && (a[0] - b[0]).abs() < 0.5 * turn
    {
        ring.copy_from_slice(&joined);
    }
}

/// The vertices that edges need between their ends, by ring and edge and along the edge.
fn densify(
    rings: &[&LineString<f64>],
    placed: &[Vec<[f64; 2]>],
    transform: Transform<'_>,
    grid: &PixelGrid,
    turn: Option<f64>,
) -> Result<Vec<Vertex>, ProjectFault> {
    let mut added = Vec::new();
    let mut pending: Vec<Stretch> = Vec::new();
    for (ring, line) in rings.iter().enumerate() {
        for edge in 0..line.0.len().saturating_sub(1) {
            let (a, b) = (placed[ring][edge], placed[ring][edge + 1]);
            // The same way for both zones beside the edge, so that both get the same vertices.
            let ends = if forwards(line, edge) { [a, b] } else { [b, a] };
            pending.push(Stretch { ring, edge, t: [0.0, 1.0], ends, halvings: 0 });
        }
    }
    while !pending.is_empty() {
        pending.retain(|s| (s.ends[0][0] - s.ends[1][0]).hypot(s.ends[0][1] - s.ends[1][1]) > SHORT);
        // A quarter and the middle: the middle alone would miss an S-shaped edge.
        let at = |s: &Stretch, f: f64| s.t[0] + f * (s.t[1] - s.t[0]);
        let mut points: Vec<[f64; 2]> =
            pending.iter().flat_map(|s| [0.25, 0.5].map(|f| along(rings[s.ring], s.edge, at(s, f)))).collect();
        transform(&mut points)?;
        let mut next = Vec::new();
        for (s, pair) in pending.iter().zip(points.chunks_exact(2)) {
            let near = |p: [f64; 2], f: f64| {
                let mut q = to_pixel(grid, p);
                if let Some(turn) = turn {
                    let expected = s.ends[0][0] + f * (s.ends[1][0] - s.ends[0][0]);
                    q[0] += ((expected - q[0]) / turn).round() * turn;
                }
                q
            };
            let (quarter, middle) = (near(pair[0], 0.25), near(pair[1], 0.5));
            if distance(quarter, s.ends).max(distance(middle, s.ends)) <= TOLERANCE && is_between(middle, s.ends) {
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

/// True when an edge runs from its lesser to its greater end.
fn forwards(ring: &LineString<f64>, edge: usize) -> bool {
    let (a, b) = (ring.0[edge], ring.0[edge + 1]);
    (a.x, a.y) <= (b.x, b.y)
}

/// Position at a fraction of an edge, counted from its lesser end.
fn along(ring: &LineString<f64>, edge: usize, t: f64) -> [f64; 2] {
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

fn rebuild(outlines: &[&MultiPolygon<f64>], placed: &[Vec<[f64; 2]>], added: &[Vertex]) -> Vec<MultiPolygon<f64>> {
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
        let out = project(&[&strip], Some(&bend), &grid(), None).unwrap();
        assert!((out[0].unsigned_area() - 2000.0).abs() < 1e-6);
        // Under the parabola down to y = 10: the integral of x (100 - x) / 200 is 100^3 / 1200.
        let above = MultiPolygon::new(vec![polygon![(x: 0.0, y: 10.0), (x: 100.0, y: 10.0), (x: 100.0, y: 9.0)]]);
        let out = project(&[&above], Some(&bend), &grid(), None).unwrap();
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
        let out = project(&[&low, &high], Some(&bend), &grid(), None).unwrap();
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
        assert!(matches!(project(&[&across], Some(&tear), &grid(), None), Err(ProjectFault::Torn { .. })));
    }
}
