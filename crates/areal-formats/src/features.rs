//! `features.json`: what features were computed, from what and how.

use areal_grid::PixelGrid;
use serde::{Deserialize, Serialize};

use crate::{Architecture, ModelSpec, Normalisation, Provenance, SceneSettings, StateCounts};

/// `features.json`: how the pooled features of a network were computed, beside `features.npy` or `features.tif`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeaturesMeta {
    /// [`FeaturesMeta::FORMAT`].
    pub format: String,
    /// Features of a patch.
    pub features: usize,
    pub architecture: Architecture,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Bands that were read, in order.
    pub bands: Vec<String>,
    /// How they were normalised.
    pub normalisation: Normalisation,
    pub of: FeaturesOf,
    /// How it was made.
    pub provenance: Provenance,
}

/// What the features are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum FeaturesOf {
    /// The patches of a store, in the order of its `patches.csv`.
    Store {
        /// How many.
        patches: u64,
    },
    /// The cells of a scene: the mean over the patches that cover a cell.
    Scene {
        /// Where the cells lie.
        grid: Box<PixelGrid>,
        /// Pixels from one patch to the next, and the side of a cell.
        stride: usize,
        /// Least share of observed pixels in a patch, and in a cell, 0 to 1.
        min_valid: f64,
        /// Cells by what became of them: `predicted` are those with features.
        counts: StateCounts,
        scene: Box<SceneSettings>,
    },
}

impl FeaturesMeta {
    pub const FORMAT: &'static str = "areal-features/1";
    /// Name of the file in its folder.
    pub const FILE: &'static str = "features.json";

    /// Of so many features of a model.
    pub fn new(spec: &ModelSpec, features: usize, of: FeaturesOf, provenance: Provenance) -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            features,
            architecture: spec.architecture,
            patch_size: spec.patch_size,
            bands: spec.bands.clone(),
            normalisation: spec.normalisation.clone(),
            of,
            provenance,
        }
    }
}
