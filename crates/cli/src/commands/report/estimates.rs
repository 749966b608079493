//! Estimates as tables and a plot.

use std::path::Path;

use areal_estimate::{AccuracyRow, EstimateRow, Finding, Population};
use areal_formats::ESTIMATES_FORMATS;
use areal_report::{AccuracyLine, EstimateLine, EstimateSection, Note, Report};
use serde::de::DeserializeOwned;

use super::{areal_table, document, name_of, part, unlike_written};
use crate::errors::{CliError, Exit};
use crate::survey::zone_label;

pub fn add(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let name = name_of(folder);
    let path = folder.join("estimates.json");
    let meta = document(report, &path, &ESTIMATES_FORMATS)?;
    // Documents of areal 0.1.0 do not have it.
    let cell_km2 = meta.get("cell_km2").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
    let table = folder.join("estimates.csv");
    let estimates: Vec<EstimateRow> = rows(&table)?;
    let numbers = |r: &EstimateRow| [Some(r.mapped), r.estimate, r.standard_error, r.low, r.high, r.cv];
    if let Some(k) = estimates.iter().position(|r| numbers(r).iter().flatten().any(|v| !v.is_finite())) {
        let message = format!("{}, line {}: a number that is not finite", table.display(), k + 2);
        return Err(CliError::new(Exit::Input, message).help("the file was edited; make it again"));
    }
    let accuracy = folder.join("accuracy.csv");
    // Estimates of a value have no accuracies.
    let accuracies: Vec<AccuracyRow> = if accuracy.exists() { rows(&accuracy)? } else { Vec::new() };
    report.estimates.push(EstimateSection {
        name: name.clone(),
        estimates: estimates.into_iter().map(|row| estimate(row, cell_km2)).collect(),
        accuracies: accuracies.into_iter().map(accuracy_line).collect(),
    });
    let findings: Vec<Finding> = part(&meta, &path, "findings")?;
    report.notes.extend(findings.iter().map(|finding| Note::warning(format!("{name}: {}", finding.message))));
    Ok(())
}

fn estimate(row: EstimateRow, cell_km2: f64) -> EstimateLine {
    let zone = if row.zone_name.is_empty() { row.zone_id } else { row.zone_name };
    EstimateLine {
        ground: zone_label(row.population, &zone),
        is_zone: row.population == Population::Zone,
        subject: row.class_name,
        unit: row.unit,
        mapped: row.mapped,
        estimate: row.estimate,
        standard_error: row.standard_error,
        interval: row.low.zip(row.high),
        cv: row.cv,
        relative_error: row.relative_error,
        resolution: if row.class_code.is_some() { cell_km2 } else { 0.0 },
        units: row.n as u64,
        method: row.method,
        quality: row.quality,
        suppressed: row.suppressed,
    }
}

fn accuracy_line(row: AccuracyRow) -> AccuracyLine {
    AccuracyLine {
        measure: row.measure,
        subject: row.class_name,
        estimate: row.estimate,
        standard_error: row.standard_error,
        interval: row.low.zip(row.high),
    }
}

/// The rows of a table of `areal estimate`.
fn rows<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, CliError> {
    let (header, records) = areal_table(path)?;
    let read = |row: &csv::StringRecord| {
        row.deserialize(Some(&header)).map_err(|e| unlike_written(format!("{}: {e}", path.display())))
    };
    records.iter().map(read).collect()
}
