//! Reading of `shares.tif`: the fraction of each cell in each state.

use std::path::Path;

use areal_grid::Window;
use areal_raster::{RasterError, RasterFile};

use crate::{Shares, ZonesError};

/// How much the four shares of a cell may miss 1 by: they are kept in single precision.
const EPSILON: f64 = 1e-5;

/// Reads the shares of a prediction's cells by state (`shares.tif`).
pub struct SharesReader {
    file: RasterFile,
}

impl SharesReader {
    /// Opens the file, which has a band each for observed, nodata, masked and outside.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: &Path) -> Result<Self, ZonesError> {
        Ok(Self { file: RasterFile::open(path)? })
    }

    /// The shares of a window's cells, each cell's divided by their sum: they add up to 1 but for the last digit of double
    /// precision, and a share of nothing stays nothing.
    ///
    /// # Errors
    /// When the file cannot be read, or four shares lie outside 0..1 or do not add up to 1 but for their rounding.
    pub fn read(&mut self, window: &Window) -> Result<Shares, ZonesError> {
        let bands = self.file.read_bands(&[1, 2, 3, 4], window)?;
        let mut planes: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::with_capacity(window.len()));
        for k in 0..window.len() {
            let all: [f64; 4] = std::array::from_fn(|band| bands[band].0.get(k));
            let sum: f64 = all.iter().sum();
            if !(all.iter().all(|s| (0.0..=1.0).contains(s)) && (sum - 1.0).abs() < EPSILON) {
                let (row, col) = (window.row + k / window.width, window.col + k % window.width);
                let reason = format!("row {row}, column {col}: {all:?} are not fractions that add up to 1");
                return Err(RasterError::Prediction { path: self.file.facts().path.clone(), reason }.into());
            }
            planes.iter_mut().zip(all).for_each(|(plane, share)| plane.push(share / sum));
        }
        let [observed, nodata, masked, outside] = planes;
        Ok(Shares { observed, unobserved: [nodata, masked, outside] })
    }
}
