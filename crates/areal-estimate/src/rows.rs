//! Rows of the tables of estimates, with rounding and suppression for publication.

use serde::{Deserialize, Serialize};

use crate::class_survey::{AREA_UNIT, MapClass};
use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::interval::{DEFAULT_LEVEL, Interval, IntervalMethod};
use crate::publication::{CvLimits, Grading, QualityFlag, error_step, round_to, significant};
use crate::suppression::{Suppression, suppress};
use crate::zone_estimate::ZoneEstimate;
use crate::zone_method::{DirectBasis, ZoneMethod};

/// The ground that a number is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Population {
    /// Every predicted cell of the map.
    Map,
    /// The predicted cells that the design's strata hold: with strata of zones, the cells that belong to one.
    Strata,
    /// The predicted ground inside the zones, each bit of it once.
    Zones,
    /// The predicted ground inside one zone.
    Zone,
}

/// One row of `estimates.csv`: one number of one zone, or of the whole map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimateRow {
    /// The ground that the number is about.
    pub population: Population,
    /// Id of the zone; empty unless the population is one zone.
    pub zone_id: String,
    pub zone_name: String,
    /// `area` or `mean`.
    pub measure: String,
    /// Class code; empty for a value.
    pub class_code: Option<u8>,
    /// Class name, or the name of the value.
    pub class_name: String,
    /// Unit of the numbers.
    pub unit: String,
    /// Area or mean according to the map alone.
    pub mapped: f64,
    /// Estimate from the sample; empty when suppressed.
    pub estimate: Option<f64>,
    /// Its standard error; root of the mean squared error for a model-based method. Empty where it is not known: all units are alike, while the interval
    /// has a width.
    pub standard_error: Option<f64>,
    pub cv: Option<f64>,
    /// The larger of the CV and the longer side of the interval over the estimate and the normal quantile, by which it is graded. Tables of areal
    /// 0.1.0 do not have it.
    #[serde(default)]
    pub relative_error: Option<f64>,
    /// Ends of the confidence interval.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Labelled units in the zone.
    pub n: usize,
    /// Effective number of units, of an area.
    pub effective_n: Option<f64>,
    /// The estimator.
    pub method: String,
    pub interval: String,
    /// `good`, `caution` or `unreliable`.
    pub quality: String,
    /// Why the numbers are left out: `primary`, `secondary`, or empty.
    pub suppressed: String,
    /// The method of a zone's estimate, for suppression; `method` is its text.
    #[serde(skip)]
    pub(crate) zone_method: Option<ZoneMethod>,
    /// What a zone's direct estimate rests on.
    #[serde(skip)]
    pub(crate) basis: Option<DirectBasis>,
}

/// The measure of a class area.
pub(crate) const AREA: &str = "area";

/// Below this number of units no estimate is flagged good, whatever its CV and its interval: the standard error is itself too uncertain.
pub const MIN_UNITS_FOR_GOOD: usize = 15;

/// What an estimate is of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject<'a> {
    pub population: Population,
    pub zone_id: &'a str,
    pub zone_name: &'a str,
    pub measure: &'a str,
    pub class_code: Option<u8>,
    pub class_name: &'a str,
    pub unit: &'a str,
    pub mapped: f64,
    /// Cells of the ground: no effective number of units is larger.
    pub cells: f64,
}

/// Units of a simple random sample without replacement that has the same error ([`Grading::error`]): with replacement it is `p (1 - p) / variance`, and
/// from `cells` cells `1 / n + 1 / cells` is that number's reciprocal (Cochran 1977, equation 3.2). The sample's own number by its weights where
/// the standard error is 0.
fn drawn_alike(estimate: &Estimate, error: f64, cells: f64) -> f64 {
    if estimate.standard_error > 0.0 {
        let alike = estimate.effective_n * (estimate.standard_error / error).powi(2);
        1.0 / (1.0 / alike + 1.0 / cells)
    } else {
        estimate.effective_n.min(cells)
    }
}

