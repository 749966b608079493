//! Model-assisted estimators of a mean, which use a map known everywhere.

use nalgebra::{DMatrix, DVector};

use crate::error::{EstimateError, require, same_length};
use crate::estimate::{Estimate, Total};
use crate::stratified::StratifiedSample;

/// An estimated mean that used a map known everywhere, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Assisted {
    /// The mean over the whole area.
    pub mean: Estimate,
    /// The coefficients of the auxiliary variables: beta of the regression estimator, lambda of the prediction-powered
    /// one, 1 of the difference estimator.
    pub coefficients: Vec<f64>,
    /// Standard error of the same sample without the map, over the one with it, squared: how many times larger a sample
    /// without the map would have to be.
    pub gain: f64,
}

/// Difference estimator of a mean (Sarndal, Swensson and Wretman 1992, Model Assisted Survey Sampling, eq. 6.3.4 and
/// 6.3.7): the map's mean plus the sample's mean error. `map_mean` is the area-weighted mean of the map over the whole
/// area; `predicted` the map at each unit.
///
/// # Errors
/// When a table has not one entry a unit.
pub fn difference(
    sample: &StratifiedSample,
    y: &[f64],
    predicted: &[f64],
    map_mean: f64,
) -> Result<Assisted, EstimateError> {
    with_coefficient(sample, y, predicted, map_mean, 1.0)
}

/// Prediction-powered mean with the power-tuned coefficient: `mean(y) + lambda (map mean - mean(f))` with
/// `lambda = Cov(mean y, mean f) / V(mean f)` under the design (Angelopoulos, Duchi and Zrnic 2023, PPI++, arXiv:2311.01453,
/// section 6, whose unlabelled set is here the whole map, so that their n/N is 0; the same estimator is Montanari 1987, Int.
/// Statistical Review 55:191). The design's weights and strata enter both variances.
///
/// # Errors
/// When a table has not one entry a unit.
pub fn prediction_powered(
    sample: &StratifiedSample,
    y: &[f64],
    predicted: &[f64],
    map_mean: f64,
) -> Result<Assisted, EstimateError> {
    same_length("the predictions", predicted.len(), y.len())?;
    let combined = |sign: f64| -> Result<f64, EstimateError> {
        let sum: Vec<f64> = y.iter().zip(predicted).map(|(y, f)| y + sign * f).collect();
        Ok(sample.total(&sum)?.variance)
    };
    let spread = sample.total(predicted)?.variance;
    // Cov(a, b) = (V(a + b) - V(a - b)) / 4.
    let covariance = 0.25 * (combined(1.0)? - combined(-1.0)?);
    let lambda = if spread > 0.0 { covariance / spread } else { 0.0 };
    with_coefficient(sample, y, predicted, map_mean, lambda)
}

fn with_coefficient(
    sample: &StratifiedSample,
    y: &[f64],
    predicted: &[f64],
    map_mean: f64,
    lambda: f64,
) -> Result<Assisted, EstimateError> {
    same_length("the predictions", predicted.len(), y.len())?;
    let errors: Vec<f64> = y.iter().zip(predicted).map(|(y, f)| y - lambda * f).collect();
    let total = sample.total(&errors)?;
    finish(sample, y, lambda * map_mean + total.value / sample.area(), &total, vec![lambda])
}

