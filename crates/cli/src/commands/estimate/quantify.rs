use std::fmt;
use std::path::Path;
use std::str::FromStr;

use areal_estimate::{
    Finding, FindingKind, StrataBy, adjusted_counts, expectation_maximisation, quantified_rows, round_rows,
};
use areal_grid::blocks;
use areal_job::StagedDir;
use serde::{Deserialize, Serialize};

use super::super::sample::required;
use super::{Basis, Options, Results, map_classes};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::survey::{MapOptions, SurveyMap, Tally};

/// How class shares are had from the model alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// From the error rates of held-out patches.
    AdjustedCount,
    /// Expectation maximisation on the probabilities.
    Emq,
}

impl FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "adjusted-count" => Ok(Self::AdjustedCount),
            "emq" => Ok(Self::Emq),
            _ => Err(format!("\"{text}\" is no way to quantify: adjusted-count or emq")),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Emq { "emq" } else { "adjusted-count" })
    }
}

pub fn run(options: &Options, method: Method, out: StagedDir, context: &Context) -> Result<(), CliError> {
    let mut map = SurveyMap::open(
        &MapOptions {
            prediction: required(options.prediction.as_deref(), "--prediction")?,
            strata_by: StrataBy::Whole,
            strata_raster: None,
            zones: None,
            zone_settings: areal_zones::ZoneSettings::default(),
        },
        context,
    )?;
    if map.classes() == 0 {
        return Err(CliError::new(Exit::Usage, "--quantify is about classes, and the prediction is of a value")
            .help("estimate a value from a sample: --design and --sample"));
    }
    let tally = Tally::take(&mut map, context)?;
    let shares = match method {
        Method::AdjustedCount => {
            let path = required(options.confusion.as_deref(), "--confusion")?;
            let mapped: Vec<f64> = tally.mapped.iter().map(|a| a / tally.area()).collect();
            adjusted_counts(&mapped, &read_confusion(path, &map)?)?
        }
        Method::Emq => emq(&mut map)?,
    };
    let finding = Finding::warning(
        FindingKind::ModelBased,
        format!(
            "there is no sample: the {method} shares are the model's own, with no design-based error; they hold only if \
             the model errs on this map as it did on its held-out patches"
        ),
    );
    tracing::warn!("{finding}");
    let mut rows = quantified_rows(&map_classes(&map, &tally), &shares, &method.to_string());
    round_rows(&mut rows, options.round.unwrap_or(0.0));
    let results =
        Results { rows, accuracy: Vec::new(), matrix: Vec::new(), findings: vec![finding], gains: Vec::new() };
    options.write(out, &map, &results, &Basis::model(&tally))
}

const ITERATIONS: usize = 2000;
const TOLERANCE: f64 = 1e-7;
const BLOCK: usize = 256;

/// The map is read once an iteration, so that its size does not matter.
fn emq(map: &mut SurveyMap) -> Result<Vec<f64>, CliError> {
    let prior = map.meta.training_prior.clone();
    if prior.len() != map.classes() {
        return Err(CliError::new(Exit::Input, "the prediction does not say which class prior its training implied")
            .help("predict again with a bundle that states it"));
    }
    let found = expectation_maximisation(&prior, TOLERANCE, ITERATIONS, |visit| -> Result<(), CliError> {
        let all: Vec<_> = blocks(map.grid().height, map.grid().width, BLOCK, BLOCK).collect();
        for window in all {
            let cells = map.cells(window)?;
            let bands = map.probabilities(&window)?;
            let mut posterior = vec![0.0; bands.len()];
            for k in 0..window.len() {
                for (p, band) in posterior.iter_mut().zip(&bands) {
                    *p = band[k];
                }
                if cells.strata[k].is_some() && posterior.iter().all(|p| p.is_finite()) {
                    visit(&posterior, cells.areas[k]);
                }
            }
        }
        Ok(())
    })?;
    tracing::info!("the class shares settled after {} iterations", found.iterations);
    Ok(found.shares)
}

/// `confusion.csv` of a bundle: rows = predicted, columns = reference, in the order of the legend.
fn read_confusion(path: &Path, map: &SurveyMap) -> Result<Vec<Vec<f64>>, CliError> {
    #[derive(Deserialize)]
    struct Row {
        reference_code: u8,
        predicted_code: u8,
        patches: f64,
    }
    let fault = |what: String| {
        CliError::new(Exit::Input, format!("{} cannot be used: {what}", path.display()))
            .help("name the confusion.csv of the bundle that made the prediction")
    };
    let codes: Vec<u8> = map.meta.target.classes().iter().map(|c| c.code).collect();
    let index = |code: u8| {
        codes.iter().position(|&c| c == code).ok_or_else(|| fault(format!("code {code} is no class of the map")))
    };
    let mut confusion = vec![vec![0.0; codes.len()]; codes.len()];
    for row in csv::Reader::from_path(path).map_err(|e| fault(e.to_string()))?.deserialize() {
        let row: Row = row.map_err(|e| fault(e.to_string()))?;
        confusion[index(row.predicted_code)?][index(row.reference_code)?] += row.patches;
    }
    Ok(confusion)
}
