//! Batches of patches as they were read.

use areal_formats::Normalisation;
use areal_grid::{PixelState, Pixels};
use burn::tensor::{Device, Tensor, TensorData};

use crate::ModelError;

/// Patches as they were read, on their way into a network.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchBatch {
    /// Number of patches, bands, rows, columns.
    pub shape: [usize; 4],
    /// Values, `[N, C, H, W]`, in the scene's own type.
    pub pixels: Pixels,
    /// What is known of each pixel, `[N, H, W]`.
    pub states: Vec<PixelState>,
}

impl PatchBatch {
    /// Checks that the parts have the sizes that `shape` says, with this number of bands.
    ///
    /// # Errors
    /// [`ModelError::Batch`] that names what does not fit.
    pub fn check(&self, bands: usize) -> Result<(), ModelError> {
        let [n, c, h, w] = self.shape;
        let problem = if c != bands {
            format!("does not fit a model of {bands} bands")
        } else if self.pixels.len() != n * c * h * w {
            format!("has {} values", self.pixels.len())
        } else if self.states.len() != n * h * w {
            format!("has {} pixel states", self.states.len())
        } else if h * w == 0 {
            "has no pixels".to_owned()
        } else {
            return Ok(());
        };
        Err(ModelError::Batch { shape: self.shape, problem })
    }
}

/// Normalised images `[N, C, H, W]` on a device; the batch must have passed [`PatchBatch::check`].
pub fn to_tensor(batch: &PatchBatch, normalisation: &Normalisation, device: &Device) -> Tensor<4> {
    let [_, c, h, w] = batch.shape;
    let mut values = vec![0.0; batch.pixels.len()];
    for (index, (out, states)) in values.chunks_exact_mut(c * h * w).zip(batch.states.chunks_exact(h * w)).enumerate() {
        normalisation.apply(&batch.pixels, index * c * h * w, states, out);
    }
    Tensor::from_data(TensorData::new(values, batch.shape), device)
}
