use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, same_length};
use crate::fay_herriot::{AreaInput, fay_herriot};
use crate::interval::{Interval, logit_interval, normal_interval, share_interval};
use crate::stratified::{Estimate, StratifiedSample};

/// Zones of an estimate, and how units and classes lie in them.
#[derive(Debug, Clone, PartialEq)]
pub struct Zoning {
    /// For each labelled unit, the zones it lies in and the fraction of its cell in each.
    pub membership: Vec<Vec<(usize, f64)>>,
    /// For each zone, the mapped area of each class.
    pub mapped: Vec<Vec<f64>>,
}

impl Zoning {
    fn indicator(&self, zone: usize) -> Vec<f64> {
        let fraction = |m: &Vec<(usize, f64)>| m.iter().filter(|(z, _)| *z == zone).map(|(_, f)| f).sum();
        self.membership.iter().map(fraction).collect()
    }

    /// Labelled units that lie in each zone, at least in part.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.mapped.len()];
        for &(zone, _) in self.membership.iter().flatten() {
            counts[zone] += 1;
        }
        counts
    }
}

/// Which estimator a zone's number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ZoneMethod {
    /// From the zone's own units: design-based.
    Direct,
    /// From the zone's map and the error rates of the whole sample: model-based.
    Synthetic,
    /// A weighted mean of both: model-based.
    Composite,
    /// EBLUP of the Fay-Herriot model with the synthetic estimate as covariate: model-based.
    FayHerriot,
    /// Direct where the zone has the least number of units and the CV asked for, else Fay-Herriot, or composite where there
    /// are too few direct zones to fit it.
    Auto,
}

impl FromStr for ZoneMethod {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "direct" => Ok(Self::Direct),
            "synthetic" => Ok(Self::Synthetic),
            "composite" => Ok(Self::Composite),
            "fay-herriot" => Ok(Self::FayHerriot),
            "auto" => Ok(Self::Auto),
            _ => Err(format!("\"{text}\" is no method for zones: auto, direct, synthetic, composite or fay-herriot")),
        }
    }
}

impl fmt::Display for ZoneMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct => "direct",
            Self::Synthetic => "synthetic",
            Self::Composite => "composite",
            Self::FayHerriot => "fay-herriot",
            Self::Auto => "auto",
        })
    }
}

/// When a zone's own units are enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoneSettings {
    /// Which estimator.
    pub method: ZoneMethod,
    /// Least number of labelled units in a zone for a direct estimate.
    pub least_units: usize,
    /// Greatest CV of a direct estimate.
    pub greatest_cv: f64,
    /// Level of the intervals.
    pub level: f64,
}

/// One zone's number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoneEstimate {
    /// Value, standard error (root mean squared error for a model-based method), units in the zone.
    pub estimate: Estimate,
    /// Confidence interval; `None` where there is no number's error.
    pub interval: Interval,
    /// Where it comes from; never `Auto`.
    pub method: ZoneMethod,
}

/// Direct estimate of the mean of `y` in each zone: the ratio of its area to the zone's within the sample (a domain;
/// Sarndal, Swensson and Wretman 1992, eq. 5.8.4; Rao and Molina 2015, eq. 2.4.4). `None` without a unit.
///
/// # Errors
/// Tables that do not fit.
pub fn direct(sample: &StratifiedSample, y: &[f64], zoning: &Zoning) -> Result<Vec<Option<Estimate>>, EstimateError> {
    same_length("the zones of the units", zoning.membership.len(), sample.len())?;
    (0..zoning.mapped.len())
        .map(|zone| {
            let inside = zoning.indicator(zone);
            let both: Vec<f64> = inside.iter().zip(y).map(|(z, y)| z * y).collect();
            sample.ratio(&both, &inside)
        })
        .collect()
}

/// Synthetic estimate of one class's share of each zone: the zone's mapped classes times the share of each that is
/// really the class, as the whole sample has it (Rao and Molina 2015, section 3.2.2, with map classes as groups). The
/// standard error is that of the rates alone: it knows nothing of zones whose error rates differ.
///
/// # Errors
/// Tables that do not fit.
pub fn synthetic_shares(
    sample: &StratifiedSample,
    map: &[usize],
    is_class: &[f64],
    class: usize,
    zoning: &Zoning,
) -> Result<Vec<Estimate>, EstimateError> {
    same_length("the map classes", map.len(), sample.len())?;
    let classes = zoning.mapped.first().map_or(0, Vec::len);
    let mut rates = Vec::with_capacity(classes);
    for k in 0..classes {
        let mapped: Vec<f64> = map.iter().map(|&m| f64::from(m == k)).collect();
        let both: Vec<f64> = mapped.iter().zip(is_class).map(|(m, y)| m * y).collect();
        let (below, _) = sample.total_with_variance(&mapped)?;
        // A map class without a unit is taken at its word; the caller warns of it.
        let rate = sample.ratio(&both, &mapped)?.map_or(f64::from(k == class), |e| e.value);
        rates.push((rate, below));
    }
    let zone = |mapped: &Vec<f64>| -> Result<Estimate, EstimateError> {
        let area: f64 = mapped.iter().sum();
        if area <= 0.0 {
            return Ok(Estimate::share(0.0, 0.0, 0));
        }
        let value = mapped.iter().zip(&rates).map(|(m, (r, _))| m / area * r).sum();
        // Linearised: each unit moves its map class's rate, which weighs as the zone's share of that class.
        let residuals: Vec<f64> = map
            .iter()
            .zip(is_class)
            .map(|(&k, y)| {
                let (rate, below) = rates.get(k).copied().unwrap_or((0.0, 0.0));
                if below > 0.0 { mapped[k] / area * (y - rate) / below } else { 0.0 }
            })
            .collect();
        Ok(Estimate::share(value, sample.total_with_variance(&residuals)?.1, sample.len()))
    };
    zoning.mapped.iter().map(zone).collect()
}

