//! The affine transform from pixel to map positions.

use serde::{Deserialize, Serialize};

/// The affine transform from pixel to map positions.
///
/// `x = origin[0] + col * col_step[0] + row * row_step[0]`, and the same for `y`; `(row, col) = (0, 0)` is the outer
/// corner of the first pixel, so pixel centres lie at half numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Map position of the outer corner of pixel (0, 0).
    pub origin: [f64; 2],
    /// Map offset of one column to the right.
    pub col_step: [f64; 2],
    /// Map offset of one row down.
    pub row_step: [f64; 2],
}

impl Affine {
    /// A grid with square or oblong pixels, rows running south: `pixel` is `[width, height]`, both positive.
    pub fn north_up(origin: [f64; 2], pixel: [f64; 2]) -> Self {
        Self { origin, col_step: [pixel[0], 0.0], row_step: [0.0, -pixel[1]] }
    }

    /// From GDAL's six coefficients `[x0, dx/dcol, dx/drow, y0, dy/dcol, dy/drow]`.
    pub fn from_gdal(c: [f64; 6]) -> Self {
        Self { origin: [c[0], c[3]], col_step: [c[1], c[4]], row_step: [c[2], c[5]] }
    }

    /// GDAL's six coefficients.
    pub fn to_gdal(self) -> [f64; 6] {
        [self.origin[0], self.col_step[0], self.row_step[0], self.origin[1], self.col_step[1], self.row_step[1]]
    }

    /// Map position of a pixel position (fractions allowed).
    pub fn apply(&self, row: f64, col: f64) -> [f64; 2] {
        [
            self.origin[0] + col * self.col_step[0] + row * self.row_step[0],
            self.origin[1] + col * self.col_step[1] + row * self.row_step[1],
        ]
    }

    /// Pixel position `(row, col)` of a map position; `None` where the transform has no inverse.
    pub fn invert(&self, point: [f64; 2]) -> Option<(f64, f64)> {
        let det = self.determinant();
        if det == 0.0 || !det.is_finite() {
            return None;
        }
        let (dx, dy) = (point[0] - self.origin[0], point[1] - self.origin[1]);
        let col = (dx * self.row_step[1] - dy * self.row_step[0]) / det;
        let row = (dy * self.col_step[0] - dx * self.col_step[1]) / det;
        Some((row, col))
    }

    /// Signed area of one pixel in map units squared: negative for rows that run south.
    pub fn determinant(&self) -> f64 {
        self.col_step[0] * self.row_step[1] - self.col_step[1] * self.row_step[0]
    }

    /// True when columns run east and rows run south, without rotation or shear.
    pub fn is_north_up(&self) -> bool {
        self.col_step[0] > 0.0 && self.col_step[1] == 0.0 && self.row_step[0] == 0.0 && self.row_step[1] < 0.0
    }

    /// Length of one column step and one row step in map units: `[width, height]`.
    pub fn pixel_size(&self) -> [f64; 2] {
        [self.col_step[0].hypot(self.col_step[1]), self.row_step[0].hypot(self.row_step[1])]
    }

    /// The transform of a grid whose pixel (0, 0) is this one's `(row, col)` and whose pixels are `factor` as long.
    #[must_use]
    pub fn sub_grid(&self, row: f64, col: f64, factor: f64) -> Self {
        Self {
            origin: self.apply(row, col),
            col_step: self.col_step.map(|v| v * factor),
            row_step: self.row_step.map(|v| v * factor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn invert_undoes_apply(
            x in -1e6..1e6f64, y in -1e6..1e6f64, a in 0.1..100f64, d in -100f64..-0.1, shear in -0.05..0.05f64,
            row in -1e4..1e4f64, col in -1e4..1e4f64,
        ) {
            let t = Affine { origin: [x, y], col_step: [a, shear], row_step: [shear, d] };
            let (r, c) = t.invert(t.apply(row, col)).unwrap();
            prop_assert!((r - row).abs() < 1e-5 && (c - col).abs() < 1e-5);
            prop_assert_eq!(Affine::from_gdal(t.to_gdal()), t);
        }
    }

    #[test]
    fn a_transform_without_inverse_is_none() {
        let t = Affine { origin: [0.0, 0.0], col_step: [1.0, 2.0], row_step: [2.0, 4.0] };
        assert_eq!(t.invert([1.0, 1.0]), None);
    }

    #[test]
    fn sub_grid_starts_at_the_pixel() {
        let t = Affine::north_up([500_000.0, 10_000.0], [10.0, 10.0]).sub_grid(2.0, 3.0, 4.0);
        assert_eq!(t.origin, [500_030.0, 9_980.0]);
        assert_eq!(t.pixel_size(), [40.0, 40.0]);
        assert!(t.is_north_up());
    }
}
