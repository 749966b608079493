//! Clipping of polygons to a rectangle.

use geo::{Coord, LineString, MultiPolygon, Polygon, Rect};

/// Polygons cut off at a rectangle: ring by ring by Sutherland and Hodgman's method (1974). Vertices inside are kept to
/// the last digit, so that neighbours still fit; where a ring leaves the rectangle and comes back, both are joined along
/// its side, which encloses no area.
pub(crate) fn clip(polygons: &MultiPolygon<f64>, to: &Rect<f64>) -> MultiPolygon<f64> {
    let polygon = |p: &Polygon<f64>| {
        let shell = clip_ring(p.exterior(), to)?;
        Some(Polygon::new(shell, p.interiors().iter().filter_map(|hole| clip_ring(hole, to)).collect()))
    };
    MultiPolygon::new(polygons.iter().filter_map(polygon).collect())
}

fn clip_ring(ring: &LineString<f64>, to: &Rect<f64>) -> Option<LineString<f64>> {
    let (min, max) = (to.min(), to.max());
    let mut points: Vec<[f64; 2]> = ring.coords().map(|c| [c.x, c.y]).collect();
    points.pop();
    for (axis, at, side) in [(0, min.x, 1.0), (0, max.x, -1.0), (1, min.y, 1.0), (1, max.y, -1.0)] {
        let inside = |p: &[f64; 2]| (p[axis] - at) * side >= 0.0;
        let mut kept = Vec::with_capacity(points.len());
        for (k, p) in points.iter().enumerate() {
            let q = &points[(k + 1) % points.len()];
            if inside(p) {
                kept.push(*p);
            }
            if inside(p) != inside(q) {
                kept.push(crossing(p, q, axis, at));
            }
        }
        points = kept;
    }
    let mut ring: LineString<f64> = points.into_iter().map(Coord::from).collect();
    ring.close();
    (ring.0.len() > 3).then_some(ring)
}

/// Where an edge meets a side; the same for both directions of the edge.
fn crossing(p: &[f64; 2], q: &[f64; 2], axis: usize, at: f64) -> [f64; 2] {
    let (a, b) = if p[axis] < q[axis] { (p, q) } else { (q, p) };
    let t = (at - a[axis]) / (b[axis] - a[axis]);
    let mut point = [a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])];
    point[axis] = at;
    point
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, polygon};

    #[test]
    fn a_part_is_kept_with_its_hole() {
        let hole = LineString::from(vec![(1.0, 1.0), (3.0, 1.0), (3.0, 3.0), (1.0, 3.0), (1.0, 1.0)]);
        let p = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0), (x: 0.0, y: 4.0)];
        let p = MultiPolygon::new(vec![Polygon::new(p.exterior().clone(), vec![hole])]);
        // The left half: 2 x 4 less 1 x 2.
        let half = clip(&p, &Rect::new((-1.0, -1.0), (2.0, 9.0)));
        assert!((half.unsigned_area() - 6.0).abs() < 1e-12);
        assert!(clip(&p, &Rect::new((7.0, 7.0), (8.0, 8.0))).0.is_empty());
        assert_eq!(clip(&p, &Rect::new((-1.0, -1.0), (9.0, 9.0))), p);
    }
}
