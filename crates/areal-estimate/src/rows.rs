use serde::{Deserialize, Serialize};

use crate::interval::{Interval, IntervalMethod};
use crate::publication::{CvLimits, QualityFlag, round_to};
use crate::stratified::Estimate;
use crate::suppression::{Suppression, suppress};
use crate::{EstimateError, FindingKind};

/// One row of `estimates.csv`: one number of one zone, or of the whole map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EstimateRow {
    /// Id of the zone; empty for the whole map.
    pub zone_id: String,
    /// Name of the zone.
    pub zone_name: String,
    /// `area` or `mean`.
    pub measure: String,
    /// Class code; empty for a value.
    pub class_code: Option<u8>,
    /// Class name, or the name of the value.
    pub class_name: String,
    /// Unit of the numbers.
    pub unit: String,
    /// What the map says.
    pub mapped: f64,
    /// What the sample says; empty when suppressed.
    pub estimate: Option<f64>,
    /// Its standard error; root of the mean squared error for a model-based method.
    pub standard_error: Option<f64>,
    /// Coefficient of variation.
    pub cv: Option<f64>,
    /// Lower end of the confidence interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Labelled units in the zone.
    pub n: usize,
    /// Effective number of units.
    pub effective_n: Option<f64>,
    /// Which estimator.
    pub method: String,
    /// Which kind of interval.
    pub interval: String,
    /// `good`, `caution` or `unreliable`.
    pub quality: String,
    /// Why the numbers are left out: `primary`, `secondary`, or empty.
    pub suppressed: String,
}

/// What an estimate is of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Subject<'a> {
    pub zone_id: &'a str,
    pub zone_name: &'a str,
    pub measure: &'a str,
    pub class_code: Option<u8>,
    pub class_name: &'a str,
    pub unit: &'a str,
    pub mapped: f64,
}

impl EstimateRow {
    pub(crate) fn new(
        subject: &Subject,
        estimate: &Estimate,
        interval: Interval,
        method: &str,
        limits: &CvLimits,
    ) -> Self {
        let cv = estimate.cv();
        Self {
            zone_id: subject.zone_id.to_owned(),
            zone_name: subject.zone_name.to_owned(),
            measure: subject.measure.to_owned(),
            class_code: subject.class_code,
            class_name: subject.class_name.to_owned(),
            unit: subject.unit.to_owned(),
            mapped: subject.mapped,
            estimate: Some(estimate.value),
            standard_error: Some(estimate.standard_error),
            cv,
            low: Some(interval.low),
            high: Some(interval.high),
            n: estimate.n,
            effective_n: Some(estimate.effective_n),
            method: method.to_owned(),
            interval: interval.method.to_string(),
            // A standard error of zero says that the sample saw no spread, not that there is none.
            quality: limits.flag(cv.filter(|_| estimate.standard_error > 0.0)).to_string(),
            suppressed: String::new(),
        }
    }

    /// The same row for a sample of unknown inclusion probabilities: a number without any error.
    pub(crate) fn without_error(mut self) -> Self {
        (self.standard_error, self.cv, self.low, self.high, self.effective_n) = (None, None, None, None, None);
        "no-design".clone_into(&mut self.method);
        self.interval = IntervalMethod::None.to_string();
        self.quality = QualityFlag::Unreliable.to_string();
        self
    }

    fn hide(&mut self, why: Suppression) {
        (self.estimate, self.standard_error, self.cv) = (None, None, None);
        (self.low, self.high, self.effective_n) = (None, None, None);
        self.suppressed = why.to_string();
    }
}

