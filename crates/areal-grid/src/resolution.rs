//! Size of a pixel on the ground.

use geographiclib_rs::{Geodesic, InverseGeodesic};
use serde::{Deserialize, Serialize};

use crate::{PixelGrid, ProjectionError, ToLonLat};

/// Size of a pixel on the ground, measured on the ellipsoid in the middle of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroundResolution {
    /// Metres from one column to the next.
    pub x: f64,
    /// Metres from one row to the next.
    pub y: f64,
}

impl GroundResolution {
    /// The side of a square of the same area: the geometric mean of both, in metres.
    pub fn mean(&self) -> f64 {
        (self.x * self.y).sqrt()
    }
}

/// Ground resolution in the middle of a grid, by geodesics (Karney 2013) between neighbouring pixels.
///
/// # Errors
/// When the middle of the grid has no longitude and latitude.
pub fn ground_resolution(grid: &PixelGrid, projection: &dyn ToLonLat) -> Result<GroundResolution, ProjectionError> {
    let (r, c) = (grid.height as f64 / 2.0, grid.width as f64 / 2.0);
    let mut points = [(r, c), (r, c + 1.0), (r + 1.0, c)].map(|(r, c)| grid.transform.apply(r, c));
    projection.to_lonlat(&mut points)?;
    let e = grid.crs.ellipsoid;
    let geodesic = Geodesic::new(e.semi_major, e.flattening);
    let metres = |p: [f64; 2], q: [f64; 2]| -> f64 { geodesic.inverse(p[1], p[0], q[1], q[0]) };
    Ok(GroundResolution { x: metres(points[0], points[1]), y: metres(points[0], points[2]) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, Crs, CrsKind, Ellipsoid};

    struct Degrees;
    impl ToLonLat for Degrees {
        fn to_lonlat(&self, _: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
            Ok(())
        }

        fn to_lonlat_or_nan(&self, _: &mut [[f64; 2]]) {}
    }

    #[test]
    fn a_degree_at_the_equator_is_so_many_metres() {
        let grid = PixelGrid {
            crs: Crs {
                wkt: String::new(),
                name: "EPSG:4326".into(),
                kind: CrsKind::Geographic { degrees_per_unit: 1.0 },
                ellipsoid: Ellipsoid::WGS84,
            },
            transform: Affine::north_up([100.0, 1.0], [1.0, 1.0]),
            height: 2,
            width: 2,
        };
        let g = ground_resolution(&grid, &Degrees).unwrap();
        // One degree of the equator is 2 pi a / 360; one degree of the meridian there 110,574.39 m.
        assert!((g.x - 111_319.490_793).abs() < 1e-3, "{}", g.x);
        assert!((g.y - 110_574.388_558).abs() < 1e-3, "{}", g.y);
        assert!((g.mean() - (g.x * g.y).sqrt()).abs() < 1e-9);
    }
}
