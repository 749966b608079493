//! `store.json`: what a patch store holds.

use areal_grid::{Crs, GroundResolution, PixelGrid, PixelType, Scaling, Target};
use serde::{Deserialize, Serialize};

use crate::{Provenance, SceneSettings};

/// The `format` of `store.json`.
pub const STORE_FORMAT: &str = "areal-store/1";

/// What a patch store holds: `store.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreMeta {
    /// [`STORE_FORMAT`].
    pub format: String,
    /// Descriptions of the bands, in the order of the second axis of `pixels.npy`.
    pub bands: Vec<String>,
    /// Type of the pixels: the scenes' own.
    pub pixel_type: PixelType,
    /// What the stored values of each band mean: the same in all scenes. None in stores of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Vec<Scaling>>,
    /// CRS of the footprints in `patches.gpkg`: the scenes' own where they share one, else longitude and latitude;
    /// `None` for imported images.
    pub crs: Option<Crs>,
    /// Ground resolution of the first scene; the others are within 1 % of it. `None` for imported images.
    pub ground_resolution: Option<GroundResolution>,
    /// Patch size in pixels.
    pub patch_size: usize,
    /// What the labels are: classes, or a value.
    pub target: Target,
    /// The scenes, in the order in which their patches stand; empty for imported images.
    pub scenes: Vec<StoreScene>,
    /// How many patches there are, and how many were left out and why.
    pub counts: StoreCounts,
    /// How the store came to be.
    pub provenance: Provenance,
}

/// A scene that patches were cut from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreScene {
    /// Its name in the records.
    pub name: String,
    /// Its pixel grid: where the rows and columns of the records lie.
    pub grid: PixelGrid,
    /// How it was read, so that it can be read again.
    pub settings: SceneSettings,
}

/// Patches kept and dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreCounts {
    /// Patches in the store.
    pub patches: u64,
    /// Patches by label and split: one row a class in ascending order of code, or one row for a value.
    pub labels: Vec<LabelCount>,
    /// Patches that were planned and left out; reasons without a patch are not listed.
    pub dropped: Vec<DropCount>,
}

/// Patches of one class (or of the value) in each split.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelCount {
    /// Name of the class, or of the value.
    pub label: String,
    /// Patches to train on.
    pub train: u64,
    /// Patches to validate on.
    pub validation: u64,
    /// Patches to test on.
    pub test: u64,
}

impl LabelCount {
    /// The counts in the order train, validation, test.
    pub fn by_split(&self) -> [u64; 3] {
        [self.train, self.validation, self.test]
    }
}

/// Patches left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropCount {
    pub reason: DropReason,
    pub patches: u64,
}

/// Why a planned patch is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::Display, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// No pixel of it, or not its centre, has a label.
    #[strum(to_string = "without a label")]
    Unlabelled,
    /// Its label covers less than the least label fraction.
    #[strum(to_string = "below the minimum label fraction")]
    LabelFraction,
    /// Two labels cover as many of its pixels.
    #[strum(to_string = "two labels cover equally much")]
    Tie,
    /// It would reach past its scene.
    #[strum(to_string = "would extend past the scene")]
    OutsideScene,
    /// Too few of its pixels are observed.
    #[strum(to_string = "below the minimum valid fraction")]
    ValidFraction,
    /// It overlaps a patch of another split, or comes within the buffer of one.
    #[strum(to_string = "too near to another split")]
    Buffer,
}
