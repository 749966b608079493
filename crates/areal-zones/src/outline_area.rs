//! True areas of outlines in a map projection.

use areal_grid::{
    Affine, Authalic, CellAreas, Crs, CrsKind, Ellipsoid, PixelGrid, ToLonLat, Window, piece_angle, solid_angle,
};
use geo::{BoundingRect, LineString, MultiPolygon};

use crate::{PlacedShapes, WindowCoverage, ZoneShape};

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

/// True areas of outlines in a projected CRS, in square metres, whatever poles and antimeridians they hold: each ring is
/// followed on the authalic sphere. Where a ring leaves the Earth, what lies on the Earth is measured by cells.
pub(crate) fn outline_areas(
    outlines: &[&MultiPolygon<f64>],
    crs: &Crs,
    ellipsoid: Ellipsoid,
    positions: &dyn ToLonLat,
) -> Vec<f64> {
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
        if sum.is_nan() { area_by_cells(outline, crs, ellipsoid, positions) } else { sum * sphere.radius_squared() }
    };
    outlines.iter().map(area).collect()
}

/// A piece of a ring: its ends in the plane and on the sphere.
struct Piece {
    ring: usize,
    plane: [[f64; 2]; 2],
    ends: [[f64; 3]; 2],
    halvings: u32,
}

/// The solid angle in each ring; `NaN` where it leaves the Earth.
fn ring_angles(rings: &[&LineString<f64>], crs: &Crs, sphere: &Authalic, positions: &dyn ToLonLat) -> Vec<f64> {
    let place = |mut points: Vec<[f64; 2]>| -> Vec<[f64; 3]> {
        positions.to_lonlat_or_nan(&mut points);
        points.into_iter().map(|p| if p[0].is_finite() { sphere.place(p) } else { [f64::NAN; 3] }).collect()
    };
    let placed = place(rings.iter().flat_map(|r| r.coords().map(|c| [c.x, c.y])).collect());
    let mut pending = Vec::new();
    let mut first = 0;
    for (ring, line) in rings.iter().enumerate() {
        for (k, edge) in line.lines().enumerate() {
            let plane = [edge.start, edge.end].map(|c| [c.x, c.y]);
            pending.push(Piece { ring, plane, ends: [placed[first + k], placed[first + k + 1]], halvings: 0 });
        }
        first += line.0.len();
    }
    let mut sums = vec![0.0; rings.len()];
    let mut origins = vec![None; rings.len()];
    while !pending.is_empty() {
        let middles = place(pending.iter().map(|p| middle(p.plane[0], p.plane[1])).collect());
        let mut next = Vec::new();
        for (piece, at) in pending.into_iter().zip(middles) {
            let [a, b] = piece.ends;
            let origin = *origins[piece.ring].get_or_insert(a);
            if needs_halving(&piece, at) {
                let m = middle(piece.plane[0], piece.plane[1]);
                let half = |plane, ends| Piece { ring: piece.ring, plane, ends, halvings: piece.halvings + 1 };
                next.push(half([piece.plane[0], m], [a, at]));
                next.push(half([m, piece.plane[1]], [at, b]));
                continue;
            }
            sums[piece.ring] += piece_angle(origin, [a, at, b]);
        }
        pending = next;
    }
    let hand = handedness(rings, crs, sphere, positions);
    rings.iter().zip(sums).map(|(ring, sum)| inside(sum * hand * turning(ring))).collect()
}

fn middle(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])]
}

fn middle3(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    std::array::from_fn(|k| 0.5 * (a[k] + b[k]))
}

fn needs_halving(piece: &Piece, at: [f64; 3]) -> bool {
    let distance = |p: [f64; 3], q: [f64; 3]| (p[0] - q[0]).hypot((p[1] - q[1]).hypot(p[2] - q[2]));
    let [a, b] = piece.ends;
    let (length, off) = (distance(a, b), distance(at, middle3(a, b)));
    piece.halvings < MAX_HALVINGS && (length > LONGEST || off > BENT * length && off > STRAIGHT)
}

/// The solid angle within a ring, from that to the left of it as it runs counterclockwise.
fn inside(left: f64) -> f64 {
    // More than half of the Earth may lie inside; a little less than nothing is rounding.
    if left < -1e-9 { left + 4.0 * std::f64::consts::PI } else { left }
}

/// 1 for a ring that runs counterclockwise in the plane, -1 for the other way.
fn turning(ring: &LineString<f64>) -> f64 {
    let Some(o) = ring.0.first() else { return 1.0 };
    let twice: f64 =
        ring.lines().map(|l| (l.start.x - o.x) * (l.end.y - o.y) - (l.end.x - o.x) * (l.start.y - o.y)).sum();
    if twice < 0.0 { -1.0 } else { 1.0 }
}

/// -1 where the axes of the plane are those of a mirrored map, else 1.
fn handedness(rings: &[&LineString<f64>], crs: &Crs, sphere: &Authalic, positions: &dyn ToLonLat) -> f64 {
    let Some(start) = rings.iter().find_map(|r| r.0.first()) else { return 1.0 };
    let step = match crs.kind {
        CrsKind::Projected { metres_per_unit } => 100.0 / metres_per_unit,
        CrsKind::Geographic { degrees_per_unit } => 1e-3 / degrees_per_unit,
    };
    let mut points = [[0.0, 0.0], [step, 0.0], [0.0, step]].map(|d| [start.x + d[0], start.y + d[1]]);
    positions.to_lonlat_or_nan(&mut points);
    let [a, b, c] = points.map(|p| sphere.place(p));
    let chord = |p: [f64; 3], q: [f64; 3]| [p, middle3(p, q), q];
    if solid_angle([chord(a, b), chord(b, c), chord(c, a)]) < 0.0 { -1.0 } else { 1.0 }
}

/// Area of what lies on the Earth, by cells of a grid around the outline and the share of each in it.
fn area_by_cells(outline: &MultiPolygon<f64>, crs: &Crs, ellipsoid: Ellipsoid, positions: &dyn ToLonLat) -> f64 {
    let Some(bounds) = outline.bounding_rect() else { return 0.0 };
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
    let coverage = WindowCoverage::with_rest(&PlacedShapes::new(vec![shape]), window, &areas.rim());
    let mut sum = 0.0;
    for row in 0..height {
        for span in coverage.row(row) {
            let cells = span.col as usize..(span.col + span.len) as usize;
            sum += span.coverage * cells.map(|col| areas.at(row, col)).sum::<f64>();
        }
    }
    sum
}
