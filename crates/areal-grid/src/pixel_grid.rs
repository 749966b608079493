//! Where the pixels of a raster lie: CRS, affine transform and size.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Affine, Crs, Window};

/// Where the pixels of a raster lie: CRS, affine transform and size.
///
/// ```
/// use areal_grid::{Affine, Crs, CrsKind, Ellipsoid, PixelGrid, Window};
///
/// let crs = Crs {
///     wkt: String::new(),
///     name: "EPSG:32648".into(),
///     kind: CrsKind::Projected { metres_per_unit: 1.0 },
///     ellipsoid: Ellipsoid::WGS84,
/// };
/// let transform = Affine::north_up([500_000.0, 1_200_000.0], [10.0, 10.0]);
/// let grid = PixelGrid { crs, transform, height: 300, width: 200 };
/// assert_eq!(grid.bounds(), [500_000.0, 1_197_000.0, 502_000.0, 1_200_000.0]);
/// assert_eq!(grid.centre(0, 0), [500_005.0, 1_199_995.0]);
/// assert_eq!(grid.pixel_at([500_015.0, 1_199_995.0]), Some((0, 1)));
/// // One cell of a prediction with a stride of 64 pixels.
/// let cells = grid.coarsen(64);
/// assert_eq!((cells.height, cells.width), (5, 4));
/// assert_eq!(grid.corners(&Window::new(64, 0, 64, 64)), cells.corners(&Window::new(1, 0, 1, 1)));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PixelGrid {
    /// The coordinate reference system of the map positions.
    pub crs: Crs,
    /// From pixel to map positions.
    pub transform: Affine,
    pub height: usize,
    pub width: usize,
}

impl PixelGrid {
    /// The window of all pixels.
    pub fn window(&self) -> Window {
        Window::new(0, 0, self.height, self.width)
    }

    /// Map position of a pixel's centre.
    pub fn centre(&self, row: usize, col: usize) -> [f64; 2] {
        self.transform.apply(row as f64 + 0.5, col as f64 + 0.5)
    }

    /// The pixel `(row, col)` that holds a map position; `None` outside the grid.
    pub fn pixel_at(&self, point: [f64; 2]) -> Option<(usize, usize)> {
        let (row, col) = self.transform.invert(point)?;
        (row >= 0.0 && col >= 0.0 && row < self.height as f64 && col < self.width as f64)
            .then_some((row as usize, col as usize))
    }

    /// Corners of a window in map positions, closed ring: first corner, along the first row, round, first corner.
    pub fn corners(&self, window: &Window) -> [[f64; 2]; 5] {
        let (r0, c0) = (window.row as f64, window.col as f64);
        let (r1, c1) = (window.row_end() as f64, window.col_end() as f64);
        let at = |r, c| self.transform.apply(r, c);
        [at(r0, c0), at(r0, c1), at(r1, c1), at(r1, c0), at(r0, c0)]
    }

    /// Map extent `[west, south, east, north]` of the whole grid.
    pub fn bounds(&self) -> [f64; 4] {
        let corners = self.corners(&self.window());
        corners.iter().fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |b, p| {
            [b[0].min(p[0]), b[1].min(p[1]), b[2].max(p[0]), b[3].max(p[1])]
        })
    }

    /// The grid whose cells are `factor` x `factor` pixels of this one, from the same corner; the last row and column
    /// of cells may reach past this grid.
    #[must_use]
    pub fn coarsen(&self, factor: usize) -> Self {
        let factor = factor.max(1);
        Self {
            crs: self.crs.clone(),
            transform: self.transform.sub_grid(0.0, 0.0, factor as f64),
            height: self.height.div_ceil(factor),
            width: self.width.div_ceil(factor),
        }
    }
}

/// `rows x columns of width x height from (x, y) in CRS`, in units of the CRS.
impl fmt::Display for PixelGrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Affine { origin: [x, y], col_step: [dx, _], row_step: [_, dy] } = self.transform;
        write!(f, "{} x {} of {dx} x {} from ({x}, {y}) in {}", self.height, self.width, dy.abs(), self.crs.name)
    }
}
