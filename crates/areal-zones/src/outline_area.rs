//! True areas of outlines in a map projection.

use areal_grid::{Affine, AngleSum, Authalic, CellAreas, Crs, CrsKind, Ellipsoid, PixelGrid, ToLonLat, Window};
use geo::{BoundingRect, LineString, MultiPolygon};

use crate::placed_shapes::PlacedShapes;
use crate::ring_samples::inside;
use crate::{WindowCoverage, ZoneShape, ZonesError};

/// Longest piece of an edge that is followed as a parabola, in Earth radii: 25 km.
const LONGEST: f64 = 4e-3;
/// By what share of its length the middle of a piece may lie off the chord.
const BENT: f64 = 0.05;
/// A piece shorter than this, in Earth radii, is straight: 10 m.
const STRAIGHT: f64 = 1.5e-6;
/// An edge is halved at most so often.
const MAX_HALVINGS: u32 = 24;
/// Cells along the longer side of an outline that is measured by cells.
const CELLS: f64 = 512.0;
/// A ring of less than this solid angle, on the sphere and in the plane, holds the lesser part of the Earth: no map projection
/// has half of the Earth in 2 million km2.
const SMALL: f64 = 0.05;

/// True areas of outlines in a projected CRS, in square metres, whatever poles and antimeridians they hold: each ring is
/// followed on the authalic sphere. Where a ring leaves the Earth, what lies on the Earth is measured by cells.
pub(crate) fn outline_areas(
    outlines: &[&MultiPolygon<f64>],
    crs: &Crs,
    ellipsoid: Ellipsoid,
    positions: &dyn ToLonLat,
) -> Result<Vec<f64>, ZonesError> {
    let sphere = Authalic::new(ellipsoid);
    let rings: Vec<&LineString<f64>> = outlines
        .iter()
        .flat_map(|m| m.iter())
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .collect();
    let angles = ring_angles(&rings, crs, &sphere, positions);
    let mut next = angles.into_iter();
    let mut angle = || next.next().expect("each ring has an angle");
    let area = |outline: &&MultiPolygon<f64>| {
        let sum: f64 = outline.iter().map(|p| angle() - p.interiors().iter().map(|_| angle()).sum::<f64>()).sum();
        if sum.is_nan() { area_by_cells(outline, crs, ellipsoid, positions) } else { Ok(sum * sphere.radius_squared()) }
    };
    outlines.iter().map(area).collect()
}

/// A piece of a ring: its ends in the plane and on the sphere.
struct ArcPiece {
    ring: usize,
    plane: [[f64; 2]; 2],
    ends: [[f64; 3]; 2],
    halvings: u32,
}

/// The solid angle in each ring; `NaN` where it leaves the Earth.
fn ring_angles(rings: &[&LineString<f64>], crs: &Crs, sphere: &Authalic, positions: &dyn ToLonLat) -> Vec<f64> {
    let place = |points| sphere.places(points, positions);
    let mut angles = vec![None; rings.len()];
    // The first place of a ring keeps the digits of small rings; rings that pass opposite to it take other origins.
    for origin in std::iter::once(None).chain(AngleSum::origins().map(Some)) {
        let open: Vec<usize> = (0..rings.len()).filter(|k| angles[*k].is_none()).collect();
        let lines: Vec<&LineString<f64>> = open.iter().map(|k| rings[*k]).collect();
        for (k, angle) in open.into_iter().zip(angles_left(&lines, origin, &place)) {
            angles[k] = angle;
        }
    }
    let inside = |(ring, angle): (&&LineString<f64>, Option<f64>)| match angle {
        Some(angle) if !angle.is_nan() => angle_inside(ring, angle, crs, sphere, positions),
        _ => f64::NAN,
    };
    rings.iter().zip(angles).map(inside).collect()
}

