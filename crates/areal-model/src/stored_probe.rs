//! The logits of a fixed batch that a bundle keeps, so that it can be seen later whether the model still computes the same.

use std::path::Path;

use areal_formats::ModelSpec;
use areal_job::{FileError, read_json, write_json};
use burn::tensor::Device;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{
    Bundle, BurnInference, Inference, LogitDifference, ModelError, Network, NetworkConfig, StateDict, probe_batch,
};

const FORMAT: &str = "areal-probe/1";

/// `probe.json`: logits of [`probe_batch`], computed by Burn on a CPU when the bundle was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoredProbe {
    format: String,
    /// A list for each patch.
    logits: Vec<Vec<f32>>,
}

impl StoredProbe {
    /// Name of the file in a bundle.
    pub const FILE: &'static str = "probe.json";

    /// Of a model with these weights.
    pub(crate) fn compute(spec: &ModelSpec, weights: &StateDict) -> Result<Self, ModelError> {
        let device = Device::flex();
        let network = Network::from_state(&NetworkConfig::of(spec), weights, &device)?;
        let mut burn = BurnInference::new(Bundle { spec: spec.clone(), network }, device);
        let logits = burn.infer(&probe_batch(spec))?;
        Ok(Self { format: FORMAT.to_owned(), logits: logits.rows().into_iter().map(|row| row.to_vec()).collect() })
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

    /// How far an inference of the same bundle is from these logits.
    ///
    /// # Errors
    /// When the network fails.
    pub fn compare(&self, inference: &mut dyn Inference) -> Result<LogitDifference, ModelError> {
        let found = inference.infer(&probe_batch(inference.spec()))?;
        let columns = self.logits.first().map_or(0, Vec::len);
        let values: Vec<f32> = self.logits.iter().flatten().copied().collect();
        let expected = Array2::from_shape_vec((self.logits.len(), columns), values).unwrap_or_default();
        Ok(LogitDifference::of(&found, &expected))
    }
}
