//! Size and seed of the landscape, and where its parts lie.

use areal_formats::{NamedChoice, UnknownName};
use serde::{Deserialize, Serialize};

use crate::noise::Point;

/// How large a landscape is generated.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum DemoSize {
    /// Two scenes of 480 x 480 pixels: seconds, for trials and tests.
    Small,
    /// Two scenes of 2048 x 2048 pixels: minutes through all stages on two cores.
    #[default]
    Full,
}

impl NamedChoice for DemoSize {
    const WHAT: &'static str = "size";
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DemoSettings {
    pub size: DemoSize,
    /// Which of all possible landscapes.
    pub seed: u64,
}

/// Dimensions of the landscape, in metres unless said otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Dimensions {
    /// Half the width and height of the rectangle that the districts fill, before its edge is made irregular.
    pub half: Point,
    /// Rows and columns of each scene.
    pub scene_pixels: usize,
    /// West edges of the two scenes.
    pub scene_west: [f64; 2],
    /// North edge of both scenes.
    pub scene_north: f64,
    /// Typical width of a parcel.
    pub parcel: f64,
    /// Width of the river.
    pub river: f64,
    /// Recommended patch size in pixels.
    pub patch_size: usize,
    /// Metres between patches of two splits: a patch's width, where the landscape has room for it.
    pub buffer: usize,
    /// Number of survey clusters.
    pub clusters: usize,
    /// Length of everything else, relative to the full landscape.
    pub scale: f64,
}

/// Pixel size of the scenes in metres.
pub const PIXEL: f64 = 10.0;

impl Dimensions {
    /// The dimensions of a size.
    pub fn of(size: DemoSize) -> Self {
        match size {
            DemoSize::Full => Self {
                half: [17_300.0, 9_300.0],
                scene_pixels: 2048,
                scene_west: [-18_480.0, -2_000.0],
                scene_north: 10_240.0,
                parcel: 950.0,
                river: 190.0,
                patch_size: 32,
                buffer: 320,
                clusters: 500,
                scale: 1.0,
            },
            DemoSize::Small => Self {
                half: [3_700.0, 2_100.0],
                scene_pixels: 480,
                scene_west: [-4_000.0, -800.0],
                scene_north: 2_400.0,
                parcel: 420.0,
                river: 90.0,
                patch_size: 16,
                buffer: 0,
                clusters: 120,
                scale: 0.22,
            },
        }
    }
}
