use areal_grid::Target;
use areal_job::{Job, Unit};
use areal_model::{Inference, ModelSpec, PatchBatch, PrecisionChange};
use areal_store::{PatchStore, Split};
use ndarray::Array2;

use crate::TrainError;
use crate::calibrate::best;
use crate::data::Samples;
use crate::evaluate::{check_store, stack};
use crate::sampling::even_batches;

/// Patches that go through the network at once.
const BATCH: usize = 64;
/// Most patches that two precisions are compared on.
const MOST: usize = 4096;
/// Pixels of one band that ranges are measured on, as far as the numbers of patches below allow.
const PIXELS: usize = 1 << 20;

/// Training patches to measure the ranges of a network's maps on: 64 to 256 of them, evenly spread over the store, in batches.
/// The same store gives the same patches.
///
/// # Errors
/// When the store does not fit the model or has no training patches.
pub fn range_batches<'a>(
    spec: &ModelSpec,
    store: &'a PatchStore,
) -> Result<impl Iterator<Item = Result<PatchBatch, TrainError>> + use<'a>, TrainError> {
    check_store(spec, store)?;
    let samples = Samples::of(store, Split::Train)?;
    let size = store.meta().patch_size;
    let most = (PIXELS / (size * size).max(1)).clamp(64, 256);
    let batches = even_batches(&spread(samples.len(), most), BATCH);
    Ok(batches.into_iter().map(move |places| samples.read(&places)))
}

/// What a reduced precision changes on the test and validation patches of a store, at most 4096 of them, evenly spread; none
/// where the store has no such patches.
///
/// # Errors
/// When the store does not fit the model, or a network fails.
pub fn precision_change(
    single: &mut dyn Inference,
    reduced: &mut dyn Inference,
    store: &PatchStore,
    job: Job<'_>,
) -> Result<Option<PrecisionChange>, TrainError> {
    let spec = single.spec().clone();
    check_store(&spec, store)?;
    let held_out = [Split::Validation, Split::Test].into_iter().flat_map(|split| store.indices(split)).collect();
    let samples = Samples::of_indices(store, held_out)?;
    let places = spread(samples.len(), MOST);
    if places.is_empty() {
        return Ok(None);
    }
    let task = job.task("comparing precisions", Some(places.len() as u64), Unit::Patches);
    let (mut expected, mut found) = (Vec::new(), Vec::new());
    for places in even_batches(&places, BATCH) {
        job.check()?;
        let batch = samples.read(&places)?;
        expected.push(single.infer(&batch)?);
        found.push(reduced.infer(&batch)?);
        task.advance(places.len() as u64);
    }
    let targets: Vec<f64> = places.iter().map(|place| samples.targets[*place]).collect();
    Ok(Some(change(&spec, &stack(&expected), &stack(&found), &targets)))
}

/// Compares logits `[N, K]` with each other and with the targets.
fn change(spec: &ModelSpec, single: &Array2<f32>, reduced: &Array2<f32>, targets: &[f64]) -> PrecisionChange {
    let (single, reduced) = (spec.probabilities(single.view()), spec.probabilities(reduced.view()));
    let patches = targets.len() as u64;
    if matches!(spec.target, Target::Classes { .. }) {
        let labels = |p: &Array2<f32>| p.rows().into_iter().map(|r| best(r.iter().copied()).0).collect::<Vec<_>>();
        let (single, reduced) = (labels(&single), labels(&reduced));
        let right = |labels: &[usize]| labels.iter().zip(targets).filter(|(k, t)| **k == **t as usize).count();
        return PrecisionChange::Labels {
            patches,
            changed: single.iter().zip(&reduced).filter(|(a, b)| a != b).count() as u64,
            accuracy_f32: right(&single) as f64 / patches as f64,
            accuracy: right(&reduced) as f64 / patches as f64,
        };
    }
    let apart = |a: f32, b: f64| (f64::from(a) - b).abs();
    let rmse = |p: &Array2<f32>| {
        (p.iter().zip(targets).map(|(v, t)| apart(*v, *t).powi(2)).sum::<f64>() / patches as f64).sqrt()
    };
    let greatest = single.iter().zip(&reduced).map(|(a, b)| apart(*a, f64::from(*b))).fold(0.0, f64::max);
    PrecisionChange::Values { patches, greatest_change: greatest, rmse_f32: rmse(&single), rmse: rmse(&reduced) }
}

/// At most `most` of `len` places, evenly spread.
fn spread(len: usize, most: usize) -> Vec<usize> {
    let count = len.min(most);
    (0..count).map(|i| i * len / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly() {
        assert_eq!(spread(3, 5), [0, 1, 2]);
        assert_eq!(spread(10, 4), [0, 2, 5, 7]);
        assert!(spread(0, 4).is_empty());
    }
}