impl EstimateRow {
    pub(crate) fn new(
        subject: &Subject,
        estimate: &Estimate,
        interval: Interval,
        method: &str,
        grading: &Grading,
    ) -> Self {
        // Units that are all alike tell nothing of the error: the interval counts what was not drawn.
        let unknown = estimate.standard_error == 0.0 && interval.high > interval.low;
        let error = (!unknown).then_some(estimate.standard_error);
        Self {
            population: subject.population,
            zone_id: subject.zone_id.to_owned(),
            zone_name: subject.zone_name.to_owned(),
            measure: subject.measure.to_owned(),
            class_code: subject.class_code,
            class_name: subject.class_name.to_owned(),
            unit: subject.unit.to_owned(),
            mapped: subject.mapped,
            estimate: Some(estimate.value),
            standard_error: error,
            cv: error.and_then(|_| estimate.cv()),
            relative_error: grading.relative_error(estimate, &interval),
            low: Some(interval.low),
            high: Some(interval.high),
            n: estimate.n,
            effective_n: (subject.measure == AREA)
                .then(|| drawn_alike(estimate, grading.error(estimate, &interval), subject.cells)),
            method: method.to_owned(),
            interval: interval.method.to_string(),
            quality: grading.flag(estimate, &interval).to_string(),
            suppressed: String::new(),
            zone_method: None,
            basis: None,
        }
        .at_most_caution(estimate.n < MIN_UNITS_FOR_GOOD)
    }

    /// The same row, not called good where that is so.
    fn at_most_caution(mut self, doubtful: bool) -> Self {
        if doubtful && self.quality == QualityFlag::Good.to_string() {
            self.quality = QualityFlag::Caution.to_string();
        }
        self
    }

    /// The same row, called unreliable.
    pub(crate) fn unreliable(mut self) -> Self {
        self.quality = QualityFlag::Unreliable.to_string();
        self
    }

    /// The row of a zone whose fraction or mean is `found`, times `scale`.
    pub(crate) fn zone(subject: &Subject, found: &ZoneEstimate, scale: f64, method: &str, grading: &Grading) -> Self {
        let mut row = Self::new(subject, &found.estimate.scaled(scale), found.interval.scaled(scale), method, grading);
        if found.interval.method == IntervalMethod::None {
            (row.low, row.high) = (None, None);
            // The error of an average zone does not make this one reliable.
            row = row.at_most_caution(true);
        }
        if found.estimate.is_degenerate() {
            row.effective_n = row.effective_n.map(|_| found.estimate.effective_n.min(subject.cells));
        }
        (row.zone_method, row.basis) = (Some(found.method), found.basis);
        if !found.error_known {
            (row.standard_error, row.cv, row.relative_error, row.effective_n) = (None, None, None, None);
            row = row.unreliable();
        }
        row
    }

    /// The same row for a sample of unknown inclusion probabilities: a number without any error.
    pub(crate) fn without_error(mut self) -> Self {
        (self.standard_error, self.cv, self.relative_error) = (None, None, None);
        (self.low, self.high, self.effective_n) = (None, None, None);
        self.method = format!("no-design, {}", self.method);
        self.interval = IntervalMethod::None.to_string();
        self.quality = QualityFlag::Unreliable.to_string();
        self
    }

    /// True for a zone's number that is not from the zone's own units alone.
    pub fn is_model_based(&self) -> bool {
        !self.zone_id.is_empty() && self.zone_method != Some(ZoneMethod::Direct)
    }

    /// What a zone's direct number rests on; `None` of other numbers.
    pub fn basis(&self) -> Option<DirectBasis> {
        self.basis
    }

    /// True for a zone's number from its own units alone.
    pub fn is_direct(&self) -> bool {
        self.zone_method == Some(ZoneMethod::Direct)
    }

    fn hide(&mut self, why: Suppression) {
        (self.estimate, self.standard_error, self.cv, self.relative_error) = (None, None, None, None);
        (self.low, self.high, self.effective_n) = (None, None, None);
        // The flag bounds the CV.
        self.quality.clear();
        self.suppressed = why.to_string();
    }
}

/// Leaves out the zones' direct numbers that rest on fewer than `min_units` units, and as many more as would
/// otherwise follow from the totals ([`suppress`]). A model-based number rests on the whole sample and is only ever left out to protect
/// another. Rows of the whole map stay. Zones and classes may come in any order, but each zone has each class once. Returns
/// how many numbers are left out, and how many of these still follow from the totals.
///
/// # Errors
/// A zone that lacks a class.
pub fn suppress_rows(rows: &mut [EstimateRow], min_units: usize) -> Result<(usize, usize), EstimateError> {
    let mut lines: Vec<(String, Vec<usize>)> = Vec::new();
    for (k, row) in rows.iter().enumerate().filter(|(_, r)| !r.zone_id.is_empty()) {
        match lines.iter_mut().rev().find(|l| l.0 == row.zone_id) {
            Some(line) => line.1.push(k),
            None => lines.push((row.zone_id.clone(), vec![k])),
        }
    }
    for (_, line) in &mut lines {
        line.sort_by(|&a, &b| rows[a].class_name.cmp(&rows[b].class_name));
    }
    let behind = |row: &EstimateRow| if row.zone_method == Some(ZoneMethod::Direct) { row.n } else { usize::MAX };
    let table = |f: &dyn Fn(&EstimateRow) -> usize| -> Vec<Vec<usize>> {
        lines.iter().map(|l| l.1.iter().map(|&k| f(&rows[k])).collect()).collect()
    };
    let units = table(&behind);
    let values: Vec<Vec<f64>> =
        lines.iter().map(|l| l.1.iter().map(|&k| rows[k].estimate.unwrap_or(0.0)).collect()).collect();
    let found = suppress(&units, &values, min_units)?;
    let mut hidden = 0;
    for ((_, line), states) in lines.iter().zip(found.states) {
        for (&k, state) in line.iter().zip(states) {
            if state != Suppression::Shown {
                rows[k].hide(state);
                hidden += 1;
            }
        }
    }
    Ok((hidden, found.disclosed.len()))
}

