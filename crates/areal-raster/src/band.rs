//! Description of a band.

use areal_grid::{PixelType, Scaling};
use serde::{Deserialize, Serialize};

use crate::BandFacts;

/// A band of a scene or raster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandInfo {
    /// Its number in the first file, from 1.
    pub number: usize,
    /// Its description; `band 3` where the file has none.
    pub description: String,
    pub pixel_type: PixelType,
    /// What its stored values mean; they are used as they are stored.
    pub scaling: Scaling,
}

impl From<&BandFacts> for BandInfo {
    fn from(facts: &BandFacts) -> Self {
        Self {
            number: facts.number,
            description: facts.description.clone(),
            pixel_type: facts.pixel_type,
            scaling: Scaling { scale: facts.scale, offset: facts.offset },
        }
    }
}
