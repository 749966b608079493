//! Tables and plots of estimates from a labelled sample.

use areal_formats::is_below_resolution;

use crate::areas::CellView;
use crate::number::{decimals, number, percent, round_below};

/// Estimates from a labelled sample.
#[derive(Debug, Clone)]
pub struct EstimateSection {
    /// Name of the estimation.
    pub name: String,
    /// The numbers, in the order of `estimates.csv`.
    pub estimates: Vec<EstimateLine>,
    /// Accuracies of the map.
    pub accuracies: Vec<AccuracyLine>,
}

/// One number with its error.
#[derive(Debug, Clone, Default)]
pub struct EstimateLine {
    /// The ground it covers: `map`, `strata`, `zones`, or the zone's name or id.
    pub ground: String,
    /// True for the number of one zone.
    pub is_zone: bool,
    /// The class, or the name of the value.
    pub subject: String,
    /// Unit of the numbers.
    pub unit: String,
    /// What the map says.
    pub mapped: f64,
    /// What the sample says; none where it is suppressed.
    pub estimate: Option<f64>,
    pub standard_error: Option<f64>,
    /// The confidence interval; none where none is claimed.
    pub interval: Option<(f64, f64)>,
    /// Coefficient of variation.
    pub cv: Option<f64>,
    /// The larger of the CV and the longer side of the interval to match: the quality follows it.
    pub relative_error: Option<f64>,
    /// Below half of it an estimate is a dash, and so are its error and its CV.
    pub resolution: f64,
    pub units: u64,
    pub method: String,
    /// `good`, `caution` or `unreliable`.
    pub quality: String,
    /// Why the numbers are left out; empty where they are not.
    pub suppressed: String,
}

/// One accuracy of the map.
#[derive(Debug, Clone)]
pub struct AccuracyLine {
    /// `overall`, `users` or `producers`.
    pub measure: String,
    /// The class; empty for the whole map.
    pub subject: String,
    /// The accuracy, 0 to 1; none where the sample says nothing of it.
    pub estimate: Option<f64>,
    pub standard_error: Option<f64>,
    pub interval: Option<(f64, f64)>,
}

/// Width of a plot and of its labels, and height of one row, in its own units.
const WIDTH: f64 = 460.0;
const LABELS: f64 = 110.0;
const ROW: f64 = 30.0;

const OF_WHOLE: &str = "Estimates with their standard errors, and the mapped values. The quality follows the relative error: the CV or, where that is larger, the longer \
     side of the interval over the estimate and the normal quantile; below 15 units or without an interval it is never good. A dash stands for an estimate below \
     half of the last digit or half of a cell. All columns are in estimates.csv.";
const OF_ZONES: &str = "Zones. A number without an interval is model-based: its error is that of an average zone, and its quality is never good.";

impl EstimateSection {
    pub(crate) fn view(&self) -> EstimateView {
        let lines = |is_zone: bool| self.estimates.iter().filter(move |l| l.is_zone == is_zone);
        let digits = |is_zone| decimals(lines(is_zone).flat_map(EstimateLine::numbers));
        let table = |is_zone: bool| EstimateTable {
            title: if is_zone { "Estimates by zone" } else { "Estimates" },
            first: if is_zone { "Zone" } else { "Ground" },
            caption: if is_zone { OF_ZONES } else { OF_WHOLE },
            rows: lines(is_zone).map(|l| l.row(digits(is_zone))).collect(),
        };
        EstimateView {
            name: self.name.clone(),
            plot: self.plot(),
            tables: [false, true].map(table).into_iter().filter(|t| !t.rows.is_empty()).collect(),
            accuracies: self.accuracies.iter().map(AccuracyLine::row).collect(),
        }
    }

    /// The numbers of the first ground that is no zone: what the map says, what the sample says, and its interval.
    fn plot(&self) -> Option<EstimatePlot> {
        let first = self.estimates.iter().find(|l| !l.is_zone)?;
        let shown: Vec<&EstimateLine> =
            self.estimates.iter().filter(|l| l.ground == first.ground && l.unit == first.unit && !l.is_zone).collect();
        let all = || shown.iter().flat_map(|l| l.numbers());
        let (low, high) = all().fold((0.0, 0.0), |(a, b): (f64, f64), v| (a.min(v), b.max(v)));
        // Neither nothing nor what no scale can show.
        if !((high - low).is_normal() && high > low) {
            return None;
        }
        let place = |v: f64| LABELS + (v - low) / (high - low) * (WIDTH - LABELS - 20.0);
        let x = |v: f64| (place(v) * 100.0).round() / 100.0;
        let digits = decimals(all());
        let mark = |(k, line): (usize, &&EstimateLine)| EstimateMark {
            label: line.subject.clone(),
            y: ROW * (k as f64 + 0.5),
            mapped: x(line.mapped),
            estimate: line.estimate.map(x),
            interval: line.interval.map(|(a, b)| (x(a), x(b))),
            text: line.sentence(digits),
        };
        let bottom = ROW * shown.len() as f64;
        let step = Some(round_below((high - low) / 3.0)).filter(|step| step.is_normal())?;
        let ticks = ((low / step).ceil() as i64..).map(|k| k as f64 * step).take_while(|v| *v <= high);
        let of_tick = if step >= 1.0 { 0 } else { decimals(std::iter::once(step)) };
        Some(EstimatePlot {
            width: WIDTH,
            height: bottom + 26.0,
            bottom,
            ticks: ticks.map(|v| (x(v), number(v, of_tick))).collect(),
            unit: unit_text(&first.unit).to_owned(),
            ground: first.ground.clone(),
            marks: shown.iter().enumerate().map(mark).collect(),
        })
    }
}

