//! Settings of a prediction and their bounds.

use std::path::PathBuf;

use areal_formats::PredictMode;
use areal_grid::PatchLayout;
use areal_model::{DeviceChoice, Precision, PrecisionChange};
use serde::{Deserialize, Serialize};

use crate::{MemoryPart, PredictError};

/// Most patches in a batch: far above what any device makes use of.
pub const MAX_BATCH_SIZE: usize = 65_536;

/// Most threads that read a scene.
pub const MAX_THREADS: usize = 1024;

/// Most threads that read a scene where none are given.
pub const MAX_DEFAULT_THREADS: usize = 4;

/// Most mebibytes: 16 TiB.
const MAX_MEMORY: u64 = 1 << 24;

const MIB: u64 = 1 << 20;

/// How a scene is predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PredictSettings {
    /// Pixels from one patch to the next; `None` for the patch size. It must divide the patch size.
    pub stride: Option<usize>,
    /// Patch by patch, or over the whole scene.
    pub mode: PredictMode,
    /// Patches in a batch.
    pub batch_size: usize,
    /// Least share of observed pixels, 0 to 1, for a patch to be predicted, and for a cell; one without any is never
    /// predicted.
    pub min_valid: f64,
    /// Mebibytes that decoded pixels, a batch, and the cells that are worked on may take, each. In dense mode, decoded pixels
    /// and the maps of the network together.
    pub memory: u64,
    /// Device that the inference was loaded to. The result depends on it in its last bits.
    pub device: DeviceChoice,
    /// Precision that the inference was loaded in.
    pub precision: Precision,
    /// What that precision changes, as far as it was measured: kept with the prediction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision_change: Option<PrecisionChange>,
    /// Patch store that the precision's ranges or change were measured on: its digest is kept with the prediction.
    #[serde(skip)]
    pub store: Option<PathBuf>,
    /// Threads that read and decode the scene. The result does not depend on it.
    #[serde(skip)]
    pub threads: usize,
    /// Refuse to replace the finished strips of an interrupted run of another job. One of the same job is continued in any case.
    #[serde(skip)]
    pub resume: bool,
    /// Replace an existing output, and the finished strips of an interrupted run of another job.
    #[serde(skip)]
    pub overwrite: bool,
}

impl Default for PredictSettings {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(1, MAX_DEFAULT_THREADS);
        Self {
            stride: None,
            mode: PredictMode::Patch,
            batch_size: 64,
            min_valid: 0.5,
            memory: 256,
            device: DeviceChoice::Cpu,
            precision: Precision::F32,
            precision_change: None,
            store: None,
            threads,
            resume: false,
            overwrite: false,
        }
    }
}

impl PredictSettings {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`PredictError::Setting`] with the value that is out of range.
    pub fn check(&self) -> Result<(), PredictError> {
        let fault = |what, value: String, expected: String| Err(PredictError::Setting { what, value, expected });
        let within = |least: u64, most: u64, unit: &str| format!("it must be between {least} and {most}{unit}");
        if !(0.0..=1.0).contains(&self.min_valid) {
            return fault("the minimum valid fraction", self.min_valid.to_string(), within(0, 1, ""));
        }
        if self.mode == PredictMode::Dense && self.precision != Precision::F32 {
            return fault("the precision", self.precision.to_string(), "dense mode supports only f32".to_owned());
        }
        if !(1..=MAX_BATCH_SIZE).contains(&self.batch_size) {
            return fault("the batch size", self.batch_size.to_string(), within(1, MAX_BATCH_SIZE as u64, ""));
        }
        if !(1..=MAX_THREADS).contains(&self.threads) {
            let expected = within(1, MAX_THREADS as u64, "");
            return fault("the number of reader threads", self.threads.to_string(), expected);
        }
        if !(1..=MAX_MEMORY).contains(&self.memory) {
            return fault("the memory", format!("{} MiB", self.memory), within(1, MAX_MEMORY, " MiB"));
        }
        Ok(())
    }

    /// Bytes that the memory setting stands for.
    pub fn memory_bytes(&self) -> u64 {
        self.memory.saturating_mul(MIB)
    }

    /// Checks that a batch of patches of `patch_bytes` each, and cells of `cell_bytes`, fit into the memory.
    ///
    /// # Errors
    /// [`PredictError::Memory`] with what does not fit.
    pub fn check_memory(&self, patch_bytes: u64, cell_bytes: u64) -> Result<(), PredictError> {
        let batch = patch_bytes.saturating_mul(self.batch_size as u64);
        for (part, bytes) in [(MemoryPart::Batch, batch), (MemoryPart::Cells, cell_bytes)] {
            if bytes > self.memory_bytes() {
                return Err(PredictError::Memory { part, needed: bytes.div_ceil(MIB), memory: self.memory });
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_would_overflow_or_exhaust_the_machine_are_refused() {
        let refused = |settings: PredictSettings| settings.check().unwrap_err().to_string();
        let default = PredictSettings::default;
        for batch_size in [0, MAX_BATCH_SIZE + 1, 100_000_000, usize::MAX] {
            assert!(refused(PredictSettings { batch_size, ..default() }).contains(&batch_size.to_string()));
        }
        for threads in [0, MAX_THREADS + 1, 100_000] {
            assert!(refused(PredictSettings { threads, ..default() }).contains(&threads.to_string()));
        }
        for memory in [0, u64::MAX] {
            assert!(refused(PredictSettings { memory, ..default() }).contains(&memory.to_string()));
        }
    }

    #[test]
    fn a_batch_or_cells_beyond_the_memory_are_refused_with_what_they_take() {
        let settings = PredictSettings { batch_size: 1024, memory: 2, ..PredictSettings::default() };
        // 1024 patches of 2 KiB are 2 MiB.
        settings.check_memory(2048, 2 << 20).unwrap();
        let batch = settings.check_memory(2049, 0).unwrap_err();
        assert!(matches!(batch, PredictError::Memory { part: MemoryPart::Batch, needed: 3, memory: 2 }), "{batch}");
        let cells = settings.check_memory(1, (2 << 20) + 1).unwrap_err();
        assert!(matches!(cells, PredictError::Memory { part: MemoryPart::Cells, needed: 3, memory: 2 }), "{cells}");
        assert!(settings.check_memory(u64::MAX, 0).is_err());
    }
}
