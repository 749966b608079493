//! The estimators of a mean or a fraction over the whole map.

use serde::{Deserialize, Serialize};

use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::regression::{difference, post_stratified, prediction_powered, regression};
use crate::stratified::StratifiedSample;

/// How a mean or a fraction over the whole map is estimated.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Estimator {
    /// From the strata alone (with strata = map classes, Olofsson et al. 2014; with others, Stehman 2014).
    Stratified,
    /// Post-stratified by map class, for a sample that was not stratified by it.
    PostStratified,
    /// The map's mean plus the sample's mean error.
    Difference,
    /// Generalised regression estimator on the map.
    Regression,
    /// Prediction-powered, power-tuned.
    PredictionPowered,
}

/// The map's values of one variable: at the units and over the whole area.
pub(crate) struct Auxiliary<'a> {
    /// The map at each unit.
    pub predicted: &'a [f64],
    /// Its area-weighted mean over the map.
    pub map_mean: f64,
    /// Map class of each unit, and the fraction of the area that each class has; empty for a value.
    pub group: &'a [usize],
    pub fractions: &'a [f64],
}

impl Estimator {
    /// The mean of `y`, and how many times larger a sample the strata alone would need for the same error.
    pub(crate) fn mean(
        self,
        sample: &StratifiedSample,
        y: &[f64],
        aux: &Auxiliary,
    ) -> Result<(Estimate, f64), EstimateError> {
        let assisted = match self {
            Self::Stratified => return Ok((sample.mean(y)?, 1.0)),
            Self::PostStratified => post_stratified(sample, y, aux.group, aux.fractions)?,
            Self::Difference => difference(sample, y, aux.predicted, aux.map_mean)?,
            Self::PredictionPowered => prediction_powered(sample, y, aux.predicted, aux.map_mean)?,
            Self::Regression => {
                let rows: Vec<Vec<f64>> = aux.predicted.iter().map(|f| vec![1.0, *f]).collect();
                regression(sample, y, &rows, &[1.0, aux.map_mean])?
            }
        };
        Ok((assisted.mean, assisted.gain))
    }
}
