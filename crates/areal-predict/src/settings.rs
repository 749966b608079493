use areal_grid::PatchLayout;
use serde::{Deserialize, Serialize};

use crate::PredictError;

/// How a scene is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PredictSettings {
    /// Pixels from one patch to the next; `None` for the patch size. It must divide the patch size.
    pub stride: Option<usize>,
    /// Patches in a batch.
    pub batch_size: usize,
    /// Least share of observed pixels, 0 to 1, for a patch to be predicted; a patch without any is never predicted.
    pub min_valid: f64,
    /// Mebibytes that decoded pixels may take.
    pub memory: u64,
    /// Threads that read and decode the scene. The result does not depend on it.
    #[serde(skip)]
    pub threads: usize,
    /// Continue an interrupted run of the same job.
    #[serde(skip)]
    pub resume: bool,
    /// Replace an output that stands already.
    #[serde(skip)]
    pub overwrite: bool,
}

impl Default for PredictSettings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, 4);
        Self { stride: None, batch_size: 64, min_valid: 0.5, memory: 256, threads, resume: false, overwrite: false }
    }
}

impl PredictSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`PredictError::Setting`] with the value that is out of range.
    pub fn check(&self) -> Result<(), PredictError> {
        let fault = |what, value: String, expected| Err(PredictError::Setting { what, value, expected });
        if !(0.0..=1.0).contains(&self.min_valid) {
            return fault("the least valid fraction", self.min_valid.to_string(), "it must lie between 0 and 1");
        }
        if self.batch_size == 0 {
            return fault("the batch size", "0".to_owned(), "it must be at least 1");
        }
        if self.threads == 0 {
            return fault("the number of reading threads", "0".to_owned(), "it must be at least 1");
        }
        if self.memory == 0 {
            return fault("the memory", "0 MiB".to_owned(), "it must be at least 1 MiB");
        }
        Ok(())
    }

    /// The layout of the patches of a scene of so many rows and columns.
    ///
    /// # Errors
    /// When the stride does not divide the patch size.
    pub fn layout(&self, size: (usize, usize), patch_size: usize) -> Result<PatchLayout, PredictError> {
        Ok(PatchLayout::new(size.0, size.1, patch_size, self.stride.unwrap_or(patch_size))?)
    }
}
