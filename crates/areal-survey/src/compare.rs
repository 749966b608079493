//! Comparison of two vintages of estimates: what changed, and whether the change exceeds sampling error.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_estimate::{DEFAULT_LEVEL, EstimateRow, IntervalMethod, Population, Revision, Vintage, revisions};
use areal_formats::{ESTIMATES_FORMATS, Provenance};
use areal_job::{Sha256, StagedFile, check_unchanged, read_json_of};
use areal_tables::{ArealTableError, read_areal_table};
use serde::{Deserialize, Serialize};

use crate::error::TableRole;
use crate::tables::{codebook, write_csv};
use crate::{NotCompared, SurveyError};

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
        Self { old: PathBuf::new(), new: PathBuf::new(), correlation: 0.0, level: DEFAULT_LEVEL }
    }
}

/// One row of the comparison.
#[derive(Debug, Serialize)]
pub struct RevisionRow {
    pub population: Population,
    pub zone_id: String,
    pub zone_name: String,
    pub measure: String,
    pub class_code: Option<u8>,
    pub class_name: String,
    pub unit: String,
    /// Reference period of the older estimates; empty where they do not say.
    pub old_period: String,
    pub old: f64,
    pub old_standard_error: f64,
    pub old_n: usize,
    pub new_period: String,
    pub new: f64,
    pub new_standard_error: f64,
    pub new_n: usize,
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
    pub not_compared: NotCompared,
    /// Ground whose estimates are not compared, because the vintages do not predict the same of it.
    pub other_ground: Vec<OtherGround>,
    /// What both vintages are made from, so that their errors are correlated.
    pub shared: Option<Shared>,
    /// Steps that the older and the newer numbers are rounded to; 0 where they are not.
    pub rounded_to: [f64; 2],
}

/// What two vintages have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// The labelled sample: they are of one time.
    Labels,
    /// The drawn units, labelled twice.
    Units,
}

/// What makes two rows the same number in two tables.
pub(crate) type RowKey = (Population, String, String, String, String);

pub(crate) fn key(r: &EstimateRow) -> RowKey {
    (r.population, r.zone_id.clone(), r.measure.clone(), r.class_name.clone(), r.unit.clone())
}

/// Ground that two vintages do not cover alike.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherGround {
    pub population: Population,
    pub zone_id: String,
    /// Predicted area in the older and in the newer vintage, km2.
    pub old_km2: f64,
    pub new_km2: f64,
}

/// Compares the estimates of two folders, row by row and by their own intervals, where both refer to the same ground: a class that lost its area to clouds
/// has not changed.
///
/// # Errors
/// Tables that cannot be read, vintages without an estimate in common or without common ground, a correlation outside -1..1.
pub fn compare(settings: &CompareSettings) -> Result<Comparison, SurveyError> {
    let (old, new) = (EstimatesTable::read(&settings.old)?, EstimatesTable::read(&settings.new)?);
    let before: HashMap<_, &EstimateRow> = old.rows.iter().map(|r| (key(r), r)).collect();
    let not_compared = NotCompared::of(&old, &new, &before);
    let pair = |r| Some(Pair { old: old.vintage(before.get(&key(r))?)?, new: new.vintage(r)? });
    let all_pairs: Vec<Pair> = new.rows.iter().filter_map(pair).collect();
    if all_pairs.is_empty() {
        return Err(SurveyError::NothingInCommon { not_compared });
    }
    let mut other_ground: Vec<OtherGround> = Vec::new();
    let mut pairs: Vec<&Pair> = Vec::new();
    for pair in &all_pairs {
        match old.other_ground(&new, pair.new.row) {
            None => pairs.push(pair),
            Some(other) if other_ground.contains(&other) => {}
            Some(other) => other_ground.push(other),
        }
    }
    if pairs.is_empty() {
        let OtherGround { old_km2, new_km2, .. } = other_ground.swap_remove(0);
        return Err(SurveyError::OtherGround { old_km2, new_km2, not_compared });
    }
    let values: Vec<(Vintage, Vintage)> = pairs.iter().map(|p| (p.old.vintage, p.new.vintage)).collect();
    let found = revisions(&values, settings.correlation, settings.level)?;
    let rows = pairs.iter().zip(found).map(|(pair, f)| RevisionRow::new(pair, [&old, &new], &f)).collect();
    Ok(Comparison { rows, not_compared, other_ground, shared: old.shared(&new), rounded_to: [old.round, new.round] })
}

/// One number in both vintages.
struct Pair<'a> {
    old: Side<'a>,
    new: Side<'a>,
}

/// A row as one side of a comparison.
pub(crate) struct Side<'a> {
    row: &'a EstimateRow,
    vintage: Vintage,
}

