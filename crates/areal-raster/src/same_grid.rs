//! Whether two grids are the same but for rounding.

use areal_grid::PixelGrid;

use crate::same_crs;

/// Largest shift between corners of grids that are the same but for rounding, in pixels.
const SAME_CORNER: f64 = 1e-3;

/// True when two grids have the same size, mean the same CRS and their corners differ by less than a thousandth of a
/// pixel.
pub fn same_grid(a: &PixelGrid, b: &PixelGrid) -> bool {
    let (height, width) = (a.height as f64, a.width as f64);
    let near = |(row, col): (f64, f64)| {
        let back = a.transform.invert(b.transform.apply(row, col));
        back.is_some_and(|(r, c)| (r - row).abs() < SAME_CORNER && (c - col).abs() < SAME_CORNER)
    };
    (a.height, a.width) == (b.height, b.width)
        && same_crs(&a.crs, &b.crs)
        && [(0.0, 0.0), (0.0, width), (height, 0.0)].into_iter().all(near)
}
