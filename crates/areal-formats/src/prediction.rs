//! `prediction.json`: what was predicted, from what and how.

use std::path::Path;

use areal_grid::{PixelGrid, Target};
use areal_job::{FileError, Sha256, write_json};
use serde::{Deserialize, Serialize};

use crate::{DenseAgreement, PredictMode, Provenance, SceneSettings};

/// Cells of a prediction by what became of them; together they are all its cells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateCounts {
    /// Cells with a predicted class or value.
    pub predicted: u64,
    /// Cells left empty because too much of them is nodata.
    pub nodata: u64,
    /// Cells left empty because too much of them is masked by the quality band.
    pub masked: u64,
    /// Cells in no file of the scene.
    pub outside: u64,
}

impl StateCounts {
    /// All cells.
    pub fn total(&self) -> u64 {
        self.predicted + self.nodata + self.masked + self.outside
    }
}

/// `prediction.json`: how a prediction was made, and from what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictionMeta {
    /// One of [`PredictionMeta::FORMATS`]: the one that it was written in.
    pub format: String,
    pub target: Target,
    /// Where the cells lie; a cell is `stride` x `stride` pixels of the scene.
    pub grid: PixelGrid,
    /// Patch size in pixels of the scene.
    pub patch_size: usize,
    /// Stride in pixels of the scene.
    pub stride: usize,
    /// How the network was run; `patch` where the document has no such key.
    #[serde(default)]
    pub mode: PredictMode,
    /// In dense mode, how far it is from patch by patch on a sample of this scene's patches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<DenseAgreement>,
    /// Least share of observed pixels, 0 to 1, for a patch to be predicted.
    pub min_valid: f64,
    pub scene: SceneSettings,
    /// Digest of the bundle.
    pub bundle_sha256: Sha256,
    /// Cells by what became of them; they add up to height x width.
    pub counts: StateCounts,
    /// Share of each class that the training implies, in the order of the classes; empty for a value.
    pub training_prior: Vec<f64>,
    /// Share of each class among the training patches, in the order of the classes; empty for a value, and in
    /// predictions made before it was recorded.
    #[serde(default, alias = "class_shares")]
    pub training_class_shares: Vec<f64>,
    /// How it was made.
    pub provenance: Provenance,
}

impl PredictionMeta {
    /// The format that this version writes.
    pub const FORMAT: &'static str = "areal-prediction/2";
    /// The formats that are read, the present one first. Version 2 named `training_class_shares`.
    pub const FORMATS: [&'static str; 2] = [Self::FORMAT, "areal-prediction/1"];
    /// Name of the file in the prediction's folder.
    pub const FILE: &'static str = "prediction.json";

    /// Writes it into a folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        write_json(&folder.join(Self::FILE), self)
    }
}