impl RevisionRow {
    fn new(pair: &Pair, [before, after]: [&EstimatesTable; 2], found: &Revision) -> Self {
        let Pair { old, new } = pair;
        let of = new.row;
        Self {
            population: of.population,
            zone_id: of.zone_id.clone(),
            zone_name: of.zone_name.clone(),
            measure: of.measure.clone(),
            class_code: of.class_code,
            class_name: of.class_name.clone(),
            unit: of.unit.clone(),
            old_period: before.period.clone(),
            old: old.vintage.value,
            old_standard_error: old.vintage.standard_error,
            old_n: old.row.n,
            new_period: after.period.clone(),
            new: new.vintage.value,
            new_standard_error: new.vintage.standard_error,
            new_n: of.n,
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
pub(crate) struct EstimatesTable {
    pub(crate) rows: Vec<EstimateRow>,
    /// The step that its numbers are rounded to; 0 where they are not.
    round: f64,
    /// Its reference period, where it says so.
    period: String,
    /// Level of its intervals.
    level: f64,
    /// Area of the population, where the document beside the table says so.
    population_km2: Option<f64>,
    /// Digests of the labelled sample and of its design, where it says so.
    sample: Option<Sha256>,
    design: Option<Sha256>,
}

/// What is read of `estimates.json`.
#[derive(Deserialize)]
struct Made {
    population_km2: Option<f64>,
    provenance: Provenance,
}

/// An interval without width: of a number without an error, or rounded to nothing.
pub(crate) fn is_without_width(row: &EstimateRow) -> bool {
    row.low.is_some() && row.low == row.high
}

/// Relative difference of two areas that is not of rounding.
const OTHER_AREA: f64 = 1e-6;

impl EstimatesTable {
    fn read(folder: &Path) -> Result<Self, SurveyError> {
        let path = if folder.is_dir() { folder.join("estimates.csv") } else { folder.to_path_buf() };
        let fault = TableRole::Estimates.fault(&path);
        let (header, records) = read_areal_table(&path).map_err(|error| match error {
            ArealTableError::Csv(error) => fault(error),
            ArealTableError::File(error) => error.into(),
        })?;
        let rows = records.iter().map(|row| row.deserialize(Some(&header)).map_err(fault)).collect::<Result<_, _>>()?;
        // A table by itself does not say how it was rounded, nor of when it is.
        let made = path.with_file_name("estimates.json");
        let made_by: Option<Made> = if made.exists() {
            check_unchanged(&made)?;
            Some(read_json_of(&made, &ESTIMATES_FORMATS)?)
        } else {
            None
        };
        let provenance = made_by.as_ref().map(|of| &of.provenance);
        let setting = |name: &str| provenance.and_then(|of| of.settings.get(name));
        let number = |name: &str| setting(name).and_then(serde_json::Value::as_f64);
        let level = number("level");
        if level.is_none() {
            tracing::warn!(
                "{}: no estimates.json beside it states the level of its intervals; {:.0} % is assumed, and that nothing is rounded",
                path.display(),
                100.0 * DEFAULT_LEVEL
            );
        }
        Ok(Self {
            rows,
            round: number("round").unwrap_or(0.0),
            level: level.unwrap_or(DEFAULT_LEVEL),
            period: setting("reference-period").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
            population_km2: made_by.as_ref().and_then(|of| of.population_km2),
            sample: provenance.and_then(|of| of.digest_of_setting("sample")),
            design: provenance.and_then(|of| of.digest_of_setting("design")),
        })
    }

    /// What both tables are made from.
    fn shared(&self, newer: &Self) -> Option<Shared> {
        let same = |of: fn(&Self) -> &Option<Sha256>| of(self).is_some() && of(self) == of(newer);
        match (same(|t| &t.sample), same(|t| &t.design)) {
            (true, _) => Some(Shared::Labels),
            (_, true) => Some(Shared::Units),
            _ => None,
        }
    }

    /// Predicted area that a row refers to, and what rounding may have changed of it; `None` where the table does not tell.
    fn ground(&self, row: &EstimateRow) -> Option<(f64, f64)> {
        let whole = matches!(row.population, Population::Map | Population::Strata);
        // The table of a mean has no areas: the zones of two maps are taken to be alike where the maps are.
        if let Some(area) = self.population_km2.filter(|_| whole || row.class_code.is_none()) {
            return Some((area, 0.0));
        }
        let of = |r: &&EstimateRow| r.population == row.population && r.zone_id == row.zone_id;
        let classes: Vec<f64> = self.rows.iter().filter(of).map(|r| r.mapped).collect();
        row.class_code.map(|_| (classes.iter().sum(), classes.len() as f64 * self.round / 2.0))
    }

    /// The ground of a row, where another vintage predicts more or less of it.
    fn other_ground(&self, newer: &Self, row: &EstimateRow) -> Option<OtherGround> {
        let ((old_km2, a), (new_km2, b)) = self.ground(row).zip(newer.ground(row))?;
        let other = (old_km2 - new_km2).abs() > a + b + OTHER_AREA * old_km2.max(new_km2);
        other.then(|| OtherGround { population: row.population, zone_id: row.zone_id.clone(), old_km2, new_km2 })
    }

    /// A row as one side of a comparison; `None` without an interval, or suppressed: a model-based estimate has the error of an
    /// average zone.
    pub(crate) fn vintage<'a>(&self, row: &'a EstimateRow) -> Option<Side<'a>> {
        if !row.suppressed.is_empty() || row.interval == IntervalMethod::None.to_string() || is_without_width(row) {
            return None;
        }
        let limits = [row.low?, row.high?];
        // A row of units that are all alike has an interval, by which it is compared, and no standard error.
        let vintage = Vintage::from_limits(row.estimate?, row.standard_error.unwrap_or(0.0), limits, self.level);
        Some(Side { row, vintage: vintage.rounded(self.round) })
    }
}

/// What the header of the table holds, and that of no other.
const MARK: &str = "holm_p_value";

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
