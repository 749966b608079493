use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::cell_model::{CellModel, Modelled};
use crate::error::{EstimateError, same_length};
use crate::fay_herriot::{AreaInput, fay_herriot};
use crate::interval::{Interval, IntervalMethod, share_interval, t_interval};
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

    /// The fraction of each unit that lies in any zone; 1 where zones overlap.
    pub fn inside(&self) -> Vec<f64> {
        self.membership.iter().map(|m| m.iter().map(|(_, f)| f).sum::<f64>().min(1.0)).collect()
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
    /// From the zone's map and the error rates of the whole sample: model-based. The error of a model-based number is that
    /// of an average zone, so it has no interval.
    Synthetic,
    /// From the zone's map with error rates between those of its own units and of the whole sample: model-based.
    Composite,
    /// EBLUP of the Fay-Herriot model with the synthetic estimate as covariate: model-based.
    FayHerriot,
    /// Direct where the zone has the least number of units and the CV asked for, or where the composite would be no better;
    /// else composite. One choice for all classes of a zone, so that they add up to it.
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
    /// Greatest CV of a direct estimate: of a zone's classes the mean, weighted by their area, which is the sum of the
    /// standard errors of their shares.
    pub greatest_cv: f64,
    /// Level of the intervals.
    pub level: f64,
}

/// One zone's number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ZoneEstimate {
    /// Value, standard error (root mean squared error for a model-based method), units in the zone.
    pub estimate: Estimate,
    /// Confidence interval; its method is `None` where none is claimed.
    pub interval: Interval,
    /// True when the standard error is known; else it is 0 and says nothing.
    pub error_known: bool,
    /// Where it comes from; never `Auto`.
    pub method: ZoneMethod,
}

/// What the number is: shares stay within 0..1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A share of area.
    Share,
    /// Any value.
    Value,
}

/// Direct estimate of the mean of `y` in each zone: the ratio of its area to the zone's within the sample
/// ([`StratifiedSample::domain`]; Rao and Molina 2015, eq. 2.4.4). `None` without a unit.
///
/// # Errors
/// Tables that do not fit.
pub fn direct(sample: &StratifiedSample, y: &[f64], zoning: &Zoning) -> Result<Vec<Option<Estimate>>, EstimateError> {
    same_length("the zones of the units", zoning.membership.len(), sample.len())?;
    (0..zoning.mapped.len()).map(|zone| sample.domain(y, &zoning.indicator(zone))).collect()
}

/// Gives every zone the area shares of its classes, `[zone][class]`: direct where the sample allows, else from the models.
/// `map` and `reference` are each unit's class on the map and in truth. The shares of a zone add up to 1.
///
/// Only direct numbers have intervals; their coverage is simulated in `tests/coverage`.
///
/// # Errors
/// Tables that do not fit, or a model that cannot be fitted where it was asked for by name.
pub fn zone_shares(
    sample: &StratifiedSample,
    map: &[usize],
    reference: &[usize],
    zoning: &Zoning,
    settings: &ZoneSettings,
) -> Result<Vec<Vec<ZoneEstimate>>, EstimateError> {
    let classes = zoning.mapped.first().map_or(0, Vec::len);
    let y: Vec<Vec<f64>> = (0..classes).map(|c| reference.iter().map(|&r| f64::from(r == c)).collect()).collect();
    let model = CellModel::fit(sample, map, &y, zoning, Kind::Share)?;
    let own: Vec<Vec<Option<Estimate>>> = y.iter().map(|y| direct(sample, y, zoning)).collect::<Result<_, _>>()?;
    let areas: Vec<f64> = zoning.mapped.iter().map(|m| m.iter().sum()).collect();
    let shares = |z: usize| -> Vec<f64> {
        zoning.mapped[z].iter().map(|m| if areas[z] > 0.0 { m / areas[z] } else { 0.0 }).collect()
    };
    let tables = Tables {
        synthetic: (0..areas.len()).map(|z| (0..classes).map(|c| model.synthetic(&shares(z), c)).collect()).collect(),
        composite: (0..areas.len())
            .map(|z| (0..classes).map(|c| model.composite(z, &shares(z), c)).collect())
            .collect(),
        direct: (0..areas.len()).map(|z| own.iter().map(|o| o[z]).collect::<Option<_>>()).collect(),
        counts: zoning.counts(),
        kind: Kind::Share,
    };
    let mut found = tables.choose(settings)?;
    for row in &mut found {
        add_up(row);
    }
    Ok(found)
}

