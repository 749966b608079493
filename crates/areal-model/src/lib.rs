//! Network architectures, losses, normalisation and the model bundle.
//!
//! Axis order: images are `[N, C, H, W]` (patch, band, row, column), logits `[N, K]` (patch, class). A value target has
//! `K = 1`.

mod band_sample;
mod batch;
mod bundle;
mod check_device;
mod choice;
mod class_weights;
mod dense;
mod device;
mod error;
mod export;
mod fit;
mod freeze;
mod import;
mod inference;
mod loss;
mod network;
mod precision;
mod probe;
mod statistics;
mod stored_probe;
mod unlike;
mod unlike_text;
mod weights;

pub use band_sample::BandSample;
pub use batch::{PatchBatch, to_tensor};
pub use bundle::{Bundle, WEIGHTS_FILE};
pub use check_device::{Compared, Gradients};
pub use class_weights::{ClassWeights, implied_prior};
pub use dense::{DenseInference, DensePart, DenseRow};
pub use device::{DeviceChoice, DeviceInfo, DeviceKind, devices, settle_devices};
pub use error::ModelError;
pub use export::{OPSET, OnnxOutput, write_onnx, write_safetensors};
pub use fit::{DataKind, check_spec, probabilities};
pub use freeze::Freeze;
pub use import::{Import, Imported, MissingBand, StoreBands, StoreNumbers, TorchGeo, WeightsKind, check_weights_bands};
pub use inference::{BurnInference, Inference};
pub use loss::Loss;
pub use network::{Block, Network, NetworkConfig, Operations, Part, stage_count};
pub use precision::{Precision, PrecisionChange};
pub use probe::{LogitDifference, probe_batch};
pub use statistics::RunningMoments;
pub use stored_probe::StoredProbe;
pub use unlike::{Cause, Unlike, unlike_training};
pub use unlike_text::BandsOf;
pub use weights::{StateDict, TensorValues};
