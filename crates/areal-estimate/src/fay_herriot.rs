use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require, same_length};

/// One area of an area-level model.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaInput {
    /// Direct estimate and its (known) sampling variance; `None` where the sample has nothing there.
    pub direct: Option<(f64, f64)>,
    /// Auxiliary variables, an intercept of 1 among them.
    pub x: Vec<f64>,
}

/// A fitted area-level model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FayHerriot {
    /// Variance of the area effects, by REML.
    pub area_variance: f64,
    /// Regression coefficients.
    pub beta: Vec<f64>,
    /// One entry an area, in the order given.
    pub areas: Vec<AreaEstimate>,
}

/// The model's estimate of one area.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AreaEstimate {
    /// Empirical best linear unbiased predictor.
    pub value: f64,
    /// Estimated mean squared error.
    pub mse: f64,
    /// Weight of the direct estimate, `sigma_u2 / (sigma_u2 + D)`; 0 without one.
    pub gamma: f64,
}

const ITERATIONS: usize = 500;

/// The area-level model of Fay and Herriot 1979 (JASA 74:269): `direct = x' beta + u + e`, `u ~ (0, sigma_u2)`,
/// `e ~ (0, D)` with `D` known. `sigma_u2` by REML (Fisher scoring; Rao and Molina 2015, Small Area Estimation, 2nd ed.,
/// eq. 6.1.17), EBLUP by eq. 6.1.2, MSE `g1 + g2 + 2 g3` by eq. 6.2.1-6.2.4 and 6.2.7. An area without a direct estimate gets
/// `x' beta` with MSE `sigma_u2 + x' V(beta) x`.
///
/// # Errors
/// Fewer areas with a direct estimate than coefficients plus one; a variance that is not positive; collinear auxiliary
/// variables.
pub fn fay_herriot(areas: &[AreaInput]) -> Result<FayHerriot, EstimateError> {
    let p = areas.first().ok_or(EstimateError::Empty { what: "area" })?.x.len();
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
        return Err(EstimateError::Empty { what: "area beyond the number of coefficients: too few direct estimates" });
    }
    let variance = reml(&rows, p)?;
    let fit = Fit::new(&rows, p, variance)?;
    let information: f64 = rows.iter().map(|(_, d, _)| (variance + d).powi(-2)).sum();
    let estimate = |area: &AreaInput| {
        let x = DVector::from_column_slice(&area.x);
        let (synthetic, spread) = (x.dot(&fit.beta), x.dot(&(&fit.q * &x)));
        match area.direct {
            None => AreaEstimate { value: synthetic, mse: variance + spread, gamma: 0.0 },
            Some((y, d)) => {
                let gamma = variance / (variance + d);
                let g3 = d * d * (variance + d).powi(-3) * 2.0 / information;
                let mse = gamma * d + (1.0 - gamma).powi(2) * spread + 2.0 * g3;
                AreaEstimate { value: gamma * y + (1.0 - gamma) * synthetic, mse, gamma }
            }
        }
    };
    Ok(FayHerriot {
        area_variance: variance,
        beta: fit.beta.iter().copied().collect(),
        areas: areas.iter().map(estimate).collect(),
    })
}

type Row = (f64, f64, DVector<f64>);

/// Weighted least squares at one value of the area variance.
struct Fit {
    beta: DVector<f64>,
    /// `(X' V^-1 X)^-1`, the variance of beta.
    q: DMatrix<f64>,
}

impl Fit {
    fn new(rows: &[Row], p: usize, variance: f64) -> Result<Self, EstimateError> {
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

/// Fisher scoring for the REML estimate, never below zero. With `P = V^-1 - V^-1 X Q X' V^-1` the score is
/// `(y'PPy - tr P) / 2` and the information `tr(PP) / 2`, each a sum over areas.
fn reml(rows: &[Row], p: usize) -> Result<f64, EstimateError> {
    let m = rows.len() as f64;
    let mean_d = rows.iter().map(|r| r.1).sum::<f64>() / m;
    let mut variance = mean_d;
    for _ in 0..ITERATIONS {
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
        let next = (variance + (squares - tr_p) / tr_pp).max(0.0);
        let settled = (next - variance).abs() <= 1e-12 * (variance + mean_d);
        variance = next;
        if settled {
            return Ok(variance);
        }
    }
    Err(EstimateError::NoConvergence { what: "the area variance (REML)", iterations: ITERATIONS })
}