/// Synthetic estimate of a value's mean in each zone: the zone's mean of the map plus the sample's mean error
/// (`mean_error`, with its own standard error).
pub fn synthetic_means(map_means: &[f64], mean_error: &Estimate) -> Vec<Estimate> {
    let each = |m: &f64| Estimate::plain(m + mean_error.value, mean_error.standard_error.powi(2), mean_error.n);
    map_means.iter().map(each).collect()
}

/// What the number is: shares stay within 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A share of area.
    Share,
    /// Any value.
    Value,
}

/// Gives every zone its number: direct where the sample allows, else from the models.
///
/// Sampling variances that go into the models are smoothed over zones (for shares `deff p (1-p) / n` with the synthetic
/// `p` and the mean design effect; for values the pooled variance over `n`; Rao and Molina 2015, section 6.4.1), since a
/// zone without an error in a handful of units would else claim to have none. The composite weight is
/// `mse(synthetic) / (mse(synthetic) + v)`, with the mean squared error of the synthetic estimate averaged over zones
/// (Rao and Molina 2015, eq. 3.2.16 and 3.3.2).
///
/// # Errors
/// Tables that do not fit, or a model that cannot be fitted where it was asked for by name.
pub fn zone_estimates(
    direct: &[Option<Estimate>],
    synthetic: &[Estimate],
    kind: Kind,
    settings: &ZoneSettings,
) -> Result<Vec<ZoneEstimate>, EstimateError> {
    same_length("the synthetic estimates", synthetic.len(), direct.len())?;
    let smooth = smoothed_variances(direct, synthetic, kind);
    let usable = smooth.iter().flatten().count();
    let fitted = match settings.method {
        ZoneMethod::FayHerriot => Some(model(direct, synthetic, &smooth)?),
        // Two coefficients: a fit on fewer than eight zones is no better than a guess at the variance between zones.
        ZoneMethod::Auto if usable >= 8 => model(direct, synthetic, &smooth).ok(),
        _ => None,
    };
    let mse = synthetic_mse(direct, synthetic, &smooth);
    let one = |z: usize| {
        let (own, other) = (direct[z], synthetic[z]);
        let enough = |e: &Estimate| {
            e.n >= settings.least_units && e.standard_error > 0.0 && e.cv().is_some_and(|cv| cv <= settings.greatest_cv)
        };
        let n = own.map_or(0, |e| e.n);
        let composite = || match smooth[z].zip(own) {
            Some((v, own)) => {
                let w = mse / (mse + v);
                (w * own.value + (1.0 - w) * other.value, w * v, ZoneMethod::Composite)
            }
            None => (other.value, mse.max(other.standard_error.powi(2)), ZoneMethod::Synthetic),
        };
        let (value, variance, method) = match settings.method {
            ZoneMethod::Direct => match own {
                Some(own) => return finish_direct(own, kind, settings.level),
                None => composite(),
            },
            ZoneMethod::Synthetic => (other.value, mse.max(other.standard_error.powi(2)), ZoneMethod::Synthetic),
            ZoneMethod::Composite => composite(),
            ZoneMethod::Auto | ZoneMethod::FayHerriot => match (own, &fitted) {
                (Some(own), _) if settings.method == ZoneMethod::Auto && enough(&own) => {
                    return finish_direct(own, kind, settings.level);
                }
                (_, Some(fitted)) => (fitted[z].0, fitted[z].1, ZoneMethod::FayHerriot),
                _ => composite(),
            },
        };
        finish_model(value, variance, n, method, kind, settings.level)
    };
    Ok((0..direct.len()).map(one).collect())
}

fn finish_direct(own: Estimate, kind: Kind, level: f64) -> ZoneEstimate {
    let interval = match kind {
        Kind::Share => share_interval(own.value, own.standard_error, own.effective_n, level),
        Kind::Value => normal_interval(own.value, own.standard_error, level),
    };
    ZoneEstimate { estimate: own, interval, method: ZoneMethod::Direct }
}

