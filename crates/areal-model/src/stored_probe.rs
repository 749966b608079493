//! The logits and results of a fixed batch that a bundle keeps, so that it can be seen later whether the model still computes the same.

use std::path::Path;

use areal_formats::{ModelSpec, Normalisation};
use areal_job::{FileError, read_json, write_json};
use burn::tensor::Device;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::probe::probe_batch_around;
use crate::{
    Bundle, BurnInference, Inference, LogitDifference, ModelError, Network, NetworkConfig, StateDict, probabilities,
};

const FORMAT: &str = "areal-probe/1";

/// `probe.json`: logits and results of a [probe batch](crate::probe_batch), computed by Burn on a CPU when the bundle was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredProbe {
    format: String,
    /// The normalisation of that day, around which the batch lies: by that of the bundle as it is, a changed one would undo itself.
    normalisation: Normalisation,
    /// A list for each patch.
    logits: Vec<Vec<f32>>,
    /// Probabilities, or the value in its units: what the temperature and the scale of a value make of the logits.
    results: Vec<Vec<f32>>,
}

impl StoredProbe {
    /// Name of the file in a bundle.
    pub const FILE: &'static str = "probe.json";

    /// Of a model with these weights.
    pub(crate) fn compute(spec: &ModelSpec, weights: &StateDict) -> Result<Self, ModelError> {
        let device = Device::flex();
        let network = Network::from_state(&NetworkConfig::of(spec), weights, &device)?;
        let mut burn = BurnInference::new(Bundle { spec: spec.clone(), network }, device);
        let normalisation = spec.normalisation.clone();
        let logits = burn.infer(&probe_batch_around(spec, &normalisation.mean, &normalisation.std))?;
        let rows = |of: &Array2<f32>| of.rows().into_iter().map(|row| row.to_vec()).collect();
        let (logits, results) = (rows(&logits), rows(&probabilities(spec, logits.view())));
        Ok(Self { format: FORMAT.to_owned(), normalisation, logits, results })
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), FileError> {
        write_json(path, self)
    }

    /// That of a bundle; none of one that was written before there was any.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(bundle: &Path) -> Result<Option<Self>, FileError> {
        let path = bundle.join(Self::FILE);
        if path.exists() { read_json(&path, FORMAT).map(Some) } else { Ok(None) }
    }

    /// How far an inference of the same bundle is from these logits and results, whichever is further.
    ///
    /// # Errors
    /// When the network fails.
    pub fn compare(&self, inference: &mut dyn Inference) -> Result<LogitDifference, ModelError> {
        let spec = inference.spec().clone();
        let Normalisation { mean, std, .. } = &self.normalisation;
        let bands = spec.bands.len();
        if [mean.len(), std.len()] != [bands, bands] {
            return Ok(LogitDifference { difference: f32::INFINITY, greatest: 0.0 });
        }
        let found = inference.infer(&probe_batch_around(&spec, mean, std))?;
        let (logits, results) = (table(&self.logits), table(&self.results));
        let of_logits = LogitDifference::of(&found, &logits);
        let of_results = LogitDifference::of(&probabilities(&spec, found.view()), &results);
        Ok(if of_results.difference > of_logits.difference { of_results } else { of_logits })
    }
}

/// Lists of one length as a table; an empty one, which agrees with nothing, where they are not.
fn table(rows: &[Vec<f32>]) -> Array2<f32> {
    let columns = rows.first().map_or(0, Vec::len);
    Array2::from_shape_vec((rows.len(), columns), rows.concat()).unwrap_or_default()
}
