//! The patches of a split with their targets.

use areal_formats::{BandQuantiles, Normalisation, ValueScale};
use areal_grid::{PixelState, Pixels, Target};
use areal_job::Job;
use areal_model::{BandSample, PatchBatch, RunningMoments};
use areal_store::{Label, PatchStore, Split};

use crate::TrainError;

/// The patches of one split with what a network is to say of them.
pub(crate) struct Samples<'a> {
    pub store: &'a PatchStore,
    /// Places in the store.
    pub indices: Vec<usize>,
    /// Places of the classes in the legend, or the values in their own units; one a patch.
    pub targets: Vec<f64>,
}

impl<'a> Samples<'a> {
    /// The patches of a split; none is an error.
    pub fn of(store: &'a PatchStore, split: Split) -> Result<Self, TrainError> {
        let indices = store.indices(split);
        if indices.is_empty() {
            return Err(TrainError::EmptySplit { store: store.path().to_path_buf(), split });
        }
        Self::of_indices(store, indices)
    }

    /// The patches at these places of the store.
    pub fn of_indices(store: &'a PatchStore, indices: Vec<usize>) -> Result<Self, TrainError> {
        let targets = indices.iter().map(|i| target_of(store, *i)).collect::<Result<_, _>>()?;
        Ok(Self { store, indices, targets })
    }

    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Classes as places in the legend.
    pub fn classes(&self) -> Vec<usize> {
        self.targets.iter().map(|t| *t as usize).collect()
    }

    /// Patches of each class of the legend; empty for a value.
    pub fn class_counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.store.meta().target.classes().len()];
        if !counts.is_empty() {
            self.classes().into_iter().for_each(|k| counts[k] += 1);
        }
        counts
    }

    /// Reads patches at these places of the split.
    pub fn read(&self, places: &[usize]) -> Result<PatchBatch, TrainError> {
        let [_, c, h, w] = self.store.shape();
        let n = places.len();
        let mut pixels = Pixels::zeros(self.store.meta().pixel_type, n * c * h * w);
        let mut states = vec![PixelState::Outside; n * h * w];
        for (i, (place, states)) in places.iter().zip(states.chunks_exact_mut(h * w)).enumerate() {
            self.store.read_into(self.indices[*place], &mut pixels, i * c * h * w, states)?;
        }
        Ok(PatchBatch { shape: [n, c, h, w], pixels, states })
    }

    /// Mean, deviation and quantiles of each band over the observed pixels.
    pub fn bands(&self, job: Job<'_>) -> Result<(Normalisation, Vec<BandQuantiles>), TrainError> {
        let mut statistics = RunningMoments::new(self.store.shape()[1]);
        let mut sample = BandSample::new(self.store.shape()[1]);
        for place in 0..self.len() {
            job.check()?;
            let patch = self.read(&[place])?;
            statistics.add(&patch.pixels, 0, &patch.states);
            sample.add(&patch.pixels, 0, &patch.states);
        }
        if statistics.count() == 0 {
            return Err(TrainError::NothingObserved { store: self.store.path().to_path_buf() });
        }
        for (name, stray) in self.store.meta().bands.iter().zip(statistics.stray()) {
            let Some(value) = stray else { continue };
            tracing::warn!(
                "{}: band {name} has the value {value:e}, far from all others, which affects normalisation; if it \
                 means no data, cut the store again with --nodata={value:e}",
                self.store.path().display()
            );
        }
        Ok((statistics.normalisation(), sample.quantiles()))
    }

    /// Mean and deviation of the values; no deviation is an error.
    pub fn value_scale(&self) -> Result<ValueScale, TrainError> {
        let n = self.len() as f64;
        let mean = self.targets.iter().sum::<f64>() / n;
        let std = (self.targets.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
        if std > 0.0 && std.is_finite() {
            return Ok(ValueScale { mean, std });
        }
        Err(TrainError::OneValue { store: self.store.path().to_path_buf(), value: mean })
    }
}

fn target_of(store: &PatchStore, index: usize) -> Result<f64, TrainError> {
    let record = &store.records()[index];
    let fault = |label: String| TrainError::Label { store: store.path().to_path_buf(), patch: record.patch_id, label };
    match (&store.meta().target, record.label) {
        (Target::Classes { classes }, Label::Class(code)) => classes
            .iter()
            .position(|class| class.code == code)
            .map(|k| k as f64)
            .ok_or_else(|| fault(format!("class code {code}"))),
        (Target::Value { .. }, Label::Value(value)) if value.is_finite() => Ok(value),
        (_, Label::Class(code)) => Err(fault(format!("class code {code}"))),
        (_, Label::Value(value)) => Err(fault(format!("value {value}"))),
    }
}
