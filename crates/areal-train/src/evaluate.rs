//! Measuring a model on a split of a store.

use areal_formats::{ModelSpec, Provenance};
use areal_grid::Target;
use areal_job::{Job, Unit};
use areal_model::{DataKind, Inference, probabilities};
use areal_store::{PatchStore, Split};
use ndarray::{Array2, Axis, concatenate};
use serde::{Deserialize, Serialize};

use crate::calibrate::{best, expected_calibration_error, log_loss};
use crate::data::Samples;
use crate::sampling::even_batches;
use crate::training_like::warn_if_unlike;
use crate::{ClassMetrics, ConfusionMatrix, Metrics, TrainError, ValueMetrics};

/// Patches that go through the network at once.
const BATCH: usize = 64;

/// Result of a model on one split of a store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evaluation {
    pub format: String,
    pub split: Split,
    pub patches: u64,
    pub metrics: Metrics,
    pub provenance: Provenance,
}

/// Measures a model on one split of a store.
///
/// # Errors
/// When the store does not fit the model (bands, pixel type, ground resolution, patch size, classes), the split is
/// empty, or the network fails.
pub fn evaluate(
    inference: &mut dyn Inference,
    store: &PatchStore,
    split: Split,
    job: Job<'_>,
) -> Result<Metrics, TrainError> {
    let spec = inference.spec().clone();
    check_store(&spec, store)?;
    warn_if_unlike(&spec, store)?;
    let samples = Samples::of(store, split)?;
    let task = job.task("evaluating", Some(samples.len() as u64), Unit::Patches);
    let mut parts = Vec::new();
    for places in even_batches(&(0..samples.len()).collect::<Vec<_>>(), BATCH) {
        job.check()?;
        parts.push(inference.infer(&samples.read(&places)?)?);
        task.advance(places.len() as u64);
    }
    Ok(measure(&spec, &stack(&parts), &samples.targets))
}

/// Logits of all batches, one under another.
pub(crate) fn stack(parts: &[Array2<f32>]) -> Array2<f32> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views).expect("there is a batch, and all have the network's outputs as columns")
}

/// Measures of logits `[N, K]` against classes or values.
pub(crate) fn measure(spec: &ModelSpec, logits: &Array2<f32>, targets: &[f64]) -> Metrics {
    let probabilities = probabilities(spec, logits.view());
    let Target::Classes { classes } = &spec.target else {
        let pairs: Vec<(f64, f64)> = targets.iter().copied().zip(probabilities.iter().map(|p| f64::from(*p))).collect();
        return Metrics::Value(ValueMetrics::new(&pairs));
    };
    let truth: Vec<usize> = targets.iter().map(|t| *t as usize).collect();
    let mut confusion = ConfusionMatrix::new(classes.len());
    for (row, k) in probabilities.rows().into_iter().zip(&truth) {
        confusion.add(*k, best(row.iter().copied()).0);
    }
    let even = vec![1.0; truth.len()];
    let loss = log_loss(logits, &truth, &even, spec.calibration.temperature);
    let error = expected_calibration_error(&probabilities, &truth, &even);
    Metrics::Classes(ClassMetrics::new(classes, confusion, loss, error))
}

/// A store against a model: bands, pixel type, ground resolution, patch size, target.
pub(crate) fn check_store(spec: &ModelSpec, store: &PatchStore) -> Result<(), TrainError> {
    let meta = store.meta();
    DataKind::of_model(spec).check(&DataKind::of_store(meta))?;
    if spec.patch_size != meta.patch_size {
        return Err(areal_model::ModelError::PatchSize { model: spec.patch_size, data: meta.patch_size }.into());
    }
    let (model, found) = (describe(&spec.target), describe(&meta.target));
    if model == found { Ok(()) } else { Err(TrainError::Target { model, store: found }) }
}

/// A target in words; colours do not matter.
fn describe(target: &Target) -> String {
    match target {
        Target::Classes { classes } => {
            let names: Vec<String> = classes.iter().map(|c| format!("{} {}", c.code, c.name)).collect();
            format!("classes {}", names.join(", "))
        }
        Target::Value { name, unit } if unit.is_empty() => format!("value {name}"),
        Target::Value { name, unit } => format!("value {name} in {unit}"),
    }
}
