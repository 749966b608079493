//! Why a scene could not be predicted.

use std::path::PathBuf;

use areal_grid::LayoutError;
use areal_job::{FileError, Interrupted};
use areal_model::ModelError;
use areal_raster::RasterError;

/// Why a scene could not be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// A stride that does not fit the patch size.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A scene that cannot be read, or an output that cannot be written.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// A model that does not fit the scene, or a network that failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A file operation that failed.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A setting out of its range.
    #[error("{what} is {value}; {expected}")]
    Setting {
        what: &'static str,
        value: String,
        /// What it should be.
        expected: String,
    },
    /// A part of the work that does not fit into the memory setting.
    #[error("{part} would need {needed} MiB, but the memory limit is {memory} MiB")]
    Memory {
        /// What does not fit.
        part: MemoryPart,
        /// Mebibytes that it takes.
        needed: u64,
        /// The memory setting in mebibytes.
        memory: u64,
    },
    /// A network that returned something other than a number.
    #[error("the network returned {value} for the patch at row {row}, column {col} of the scene")]
    NotFinite {
        /// What it gave: NaN or infinite.
        value: f32,
        /// First row of the patch in pixels.
        row: usize,
        /// First column of the patch in pixels.
        col: usize,
    },
    /// A network that gave another number of outputs than its model says.
    #[error("the network gave outputs of shape {found:?} for a batch, expected {expected:?} (patch, output)")]
    Outputs {
        /// Patches and outputs that it gave.
        found: (usize, usize),
        /// Patches and outputs that there should be.
        expected: (usize, usize),
    },
    /// The kept strips are of another job.
    #[error("{path} was started with other inputs or settings: {difference}", path = path.display())]
    OtherJob {
        /// The folder of kept strips.
        path: PathBuf,
        /// What differs, old and new.
        difference: String,
    },
    /// Counts that do not add up: a fault of this program.
    #[error("{counted} {what} were counted, expected {expected}")]
    Counts {
        what: &'static str,
        /// Sum of the counts.
        counted: u64,
        /// How many there are.
        expected: u64,
    },
    /// A thread that ended before its work was done.
    #[error("a reader thread stopped before it had finished")]
    ThreadStopped,
}

/// What the memory setting bounds besides decoded pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum MemoryPart {
    /// The patches of one batch.
    #[strum(to_string = "a batch of patches")]
    Batch,
    /// The cells that patches are still added to, and one finished row of them.
    #[strum(to_string = "the cells between one patch and the next row of patches")]
    Cells,
    /// In dense mode, the feature maps over one column of cells, and a third as much for decoded pixels.
    #[strum(to_string = "dense mode over one column of cells, three quarters of it for feature maps,")]
    Maps,
}

impl PredictError {
    /// [`PredictError::Memory`] in bytes.
    pub(crate) fn memory(part: MemoryPart, needed: u64, memory: u64) -> Self {
        const MIB: u64 = 1 << 20;
        Self::Memory { part, needed: needed.div_ceil(MIB), memory: memory / MIB }
    }
}
