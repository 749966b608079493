//! Measures of a model as a table for people.

use std::fmt::Write;

use areal_estimate::wilson_interval;
use areal_train::{ClassMetrics, Metrics, ValueMetrics};

use crate::columns::{cell, width};

/// The measures, the table of classes and the confusion matrix.
pub fn metrics_text(metrics: &Metrics) -> String {
    match metrics {
        Metrics::Classes(m) => class_text(m),
        Metrics::Value(m) => value_text(m),
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.4}"))
}

fn lines(rows: &[(&str, Option<f64>)]) -> String {
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<18} {}", number(*value));
        text
    })
}

/// How well so few patches show the accuracy.
fn accuracy_interval(m: &ClassMetrics) -> String {
    let patches: u64 = m.classes.iter().map(|c| c.patches).sum();
    let Some(accuracy) = m.accuracy else { return String::new() };
    let interval = wilson_interval(accuracy, patches as f64, 0.95);
    format!(
        "  95 % interval    {:.4} to {:.4}, if the {patches} patches were independent; it is wider for patches that overlap or are \
         close\n",
        interval.low, interval.high
    )
}

fn class_text(m: &ClassMetrics) -> String {
    let mut text = lines(&[("accuracy", m.accuracy)]);
    text.push_str(&accuracy_interval(m));
    text.push_str(&lines(&[
        ("balanced accuracy", m.balanced_accuracy),
        ("macro-F1", m.macro_f1),
        ("MCC", m.mcc),
        ("kappa", m.kappa),
        ("log loss", Some(m.log_loss)),
        ("calibration error", Some(m.expected_calibration_error)),
    ]));
    let width = width(m.classes.iter().map(|c| c.name.as_str()).chain(["reference"]));
    let _ = writeln!(text, "\n{:<width$} {:>9} {:>9} {:>9} {:>9}", "class", "patches", "precision", "recall", "F1");
    for c in &m.classes {
        let (precision, recall, f1) = (number(c.precision), number(c.recall), number(c.f1));
        let _ = writeln!(text, "{:<width$} {:>9} {precision:>9} {recall:>9} {f1:>9}", cell(&c.name), c.patches);
    }
    let _ = writeln!(text, "\nConfusion matrix: rows are the reference, columns the prediction, by class code.");
    let _ = write!(text, "{:<width$}", "reference");
    for c in &m.classes {
        let _ = write!(text, " {:>7}", c.code);
    }
    text.push('\n');
    for (c, row) in m.classes.iter().zip(&m.confusion.counts) {
        let _ = write!(text, "{:<width$}", cell(&format!("{} {}", c.code, c.name)));
        for n in row {
            let _ = write!(text, " {n:>7}");
        }
        text.push('\n');
    }
    text
}

fn value_text(m: &ValueMetrics) -> String {
    lines(&[
        ("RMSE", Some(m.rmse)),
        ("MAE", Some(m.mae)),
        ("bias", Some(m.bias)),
        ("R2 (1 - SSE/SST)", m.r2),
        ("r2 (correlation)", m.pearson_r2),
    ])
}
