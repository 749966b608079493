//! The model, its training and its evaluation.

use std::path::Path;

use areal_formats::{BUNDLE_FORMATS, EVALUATION_FORMAT};
use areal_report::{Confusion, LearningCurve, Report};
use serde_json::Value;

use super::{ReportCsv, document, part, unlike_written};
use crate::errors::{CliError, Exit};

pub fn add_bundle(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let path = folder.join("model.json");
    let spec = document(report, &path, &BUNDLE_FORMATS)?;
    report.model = facts(&spec, &path)?;
    report.learning = learning_curve(&ReportCsv::read(&folder.join("metrics.csv"))?)?;
    add_confusion(report, folder, "validation patches")
}

pub fn add_evaluation(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let path = folder.join("evaluation.json");
    let evaluation = document(report, &path, &[EVALUATION_FORMAT])?;
    let split: String = part(&evaluation, &path, "split")?;
    let name = format!("{split} patches");
    let rows = ReportCsv::read(&folder.join("metrics.csv"))?;
    let (measure, value) = (rows.column("measure")?, rows.column("value")?);
    let mut scores = Vec::new();
    for record in &rows.records {
        if let Some(score) = rows.number(record, value)? {
            scores.push((record.get(measure).unwrap_or_default().to_owned(), score));
        }
    }
    report.scores.push((format!("Measures: {name}"), scores));
    add_confusion(report, folder, &name)
}

/// Key facts about the model.
fn facts(spec: &Value, path: &Path) -> Result<Vec<(String, String)>, CliError> {
    let text = |v: &Value| match v {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    };
    let at = |label: &str, pointer: &str| match spec.pointer(pointer).and_then(text) {
        Some(fact) => Ok((label.to_owned(), fact)),
        None => Err(unlike_written(format!("{}: it has no {pointer}", path.display()))),
    };
    [
        at("architecture", "/architecture"),
        at("bands", "/bands"),
        at("patch size (pixels)", "/patch_size"),
        at("pixel type", "/pixel_type"),
        at("calibration temperature", "/calibration/temperature"),
        at("weights SHA-256", "/weights_sha256"),
    ]
    .into_iter()
    .collect()
}

fn learning_curve(rows: &ReportCsv) -> Result<LearningCurve, CliError> {
    let epoch = rows.column("epoch")?;
    let column = |k: usize| rows.records.iter().map(|r| rows.number(r, k)).collect::<Result<Vec<_>, _>>();
    let epochs = column(epoch)?.into_iter().flatten().collect();
    let measures = rows.header.iter().enumerate().filter(|(k, _)| *k != epoch);
    let series = measures.map(|(k, name)| Ok((name.to_owned(), column(k)?))).collect::<Result<_, CliError>>()?;
    Ok(LearningCurve { epochs, series })
}

fn add_confusion(report: &mut Report, folder: &Path, name: &str) -> Result<(), CliError> {
    let path = folder.join("confusion.csv");
    if !path.exists() {
        return Ok(());
    }
    let rows = ReportCsv::read(&path)?;
    let (reference, predicted, patches) =
        (rows.column("reference_name")?, rows.column("predicted_name")?, rows.column("patches")?);
    let mut classes: Vec<String> = Vec::new();
    for name in rows.records.iter().filter_map(|r| r.get(reference)) {
        if !classes.iter().any(|c| c == name) {
            classes.push(name.to_owned());
        }
    }
    let mut counts = vec![vec![0; classes.len()]; classes.len()];
    for record in &rows.records {
        let class = |k: usize| classes.iter().position(|c| Some(c.as_str()) == record.get(k));
        let count = record.get(patches).and_then(|c| c.parse().ok());
        let (Some(row), Some(col), Some(count)) = (class(reference), class(predicted), count) else {
            let line = record.position().map_or(0, csv::Position::line);
            let message = format!("{}, line {line}: no pair of classes with a count", path.display());
            return Err(CliError::new(Exit::Input, message).help("the file was edited; make it again"));
        };
        counts[row][col] = count;
    }
    report.confusions.push(Confusion { name: name.to_owned(), classes, counts });
    Ok(())
}
