use std::path::Path;

use areal_job::{StagedDir, hash_file, read_json, write_json};
use burn::tensor::Device;

use crate::{BUNDLE_FORMAT, ModelError, ModelSpec, Network, StateDict};

/// Name of the weights in a bundle.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// Name of the model's description in a bundle.
pub const MODEL_FILE: &str = "model.json";

/// A trained model and all that is needed to use it.
#[derive(Debug)]
pub struct Bundle {
    /// All about it but its weights.
    pub spec: ModelSpec,
    /// The network, on the device it was loaded to.
    pub network: Network,
}

impl Bundle {
    /// Loads a bundle's folder and checks it: the format, the digest of the weights, every tensor's name and shape.
    ///
    /// # Errors
    /// When a file is missing, truncated or swapped, or the parts do not fit together.
    pub fn load(folder: &Path, device: &Device) -> Result<Self, ModelError> {
        let spec = Self::load_spec(folder)?;
        let path = folder.join(WEIGHTS_FILE);
        let found = hash_file(&path)?;
        if found != spec.weights_sha256 {
            return Err(ModelError::WeightsHash { path, expected: spec.weights_sha256, found });
        }
        let state = StateDict::read(&path)?;
        let network = Network::from_state(&spec.network_config(), &state, device)?;
        Ok(Self { spec, network })
    }

    /// Loads and checks `model.json` alone.
    ///
    /// # Errors
    /// When it is missing, of another format or contradicts itself.
    pub fn load_spec(folder: &Path) -> Result<ModelSpec, ModelError> {
        let spec: ModelSpec = read_json(&folder.join(MODEL_FILE), BUNDLE_FORMAT)?;
        spec.check()?;
        Ok(spec)
    }

    /// Writes the weights and `model.json`, with the digest of the weights filled in.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &StagedDir) -> Result<(), ModelError> {
        save(&self.spec, &StateDict::of(&self.network), folder)
    }
}

/// The same for weights that lie in the computer's memory.
fn save(spec: &ModelSpec, state: &StateDict, folder: &StagedDir) -> Result<(), ModelError> {
    let path = folder.file(WEIGHTS_FILE);
    state.write(&path)?;
    let spec = ModelSpec { weights_sha256: hash_file(&path)?, ..spec.clone() };
    write_json(&folder.file(MODEL_FILE), &spec)?;
    Ok(())
}
