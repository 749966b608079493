//! Calibration and the files of the bundle.

use areal_formats::{Calibration, ModelSpec};
use areal_job::{Job, StagedDir, write_json};
use areal_model::Bundle;
use areal_store::Split;
use ndarray::Array2;

use super::TrainReport;
use crate::calibrate::{at_temperature, expected_calibration_error, temperature};
use crate::card::{Card, write_card};
use crate::checkpoint::Checkpoint;
use crate::curves::draw_curves;
use crate::data::Samples;
use crate::evaluate::measure;
use crate::learner::Learner;
use crate::tables::{write_confusion, write_metrics};
use crate::{Evaluation, Metrics, TrainError, TrainSettings};

/// The description of the model with its calibration, and the report of the run, from the best weights.
pub(super) fn measure_best(
    learner: &Learner<'_>,
    spec: &ModelSpec,
    validation: &Samples<'_>,
    done: Checkpoint,
    continued_from: usize,
    job: Job<'_>,
) -> Result<(ModelSpec, TrainReport), TrainError> {
    let logits = learner.validation_logits(job)?;
    let (temperature, calibration_error) = calibrate(&logits, spec, validation);
    let spec = ModelSpec { calibration: Calibration { temperature }, ..spec.clone() };
    let report = TrainReport {
        history: done.history,
        best_epoch: done.best_epoch,
        continued_from,
        validation: measure(&spec, &logits, &validation.targets),
        temperature,
        calibration_error,
    };
    Ok((spec, report))
}

/// Temperature and calibration errors before and after, for the class prior that training implies.
fn calibrate(logits: &Array2<f32>, spec: &ModelSpec, validation: &Samples<'_>) -> (f64, Option<[f64; 2]>) {
    if spec.target.classes().is_empty() {
        return (1.0, None);
    }
    let (truth, counts) = (validation.classes(), validation.class_counts());
    let weights: Vec<f64> = truth.iter().map(|k| spec.training_prior[*k] / counts[*k] as f64).collect();
    let found = temperature(logits, &truth, &weights);
    if let Some(words) = found.in_words() {
        tracing::warn!("{words}");
    }
    let temperature = found.value;
    let error = |t| expected_calibration_error(&at_temperature(spec, logits, t), &truth, &weights);
    (temperature, Some([error(1.0), error(temperature)]))
}

pub(super) fn write_bundle(
    bundle: &Bundle,
    report: &TrainReport,
    settings: &TrainSettings,
    staged: &StagedDir,
) -> Result<(), TrainError> {
    bundle.save(staged)?;
    write_metrics(&staged.file("metrics.csv"), &report.history)?;
    if let Metrics::Classes(metrics) = &report.validation {
        write_confusion(&staged.file("confusion.csv"), bundle.spec.target.classes(), &metrics.confusion)?;
    }
    draw_curves(&staged.file("learning-curve.svg"), &report.history, report.best_epoch)?;
    write_card(&staged.file("card.md"), &Card { spec: &bundle.spec, report, settings })?;
    let patches = match &report.validation {
        Metrics::Classes(m) => m.confusion.total(),
        Metrics::Value(m) => m.patches,
    };
    let evaluation = Evaluation {
        format: areal_formats::EVALUATION_FORMAT.to_owned(),
        split: Split::Validation,
        patches,
        metrics: report.validation.clone(),
        provenance: bundle.spec.provenance.clone(),
    };
    Ok(write_json(&staged.file("evaluation.json"), &evaluation)?)
}
