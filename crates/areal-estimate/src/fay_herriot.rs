//! The area-level model of Fay and Herriot.

use nalgebra::{DMatrix, DVector};

use crate::error::{EstimateError, Missing, require, same_length};

/// One area of an area-level model.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaInput {
    /// Direct estimate and its (known) sampling variance; `None` where the sample has nothing there.
    pub direct: Option<(f64, f64)>,
    /// Auxiliary variables, an intercept of 1 among them.
    pub x: Vec<f64>,
}

/// A fitted area-level model.
#[derive(Debug, Clone, PartialEq)]
pub struct FayHerriot {
    /// Variance of the area effects, by REML.
    pub area_variance: f64,
    /// Regression coefficients.
    pub beta: Vec<f64>,
    /// One entry an area, in the order given.
    pub areas: Vec<FayHerriotArea>,
}

/// The model's estimate of one area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FayHerriotArea {
    /// Empirical best linear unbiased predictor.
    pub value: f64,
    /// Estimated mean squared error.
    pub mse: f64,
    /// Weight of the direct estimate, `sigma_u2 / (sigma_u2 + D)`; 0 without one.
    pub gamma: f64,
}

const ITERATIONS: usize = 200;

/// The area-level model of Fay and Herriot 1979 (JASA 74:269): `direct = x' beta + u + e`, `u ~ (0, sigma_u2)`,
/// `e ~ (0, D)` with `D` known. `sigma_u2` by REML (Rao and Molina 2015, Small Area Estimation, 2nd ed.,
/// eq. 6.1.17), EBLUP by eq. 6.1.2, MSE `g1 + g2 + 2 g3` by eq. 6.2.1-6.2.4 and 6.2.7. An area without a direct estimate gets
/// `x' beta` with MSE `sigma_u2 + x' V(beta) x`.
///
/// # Errors
/// Fewer areas with a direct estimate than coefficients plus one; a variance that is not positive; collinear auxiliary
/// variables.
pub fn fay_herriot(areas: &[AreaInput]) -> Result<FayHerriot, EstimateError> {
    let p = areas.first().ok_or(EstimateError::Empty(Missing::Area))?.x.len();
    for area in areas {
        same_length("the auxiliary variables of an area", area.x.len(), p)?;
    }
    let mut rows = Vec::new();
    for (k, area) in areas.iter().enumerate() {
        if let Some((y, d)) = area.direct {
            let name = format!("area {k}");
            require(d.is_finite() && d > 0.0, "sampling variance", &name, d, "must be positive")?;
            require(y.is_finite(), "direct estimate", &name, y, "must be a number")?;
            rows.push((y, d, DVector::from_column_slice(&area.x)));
        }
    }
    if rows.len() <= p {
        return Err(EstimateError::Empty(Missing::DirectEstimate));
    }
    let variance = reml(&rows, p)?;
    let fit = Fit::new(&rows, p, variance)?;
    let information: f64 = rows.iter().map(|(_, d, _)| (variance + d).powi(-2)).sum();
    let estimate = |area: &AreaInput| {
        let x = DVector::from_column_slice(&area.x);
        let (synthetic, spread) = (x.dot(&fit.beta), x.dot(&(&fit.q * &x)));
        match area.direct {
            None => FayHerriotArea { value: synthetic, mse: variance + spread, gamma: 0.0 },
            Some((y, d)) => {
                let gamma = variance / (variance + d);
                let g3 = d * d * (variance + d).powi(-3) * 2.0 / information;
                let mse = gamma * d + (1.0 - gamma).powi(2) * spread + 2.0 * g3;
                FayHerriotArea { value: gamma * y + (1.0 - gamma) * synthetic, mse, gamma }
            }
        }
    };
    Ok(FayHerriot {
        area_variance: variance,
        beta: fit.beta.iter().copied().collect(),
        areas: areas.iter().map(estimate).collect(),
    })
}

type AreaRow = (f64, f64, DVector<f64>);

/// Weighted least squares at one value of the area variance.
struct Fit {
    beta: DVector<f64>,
    /// `(X' V^-1 X)^-1`, the variance of beta.
    q: DMatrix<f64>,
}

