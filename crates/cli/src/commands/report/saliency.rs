//! Saliency examples.

use std::collections::HashMap;
use std::path::Path;

use areal_job::FileError;
use areal_report::{Note, Report, SaliencyFigure, SaliencyMap};
use csv::StringRecord;

use super::ReportCsv;
use crate::errors::CliError;

/// Maximum number of patches in the report.
const MAX_PATCHES: usize = 12;

/// What is said once of a patch.
const FACTS: [&str; 6] = ["class_name", "result", "logit", "lon", "lat", "scene"];

/// What is said of each map.
const MEASURES: [&str; 5] =
    ["deletion_auc", "insertion_auc", "random_head_correlation", "random_all_correlation", "completeness_error"];

/// Adds the patches that `saliency.csv` names: the first of each class, then the second, and so on.
pub fn add(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let rows = ReportCsv::read(&folder.join("saliency.csv"))?;
    let (id, class) = (rows.column("id")?, rows.column("class_name")?);
    let mut patches: Vec<Vec<&StringRecord>> = Vec::new();
    for record in &rows.records {
        match patches.last_mut().filter(|patch| patch[0].get(id) == record.get(id)) {
            Some(patch) => patch.push(record),
            None => patches.push(vec![record]),
        }
    }
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut order: Vec<(usize, usize)> = Vec::with_capacity(patches.len());
    for (k, patch) in patches.iter().enumerate() {
        let rank = seen.entry(patch[0].get(class).unwrap_or_default()).or_default();
        order.push((*rank, k));
        *rank += 1;
    }
    order.sort_unstable();
    order.truncate(MAX_PATCHES);
    order.sort_unstable_by_key(|(_, k)| *k);
    for (_, k) in &order {
        report.saliency.push(figure(&rows, &patches[*k], id, folder)?);
    }
    if patches.len() > MAX_PATCHES {
        let (all, folder) = (patches.len(), folder.display());
        report
            .notes
            .push(Note::remark(format!("{folder} explains {all} patches; {MAX_PATCHES} of them are in this report.")));
    }
    Ok(())
}

fn figure(rows: &ReportCsv, patch: &[&StringRecord], id: usize, folder: &Path) -> Result<SaliencyFigure, CliError> {
    let (method, picture) = (rows.column("method")?, rows.column("png")?);
    let map = |record: &&StringRecord| -> Result<SaliencyMap, CliError> {
        let path = folder.join(record.get(picture).unwrap_or_default());
        let png = std::fs::read(&path).map_err(FileError::io("read", &path))?;
        let method = record.get(method).unwrap_or_default().to_owned();
        Ok(SaliencyMap { method, png, measures: named(rows, record, &MEASURES)? })
    };
    Ok(SaliencyFigure {
        title: patch[0].get(id).unwrap_or_default().to_owned(),
        facts: named(rows, patch[0], &FACTS)?,
        maps: patch.iter().map(map).collect::<Result<_, _>>()?,
    })
}

/// The cells of these columns that are not empty, with the columns' names.
fn named(rows: &ReportCsv, record: &StringRecord, columns: &[&str]) -> Result<Vec<(String, String)>, CliError> {
    let mut cells = Vec::new();
    for name in columns {
        let cell = record.get(rows.column(name)?).unwrap_or_default();
        if !cell.is_empty() {
            cells.push((name.replace('_', " "), short(cell)));
        }
    }
    Ok(cells)
}

/// A number rounded for display.
fn short(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(v) if v != 0.0 && v.abs() < 5e-4 => format!("{v:.1e}"),
        Ok(v) if cell.contains('.') && v.abs() < 1000.0 => format!("{v:.4}"),
        _ => cell.to_owned(),
    }
}