/// Rounds for publication: mapped and estimated values to multiples of `step`, the ends of the interval to the multiples
/// about them, so that it holds the estimate and no less than it did, and the standard error to two significant digits where
/// these are finer, so that no error becomes zero. CVs and relative errors keep three decimals. A `step` of 0 leaves twelve significant digits.
/// The last step before publication: sums of rounded numbers need not be the rounded sum.
pub fn round_rows(rows: &mut [EstimateRow], step: f64) {
    for row in rows {
        let fine = row.standard_error.map_or(step, |e| error_step(e, step));
        let rounded = |v: f64, step: f64| if step > 0.0 { round_to(v, step) } else { significant(v, 12) };
        row.mapped = rounded(row.mapped, step);
        row.estimate = row.estimate.map(|v| rounded(v, step));
        row.standard_error = row.standard_error.map(|v| rounded(v, fine));
        let outward = |v: f64, whole: fn(f64) -> f64| {
            if step > 0.0 { round_to(whole(v / step) * step, step) } else { significant(v, 12) }
        };
        row.low = row.low.map(|v| outward(v, f64::floor));
        row.high = row.high.map(|v| outward(v, f64::ceil));
        let ratio = |v: f64| if step > 0.0 { round_to(v, 0.001) } else { significant(v, 12) };
        row.cv = row.cv.map(ratio);
        row.relative_error = row.relative_error.map(ratio);
        if row.estimate == Some(0.0) {
            (row.cv, row.relative_error) = (None, None);
        }
        row.effective_n = row.effective_n.map(|v| if step > 0.0 { round_to(v, 1.0) } else { significant(v, 12) });
    }
}

/// One row of `accuracy.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccuracyRow {
    /// `overall`, `users`, `producers`; `overall-in-training` and `overall-elsewhere` where training patches are known.
    pub measure: String,
    /// Class code; empty for the overall ones.
    pub class_code: Option<u8>,
    pub class_name: String,
    /// The estimate; empty where no unit allows one.
    pub estimate: Option<f64>,
    pub standard_error: Option<f64>,
    /// Ends of the confidence interval.
    pub low: Option<f64>,
    pub high: Option<f64>,
    /// Units in the denominator.
    pub n: usize,
}

/// One cell of the error matrix: a row of `error_matrix.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    pub map_code: u8,
    pub map_name: String,
    pub reference_code: u8,
    pub reference_name: String,
    /// Number of units.
    pub count: u64,
    /// Estimated fraction of the whole area.
    #[serde(rename = "share")]
    pub fraction: f64,
}

/// Rows of class areas that come from a model alone: no sample, so no error and no interval.
pub fn quantified_rows(classes: &[MapClass], fractions: &[f64], method: &str) -> Vec<EstimateRow> {
    let total: f64 = classes.iter().map(|c| c.area).sum();
    let grading = Grading { limits: CvLimits::default(), level: DEFAULT_LEVEL };
    classes
        .iter()
        .zip(fractions)
        .map(|(class, fraction)| {
            let subject = Subject {
                population: Population::Map,
                zone_id: "",
                zone_name: "",
                measure: AREA,
                class_code: Some(class.code),
                class_name: &class.name,
                unit: AREA_UNIT,
                mapped: class.area,
                cells: 0.0,
            };
            let none = Interval { low: 0.0, high: 0.0, method: IntervalMethod::None };
            let row = EstimateRow::new(&subject, &Estimate::plain(fraction * total, 0.0, 0), none, "", &grading);
            EstimateRow { method: format!("model-based, {method}"), ..row.without_error() }
        })
        .collect()
}

#[cfg(test)]
mod tests;
