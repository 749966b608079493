//! Comparison of two vintages of estimates: what changed, and whether the change exceeds sampling error.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use areal_estimate::{EstimateRow, IntervalMethod, Population, Revision, Vintage, revisions};
use areal_formats::ESTIMATES_FORMAT;
use areal_job::{StagedFile, read_json};
use serde::{Deserialize, Serialize};

use crate::SurveyError;
use crate::error::TableRole;
use crate::tables::{codebook, write_csv};

/// How two vintages are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CompareSettings {
    /// Folder of the older estimates.
    pub old: PathBuf,
    /// Folder of the newer estimates.
    pub new: PathBuf,
    /// Correlation of the two samples' errors, -1 to 1.
    pub correlation: f64,
    /// Level of intervals and tests.
    pub level: f64,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self { old: PathBuf::new(), new: PathBuf::new(), correlation: 0.0, level: 0.95 }
    }
}

/// One row of the comparison.
#[derive(Debug, Serialize)]
pub struct RevisionRow {
    pub population: Population,
    pub zone_id: String,
    pub zone_name: String,
    pub measure: String,
    pub class_name: String,
    pub unit: String,
    pub old: f64,
    pub new: f64,
    pub difference: f64,
    pub relative: Option<f64>,
    pub standard_error: f64,
    pub low: f64,
    pub high: f64,
    pub p_value: f64,
    pub holm_p_value: f64,
    pub significant: bool,
}

/// A comparison of two vintages.
pub struct Comparison {
    pub rows: Vec<RevisionRow>,
    /// Estimates that are in one vintage only, suppressed, model-based, or without an error.
    pub not_compared: usize,
}

/// Compares the estimates of two folders, row by row.
///
/// # Errors
/// Tables that cannot be read, vintages without an estimate in common, a correlation outside -1..1.
pub fn compare(settings: &CompareSettings) -> Result<Comparison, SurveyError> {
    let (old, new) = (EstimatesTable::read(&settings.old)?, EstimatesTable::read(&settings.new)?);
    let key =
        |r: &EstimateRow| (r.population, r.zone_id.clone(), r.measure.clone(), r.class_name.clone(), r.unit.clone());
    let before: HashMap<_, &EstimateRow> = old.rows.iter().map(|r| (key(r), r)).collect();
    let pair = |r| Some((r, old.vintage(before.get(&key(r))?)?, new.vintage(r)?));
    let pairs: Vec<(&EstimateRow, Vintage, Vintage)> = new.rows.iter().filter_map(pair).collect();
    if pairs.is_empty() {
        return Err(SurveyError::NothingInCommon);
    }
    let all: HashSet<_> = old.rows.iter().chain(&new.rows).map(key).collect();
    let values: Vec<(Vintage, Vintage)> = pairs.iter().map(|p| (p.1, p.2)).collect();
    let found = revisions(&values, settings.correlation, settings.level)?;
    let rows = pairs.iter().zip(found).map(|((r, a, b), f)| RevisionRow::new(r, a, b, &f)).collect();
    Ok(Comparison { rows, not_compared: all.len() - pairs.len() })
}

impl RevisionRow {
    fn new(of: &EstimateRow, old: &Vintage, new: &Vintage, found: &Revision) -> Self {
        Self {
            population: of.population,
            zone_id: of.zone_id.clone(),
            zone_name: of.zone_name.clone(),
            measure: of.measure.clone(),
            class_name: of.class_name.clone(),
            unit: of.unit.clone(),
            old: old.value,
            new: new.value,
            difference: found.difference,
            relative: found.relative,
            standard_error: found.standard_error,
            low: found.low,
            high: found.high,
            p_value: found.p_value,
            holm_p_value: found.holm_p_value,
            significant: found.significant,
        }
    }
}

/// `estimates.csv` of one vintage.
struct EstimatesTable {
    rows: Vec<EstimateRow>,
    /// The step that its numbers are rounded to; 0 where they are not.
    round: f64,
}

impl EstimatesTable {
    fn read(folder: &Path) -> Result<Self, SurveyError> {
        let path = if folder.is_dir() { folder.join("estimates.csv") } else { folder.to_path_buf() };
        let fault = TableRole::Estimates.fault(&path);
        let mut reader = csv::Reader::from_path(&path).map_err(fault)?;
        let rows = reader.deserialize().map(|r| r.map_err(fault)).collect::<Result<_, _>>()?;
        // A table by itself does not say how it was rounded.
        let made = path.with_file_name("estimates.json");
        let round = if made.exists() {
            let meta: serde_json::Value = read_json(&made, ESTIMATES_FORMAT)?;
            meta.pointer("/provenance/settings/round").and_then(serde_json::Value::as_f64).unwrap_or(0.0)
        } else {
            0.0
        };
        Ok(Self { rows, round })
    }

    /// A row as one side of a comparison; `None` without a known error. A model-based estimate has the error of an average
    /// zone, and a standard error of zero does not mean certainty.
    fn vintage(&self, row: &EstimateRow) -> Option<Vintage> {
        let known = row.interval != IntervalMethod::None.to_string() && row.standard_error? > 0.0;
        // Rounding to a step adds the variance of a number that lies anywhere within it.
        let standard_error = row.standard_error?.hypot(self.round / 12f64.sqrt());
        known.then_some(Vintage { value: row.estimate?, standard_error })
    }
}

/// How the header of the table begins.
const MARK: &str = "zone_id,measure,class_name";

/// Writes the comparison as CSV with its metadata.
///
/// # Errors
/// A file that is there and may not be replaced, or that cannot be written.
pub fn write_revisions(path: &Path, overwrite: bool, rows: &[RevisionRow]) -> Result<(), SurveyError> {
    let staged = StagedFile::replacing(path, overwrite, MARK)?;
    let table = codebook::revisions();
    write_csv(staged.path(), &table, rows)?;
    staged.commit()?;
    Ok(table.write_metadata(path)?)
}
