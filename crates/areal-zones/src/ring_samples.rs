//! What a ring in a map projection holds, to within some per cent, by the areal scale at points inside it.

use areal_grid::{Authalic, Crs, CrsKind, ToLonLat, solid_angle};
use geo::{BoundingRect, LineString};

/// Lines through a ring on which points lie.
const LINES: usize = 48;
/// Side of the squares by which the areal scale is measured: metres on a map, and degrees.
const SQUARE_METRES: f64 = 1000.0;
const SQUARE_DEGREES: f64 = 0.01;

/// The inside of a ring.
pub(crate) struct Inside {
    /// Its solid angle, roughly.
    pub angle: f64,
    /// -1 where the map is mirrored, else 1.
    pub hand: f64,
}

/// Measures the inside of a ring at points all over it; `None` where none of them has a place.
pub(crate) fn inside(ring: &LineString<f64>, crs: &Crs, sphere: &Authalic, positions: &dyn ToLonLat) -> Option<Inside> {
    let side = match crs.kind {
        CrsKind::Projected { metres_per_unit } => SQUARE_METRES / metres_per_unit,
        CrsKind::Geographic { degrees_per_unit } => SQUARE_DEGREES / degrees_per_unit,
    };
    let points = points(ring)?;
    let corner = |p: [f64; 2]| {
        [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]].map(|d| [p[0] + side * d[0], p[1] + side * d[1]])
    };
    let mut corners: Vec<[f64; 2]> = points.iter().flat_map(|(p, _)| corner(*p)).collect();
    positions.to_lonlat_or_nan(&mut corners);
    let (mut signed, mut angle) = (0.0, 0.0);
    for ((_, area), square) in points.iter().zip(corners.as_chunks::<4>().0) {
        let at = square.map(|p| sphere.place(p));
        let edge = |k: usize| {
            let (a, b) = (at[k], at[(k + 1) % 4]);
            [a, [0, 1, 2].map(|i| 0.5 * (a[i] + b[i])), b]
        };
        let share = solid_angle((0..4).map(edge)) * area / (side * side);
        if share.is_finite() {
            signed += share;
            angle += share.abs();
        }
    }
    (angle > 0.0).then(|| Inside { angle, hand: signed.signum() })
}

/// Points inside a ring, each with the plane area that it stands for.
fn points(ring: &LineString<f64>) -> Option<Vec<([f64; 2], f64)>> {
    let bounds = ring.bounding_rect()?;
    let (height, spacing) = (bounds.height() / LINES as f64, bounds.width() / LINES as f64);
    let mut points = Vec::new();
    for line in 0..LINES {
        let y = bounds.min().y + (line as f64 + 0.5) * height;
        let mut crossings: Vec<f64> = ring
            .lines()
            .filter(|l| (l.start.y <= y) != (l.end.y <= y))
            .map(|l| l.start.x + (y - l.start.y) / (l.end.y - l.start.y) * (l.end.x - l.start.x))
            .collect();
        crossings.sort_by(f64::total_cmp);
        for pair in crossings.as_chunks::<2>().0 {
            let length = pair[1] - pair[0];
            let count = (length / spacing).ceil().max(1.0);
            let at = |k: usize| [pair[0] + (k as f64 + 0.5) / count * length, y];
            points.extend((0..count as usize).map(|k| (at(k), height * length / count)));
        }
    }
    Some(points)
}
