//! Inference in the requested precision.

use std::path::Path;

use areal_job::Unit;
use areal_kernels::Isa;
use areal_model::{Bundle, DeviceChoice, Inference, Precision, PrecisionChange};
use areal_plan::{Calibrator, PlanError, Ranges, precision_change};
use areal_store::PatchStore;
use areal_train::{held_out_batches, range_batches};

use crate::context::Context;
use crate::errors::{CliError, Exit};

/// An inference, and with a store the effect of a reduced precision.
pub struct LoadedInference {
    pub inference: Box<dyn Inference>,
    pub change: Option<PrecisionChange>,
}

/// Loads a bundle. int8 measures its ranges on the store's training patches; a reduced precision is compared with single
/// precision on the store's other patches.
pub fn load(
    bundle: &Path,
    device: DeviceChoice,
    precision: Precision,
    store: Option<&Path>,
    context: &Context,
) -> Result<LoadedInference, CliError> {
    if precision == Precision::F32 {
        return Ok(LoadedInference { inference: areal_plan::load(bundle, device, precision, None)?, change: None });
    }
    if device != DeviceChoice::Cpu {
        return Err(PlanError::Device { precision, device }.into());
    }
    let store = store.map(areal_patches::open_store).transpose()?;
    let ranges = match (precision, &store) {
        (Precision::Int8, None) => {
            return Err(CliError::new(Exit::Usage, "--precision int8 needs --store")
                .help("pass the patch store that the model was trained on: int8 measures its ranges on it"));
        }
        (Precision::Int8, Some(store)) => Some(ranges(bundle, store, context)?),
        _ => None,
    };
    let mut inference = areal_plan::load(bundle, device, precision, ranges.as_ref())?;
    let Some(store) = store else { return Ok(LoadedInference { inference, change: None }) };
    let mut single = areal_plan::load(bundle, device, Precision::F32, None)?;
    let change = compare(single.as_mut(), inference.as_mut(), &store, context)?;
    say(precision, change);
    Ok(LoadedInference { inference, change })
}

/// What the reduced precision changes on the store's test and validation patches.
fn compare(
    single: &mut dyn Inference,
    reduced: &mut dyn Inference,
    store: &PatchStore,
    context: &Context,
) -> Result<Option<PrecisionChange>, CliError> {
    let (patches, batches) = held_out_batches(single.spec(), store)?;
    let task = context.job().task("comparing precisions", Some(patches as u64), Unit::Patches);
    let batches = batches.map(|batch| {
        context.job().check()?;
        let batch = batch?;
        task.advance(batch.targets.len() as u64);
        Ok::<_, CliError>((batch.patches, batch.targets))
    });
    precision_change(single, reduced, batches)
}

/// Ranges of the bundle's maps on the store's training patches.
fn ranges(bundle: &Path, store: &PatchStore, context: &Context) -> Result<Ranges, CliError> {
    let bundle = Bundle::load(bundle, &DeviceChoice::Cpu.open()?)?;
    let mut calibrator = Calibrator::new(&bundle, Isa::detect().map_err(PlanError::from)?)?;
    for batch in range_batches(&bundle.spec, store)? {
        context.job().check()?;
        calibrator.observe(&batch?)?;
    }
    Ok(calibrator.finish()?)
}

fn say(precision: Precision, change: Option<PrecisionChange>) {
    match change {
        None => tracing::warn!("the store has no test or validation patches to measure the effect of {precision}"),
        Some(PrecisionChange::Labels { patches, changed, accuracy_f32, accuracy }) => tracing::info!(
            "{precision} changes the class of {changed} of {patches} test and validation patches ({:.2} %); accuracy \
             {accuracy_f32:.4} in f32, {accuracy:.4} in {precision}",
            100.0 * changed as f64 / patches as f64
        ),
        Some(PrecisionChange::Values { patches, greatest_change, rmse_f32, rmse }) => tracing::info!(
            "{precision} changes the values of {patches} test and validation patches by {greatest_change:.3} at most; \
             RMSE {rmse_f32:.4} in f32, {rmse:.4} in {precision}"
        ),
    }
}