/// The solid angle to the left of each ring up to whole spheres; `None` where another origin has to be taken.
fn angles_left(
    rings: &[&LineString<f64>],
    origin: Option<[f64; 3]>,
    place: &dyn Fn(Vec<[f64; 2]>) -> Vec<[f64; 3]>,
) -> Vec<Option<f64>> {
    let placed = place(rings.iter().flat_map(|r| r.coords().map(|c| [c.x, c.y])).collect());
    let (mut pending, mut sums) = (Vec::new(), Vec::with_capacity(rings.len()));
    let mut first = 0;
    for (ring, line) in rings.iter().enumerate() {
        for (k, edge) in line.lines().enumerate() {
            let plane = [edge.start, edge.end].map(|c| [c.x, c.y]);
            pending.push(ArcPiece { ring, plane, ends: [placed[first + k], placed[first + k + 1]], halvings: 0 });
        }
        sums.push(AngleSum::new(origin.or(placed.get(first).copied()).unwrap_or([f64::NAN; 3])));
        first += line.0.len();
    }
    while !pending.is_empty() {
        let middles = place(pending.iter().map(|p| middle(p.plane[0], p.plane[1])).collect());
        let mut next = Vec::new();
        for (piece, at) in pending.into_iter().zip(middles) {
            let [a, b] = piece.ends;
            if needs_halving(&piece, at) {
                let m = middle(piece.plane[0], piece.plane[1]);
                let half = |plane, ends| ArcPiece { ring: piece.ring, plane, ends, halvings: piece.halvings + 1 };
                next.push(half([piece.plane[0], m], [a, at]));
                next.push(half([m, piece.plane[1]], [at, b]));
                continue;
            }
            sums[piece.ring].add([a, at, b]);
        }
        pending = next;
    }
    sums.iter().map(AngleSum::angle).collect()
}

/// The solid angle within a ring, from that to the left of it up to whole spheres; `NaN` where its inside has no place.
fn angle_inside(ring: &LineString<f64>, left: f64, crs: &Crs, sphere: &Authalic, positions: &dyn ToLonLat) -> f64 {
    let area = turned_area(ring);
    let earths = match crs.kind {
        CrsKind::Projected { metres_per_unit } => area.abs() * metres_per_unit.powi(2) / sphere.radius_squared(),
        CrsKind::Geographic { degrees_per_unit } => area.abs() * degrees_per_unit.to_radians().powi(2),
    };
    if earths < SMALL && left.abs() < SMALL {
        return left.abs();
    }
    let Some(inside) = inside(ring, crs, sphere, positions) else { return f64::NAN };
    let found = left * inside.hand * area.signum();
    let whole = 4.0 * std::f64::consts::PI;
    found + whole * ((inside.angle - found) / whole).round()
}

fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])]
}

fn middle3(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|k| 0.5 * (a[k] + b[k]))
}

fn needs_halving(piece: &ArcPiece, at: [f64; 3]) -> bool {
    let distance = |p: [f64; 3], q: [f64; 3]| (p[0] - q[0]).hypot((p[1] - q[1]).hypot(p[2] - q[2]));
    let [a, b] = piece.ends;
    let (length, off) = (distance(a, b), distance(at, middle3(a, b)));
    piece.halvings < MAX_HALVINGS && (length > LONGEST || off > BENT * length && off > STRAIGHT)
}

/// Plane area of a ring, positive where it runs counterclockwise.
pub(crate) fn turned_area(ring: &LineString<f64>) -> f64 {
    let Some(o) = ring.0.first() else { return 0.0 };
    let cross = |l: geo::Line<f64>| (l.start.x - o.x) * (l.end.y - o.y) - (l.end.x - o.x) * (l.start.y - o.y);
    0.5 * ring.lines().map(cross).sum::<f64>()
}

/// Area of what lies on the Earth, by cells of a grid around the outline and the share of each in it.
fn area_by_cells(
    outline: &MultiPolygon<f64>,
    crs: &Crs,
    ellipsoid: Ellipsoid,
    positions: &dyn ToLonLat,
) -> Result<f64, ZonesError> {
    let Some(bounds) = outline.bounding_rect() else { return Ok(0.0) };
    let side = bounds.width().max(bounds.height()) / CELLS;
    let transform = Affine::north_up([bounds.min().x, bounds.max().y], [side, side]);
    let cells = |length: f64| (length / side).ceil().max(1.0) as usize;
    let (height, width) = (cells(bounds.height()), cells(bounds.width()));
    let grid = PixelGrid { crs: crs.clone(), transform, height, width };
    let pixel = |c: geo::Coord<f64>| {
        let (row, col) = transform.invert([c.x, c.y]).unwrap_or((f64::NAN, f64::NAN));
        geo::Coord { x: col, y: row }
    };
    let shape = ZoneShape::new(&geo::MapCoords::map_coords(outline, pixel));
    let window = Window::new(0, 0, height, width);
    let areas = CellAreas::new(&grid, ellipsoid).of(&window, positions);
    let coverage = WindowCoverage::with_rest(&PlacedShapes::new(&[shape])?, window, &areas.rim())?;
    let mut sum = 0.0;
    for row in 0..height {
        for span in coverage.row(row) {
            let cells = span.col as usize..(span.col + span.len) as usize;
            sum += span.coverage * cells.map(|col| areas.at(row, col)).sum::<f64>();
        }
    }
    Ok(sum)
}
