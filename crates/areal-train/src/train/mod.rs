//! Training a model on a patch store.

mod epochs;
mod finish;
#[cfg(test)]
mod freeze_tests;
mod setup;
#[cfg(test)]
mod tests;

use std::path::Path;

use areal_job::{Job, StagedDir};
use areal_kernels::buffer_pool;
use areal_model::{Bundle, ClassWeights, Gradients, ModelError, Network, NetworkConfig, StateDict, check_spec};
use areal_store::{PatchStore, Split};
use burn::tensor::Device;
use serde::Serialize;

use crate::checkpoint::{Checkpoint, OPTIMISER, RunKey, checkpoint_path, epochs_kept, make_ready, remove};
use crate::data::Samples;
use crate::learner::{Learner, TrainingInputs, with_frozen};
use crate::workers::among_workers;
use crate::{EpochRow, KernelOperations, Metrics, TrainError, TrainSettings};
pub(crate) use setup::{describe_store, import_weights};

/// Result of a training run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    pub history: Vec<EpochRow>,
    /// The epoch whose weights the bundle holds, from 1.
    pub best_epoch: usize,
    /// Epochs that were taken from a checkpoint.
    pub continued_from: usize,
    /// Measures of the bundle on the validation split, calibrated.
    pub validation: Metrics,
    /// Temperature of the calibration; 1 for a value.
    pub temperature: f64,
    /// Expected calibration error on the validation split before and after calibration, patches weighted to the class prior
    /// that training implies; none for a value.
    pub calibration_error: Option<[f64; 2]>,
}

/// Trains a model on a patch store and writes its bundle.
///
/// After every epoch a checkpoint is written beside the bundle (`.NAME.checkpoint`). A run with the same settings and data
/// continues from it to the same bytes; `restart` discards it.
///
/// # Errors
/// When the store cannot be trained on (one class, a class of the validation split that training never saw, splits
/// that overlap, an empty split), a setting is out of range, the loss diverges, or a file cannot be written.
pub fn train(
    store: &PatchStore,
    settings: &TrainSettings,
    out: &Path,
    overwrite: bool,
    restart: bool,
    job: Job<'_>,
) -> Result<TrainReport, TrainError> {
    settings.check()?;
    let operations = KernelOperations::detect()?;
    let staged = StagedDir::new(out, overwrite)?;
    store.verify_splits()?;
    let train = Samples::of(store, Split::Train)?;
    let validation = Samples::of(store, Split::Validation)?;
    setup::check_classes(store, &train, &validation)?;
    let loss = setup::loss_for(settings, &store.meta().target)?;
    let provenance = setup::provenance(store, settings)?;
    let run = RunKey::new(settings, &provenance);
    let folder = checkpoint_path(out);
    make_ready(&folder, restart)?;
    let kept = Checkpoint::load(&folder, &run)?;

    let class_weights = settings.class_weights.weights(&train.class_counts());
    let mut spec = setup::describe(&train, &class_weights, settings, provenance, job)?;
    let imported = import_weights(&mut spec, settings)?;
    // A bundle that could not be loaded again is not worth the training.
    check_spec(&spec)?;
    let class_weights = (settings.class_weights != ClassWeights::None).then_some(class_weights);
    let inputs = TrainingInputs { settings, spec: &spec, loss, class_weights, train: &train, validation: &validation };
    let mut learner = start(inputs, imported.as_ref(), kept.as_ref(), &folder, operations)?;
    let continued_from = kept.as_ref().map_or(0, |k| k.history.len());
    learner.cache_features(job)?;
    let save = |checkpoint: &Checkpoint| checkpoint.save(&folder, &run);
    let done = among_workers(|| epochs::run_epochs(&mut learner, settings, kept, save, job));
    buffer_pool::release();
    let done = done.map_err(|error| paused(error, &folder))?;

    learner.set_weights(done.best.clone())?;
    let (spec, report) = finish::measure_best(&learner, &spec, &validation, done, continued_from, job)?;
    finish::write_bundle(&Bundle { spec, network: learner.into_network() }, &report, settings, &staged)?;
    job.check()?;
    staged.commit()?;
    remove(&folder)?;
    Ok(report)
}

/// A learner as a checkpoint has kept it, else with imported weights, else with random ones.
fn start<'a>(
    inputs: TrainingInputs<'a>,
    imported: Option<&StateDict>,
    kept: Option<&Checkpoint>,
    folder: &Path,
    operations: KernelOperations,
) -> Result<Learner<'a>, TrainError> {
    let config = NetworkConfig::of(inputs.spec);
    let first = || match imported {
        Some(imported) => Ok(imported.clone()),
        None => Ok::<_, TrainError>(StateDict::of(&Network::new(&config, inputs.settings.seed, &Device::flex())?)),
    };
    let weights = match kept {
        Some(kept) => with_frozen(inputs.settings, first, kept.weights.clone())?,
        None => first()?,
    };
    let device = inputs.settings.device.open_checked(&config, &weights, Gradients::Compare)?.autodiff();
    let mut learner = Learner::new(inputs, &weights, device, operations)?;
    let Some(kept) = kept else { return Ok(learner) };
    learner.optimiser.restore(kept.steps, kept.moments.clone()).map_err(|name| ModelError::Weights {
        path: folder.join(OPTIMISER),
        reason: format!("the tensor {name} does not belong to a parameter"),
    })?;
    tracing::info!("continuing after epoch {} from {}", kept.history.len(), folder.display());
    Ok(learner)
}

/// The error of an interrupted run that can be continued names its checkpoint.
fn paused(error: TrainError, folder: &Path) -> TrainError {
    let TrainError::Interrupted(interrupted) = error else { return error };
    match epochs_kept(folder) {
        Ok(Some(epochs)) => TrainError::Paused { epochs, checkpoint: folder.to_path_buf() },
        Ok(None) => interrupted.into(),
        Err(error) => error.into(),
    }
}
