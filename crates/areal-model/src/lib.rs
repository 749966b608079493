//! Network architectures, losses, normalisation and the model bundle.
//!
//! Axis order: images are `[N, C, H, W]` (patch, band, row, column), logits `[N, K]` (patch, class). A value target has
//! `K = 1`.

mod architecture;
mod batch;
mod bundle;
mod device;
mod error;
mod inference;
mod network;
mod normalisation;
mod spec;
mod weights;

pub use architecture::Architecture;
pub use batch::{PatchBatch, to_tensor};
pub use bundle::{Bundle, MODEL_FILE, WEIGHTS_FILE};
pub use device::{DeviceChoice, DeviceInfo, devices};
pub use error::ModelError;
pub use inference::{BurnInference, Inference};
pub use network::{Block, Network, NetworkConfig};
pub use normalisation::{Normalisation, Statistics};
pub use spec::{BUNDLE_FORMAT, Calibration, ModelSpec, ValueScale};
pub use weights::{StateDict, TensorValues};
