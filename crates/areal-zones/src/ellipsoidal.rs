//! Areas of polygons in degrees on the ellipsoid.

use areal_grid::Ellipsoid;
use geo::{LineString, MultiPolygon};

/// Longest step of the integration, in degrees of latitude.
const STEP_DEGREES: f64 = 1.0;
/// Nodes and weights of Gauss and Legendre's three-point rule on 0..1.
const GAUSS: [(f64, f64); 3] =
    [(0.112_701_665_379_258_3, 5.0 / 18.0), (0.5, 4.0 / 9.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];

/// True area on the ellipsoid, in square metres, of polygons in longitude and latitude (degrees) whose edges are
/// straight in these coordinates: shells less holes, whatever their winding.
///
/// By Green's theorem the area is the integral of the area to latitude over longitude along the outline (the area
/// below latitude `lat`, per radian: Snyder 1987, eq. 3-12); each edge by Gauss and Legendre's three-point rule on
/// pieces of at most one degree, which leaves an error below 1e-12 of the area.
pub fn ellipsoidal_area(polygons: &MultiPolygon<f64>, ellipsoid: &Ellipsoid) -> f64 {
    let ring = |r: &LineString<f64>| ring_area(r, ellipsoid).abs();
    polygons.iter().map(|p| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>()).sum()
}

fn ring_area(ring: &LineString<f64>, ellipsoid: &Ellipsoid) -> f64 {
    // Relative to the first latitude, so that small polygons far from the equator keep their digits.
    let base = ring.0.first().map_or(0.0, |c| ellipsoid.area_to_latitude(c.y));
    let edge = |line: geo::Line<f64>| -> f64 {
        let (dx, dy) = (line.dx(), line.dy());
        if dx == 0.0 {
            return 0.0;
        }
        let pieces = (dy.abs() / STEP_DEGREES).ceil().max(1.0);
        let height = |t: f64| ellipsoid.area_to_latitude(line.start.y + t * dy) - base;
        let piece = |k: f64| GAUSS.iter().map(|(node, weight)| weight * height((k + node) / pieces)).sum::<f64>();
        let mean = (0..pieces as usize).map(|k| piece(k as f64)).sum::<f64>() / pieces;
        dx.to_radians() * mean
    };
    ring.lines().map(edge).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Rect, polygon};
    use geographiclib_rs::{Geodesic, PolygonArea, Winding};

    #[test]
    fn the_whole_earth_and_one_zone_of_it() {
        let e = Ellipsoid::WGS84;
        let whole = MultiPolygon::new(vec![Rect::new((-180.0, -90.0), (180.0, 90.0)).to_polygon()]);
        // Surface of the WGS 84 ellipsoid: 510 065 621 724 088.44 m2 (Karney 2013, eq. 58 and 59).
        assert!((ellipsoidal_area(&whole, &e) - 510_065_621_724_088.44).abs() < 1e3);
        let band = MultiPolygon::new(vec![Rect::new((10.0, 30.0), (20.0, 40.0)).to_polygon()]);
        let expected = (e.area_to_latitude(40.0) - e.area_to_latitude(30.0)) * 10f64.to_radians();
        assert!((ellipsoidal_area(&band, &e) - expected).abs() < 1e-3);
    }

    #[test]
    fn it_agrees_with_geodesic_polygons() {
        // Edges of 100 m: there a geodesic and a line straight in degrees are the same but for micrometres.
        let e = Ellipsoid::WGS84;
        let corners = [(101.0, 3.0), (101.001, 3.0), (101.0012, 3.0009), (101.0004, 3.0013)];
        let p = polygon![(x: 101.0, y: 3.0), (x: 101.001, y: 3.0), (x: 101.0012, y: 3.0009), (x: 101.0004, y: 3.0013)];
        let geodesic = Geodesic::wgs84();
        let mut area = PolygonArea::new(&geodesic, Winding::CounterClockwise);
        for (lon, lat) in corners {
            area.add_point(lat, lon);
        }
        let (_, expected, _) = area.compute(true);
        let found = ellipsoidal_area(&MultiPolygon::new(vec![p]), &e);
        assert!((found - expected).abs() < 1e-6 * expected, "{found} {expected}");
    }
}
