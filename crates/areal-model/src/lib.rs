//! Network architectures, losses, normalisation and the model bundle.
//!
//! Axis order: images are `[N, C, H, W]` (patch, band, row, column), logits `[N, K]` (patch, class). A value target has
//! `K = 1`.

mod architecture;
mod batch;
mod bundle;
mod choice;
mod class_weights;
mod dense;
mod device;
mod error;
mod import;
mod inference;
mod loss;
mod network;
mod normalisation;
mod padding;
mod precision;
mod spec;
mod weights;

pub use architecture::Architecture;
pub use batch::{PatchBatch, to_tensor};
pub use bundle::{Bundle, WEIGHTS_FILE};
pub use class_weights::{ClassWeights, implied_prior};
pub use dense::{DenseInference, DensePart, DenseRow};
pub use device::{DeviceChoice, DeviceInfo, devices};
pub use error::ModelError;
pub use import::Imported;
pub use inference::{BurnInference, Inference};
pub use loss::Loss;
pub use network::{Block, Network, NetworkConfig, Operations};
pub use normalisation::{Normalisation, Statistics};
pub use padding::Padding;
pub use precision::{Precision, PrecisionChange};
pub use spec::{BUNDLE_FORMAT, Calibration, ModelSpec, ValueScale};
pub use weights::{StateDict, TensorValues};
