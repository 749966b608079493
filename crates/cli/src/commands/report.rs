//! `areal report`: the results of a job in one HTML file.

mod areas;
mod estimates;
mod links;
mod maps;
mod model;
mod saliency;

use std::path::{Path, PathBuf};

use areal_formats::{ExplainMeta, Provenance, STORE_FORMAT};
use areal_job::{FileError, StagedFile, check_unchanged, read_json_of};
use areal_report::{ProvenanceEntry, Report, render};
use areal_tables::{ArealTableError, read_areal_table};
use clap::Args;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::context::Context;
use crate::errors::{CliError, Exit, MAKE_AGAIN};
use crate::options;
use crate::options::OVERWRITE;
use crate::recipe::Planned;

/// Write one self-contained HTML report of a job's results
///
/// Shows maps, areas by zone as a map and a sortable table, estimates with their errors, the learning curve, confusion
/// matrices, saliency examples, notes on data quality, and how everything was made. The file opens from disk and works
/// offline. Every part is optional. The report lists missing parts and warns about parts that were not made from each
/// other.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(
    after_help = "Examples:\n  areal report --prediction out/prediction --areas out/areas --bundle out/bundle --out report.html\n  \
                        areal report --prediction 2019/prediction --prediction 2024/prediction --title \"Two dates\" --out report.html"
)]
pub struct Options {
    /// Prediction to map. Repeatable.
    #[arg(long, value_name = "FOLDER")]
    pub prediction: Vec<PathBuf>,
    /// Areas to map and list. Repeatable.
    #[arg(long, value_name = "FOLDER")]
    pub areas: Vec<PathBuf>,
    /// Estimates from a labelled sample: a folder made by 'areal estimate'. Repeatable.
    #[arg(long, value_name = "FOLDER")]
    pub estimates: Vec<PathBuf>,
    /// Patch store that the bundle was trained on, to show how it was made.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Bundle, to show the learning curve, validation confusion matrix and properties of the model.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// Evaluation, to show the measures and confusion matrix of a split.
    #[arg(long, value_name = "FOLDER")]
    pub evaluation: Option<PathBuf>,
    /// Saliency examples: a folder made by 'areal explain'. Repeatable.
    #[arg(long, value_name = "FOLDER")]
    pub explain: Vec<PathBuf>,
    /// Heading of the report.
    #[arg(long, value_name = "TEXT", default_value_t = String::from("Report"))]
    pub title: String,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        let many = [&self.prediction, &self.areas, &self.estimates, &self.explain];
        many.into_iter().flatten().chain(&self.store).chain(&self.bundle).chain(&self.evaluation).cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, _: &mut Planned) -> Result<(), CliError> {
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let out = options::required(self.out.as_ref(), "--out", "the file to write")?;
        if self.inputs().is_empty() {
            let help = "pass what other commands made: --prediction, --areas, --estimates, --bundle, --evaluation, --store or --explain";
            return Err(CliError::new(Exit::Usage, "the report has nothing to show").help(help));
        }
        let staged = StagedFile::replacing(out, self.overwrite, MARK)?;
        let report = self.gather(context)?;
        let html = render(&report)?;
        std::fs::write(staged.path(), html).map_err(FileError::io("write", out))?;
        staged.commit()?;
        tracing::info!("open {} in a browser", out.display());
        Ok(())
    }
}

impl Options {
    fn gather(&self, context: &Context) -> Result<Report, CliError> {
        let mut report =
            Report { title: self.title.clone(), made_by: areal_formats::MADE_BY.to_owned(), ..Report::default() };
        for folder in &self.prediction {
            context.job().check()?;
            maps::add(&mut report, folder)?;
        }
        for folder in &self.areas {
            context.job().check()?;
            areas::add(&mut report, folder)?;
        }
        for folder in &self.estimates {
            context.job().check()?;
            estimates::add(&mut report, folder)?;
        }
        if let Some(folder) = &self.bundle {
            model::add_bundle(&mut report, folder)?;
        }
        if let Some(folder) = &self.evaluation {
            model::add_evaluation(&mut report, folder)?;
        }
        if let Some(folder) = &self.store {
            document(&mut report, &folder.join("store.json"), &[STORE_FORMAT])?;
        }
        for folder in &self.explain {
            document(&mut report, &folder.join(ExplainMeta::FILE), &[ExplainMeta::FORMAT])?;
            saliency::add(&mut report, folder)?;
        }
        links::check(&mut report, self)?;
        Ok(report)
    }
}

/// What every report has in its head.
const MARK: &str = "<meta name=\"generator\" content=\"areal ";

/// The last part of a path, to name a map or a table by.
fn name_of(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into_owned())
}

/// Reads a document of a stage and notes how it was made.
fn document(report: &mut Report, path: &Path, formats: &[&'static str]) -> Result<serde_json::Value, CliError> {
    let document: serde_json::Value = read_json_of(path, formats)?;
    check_unchanged(path)?;
    let provenance: Provenance = part(&document, path, "provenance")?;
    report.provenance.push(ProvenanceEntry { path: path.display().to_string(), provenance });
    Ok(document)
}

/// A file that is not as areal wrote it.
fn unlike_written(message: String) -> CliError {
    CliError::new(Exit::Input, message).help(MAKE_AGAIN)
}

/// The header and the rows of a table of a stage.
fn areal_table(path: &Path) -> Result<(csv::StringRecord, Vec<csv::StringRecord>), CliError> {
    read_areal_table(path).map_err(|error| match error {
        ArealTableError::Csv(error) => unlike_written(format!("{}: {error}", path.display())),
        ArealTableError::File(error) => error.into(),
    })
}

/// A part of a document, by its key.
fn part<T: DeserializeOwned>(document: &serde_json::Value, path: &Path, key: &str) -> Result<T, CliError> {
    let fault = |message: String| unlike_written(format!("{}: {message}", path.display()));
    let value = document.get(key).ok_or_else(|| fault(format!("it has no {key}")))?;
    T::deserialize(value).map_err(|e| fault(format!("{key}: {e}")))
}

/// The rows of a CSV file, by the names of its columns.
struct ReportCsv {
    path: PathBuf,
    header: csv::StringRecord,
    records: Vec<csv::StringRecord>,
}

impl ReportCsv {
    fn read(path: &Path) -> Result<Self, CliError> {
        let (header, records) = areal_table(path)?;
        Ok(Self { path: path.to_path_buf(), header, records })
    }

    /// Place of a column.
    fn column(&self, name: &str) -> Result<usize, CliError> {
        self.header.iter().position(|h| h == name).ok_or_else(|| {
            let has = self.header.iter().collect::<Vec<_>>().join(", ");
            unlike_written(format!("{} has no column {name}; it has {has}", self.path.display()))
        })
    }

    /// A cell as a number; none where it is empty.
    fn number(&self, record: &csv::StringRecord, column: usize) -> Result<Option<f64>, CliError> {
        let cell = record.get(column).unwrap_or_default();
        match cell.parse() {
            Ok(number) if f64::is_finite(number) => Ok(Some(number)),
            _ if cell.is_empty() => Ok(None),
            _ => {
                let (line, name) = (record.position().map_or(0, csv::Position::line), &self.header[column]);
                let message =
                    format!("{}, line {line}, column {name}: \"{cell}\" is not a number", self.path.display());
                Err(CliError::new(Exit::Input, message).help("the file was edited; make it again"))
            }
        }
    }
}
