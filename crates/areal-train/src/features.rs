//! Features of patches, computed once: what a head is trained on alone, or written to a file.

use std::path::Path;
use std::time::Instant;

use areal_formats::{FeaturesMeta, FeaturesOf, Provenance};
use areal_grid::PixelType;
use areal_job::{Job, StagedDir, Unit, write_json};
use areal_model::{Bundle, Inference, Network, NetworkConfig};
use areal_store::{NpyWriter, PatchStore};
use burn::tensor::Device;
use ndarray::Array2;

use crate::augment::turned;
use crate::data::Samples;
use crate::evaluate::check_store;
use crate::loader::{Batch, VARY};
use crate::sampling::{even_batches, stream};
use crate::train::{describe_store, import_weights};
use crate::{Augmentation, TrainError, TrainSettings};

/// Patches that go through the network at once.
const BATCH: usize = 64;
/// Most bytes of features that are kept in memory.
const MOST_BYTES: usize = 2 << 30;

/// Features of the patches of a split, in each variant of augmentation.
pub(crate) struct CachedFeatures {
    /// Features of a patch.
    width: usize,
    /// `[patch, variant, feature]`.
    values: Vec<f32>,
    variants: usize,
}

impl CachedFeatures {
    fn of(
        inference: &mut dyn Inference,
        samples: &Samples<'_>,
        variants: usize,
        task: &dyn areal_job::Task,
        job: Job<'_>,
    ) -> Result<Self, TrainError> {
        let width = NetworkConfig::of(inference.spec()).features();
        let mut values = vec![0.0; samples.len() * variants * width];
        for places in even_batches(&(0..samples.len()).collect::<Vec<_>>(), BATCH) {
            job.check()?;
            let batch = samples.read(&places)?;
            for variant in 0..variants {
                let features = match variant {
                    0 => inference.features(&batch)?,
                    _ => inference.features(&turned(&batch, variant))?,
                };
                for (place, row) in places.iter().zip(features.rows()) {
                    let at = (place * variants + variant) * width;
                    values[at..at + width].iter_mut().zip(row).for_each(|(value, feature)| *value = *feature);
                }
            }
            task.advance((places.len() * variants) as u64);
        }
        Ok(Self { width, values, variants })
    }

    /// Patches of a batch as the loader gives them, features in place of pixels: `[N, F, 1, 1]`. `vary` is the augmentation
    /// with its seed and epoch, `first` the place of the batch's first patch in the epoch's order.
    pub fn batch(
        &self,
        samples: &Samples<'_>,
        places: &[usize],
        first: usize,
        vary: Option<(Augmentation, u64, usize)>,
    ) -> Batch {
        let mut pixels = Vec::with_capacity(places.len() * self.width);
        for (i, place) in places.iter().enumerate() {
            let variant = vary.map_or(0, |(vary, seed, epoch)| vary.variant(&mut stream(seed, VARY, epoch, first + i)));
            let at = (place * self.variants + variant) * self.width;
            pixels.extend_from_slice(&self.values[at..at + self.width]);
        }
        let targets = places.iter().map(|place| samples.targets[*place]).collect();
        Batch { pixels, shape: [places.len(), self.width, 1, 1], targets }
    }
}

/// Features of the patches that a head is trained and validated on.
pub(crate) struct HeadInputs {
    pub train: CachedFeatures,
    pub validation: CachedFeatures,
}

impl HeadInputs {
    /// Whether the features of a training are computed once; says so where they could be, and are not.
    pub fn are_wanted(settings: &TrainSettings, width: usize, [train, validation]: [usize; 2]) -> bool {
        if !settings.trains_head_alone() {
            return false;
        }
        let Some(variants) = settings.augmentation.variants() else {
            tracing::warn!(
                "brightness and noise vary the patches in every epoch, so their features are computed in every epoch; with \
                 brightness and noise of 0 they would be computed once"
            );
            return false;
        };
        let bytes = (train * variants + validation) * width * size_of::<f32>();
        if bytes > MOST_BYTES {
            tracing::warn!(
                "the features of all patches would take {} MiB, more than the {} MiB that are kept; they are computed in every epoch",
                bytes >> 20,
                MOST_BYTES >> 20
            );
        }
        bytes <= MOST_BYTES
    }

    pub fn new(
        inference: &mut dyn Inference,
        augmentation: Augmentation,
        train: &Samples<'_>,
        validation: &Samples<'_>,
        job: Job<'_>,
    ) -> Result<Self, TrainError> {
        let start = Instant::now();
        let variants = augmentation.variants().unwrap_or(1);
        let all = (train.len() * variants + validation.len()) as u64;
        let task = job.task("computing features", Some(all), Unit::Patches);
        let train = CachedFeatures::of(inference, train, variants, task.as_ref(), job)?;
        let validation = CachedFeatures::of(inference, validation, 1, task.as_ref(), job)?;
        let how = if variants > 1 { ", training patches in each of the 8 flips and rotations" } else { "" };
        tracing::info!("features of {all} patches computed once, in {:.1} s{how}", start.elapsed().as_secs_f64());
        Ok(Self { train, validation })
    }
}

/// Writes the pooled features of all patches of a store to the folder `out`: `features.npy` `[patches, features]`, single
/// precision, in the order of `patches.csv`, and `features.json`. Gives the number of patches and of features.
///
/// # Errors
/// When the store does not fit the model, the network fails, or the folder cannot be written.
pub fn write_features(
    inference: &mut dyn Inference,
    store: &PatchStore,
    (out, overwrite): (&Path, bool),
    provenance: Provenance,
    job: Job<'_>,
) -> Result<FeaturesMeta, TrainError> {
    let spec = inference.spec().clone();
    check_store(&spec, store)?;
    let staged = StagedDir::new(out, overwrite)?;
    let samples = Samples::of_indices(store, (0..store.records().len()).collect())?;
    let width = NetworkConfig::of(&spec).features();
    let task = job.task("computing features", Some(samples.len() as u64), Unit::Patches);
    let mut file = NpyWriter::create(&staged.file("features.npy"), PixelType::F32, &[width])?;
    for places in even_batches(&(0..samples.len()).collect::<Vec<_>>(), BATCH) {
        job.check()?;
        let features: Array2<f32> = inference.features(&samples.read(&places)?)?;
        for row in features.rows() {
            let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_ne_bytes()).collect();
            file.push(&bytes)?;
        }
        task.advance(places.len() as u64);
    }
    file.finish()?;
    let of = FeaturesOf::Store { patches: samples.len() as u64 };
    let meta = FeaturesMeta::new(&spec, width, of, provenance);
    write_json(&staged.file(FeaturesMeta::FILE), &meta)?;
    job.check()?;
    staged.commit()?;
    Ok(meta)
}

/// A network with weights of another training (random ones without), described by a store's training patches: what a training on the store would
/// begin with.
///
/// # Errors
/// When the weights do not fit the store or a setting is out of range.
pub fn untrained(
    store: &PatchStore,
    settings: &TrainSettings,
    device: &Device,
    job: Job<'_>,
) -> Result<Bundle, TrainError> {
    settings.check()?;
    let mut spec = describe_store(store, settings, job)?;
    let config = NetworkConfig::of(&spec);
    let network = match import_weights(&mut spec, settings)? {
        Some(weights) => Network::from_state(&config, &weights, device)?,
        None => Network::new(&config, settings.seed, device)?,
    };
    Ok(Bundle { spec, network })
}
