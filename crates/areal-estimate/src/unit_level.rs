//! The unit-level model of Battese, Harter and Fuller.

use nalgebra::{DMatrix, DVector};

use crate::error::{EstimateError, Missing, same_length};

/// One sampled unit of a unit-level model.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitInput {
    /// Index of its area.
    pub area: usize,
    /// The measured value.
    pub y: f64,
    /// Auxiliary variables, an intercept of 1 among them.
    pub x: Vec<f64>,
}

/// What is known of one area as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct AreaTotals {
    /// Means of the auxiliary variables over all of the area's units, the intercept's 1 among them.
    pub x_mean: Vec<f64>,
    /// Number of units in the area.
    pub population: u64,
}

/// A fitted unit-level model.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitLevel {
    /// Variance between areas, by REML.
    pub area_variance: f64,
    /// Variance within areas, by REML.
    pub unit_variance: f64,
    /// Regression coefficients.
    pub beta: Vec<f64>,
    /// EBLUP of each area's mean, in the order given.
    pub means: Vec<f64>,
    /// Estimated mean squared error of each.
    pub mses: Vec<f64>,
    /// Of each sampled unit, its externally studentised residual in the model's own metric: beyond +-3, look at it
    /// before believing the rest.
    pub studentised: Vec<f64>,
}

/// The unit-level model of Battese, Harter and Fuller 1988 (JASA 83:28): `y = x' beta + v + e` with an effect `v ~ (0, sv2)` for
/// each area and `e ~ (0, se2)` for each unit. Variances by REML; the mean of an area is
/// `f ybar + (Xbar - f xbar)' beta + (1 - f) vhat`, `vhat = gamma (ybar - xbar' beta)`, `gamma = sv2 / (sv2 + se2 / n)`,
/// `f = n / N` (Rao and Molina 2015, Small Area Estimation, 2nd ed., eq. 7.1.16-7.1.19). The mean squared errors are those
/// of Prasad and Rao 1990 (JASA 85:163) for REML, `g1 + g2 + 2 g3` of the units that are not sampled (Rao and Molina 2015,
/// section 7.2.2).
///
/// # Errors
/// Tables that do not fit; collinear auxiliary variables; no more units than coefficients.
pub fn unit_level(units: &[UnitInput], areas: &[AreaTotals]) -> Result<UnitLevel, EstimateError> {
    let p = areas.first().ok_or(EstimateError::Empty(Missing::Area))?.x_mean.len();
    for area in areas {
        same_length("the auxiliary means of an area", area.x_mean.len(), p)?;
    }
    for unit in units {
        same_length("the auxiliary variables of a unit", unit.x.len(), p)?;
        if unit.area >= areas.len() {
            let value = unit.area.to_string();
            return Err(EstimateError::Unknown { unit: "?".into(), what: "area", value });
        }
    }
    if units.len() <= p {
        return Err(EstimateError::Empty(Missing::UnitBeyondCoefficients));
    }
    let data = Data::new(units, areas.len(), p);
    let ratio = best_ratio(&data)?;
    let fit = data.fit(ratio)?;
    let areas: Vec<(f64, f64)> = areas.iter().enumerate().map(|(k, area)| data.predict(&fit, ratio, k, area)).collect();
    Ok(UnitLevel {
        area_variance: ratio * fit.unit_variance,
        unit_variance: fit.unit_variance,
        beta: fit.beta.iter().copied().collect(),
        means: areas.iter().map(|a| a.0).collect(),
        mses: areas.iter().map(|a| a.1).collect(),
        studentised: data.studentised(&fit, ratio),
    })
}

struct Data<'a> {
    units: &'a [UnitInput],
    p: usize,
    n: Vec<f64>,
    y_sum: Vec<f64>,
    x_sum: Vec<DVector<f64>>,
}

struct Fit {
    beta: DVector<f64>,
    /// `(X' H^-1 X)^-1` with `V = se2 H`.
    q: DMatrix<f64>,
    unit_variance: f64,
    /// Restricted log-likelihood, less its constants.
    likelihood: f64,
}

impl<'a> Data<'a> {
    fn new(units: &'a [UnitInput], areas: usize, p: usize) -> Self {
        let mut data =
            Self { units, p, n: vec![0.0; areas], y_sum: vec![0.0; areas], x_sum: vec![DVector::zeros(p); areas] };
        for unit in units {
            data.n[unit.area] += 1.0;
            data.y_sum[unit.area] += unit.y;
            for (sum, x) in data.x_sum[unit.area].iter_mut().zip(&unit.x) {
                *sum += x;
            }
        }
        data
    }

    /// The unit in the metric where the model is ordinary least squares: each value less `tau` times its area's mean,
    /// `tau = 1 - (1 + ratio n)^-1/2` (Fuller and Battese 1973, JASA 68:626).
    fn transformed(&self, unit: &UnitInput, ratio: f64) -> (f64, DVector<f64>) {
        let n = self.n[unit.area];
        let fraction = (1.0 - (1.0 + ratio * n).powf(-0.5)) / n;
        (
            unit.y - fraction * self.y_sum[unit.area],
            DVector::from_column_slice(&unit.x) - fraction * &self.x_sum[unit.area],
        )
    }

