use std::fmt;

use areal_grid::{Crs, GroundResolution, PixelGrid, PixelType, Scaling, Target};
use areal_job::Provenance;
use areal_raster::SceneSettings;
use serde::{Deserialize, Serialize};

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
    /// The counts in the order of [`Split::ALL`](crate::Split::ALL).
    pub fn by_split(&self) -> [u64; 3] {
        [self.train, self.validation, self.test]
    }
}

/// Patches left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropCount {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub patches: u64,
}

/// Why a planned patch is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// No pixel of it, or not its centre, has a label.
    Unlabelled,
    /// Its label covers less than the least label fraction.
    LabelFraction,
    /// Two labels cover as many of its pixels.
    Tie,
    /// It would reach past its scene.
    OutsideScene,
    /// Too few of its pixels are observed.
    ValidFraction,
    /// It overlaps a patch of another split, or comes within the buffer of one.
    Buffer,
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlabelled => "without a label",
            Self::LabelFraction => "below the least label fraction",
            Self::Tie => "two labels cover as much",
            Self::OutsideScene => "would reach past the scene",
            Self::ValidFraction => "below the least valid fraction",
            Self::Buffer => "too near to another split",
        })
    }
}
