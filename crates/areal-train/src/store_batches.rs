//! Batches of a store's patches, evenly spread, for measurements that do not need them all.

use areal_formats::ModelSpec;
use areal_model::PatchBatch;
use areal_store::{PatchStore, Split};

use crate::TrainError;
use crate::data::Samples;
use crate::evaluate::check_store;
use crate::sampling::even_batches;

/// Patches of a batch.
const BATCH: usize = 64;
/// Most held-out patches.
const MAX_HELD_OUT: usize = 4096;
/// Pixels of one band that ranges are measured on, as far as the numbers of patches below allow.
const PIXELS: usize = 1 << 20;

/// Patches with their targets: places of the classes in the legend, or values in their own units.
#[derive(Debug, Clone)]
pub struct LabelledBatch {
    pub patches: PatchBatch,
    /// One a patch.
    pub targets: Vec<f64>,
}

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
    let count = (PIXELS / (size * size).max(1)).clamp(64, 256);
    let batches = even_batches(&spread(samples.len(), count), BATCH);
    Ok(batches.into_iter().map(move |places| samples.read(&places)))
}

/// Test and validation patches, at most 4096 of them, evenly spread: their number, and the patches in batches.
///
/// # Errors
/// When the store does not fit the model.
pub fn held_out_batches<'a>(
    spec: &ModelSpec,
    store: &'a PatchStore,
) -> Result<(usize, impl Iterator<Item = Result<LabelledBatch, TrainError>> + use<'a>), TrainError> {
    check_store(spec, store)?;
    let held_out = [Split::Validation, Split::Test].into_iter().flat_map(|split| store.indices(split)).collect();
    let samples = Samples::of_indices(store, held_out)?;
    let places = spread(samples.len(), MAX_HELD_OUT);
    let batches = even_batches(&places, BATCH).into_iter().filter(|places| !places.is_empty());
    let read = move |places: Vec<usize>| {
        let targets = places.iter().map(|place| samples.targets[*place]).collect();
        Ok(LabelledBatch { patches: samples.read(&places)?, targets })
    };
    Ok((places.len(), batches.map(read)))
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