/// Generalised regression estimator (GREG) of a mean: Sarndal, Swensson and Wretman 1992, eq. 6.4.1 (estimate),
/// 6.4.13 (coefficients, here with constant model variance) and 6.6.4 (variance with g-weighted residuals).
///
/// `x` holds one row of auxiliary variables a unit and `map_means` their area-weighted means over the whole area. An
/// intercept is a column of ones, with mean 1. With indicators of groups that split the area it is the post-stratified
/// estimator.
///
/// # Errors
/// When tables do not fit, or the auxiliary variables are collinear in the sample.
pub fn regression(
    sample: &StratifiedSample,
    y: &[f64],
    x: &[Vec<f64>],
    map_means: &[f64],
) -> Result<Assisted, EstimateError> {
    same_length("the variable", y.len(), sample.len())?;
    same_length("the auxiliary table", x.len(), sample.len())?;
    let p = map_means.len();
    for row in x {
        same_length("a row of the auxiliary table", row.len(), p)?;
    }
    let weights = sample.weights();
    let mut gram = DMatrix::<f64>::zeros(p, p);
    let mut moments = DVector::<f64>::zeros(p);
    let mut totals = DVector::<f64>::zeros(p);
    for ((row, &y), &w) in x.iter().zip(y).zip(&weights) {
        let row = DVector::from_column_slice(row);
        gram.ger(w, &row, &row, 1.0);
        moments.axpy(w * y, &row, 1.0);
        totals.axpy(w, &row, 1.0);
    }
    let singular = EstimateError::Singular {
        what: "the regression on the map",
        why: "an auxiliary variable is constant or repeats another in the sample; leave it out",
    };
    let gram = gram.cholesky().ok_or(singular)?;
    let beta = gram.solve(&moments);
    let target = DVector::from_column_slice(map_means) * sample.area();
    let calibration = gram.solve(&(&target - &totals));
    let residuals: Vec<f64> = x
        .iter()
        .zip(y)
        .map(|(row, y)| {
            let row = DVector::from_column_slice(row);
            (1.0 + row.dot(&calibration)) * (y - row.dot(&beta))
        })
        .collect();
    // The estimate is the sum of g-weighted values, which is fit plus weighted residuals.
    let value = (target.dot(&beta) + sample.sum(&plain_residuals(y, x, &beta))?) / sample.area();
    finish(sample, y, value, &sample.total(&residuals)?, beta.iter().copied().collect())
}

fn plain_residuals(y: &[f64], x: &[Vec<f64>], beta: &DVector<f64>) -> Vec<f64> {
    let fit = |row: &Vec<f64>| row.iter().zip(beta.iter()).map(|(x, b)| x * b).sum::<f64>();
    y.iter().zip(x).map(|(y, row)| y - fit(row)).collect()
}

/// Units that a group with an area needs in [`post_stratified`].
pub const MIN_UNITS_OF_GROUP: usize = 2;

/// The post-stratified estimator: groups with known fractions of the area that were not the strata of the design. As
/// [`regression`] on the groups' indicators; its conditional variance follows Holt and Smith 1979 (JRSS A 142:33).
///
/// # Errors
/// A group with area but no unit; tables that do not fit.
pub fn post_stratified(
    sample: &StratifiedSample,
    y: &[f64],
    group: &[usize],
    fractions: &[f64],
) -> Result<Assisted, EstimateError> {
    same_length("the groups", group.len(), sample.len())?;
    let known: f64 = fractions.iter().sum();
    require((known - 1.0).abs() < 1e-6, "sum of the fractions", "the groups", known, "must be 1")?;
    let mut counts = vec![0usize; fractions.len()];
    for (k, &g) in group.iter().enumerate() {
        let Some(count) = counts.get_mut(g) else {
            return Err(EstimateError::Unknown { unit: k.to_string(), what: "group", value: g.to_string() });
        };
        *count += 1;
    }
    if let Some(g) = (0..fractions.len()).find(|&g| fractions[g] > 0.0 && counts[g] < MIN_UNITS_OF_GROUP) {
        return Err(EstimateError::FewUnits { stratum: format!("group {g}"), n: counts[g] });
    }
    // Groups without area carry no information and would make the system singular.
    let kept: Vec<usize> = (0..fractions.len()).filter(|&g| counts[g] > 0).collect();
    let rows: Vec<Vec<f64>> = group.iter().map(|&g| kept.iter().map(|&k| f64::from(k == g)).collect()).collect();
    let means: Vec<f64> = kept.iter().map(|&g| fractions[g]).collect();
    regression(sample, y, &rows, &means)
}

fn finish(
    sample: &StratifiedSample,
    y: &[f64],
    value: f64,
    errors: &Total,
    coefficients: Vec<f64>,
) -> Result<Assisted, EstimateError> {
    let without = sample.total(y)?.variance;
    let is_fraction = (0.0..=1.0).contains(&value) && y.iter().all(|v| (0.0..=1.0).contains(v));
    let mean = Estimate::of_total(value, errors, sample.area(), sample.units(), is_fraction);
    let gain = if mean.standard_error > 0.0 { without / errors.variance } else { f64::INFINITY };
    Ok(Assisted { mean, coefficients, gain })
}