/// Gives every zone its mean of a value. `errors` are value less map at each unit, `map_means` the map's mean in each zone.
///
/// # Errors
/// Tables that do not fit, or a model that cannot be fitted where it was asked for by name.
pub fn zone_means(
    sample: &StratifiedSample,
    y: &[f64],
    errors: &[f64],
    map_means: &[f64],
    zoning: &Zoning,
    settings: &ZoneSettings,
) -> Result<Vec<ZoneEstimate>, EstimateError> {
    same_length("the zones' means", map_means.len(), zoning.mapped.len())?;
    let one = Zoning {
        membership: zoning.membership.clone(),
        mapped: zoning.mapped.iter().map(|m| vec![m.iter().sum()]).collect(),
    };
    let model = CellModel::fit(sample, &vec![0; sample.len()], &[errors.to_vec()], &one, Kind::Value)?;
    let shifted = |z: usize, m: Modelled| vec![Modelled { value: map_means[z] + m.value, ..m }];
    let tables = Tables {
        synthetic: (0..map_means.len()).map(|z| shifted(z, model.synthetic(&[1.0], 0))).collect(),
        composite: (0..map_means.len()).map(|z| shifted(z, model.composite(z, &[1.0], 0))).collect(),
        direct: direct(sample, y, zoning)?.into_iter().map(|e| e.map(|e| vec![e])).collect(),
        counts: zoning.counts(),
        kind: Kind::Value,
    };
    Ok(tables.choose(settings)?.into_iter().flatten().collect())
}

/// All candidates, `[zone][class]`.
struct Tables {
    synthetic: Vec<Vec<Modelled>>,
    composite: Vec<Vec<Modelled>>,
    direct: Vec<Option<Vec<Estimate>>>,
    counts: Vec<usize>,
    kind: Kind,
}

impl Tables {
    fn choose(&self, settings: &ZoneSettings) -> Result<Vec<Vec<ZoneEstimate>>, EstimateError> {
        let zones = 0..self.synthetic.len();
        if settings.method == ZoneMethod::FayHerriot {
            return self.fay_herriot();
        }
        Ok(zones.map(|z| self.zone(z, settings)).collect())
    }

    fn zone(&self, z: usize, settings: &ZoneSettings) -> Vec<ZoneEstimate> {
        let modelled = |method: ZoneMethod| -> Vec<ZoneEstimate> {
            let of = if method == ZoneMethod::Synthetic { &self.synthetic[z] } else { &self.composite[z] };
            of.iter().map(|m| finish_model(m.value, m.mse, self.counts[z], method, self.kind)).collect()
        };
        let own = self.direct[z].as_ref();
        let direct = |own: &Vec<Estimate>| own.iter().map(|e| finish_direct(*e, self.kind, settings.level)).collect();
        match (settings.method, own) {
            (ZoneMethod::Synthetic, _) => modelled(ZoneMethod::Synthetic),
            (ZoneMethod::Direct, Some(own)) => direct(own),
            (ZoneMethod::Auto, Some(own)) if self.direct_will_do(z, own, settings) => direct(own),
            _ => modelled(ZoneMethod::Composite),
        }
    }

    /// The zone's own units are enough, or the model would do no better.
    fn direct_will_do(&self, z: usize, own: &[Estimate], settings: &ZoneSettings) -> bool {
        let scale = match self.kind {
            Kind::Share => 1.0,
            Kind::Value => own.iter().map(|e| e.value.abs()).sum(),
        };
        let error: f64 = own.iter().map(|e| e.standard_error).sum();
        let enough = self.counts[z] >= settings.least_units && error > 0.0 && error <= settings.greatest_cv * scale;
        let model: Option<f64> = self.composite[z].iter().map(|m| m.mse.map(f64::sqrt)).sum();
        // A handful of units has an error that is itself hardly known.
        let known = self.counts[z] >= settings.least_units.min(LEAST_KNOWN) && error > 0.0;
        enough || (known && model.is_none_or(|m| m >= error))
    }

