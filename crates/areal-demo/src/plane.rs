//! The plane that the landscape lies in, and its way to longitude and latitude.

use areal_grid::{CrsKind, Ellipsoid, PixelGrid, ProjectionError, ToLonLat};

use crate::noise::{Point, mix};

/// Longitude and latitude of the landscape's middle: on the border of UTM zones 47 and 48 in Peninsular Malaysia.
pub const MIDDLE: Point = [102.0, 4.4];

/// Metres in one degree of longitude and of latitude at the middle, on WGS 84 (radii of the prime vertical and of the
/// meridian).
fn metres_per_degree() -> Point {
    let e = Ellipsoid::WGS84;
    let (sin, cos) = MIDDLE[1].to_radians().sin_cos();
    let w = 1.0 - e.eccentricity_squared() * sin * sin;
    let vertical = e.semi_major / w.sqrt();
    let meridian = e.semi_major * (1.0 - e.eccentricity_squared()) / w.powf(1.5);
    [(vertical * cos).to_radians(), meridian.to_radians()]
}

/// From the plane to longitude and latitude.
pub fn to_lonlat(p: Point) -> Point {
    let m = metres_per_degree();
    [MIDDLE[0] + p[0] / m[0], MIDDLE[1] + p[1] / m[1]]
}

/// From longitude and latitude to the plane.
pub fn from_lonlat(p: Point) -> Point {
    let m = metres_per_degree();
    [(p[0] - MIDDLE[0]) * m[0], (p[1] - MIDDLE[1]) * m[1]]
}

/// Plane positions of a grid's pixels: exact at the nodes of a lattice, bilinear between them. Over 64 pixels of 10 m
/// a map projection is straight to well below a millimetre.
pub struct PlanePositions {
    cols: usize,
    nodes: Vec<Point>,
}

const STEP: usize = 64;

impl PlanePositions {
    /// The positions of the pixels of `grid`.
    pub fn new(grid: &PixelGrid, projection: &dyn ToLonLat) -> Result<Self, ProjectionError> {
        let (rows, cols) = (grid.height.div_ceil(STEP) + 1, grid.width.div_ceil(STEP) + 1);
        let mut nodes: Vec<Point> = (0..rows)
            .flat_map(|i| (0..cols).map(move |j| ((i * STEP) as f64, (j * STEP) as f64)))
            .map(|(row, col)| grid.transform.apply(row, col))
            .collect();
        if !matches!(grid.crs.kind, CrsKind::Geographic { .. }) {
            projection.to_lonlat(&mut nodes)?;
        }
        for node in &mut nodes {
            *node = from_lonlat(*node);
        }
        Ok(Self { cols, nodes })
    }

    /// Plane position of a pixel's centre.
    pub fn centre(&self, row: usize, col: usize) -> Point {
        let (i, j) = (row / STEP, col / STEP);
        let u = ((col % STEP) as f64 + 0.5) / STEP as f64;
        let v = ((row % STEP) as f64 + 0.5) / STEP as f64;
        let at = |di, dj| self.nodes[(i + di) * self.cols + j + dj];
        let (a, b, c, d) = (at(0, 0), at(0, 1), at(1, 0), at(1, 1));
        [0, 1].map(|k| mix(mix(a[k], b[k], u), mix(c[k], d[k], u), v))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_has_its_published_length() {
        // NGA's table of WGS 84: at latitude 4.4 degrees one degree of latitude is 110,580.9 m, of longitude 110,993.7 m
        // (series 111132.92 - 559.82 cos 2p + 1.175 cos 4p and 111412.84 cos p - 93.5 cos 3p + 0.118 cos 5p).
        let p = 4.4f64.to_radians();
        let lat = 111_132.92 - 559.82 * (2.0 * p).cos() + 1.175 * (4.0 * p).cos();
        let lon = 111_412.84 * p.cos() - 93.5 * (3.0 * p).cos() + 0.118 * (5.0 * p).cos();
        let m = metres_per_degree();
        assert!((m[0] - lon).abs() < 0.5 && (m[1] - lat).abs() < 0.5, "{m:?} {lon} {lat}");
        let q = from_lonlat(to_lonlat([1234.5, -678.9]));
        assert!((q[0] - 1234.5).abs() < 1e-6 && (q[1] + 678.9).abs() < 1e-6);
    }
}