impl Fit {
    fn new(rows: &[AreaRow], p: usize, variance: f64) -> Result<Self, EstimateError> {
        let mut gram = DMatrix::<f64>::zeros(p, p);
        let mut moments = DVector::<f64>::zeros(p);
        for (y, d, x) in rows {
            let w = 1.0 / (variance + d);
            gram.ger(w, x, x, 1.0);
            moments.axpy(w * y, x, 1.0);
        }
        let q = gram.cholesky().ok_or(EstimateError::Singular {
            what: "the area-level model",
            why: "an auxiliary variable is constant or repeats another over the areas",
        })?;
        Ok(Self { beta: q.solve(&moments), q: q.inverse() })
    }
}

/// The REML estimate, never below zero: the root of the score, by Fisher scoring kept within a bracket (left alone, it
/// can jump to and fro over a flat likelihood for ever). A score that is not positive at zero gives zero.
fn reml(rows: &[AreaRow], p: usize) -> Result<f64, EstimateError> {
    let scale = rows.iter().map(|r| r.1).sum::<f64>() / rows.len() as f64;
    if score(rows, p, 0.0)?.0 <= 0.0 {
        return Ok(0.0);
    }
    let (mut low, mut high) = (0.0, scale);
    while score(rows, p, high)?.0 > 0.0 {
        (low, high) = (high, 4.0 * high);
    }
    let mut variance = 0.5 * (low + high);
    for iteration in 0..ITERATIONS {
        let (slope, information) = score(rows, p, variance)?;
        if slope > 0.0 {
            low = variance;
        } else {
            high = variance;
        }
        let step = variance + slope / information;
        // Every other step halves the bracket, so that it shrinks however the scoring steps fare.
        let scoring = iteration % 2 == 0 && step > low && step < high;
        let next = if scoring { step } else { 0.5 * (low + high) };
        let tolerance = 1e-13 * (variance + scale);
        let settled = high - low <= tolerance || (scoring && (next - variance).abs() <= tolerance);
        variance = next;
        if settled {
            return Ok(variance);
        }
    }
    Err(EstimateError::NoConvergence { what: "the area variance (REML)", iterations: ITERATIONS })
}

/// Twice the REML score and twice the information at one value of the area variance. With `P = V^-1 - V^-1 X Q X' V^-1`
/// they are `y'PPy - tr P` and `tr(PP)`, each a sum over areas.
fn score(rows: &[AreaRow], p: usize, variance: f64) -> Result<(f64, f64), EstimateError> {
    let fit = Fit::new(rows, p, variance)?;
    let (mut squares, mut trace1, mut trace2) = (0.0, 0.0, 0.0);
    let (mut second, mut third) = (DMatrix::<f64>::zeros(p, p), DMatrix::<f64>::zeros(p, p));
    for (y, d, x) in rows {
        let w = 1.0 / (variance + d);
        squares += (w * (y - x.dot(&fit.beta))).powi(2);
        trace1 += w;
        trace2 += w * w;
        second.ger(w * w, x, x, 1.0);
        third.ger(w * w * w, x, x, 1.0);
    }
    let qs = &fit.q * &second;
    let tr_p = trace1 - qs.trace();
    let tr_pp = trace2 - 2.0 * (&fit.q * &third).trace() + (&qs * &qs).trace();
    Ok((squares - tr_p, tr_pp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Plain Fisher scoring jumped between zero and a positive value for ever on some tables of sixteen zones.
        #[test]
        fn reml_settles_on_any_table(
            values in prop::collection::vec((0.0..1.0f64, 1e-5..0.05f64, 0.0..1.0f64), 4..40),
        ) {
            let areas: Vec<AreaInput> =
                values.iter().map(|&(y, d, x)| AreaInput { direct: Some((y, d)), x: vec![1.0, x] }).collect();
            let fit = fay_herriot(&areas).unwrap();
            prop_assert!(fit.area_variance >= 0.0 && fit.areas.iter().all(|a| a.mse > 0.0 && a.value.is_finite()));
        }
    }
}
