//! Training curves as SVG.

use std::fmt::Write as _;

use crate::number::{decimals, number};

/// Measures of every epoch of training.
#[derive(Debug, Clone, Default)]
pub struct LearningCurve {
    /// Epochs, ascending.
    pub epochs: Vec<f64>,
    /// Name of a measure and its value in each epoch, `None` where it is not defined.
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

/// Measures that share a panel.
const PANELS: [(&str, &[&str]); 4] = [
    ("Loss", &["train_loss", "validation_loss"]),
    ("Validation scores", &["macro_f1", "balanced_accuracy", "accuracy"]),
    ("Validation error", &["rmse", "mae"]),
    ("Validation agreement", &["r2", "pearson_r2"]),
];

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 270.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 40.0;

pub(crate) struct PanelView {
    pub title: &'static str,
    pub summary: String,
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub bottom: f64,
    pub middle: f64,
    pub y_ticks: Vec<(String, String)>,
    pub x_ticks: Vec<(String, String)>,
    pub lines: Vec<LineView>,
}

pub(crate) struct LineView {
    pub name: String,
    pub points: String,
    pub last: String,
}

impl LearningCurve {
    /// The panels that have something to show.
    pub(crate) fn panels(&self) -> Vec<PanelView> {
        PANELS.iter().filter_map(|(title, names)| self.panel(title, names)).collect()
    }

    fn panel(&self, title: &'static str, names: &[&str]) -> Option<PanelView> {
        let series: Vec<&(String, Vec<Option<f64>>)> = names
            .iter()
            .filter_map(|n| self.series.iter().find(|(name, _)| name == n))
            .filter(|(_, values)| values.iter().flatten().any(|v| v.is_finite()))
            .collect();
        let known = || series.iter().flat_map(|(_, v)| v.iter().flatten().copied()).filter(|v| v.is_finite());
        let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
        if series.is_empty() || self.epochs.is_empty() {
            return None;
        }
        let (ticks, digits) = ticks(low, high);
        let (low, high) = (ticks[0], *ticks.last()?);
        let (first, last) = (self.epochs[0], *self.epochs.last()?);
        let x = |e: f64| LEFT + (WIDTH - LEFT - RIGHT) * if last > first { (e - first) / (last - first) } else { 0.5 };
        let y = |v: f64| TOP + (HEIGHT - TOP - BOTTOM) * (high - v) / (high - low);
        let lines: Vec<LineView> = series.iter().map(|(name, values)| self.line(name, values, &x, &y)).collect();
        let ends: Vec<String> = lines.iter().map(|l| format!("{} {}", l.name, l.last)).collect();
        Some(PanelView {
            title,
            summary: format!("{title} over {} epochs; at the end: {}", self.epochs.len(), ends.join(", ")),
            width: WIDTH,
            height: HEIGHT,
            left: LEFT,
            right: WIDTH - RIGHT,
            bottom: HEIGHT - BOTTOM,
            middle: f64::midpoint(LEFT, WIDTH - RIGHT),
            y_ticks: ticks.iter().map(|v| (format!("{:.1}", y(*v)), number(*v, digits))).collect(),
            x_ticks: epoch_ticks(first, last).into_iter().map(|e| (format!("{:.1}", x(e)), number(e, 0))).collect(),
            lines,
        })
    }

    fn line(&self, name: &str, values: &[Option<f64>], x: &dyn Fn(f64) -> f64, y: &dyn Fn(f64) -> f64) -> LineView {
        let mut points = String::new();
        for (epoch, value) in self.epochs.iter().zip(values) {
            if let Some(v) = value.filter(|v| v.is_finite()) {
                let _ = write!(points, "{:.1},{:.1} ", x(*epoch), y(v));
            }
        }
        let last = values.iter().rev().flatten().find(|v| v.is_finite());
        let last = last.map_or_else(String::new, |v| number(*v, decimals(std::iter::once(*v))));
        LineView { name: name.replace('_', " "), points: points.trim_end().to_owned(), last }
    }
}

/// Round values that span a range, and the decimals they need.
fn ticks(low: f64, high: f64) -> (Vec<f64>, usize) {
    let span = if high > low { high - low } else { low.abs().max(1.0) };
    let raw = span / 4.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(raw);
    let first = (low / step).floor();
    let count = ((high / step).ceil() - first).max(1.0) as usize;
    let digits = (0..6).find(|d| (step * 10f64.powi(*d) - (step * 10f64.powi(*d)).round()).abs() < 1e-6).unwrap_or(6);
    ((0..=count).map(|k| (first + k as f64) * step).collect(), digits as usize)
}

/// At most six whole epochs between the first and the last.
fn epoch_ticks(first: f64, last: f64) -> Vec<f64> {
    let step = ((last - first) / 5.0).ceil().max(1.0);
    let count = ((last - first) / step).floor() as usize;
    (0..=count).map(|k| first + k as f64 * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_span_the_range() {
        assert_eq!(ticks(0.12, 0.93), (vec![0.0, 0.25, 0.5, 0.75, 1.0], 2));
        let (flat, _) = ticks(0.5, 0.5);
        assert!(flat[0] <= 0.5 && *flat.last().unwrap() >= 0.5 && flat.len() >= 2, "{flat:?}");
    }

    #[test]
    fn one_epoch_is_a_panel_too_and_an_empty_measure_is_none() {
        let curve = LearningCurve {
            epochs: vec![1.0],
            series: vec![("train_loss".into(), vec![Some(1.5)]), ("rmse".into(), vec![None])],
        };
        let panels = curve.panels();
        assert_eq!(panels.len(), 1);
        assert_eq!(panels[0].lines[0].last, "1.500");
    }
}
