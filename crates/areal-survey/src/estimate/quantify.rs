//! Class areas from the model alone, without a sample: model-based quantification.

use std::path::Path;

use areal_estimate::{Finding, FindingKind, adjusted_counts, expectation_maximisation, quantified_rows, round_rows};
use areal_formats::StrataBy;
use areal_grid::blocks;
use areal_job::{InputFile, Job};
use serde::{Deserialize, Serialize};

use super::settings::EstimateSettings;
use super::tables::{EstimateTables, map_classes};
use crate::frame::BLOCK;
use crate::{FrameSource, MapFrame, MapTotals, SurveyError};

/// How class fractions follow from the model alone.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum QuantifyMethod {
    /// From the error rates of held-out patches.
    AdjustedCount,
    /// Expectation maximisation on the probabilities.
    Emq,
}

const ITERATIONS: usize = 2000;
const TOLERANCE: f64 = 1e-7;

/// The map, its totals and the tables of a quantification.
pub(super) struct Quantification<'a> {
    pub frame: MapFrame<'a>,
    pub totals: MapTotals,
    pub tables: EstimateTables,
}

pub(super) fn quantify<'a>(
    settings: &EstimateSettings,
    method: QuantifyMethod,
    job: Job<'a>,
) -> Result<Quantification<'a>, SurveyError> {
    let source = FrameSource {
        strata_nodata: None,
        prediction: &settings.prediction,
        strata_by: StrataBy::Whole,
        strata_raster: None,
        zones: None,
        zone_settings: areal_zones::ZoneLayerSettings::default(),
    };
    let mut frame = MapFrame::open(&source, job)?;
    if frame.is_value() {
        return Err(SurveyError::ClassesOnly { setting: "quantify" });
    }
    let totals = MapTotals::of(&mut frame)?;
    let fractions = match method {
        QuantifyMethod::AdjustedCount => {
            let mapped: Vec<f64> = totals.whole.mapped().iter().map(|a| a / totals.area()).collect();
            let path = settings.confusion.as_deref().ok_or(SurveyError::NoConfusion)?;
            adjusted_counts(&mapped, &read_confusion(path, &frame)?)?
        }
        QuantifyMethod::Emq => emq(&mut frame)?,
    };
    let finding = Finding::warning(
        FindingKind::ModelBased,
        format!(
            "there is no sample: the {method} areas are model-based, without a design-based error; they are valid only if \
             the model errs on this map as it did on its held-out patches"
        ),
    );
    let mut rows = quantified_rows(&map_classes(&frame, &totals), &fractions, &method.to_string());
    round_rows(&mut rows, settings.round);
    let tables = EstimateTables {
        rows,
        accuracy: Vec::new(),
        matrix: Vec::new(),
        findings: vec![finding],
        gains: Vec::new(),
        correction: None,
    };
    Ok(Quantification { frame, totals, tables })
}

/// The map is read once an iteration, so that its size does not matter.
fn emq(frame: &mut MapFrame) -> Result<Vec<f64>, SurveyError> {
    let prior = frame.meta.training_prior.clone();
    if prior.len() != frame.meta.target.classes().len() {
        return Err(SurveyError::NoPrior);
    }
    let found = expectation_maximisation(&prior, TOLERANCE, ITERATIONS, |visit| -> Result<(), SurveyError> {
        let all: Vec<_> = blocks(frame.grid().height, frame.grid().width, BLOCK, BLOCK).collect();
        for window in all {
            let cells = frame.cells(window)?;
            let bands = frame.probabilities(&window)?;
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
    tracing::info!("the class fractions converged after {} iterations", found.iterations);
    Ok(found.fractions)
}

/// `confusion.csv` of a bundle: rows = predicted, columns = reference, in the order of the legend.
fn read_confusion(path: &Path, frame: &MapFrame) -> Result<Vec<Vec<f64>>, SurveyError> {
    #[derive(Deserialize)]
    struct ConfusionRecord {
        reference_code: u8,
        predicted_code: u8,
        patches: f64,
    }
    let fault = |reason: String| SurveyError::Confusion { path: path.to_path_buf(), reason };
    let codes: Vec<u8> = frame.meta.target.classes().iter().map(|c| c.code).collect();
    let index = |code: u8| {
        codes.iter().position(|&c| c == code).ok_or_else(|| fault(format!("code {code} is not a class of the map")))
    };
    let mut confusion = vec![vec![0.0; codes.len()]; codes.len()];
    let file = InputFile::open(path).map_err(|e| fault(e.to_string()))?;
    for row in csv::Reader::from_reader(file).deserialize() {
        let row: ConfusionRecord = row.map_err(|e| fault(e.to_string()))?;
        confusion[index(row.predicted_code)?][index(row.reference_code)?] += row.patches;
    }
    Ok(confusion)
}
