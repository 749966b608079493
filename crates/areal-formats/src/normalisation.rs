//! Normalisation of bands.

use areal_grid::{PixelState, Pixels};
use serde::{Deserialize, Serialize};

use crate::SpecError;

/// Per-band normalisation: `(x - mean) / std`; a pixel that is not observed becomes 0, the band's mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normalisation {
    /// Mean of each band over the observed pixels of the training split, in the scene's units.
    pub mean: Vec<f32>,
    /// Standard deviation of each band over the same pixels, always above 0.
    pub std: Vec<f32>,
}

impl Normalisation {
    /// Normalises one patch.
    ///
    /// - `pixels[start..]` holds `[C, H, W]`, `states` `[H, W]`;
    /// - `out` receives `[C, H, W]`.
    pub fn apply(&self, pixels: &Pixels, start: usize, states: &[PixelState], out: &mut [f32]) {
        let plane = states.len();
        for (band, out) in out.chunks_exact_mut(plane.max(1)).enumerate() {
            pixels.read_f32(start + band * plane, out);
            let (mean, scale) = (self.mean[band], 1.0 / self.std[band]);
            for (value, state) in out.iter_mut().zip(states) {
                *value = if *state == PixelState::Observed { (*value - mean) * scale } else { 0.0 };
            }
        }
    }

    /// Checks that there is one finite mean and one positive deviation per band.
    ///
    /// # Errors
    /// The fault.
    pub fn check(&self, bands: usize) -> Result<(), SpecError> {
        if self.mean.len() != bands || self.std.len() != bands {
            let (m, s) = (self.mean.len(), self.std.len());
            return Err(SpecError(format!("{bands} bands, but {m} means and {s} standard deviations")));
        }
        let sound = |b: usize| self.mean[b].is_finite() && self.std[b] > 0.0 && self.std[b].is_finite();
        if let Some(band) = (0..bands).find(|b| !sound(*b)) {
            let (m, s) = (self.mean[band], self.std[band]);
            return Err(SpecError(format!("band {} has mean {m} and standard deviation {s}", band + 1)));
        }
        Ok(())
    }
}