    /// Each class by itself; sampling variances are smoothed over zones.
    fn fay_herriot(&self) -> Result<Vec<Vec<ZoneEstimate>>, EstimateError> {
        let classes = self.synthetic.first().map_or(0, Vec::len);
        let mut found = vec![Vec::with_capacity(classes); self.synthetic.len()];
        for c in 0..classes {
            let own: Vec<Option<Estimate>> = self.direct.iter().map(|d| d.as_ref().map(|d| d[c])).collect();
            let other: Vec<f64> = self.synthetic.iter().map(|s| s[c].value).collect();
            let smooth = smoothed_variances(&own, &other, self.kind);
            for (z, (value, mse)) in model(&own, &other, &smooth)?.into_iter().enumerate() {
                let n = self.counts[z];
                found[z].push(finish_model(value, Some(mse), n, ZoneMethod::FayHerriot, self.kind));
            }
        }
        Ok(found)
    }
}

/// Units in a zone from which a direct error is compared with a model's.
const LEAST_KNOWN: usize = 10;

fn finish_direct(own: Estimate, kind: Kind, level: f64) -> ZoneEstimate {
    let interval = match kind {
        Kind::Share => share_interval(&own, level),
        Kind::Value => t_interval(own.value, own.standard_error, own.degrees.min(own.n as f64 - 1.0), level),
    };
    ZoneEstimate { estimate: own, interval, error_known: true, method: ZoneMethod::Direct }
}

/// A model's mean squared error holds on average over zones: no interval is claimed for one of them. (Simulated,
/// `tests/coverage`, twice the error to either side holds the truth in 84 to 96 % of cases, and in far fewer where a
/// zone is unlike the others.)
fn finish_model(value: f64, mse: Option<f64>, n: usize, method: ZoneMethod, kind: Kind) -> ZoneEstimate {
    let variance = mse.unwrap_or(0.0);
    let estimate = match kind {
        Kind::Value => Estimate::plain(value, variance, n),
        Kind::Share => Estimate::share(value.clamp(0.0, 1.0), variance, n),
    };
    let interval = Interval { low: estimate.value, high: estimate.value, method: IntervalMethod::None };
    ZoneEstimate { estimate, interval, error_known: mse.is_some(), method }
}

/// Scales the shares of a zone so that they add up to 1: direct and composite ones do, Fay-Herriot's, made class by
/// class, do not.
fn add_up(row: &mut [ZoneEstimate]) {
    let sum: f64 = row.iter().map(|e| e.estimate.value).sum();
    if sum <= 0.0 || (sum - 1.0).abs() < 1e-12 {
        return;
    }
    for e in row {
        e.estimate = e.estimate.scaled(1.0 / sum);
        e.interval = e.interval.scaled(1.0 / sum);
        e.interval.high = e.interval.high.min(1.0);
    }
}

/// A sampling variance for each zone with a unit, smoothed; never zero: for shares `deff p (1-p) / n` with the synthetic `p`
/// and the mean design effect; for values the pooled variance over `n` (Rao and Molina 2015, section 6.4.1). A zone without
/// an error in a handful of units would else claim to have none.
fn smoothed_variances(direct: &[Option<Estimate>], synthetic: &[f64], kind: Kind) -> Vec<Option<f64>> {
    let unit = |s: &f64| match kind {
        // A class that the map does not show in the zone may still be there.
        Kind::Share => {
            let p = s.clamp(0.005, 0.995);
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
    let one =
        |(own, other): (&Option<Estimate>, &f64)| own.filter(|e| e.n > 0).map(|e| effect * unit(other) / e.n as f64);
    direct.iter().zip(synthetic).map(one).collect()
}

fn model(
    direct: &[Option<Estimate>],
    synthetic: &[f64],
    smooth: &[Option<f64>],
) -> Result<Vec<(f64, f64)>, EstimateError> {
    // A class that the map shows nowhere, say, has the same synthetic estimate everywhere: an intercept is all there is.
    let varies = synthetic.iter().any(|s| (s - synthetic[0]).abs() > 1e-9);
    let x = |other: f64| if varies { vec![1.0, other] } else { vec![1.0] };
    let areas: Vec<AreaInput> = direct
        .iter()
        .zip(synthetic)
        .zip(smooth)
        .map(|((own, other), v)| AreaInput { direct: own.zip(*v).map(|(e, v)| (e.value, v)), x: x(*other) })
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