fn finish_model(value: f64, mse: f64, n: usize, method: ZoneMethod, kind: Kind, level: f64) -> ZoneEstimate {
    if kind == Kind::Value {
        let estimate = Estimate::plain(value, mse, n);
        return ZoneEstimate { estimate, interval: normal_interval(value, estimate.standard_error, level), method };
    }
    let value = value.clamp(0.0, 1.0);
    let estimate = Estimate::share(value, mse, n);
    let inside = value > 0.0 && value < 1.0;
    let interval = if inside {
        logit_interval(value, estimate.standard_error, level)
    } else {
        let normal = normal_interval(value, estimate.standard_error, level);
        Interval { low: normal.low.max(0.0), high: normal.high.min(1.0), ..normal }
    };
    ZoneEstimate { estimate, interval, method }
}

/// A sampling variance for each zone with a unit, smoothed; never zero.
fn smoothed_variances(direct: &[Option<Estimate>], synthetic: &[Estimate], kind: Kind) -> Vec<Option<f64>> {
    let unit = |s: &Estimate| match kind {
        // A class that the map does not show in the zone may still be there.
        Kind::Share => {
            let p = s.value.clamp(0.005, 0.995);
            p * (1.0 - p)
        }
        Kind::Value => 1.0,
    };
    let (mut found, mut weight) = (0.0, 0.0);
    for (own, other) in direct.iter().zip(synthetic) {
        if let Some(own) = own.filter(|e| e.n >= 2) {
            // Variances times n over the binomial one: the design effect, weighted by n.
            found += own.standard_error.powi(2) * (own.n * own.n) as f64;
            weight += own.n as f64 * unit(other);
        }
    }
    let effect = if weight > 0.0 && found > 0.0 { found / weight } else { 1.0 };
    let one = |(own, other): (&Option<Estimate>, &Estimate)| {
        own.filter(|e| e.n > 0).map(|e| effect * unit(other) / e.n as f64)
    };
    direct.iter().zip(synthetic).map(one).collect()
}

/// Mean over zones of `(direct - synthetic)^2 - v`, at least the mean variance of the synthetic estimates.
fn synthetic_mse(direct: &[Option<Estimate>], synthetic: &[Estimate], smooth: &[Option<f64>]) -> f64 {
    let (mut sum, mut count, mut least) = (0.0, 0.0f64, 0.0);
    for ((own, other), v) in direct.iter().zip(synthetic).zip(smooth) {
        least += other.standard_error.powi(2) / synthetic.len() as f64;
        if let Some((own, v)) = own.zip(*v) {
            sum += (own.value - other.value).powi(2) - v;
            count += 1.0;
        }
    }
    (sum / count.max(1.0)).max(least)
}

fn model(
    direct: &[Option<Estimate>],
    synthetic: &[Estimate],
    smooth: &[Option<f64>],
) -> Result<Vec<(f64, f64)>, EstimateError> {
    let areas: Vec<AreaInput> = direct
        .iter()
        .zip(synthetic)
        .zip(smooth)
        .map(|((own, other), v)| AreaInput {
            direct: own.zip(*v).map(|(e, v)| (e.value, v)),
            x: vec![1.0, other.value],
        })
        .collect();
    let fitted = fay_herriot(&areas)?;
    Ok(fitted.areas.iter().map(|a| (a.value, a.mse)).collect())
}

/// Rakes a table of estimates (rows = zones, columns = classes) to known row and column sums by iterative proportional
/// fitting (Deming and Stephan 1940, Annals of Mathematical Statistics 11:427), until both fit to `1e-9` of the whole.
/// Cells of zero stay zero.
///
/// # Errors
/// Sums that differ from each other, or a row or column that must be positive but is all zero.
pub fn rake(table: &[Vec<f64>], rows: &[f64], columns: &[f64]) -> Result<Vec<Vec<f64>>, EstimateError> {
    same_length("the row totals", rows.len(), table.len())?;
    let whole: f64 = rows.iter().sum();
    let other: f64 = columns.iter().sum();
    if (whole - other).abs() > 1e-6 * whole.abs() {
        return Err(EstimateError::Value {
            what: "sum of the class totals",
            name: "the benchmark".into(),
            value: other,
            expected: "must be the zones' area together",
        });
    }
    let mut table = table.to_vec();
    for row in &table {
        same_length("a row of the table", row.len(), columns.len())?;
    }
    for _ in 0..1000 {
        for (row, &target) in table.iter_mut().zip(rows) {
            let sum: f64 = row.iter().sum();
            let factor = if sum > 0.0 { target / sum } else { 0.0 };
            for v in row.iter_mut() {
                *v *= factor;
            }
        }
        let mut worst = 0.0f64;
        for (j, &target) in columns.iter().enumerate() {
            let sum: f64 = table.iter().map(|r| r[j]).sum();
            worst = worst.max((sum - target).abs());
            let factor = if sum > 0.0 { target / sum } else { 0.0 };
            for row in &mut table {
                row[j] *= factor;
            }
        }
        if worst <= 1e-9 * whole {
            return Ok(table);
        }
    }
    Err(EstimateError::NoConvergence { what: "raking to the totals", iterations: 1000 })
}
