use areal_grid::PixelType;
use serde::{Deserialize, Serialize};

use crate::BandFacts;

/// A band of a scene or raster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandInfo {
    /// Its number in the first file, from 1.
    pub number: usize,
    /// Its description; `band 3` where the file has none.
    pub description: String,
    /// Type of its pixels.
    pub pixel_type: PixelType,
}

impl From<&BandFacts> for BandInfo {
    fn from(facts: &BandFacts) -> Self {
        Self { number: facts.number, description: facts.description.clone(), pixel_type: facts.pixel_type }
    }
}