/// Leaves out the zones' direct numbers that rest on fewer than `least` units, and as many more as their totals would
/// else give away ([`suppress`]). A model-based number rests on the whole sample and is only ever left out to protect
/// another. Rows of the whole map stay. Zones and classes may come in any order, but each zone has each class once. Returns
/// how many numbers are left out, and how many of these the totals give away all the same.
///
/// # Errors
/// A zone that lacks a class.
pub fn suppress_rows(rows: &mut [EstimateRow], least: usize) -> Result<(usize, usize), EstimateError> {
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
    let behind = |row: &EstimateRow| if row.method == "direct" { row.n } else { usize::MAX };
    let table = |f: &dyn Fn(&EstimateRow) -> usize| -> Vec<Vec<usize>> {
        lines.iter().map(|l| l.1.iter().map(|&k| f(&rows[k])).collect()).collect()
    };
    let units = table(&behind);
    let values: Vec<Vec<f64>> =
        lines.iter().map(|l| l.1.iter().map(|&k| rows[k].estimate.unwrap_or(0.0)).collect()).collect();
    let found = suppress(&units, &values, least)?;
    let mut hidden = 0;
    for ((_, line), states) in lines.iter().zip(found.states) {
        for (&k, state) in line.iter().zip(states) {
            if state != Suppression::Shown {
                rows[k].hide(state);
                hidden += 1;
            }
        }
    }
    Ok((hidden, found.given_away.len()))
}

/// Rounds values, standard errors and intervals to multiples of `step`; CVs keep three significant digits' worth of
/// thousandths. The last step before publication: sums of rounded numbers need not be the rounded sum.
pub fn round_rows(rows: &mut [EstimateRow], step: f64) {
    for row in rows {
        row.mapped = round_to(row.mapped, step);
        for value in [&mut row.estimate, &mut row.standard_error, &mut row.low, &mut row.high] {
            *value = value.map(|v| round_to(v, step));
        }
        row.cv = row.cv.map(|v| round_to(v, 0.001));
        row.effective_n = row.effective_n.map(|v| round_to(v, 1.0));
    }
}

/// One row of `accuracy.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccuracyRow {
    /// `overall`, `users`, `producers`, or `kappa` for the agreement of two interpreters.
    pub measure: String,
    /// Class code; empty for the overall ones.
    pub class_code: Option<u8>,
    /// Class name.
    pub class_name: String,
    /// The estimate; empty where no unit speaks for it.
    pub estimate: Option<f64>,
    /// Its standard error.
    pub standard_error: Option<f64>,
    /// Lower end of the confidence interval.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
    /// Units in the denominator.
    pub n: usize,
}

/// One cell of the error matrix: a row of `error_matrix.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixRow {
    /// Class code on the map.
    pub map_code: u8,
    /// Class name on the map.
    pub map_name: String,
    /// Class code in the reference.
    pub reference_code: u8,
    /// Class name in the reference.
    pub reference_name: String,
    /// Units.
    pub count: u64,
    /// Estimated share of the whole area.
    pub share: f64,
}

/// Kinds of findings by their name in `--accept`.
impl std::str::FromStr for FindingKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| {
            format!("\"{text}\" is nothing that can be accepted: no-design, training-overlap, other-map, strata-sum or disclosed")
        })
    }
}

/// Rows of class areas that come from a model alone: no sample, so no error and no interval.
pub fn quantified_rows(classes: &[crate::MapClass], shares: &[f64], method: &str) -> Vec<EstimateRow> {
    let total: f64 = classes.iter().map(|c| c.area).sum();
    let limits = CvLimits::default();
    classes
        .iter()
        .zip(shares)
        .map(|(class, share)| {
            let subject = Subject {
                zone_id: "",
                zone_name: "",
                measure: "area",
                class_code: Some(class.code),
                class_name: &class.name,
                unit: "km2",
                mapped: class.area,
            };
            let none = Interval { low: 0.0, high: 0.0, method: IntervalMethod::None };
            let row = EstimateRow::new(&subject, &Estimate::plain(share * total, 0.0, 0), none, "", &limits);
            EstimateRow { method: format!("model-based, {method}"), ..row.without_error() }
        })
        .collect()
}
