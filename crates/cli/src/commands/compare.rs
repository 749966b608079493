//! `areal compare`: differences between two tables of estimates.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use areal_estimate::{EstimateRow, IntervalMethod, Population, Revision, Vintage, revisions};
use areal_job::{StagedFile, read_json};
use clap::Args;
use serde::Serialize;

use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::survey::{print_aligned, write_csv, zone_label};

/// Compare two vintages of estimates, number by number: what changed, and is it more than sampling error?
///
/// A row's p-value is for that row alone; it is called significant by Holm's correction for the number of rows, so that
/// among many zones that did not change there is a false alarm in one comparison of twenty, not in every one.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Example:\n  areal compare 2024/estimates 2025/estimates --out revisions.csv")]
pub struct Options {
    /// Folder that `areal estimate` made, the older.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Folder that `areal estimate` made, the newer.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// CSV file to make, with FILE-metadata.json (CSV on the Web) beside it; the table goes to stdout in any case.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Correlation of the two samples' errors: 0 for samples drawn apart, positive where the same units were labelled for
    /// both [default: 0].
    #[arg(long, allow_negative_numbers = true, value_name = "R")]
    pub correlation: Option<f64>,
    /// Level of intervals and tests [default: 0.95].
    #[arg(long, value_name = "SHARE")]
    pub level: Option<f64>,
    /// Replace what stands at --out.
    #[arg(long)]
    pub overwrite: bool,
}

/// One row of the comparison.
#[derive(Debug, Serialize)]
struct Row {
    population: Population,
    zone_id: String,
    zone_name: String,
    measure: String,
    class_name: String,
    unit: String,
    old: f64,
    new: f64,
    difference: f64,
    relative: Option<f64>,
    standard_error: f64,
    low: f64,
    high: f64,
    p_value: f64,
    holm_p_value: f64,
    significant: bool,
}

pub fn run(options: &Options, _context: &Context) -> Result<(), CliError> {
    let (Table { rows: old, round: old_round }, Table { rows: new, round: new_round }) =
        (read(&options.old)?, read(&options.new)?);
    let level = options.level.unwrap_or(0.95);
    super::estimate::check_level(level)?;
    let key =
        |r: &EstimateRow| (r.population, r.zone_id.clone(), r.measure.clone(), r.class_name.clone(), r.unit.clone());
    let before: HashMap<_, &EstimateRow> = old.iter().map(|r| (key(r), r)).collect();
    // A model's number has the error of an average zone, and a standard error of zero is no certainty.
    let vintage = |r: &EstimateRow, round: f64| {
        let known = r.interval != IntervalMethod::None.to_string() && r.standard_error? > 0.0;
        // Rounding to a step adds the variance of a number that lies anywhere within it.
        let standard_error = r.standard_error?.hypot(round / 12f64.sqrt());
        known.then_some(Vintage { value: r.estimate?, standard_error })
    };
    let pair = |r| Some((r, vintage(before.get(&key(r))?, old_round)?, vintage(r, new_round)?));
    let pairs: Vec<(&EstimateRow, Vintage, Vintage)> = new.iter().filter_map(pair).collect();
    let all: HashSet<_> = old.iter().chain(&new).map(key).collect();
    let left = all.len() - pairs.len();
    if pairs.is_empty() {
        return Err(CliError::new(Exit::Input, "the two vintages have no number with an error in common")
            .help("compare estimates of the same zones and classes, made from samples with a design"));
    }
    if left > 0 {
        tracing::warn!(
            "{left} numbers are in one vintage only, suppressed, a model's, or without an error; they are not compared"
        );
    }
    let values: Vec<(Vintage, Vintage)> = pairs.iter().map(|p| (p.1, p.2)).collect();
    let found = revisions(&values, options.correlation.unwrap_or(0.0), level)?;
    let rows: Vec<Row> = pairs.iter().zip(found).map(|((r, a, b), f)| row(r, a, b, &f)).collect();
    if let Some(path) = &options.out {
        write(path, options.overwrite, &rows)?;
    }
    print(&rows);
    Ok(())
}

fn row(of: &EstimateRow, old: &Vintage, new: &Vintage, found: &Revision) -> Row {
    Row {
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

/// One vintage.
struct Table {
    rows: Vec<EstimateRow>,
    /// The step that its numbers are rounded to; 0 where they are not.
    round: f64,
}

fn read(folder: &Path) -> Result<Table, CliError> {
    let path = if folder.is_dir() { folder.join("estimates.csv") } else { folder.to_path_buf() };
    let fault = |e: csv::Error| {
        CliError::new(Exit::Input, format!("{} cannot be read: {e}", path.display()))
            .help("name two folders that `areal estimate` made")
    };
    let mut reader = csv::Reader::from_path(&path).map_err(fault)?;
    let rows = reader.deserialize().map(|r| r.map_err(fault)).collect::<Result<_, _>>()?;
    // A table by itself does not say how it was rounded.
    let made = path.with_file_name("estimates.json");
    let round = if made.exists() {
        let meta: serde_json::Value = read_json(&made, super::estimate::FORMAT)?;
        meta.pointer("/provenance/settings/round").and_then(serde_json::Value::as_f64).unwrap_or(0.0)
    } else {
        0.0
    };
    Ok(Table { rows, round })
}

/// How the header of the table begins.
const MARK: &str = "zone_id,measure,class_name";

fn write(path: &Path, overwrite: bool, rows: &[Row]) -> Result<(), CliError> {
    let staged = StagedFile::replacing(path, overwrite, MARK)?;
    let table = super::estimate::codebook::revisions();
    write_csv(staged.path(), &table, rows)?;
    staged.commit()?;
    Ok(table.write_metadata(path)?)
}

fn print(rows: &[Row]) {
    let head = ["zone", "class", "old", "new", "change", "low", "high", "p", "significant"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for r in rows {
        lines.push(vec![
            zone_label(r.population, &r.zone_id),
            r.class_name.clone(),
            format!("{:.4}", r.old),
            format!("{:.4}", r.new),
            format!("{:.4}", r.difference),
            format!("{:.4}", r.low),
            format!("{:.4}", r.high),
            format!("{:.4}", r.p_value),
            if r.significant { "yes" } else { "no" }.to_owned(),
        ]);
    }
    print_aligned(&lines);
}