impl EstimateLine {
    fn numbers(&self) -> impl Iterator<Item = f64> {
        let (low, high) = self.interval.unzip();
        [Some(self.mapped), self.estimate, low, high].into_iter().flatten()
    }

    fn sentence(&self, digits: usize) -> String {
        let unit = unit_text(&self.unit);
        let estimate =
            self.estimate.map_or_else(|| "no estimate".to_owned(), |v| format!("{} {unit}", number(v, digits)));
        let within = self.interval.map(|(a, b)| format!(" ({} to {})", number(a, digits), number(b, digits)));
        let mapped = number(self.mapped, digits);
        format!("{}: estimated {estimate}{}, mapped {mapped} {unit}", self.subject, within.unwrap_or_default())
    }

    fn row(&self, digits: usize) -> EstimateRowView {
        let least = self.resolution.max(10f64.powi(-(digits as i32)));
        let is_below = self.estimate.is_some_and(|v| is_below_resolution(v, self.standard_error, least));
        let above = |v: Option<f64>| v.filter(|_| !is_below);
        let ratio = |v: Option<f64>| CellView {
            sort: above(v).map(|v| v.to_string()).unwrap_or_default(),
            text: above(v).map_or_else(|| "–".to_owned(), percent),
        };
        let shown = |v: Option<f64>| CellView {
            sort: v.map(|v| v.to_string()).unwrap_or_default(),
            text: v.map_or_else(|| "–".to_owned(), |v| number(v, digits)),
        };
        let sort = |v: Option<f64>| v.map(|v| v.to_string()).unwrap_or_default();
        EstimateRowView {
            ground: self.ground.clone(),
            subject: self.subject.clone(),
            unit: unit_text(&self.unit).to_owned(),
            mapped: shown(Some(self.mapped)),
            estimate: shown(above(self.estimate)),
            standard_error: shown(above(self.standard_error)),
            interval: CellView {
                sort: sort(self.interval.map(|i| i.0)),
                text: interval_text(self.interval, |v| number(v, digits)),
            },
            cv: ratio(self.cv),
            relative_error: ratio(self.relative_error),
            units: self.units,
            method: self.method.clone(),
            quality: match self.suppressed.as_str() {
                "" if is_below => "–".to_owned(),
                "" => self.quality.clone(),
                why => format!("suppressed ({why})"),
            },
        }
    }
}

impl AccuracyLine {
    fn row(&self) -> AccuracyRowView {
        let measure = match self.measure.as_str() {
            "users" => "user's accuracy",
            "producers" => "producer's accuracy",
            "overall" => "overall accuracy",
            "overall-in-training" => "overall accuracy of units in training patches",
            "overall-elsewhere" => "overall accuracy of all other units",
            other => other,
        };
        let shown = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), percent);
        AccuracyRowView {
            measure: measure.to_owned(),
            subject: self.subject.clone(),
            estimate: shown(self.estimate),
            standard_error: shown(self.standard_error),
            interval: interval_text(self.interval, percent),
        }
    }
}

fn interval_text(interval: Option<(f64, f64)>, shown: impl Fn(f64) -> String) -> String {
    interval.map_or_else(|| "–".to_owned(), |(low, high)| format!("{} to {}", shown(low), shown(high)))
}

fn unit_text(unit: &str) -> &str {
    if unit == "km2" { "km²" } else { unit }
}

pub(crate) struct EstimateView {
    pub name: String,
    pub plot: Option<EstimatePlot>,
    pub tables: Vec<EstimateTable>,
    pub accuracies: Vec<AccuracyRowView>,
}

pub(crate) struct EstimateTable {
    pub title: &'static str,
    pub first: &'static str,
    pub caption: &'static str,
    pub rows: Vec<EstimateRowView>,
}

pub(crate) struct EstimatePlot {
    pub width: f64,
    pub height: f64,
    pub bottom: f64,
    pub ticks: Vec<(f64, String)>,
    pub unit: String,
    pub ground: String,
    pub marks: Vec<EstimateMark>,
}

pub(crate) struct EstimateMark {
    pub label: String,
    pub y: f64,
    pub mapped: f64,
    pub estimate: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub text: String,
}

pub(crate) struct EstimateRowView {
    pub ground: String,
    pub subject: String,
    pub unit: String,
    pub mapped: CellView,
    pub estimate: CellView,
    pub standard_error: CellView,
    pub interval: CellView,
    pub cv: CellView,
    pub relative_error: CellView,
    pub units: u64,
    pub method: String,
    pub quality: String,
}

pub(crate) struct AccuracyRowView {
    pub measure: String,
    pub subject: String,
    pub estimate: String,
    pub standard_error: String,
    pub interval: String,
}
