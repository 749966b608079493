//! How the number of a zone is estimated.

use serde::{Deserialize, Serialize};

/// Which estimator a zone's number comes from.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ZoneMethod {
    /// From the zone's own units: design-based. What it rests on is a [`DirectBasis`].
    Direct,
    /// From the zone's map and the error rates of the whole sample: model-based. The error of a model-based number is that
    /// of an average zone, so it has no interval.
    Synthetic,
    /// From the zone's map with error rates between those of its own units and of the whole sample: model-based.
    Composite,
    /// EBLUP of the Fay-Herriot model with the synthetic estimate as covariate: model-based.
    FayHerriot,
    /// EBLUP of the unit-level model with the map as covariate, for a value: model-based. It does not use the design's weights.
    UnitLevel,
    /// The map's own sums, corrected as far as the sample proves an error: model-based. For classes.
    CorrectedMap,
    /// Of classes, direct where the zone has the least number of units, the CV asked for, and no larger error than the corrected map by the
    /// variances over the whole sample, so that zones whose units happen to be alike are not preferred; else that. Of a value, direct where the zone has the least number of units, and the CV or no larger error than the composite; else
    /// composite. One choice for all classes of a zone, so that they add up to it.
    Auto,
}

/// What a direct number rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectBasis {
    /// The ratio to all units of the zone by their weights: of values, and of classes where the areas of the strata in the zone are not known.
    Weights,
    /// The means of the strata in the zone by their known areas there.
    KnownAreas,
    /// The same, where a stratum has no unit in the zone, so that its mean over the whole map stands in.
    PartlySynthetic,
}

impl DirectBasis {
    /// The method as tables have it.
    pub(crate) fn method_name(self) -> String {
        let words = match self {
            Self::Weights => "",
            Self::KnownAreas => ", known-areas",
            Self::PartlySynthetic => ", known-areas, partly-synthetic",
        };
        format!("{}{words}", ZoneMethod::Direct)
    }
}

/// How a zone's estimate is made, and when its own units are enough.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ZoneEstimateSettings {
    pub method: ZoneMethod,
    /// Minimum number of labelled units in a zone for a direct estimate.
    pub min_units: usize,
    /// Maximum CV of a direct estimate: of a zone's classes the mean, weighted by their area, which is the sum of the
    /// standard errors of their fractions.
    pub max_cv: f64,
    /// Level of the intervals.
    pub level: f64,
    /// Draws from the posterior for each end of an interval of a class; their seed is constant.
    pub draws: usize,
}

/// Such draws for published numbers of zones, of which there may be many: they leave about a thirtieth of the half-width to chance.
pub const ZONE_DRAWS: usize = 2_000;