    /// Generalised least squares and the restricted likelihood at `ratio = sv2 / se2`.
    fn fit(&self, ratio: f64) -> Result<Fit, EstimateError> {
        let mut gram = DMatrix::<f64>::zeros(self.p, self.p);
        let mut moments = DVector::<f64>::zeros(self.p);
        for unit in self.units {
            let (y, x) = self.transformed(unit, ratio);
            gram.ger(1.0, &x, &x, 1.0);
            moments.axpy(y, &x, 1.0);
        }
        let cholesky = gram.cholesky().ok_or(EstimateError::Singular {
            what: "the unit-level model",
            why: "an auxiliary variable is constant or repeats another over the units",
        })?;
        let beta = cholesky.solve(&moments);
        let squares: f64 = self
            .units
            .iter()
            .map(|unit| {
                let (y, x) = self.transformed(unit, ratio);
                (y - x.dot(&beta)).powi(2)
            })
            .sum();
        let freedom = (self.units.len() - self.p) as f64;
        let log_det_gram = 2.0 * cholesky.l_dirty().diagonal().iter().map(|v| v.abs().ln()).sum::<f64>();
        let log_det_v: f64 = self.n.iter().map(|n| (ratio * n).ln_1p()).sum();
        let unit_variance = squares / freedom;
        let likelihood = -0.5 * (freedom * unit_variance.ln() + log_det_v + log_det_gram);
        Ok(Fit { beta, q: cholesky.inverse(), unit_variance, likelihood })
    }

    /// Mean of area `k` and its mean squared error.
    fn predict(&self, fit: &Fit, ratio: f64, k: usize, area: &AreaTotals) -> (f64, f64) {
        let (se2, sv2) = (fit.unit_variance, ratio * fit.unit_variance);
        let (n, population) = (self.n[k], area.population as f64);
        let whole = DVector::from_column_slice(&area.x_mean);
        let f = (n / population).min(1.0);
        let (y, x) = if n > 0.0 { (self.y_sum[k] / n, &self.x_sum[k] / n) } else { (0.0, DVector::zeros(self.p)) };
        let gamma = ratio * n / (1.0 + ratio * n);
        let effect = gamma * (y - x.dot(&fit.beta));
        let rest = whole - f * &x;
        let value = f * y + rest.dot(&fit.beta) + (1.0 - f) * effect;
        // `rest` is the mean of the units that are not sampled, times 1 - f.
        let apart = rest - (1.0 - f) * gamma * x;
        let g2 = apart.dot(&(&fit.q * &apart)) * se2;
        let open = (1.0 - f).powi(2);
        let g1 = (1.0 - gamma) * sv2;
        let g3 = n * (se2 + n * sv2).powi(-3) * self.variance_uncertainty(se2, sv2);
        (value, open * (g1 + 2.0 * g3) + g2 + (1.0 - f) * se2 / population)
    }

    /// `se4 Var(sv2) + sv4 Var(se2) - 2 se2 sv2 Cov(sv2, se2)` with the asymptotic variances of the REML estimates (Rao
    /// and Molina 2015, eq. 7.2.23 and 7.2.27).
    fn variance_uncertainty(&self, se2: f64, sv2: f64) -> f64 {
        let (mut vv, mut ee, mut ve) = (0.0, 0.0, 0.0);
        for &n in self.n.iter().filter(|n| **n > 0.0) {
            let alpha = (se2 + n * sv2).powi(-2);
            vv += 0.5 * n * n * alpha;
            ee += 0.5 * ((n - 1.0) / (se2 * se2) + alpha);
            ve += 0.5 * n * alpha;
        }
        let determinant = vv * ee - ve * ve;
        // The inverse of the information matrix holds `ee`, `vv` and `-ve` over its determinant.
        if determinant > 0.0 { (se2 * se2 * ee + sv2 * sv2 * vv + 2.0 * se2 * sv2 * ve) / determinant } else { 0.0 }
    }

    /// `t = r sqrt((n - p - 1) / (S (1 - h) - r2))` for residual `r` and leverage `h` (Cook and Weisberg 1982, eq. 2.2.13).
    fn studentised(&self, fit: &Fit, ratio: f64) -> Vec<f64> {
        let freedom = (self.units.len() - self.p) as f64;
        let squares = fit.unit_variance * freedom;
        let one = |unit: &UnitInput| {
            let (y, x) = self.transformed(unit, ratio);
            let (r, h) = (y - x.dot(&fit.beta), x.dot(&(&fit.q * &x)));
            let rest = squares * (1.0 - h) - r * r;
            if rest > 0.0 { r * ((freedom - 1.0) / rest).sqrt() } else { f64::INFINITY.copysign(r) }
        };
        self.units.iter().map(one).collect()
    }
}

/// The variance ratio of greatest restricted likelihood: a coarse search over orders of magnitude, so that a local
/// maximum cannot win, then golden sections. Zero when nothing beats it.
fn best_ratio(data: &Data) -> Result<f64, EstimateError> {
    let at = |log: f64| data.fit(log.exp()).map(|f| f.likelihood);
    let grid: Vec<f64> = (-48..=48).map(|k| f64::from(k) * 0.25).collect();
    let values = grid.iter().map(|&g| at(g)).collect::<Result<Vec<_>, _>>()?;
    let best = (0..grid.len()).max_by(|&a, &b| values[a].total_cmp(&values[b])).expect("the grid is not empty");
    if best == 0 || data.fit(0.0)?.likelihood >= values[best] {
        return Ok(0.0);
    }
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (grid[best - 1], grid[(best + 1).min(grid.len() - 1)]);
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut fa, mut fb) = (at(a)?, at(b)?);
    while high - low > 1e-9 {
        if fa < fb {
            (low, a, fa) = (a, b, fb);
            b = low + golden * (high - low);
            fb = at(b)?;
        } else {
            (high, b, fb) = (b, a, fa);
            a = high - golden * (high - low);
            fa = at(a)?;
        }
    }
    Ok((0.5 * (low + high)).exp())
}
