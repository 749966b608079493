//! The errors of models.

use std::path::PathBuf;

use areal_grid::PixelType;
use areal_job::{FileError, Sha256};
use strum::VariantNames;

/// Why a model cannot be made, loaded or used on some data.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file of a bundle that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights are not the ones that `model.json` was written with.
    #[error("{path} has SHA-256 {found}, model.json says {expected}", path = path.display())]
    WeightsHash {
        /// The weights file.
        path: PathBuf,
        /// Digest in `model.json`.
        expected: Sha256,
        /// Digest of the file.
        found: Sha256,
    },
    /// A weights file that is not safetensors or a PyTorch state dict.
    #[error("cannot read weights from {path}: {reason}", path = path.display())]
    Weights {
        /// The weights file.
        path: PathBuf,
        /// What its reader said.
        reason: String,
    },
    /// A tensor that the architecture needs and the weights lack.
    #[error("the weights lack tensor {name}, which {architecture} needs with shape {shape:?}")]
    TensorMissing {
        /// Name of the tensor.
        name: String,
        /// The architecture's name.
        architecture: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor that the architecture does not have.
    #[error("the weights have tensor {name} of shape {shape:?}, which {architecture} does not have")]
    TensorUnknown {
        /// Name of the tensor.
        name: String,
        /// The architecture's name.
        architecture: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A tensor of another shape than the architecture's.
    #[error("tensor {name} has shape {found:?} in the weights, {architecture} needs {expected:?}")]
    TensorShape {
        /// Name of the tensor.
        name: String,
        /// The architecture's name.
        architecture: String,
        /// Shape in the architecture.
        expected: Vec<usize>,
        /// Shape in the weights.
        found: Vec<usize>,
    },
    /// A tensor with a value that is not finite.
    #[error("tensor {name} holds {value} at position {index}")]
    TensorNotFinite {
        /// Name of the tensor.
        name: String,
        /// Row-major position of the value.
        index: usize,
        /// The value: NaN or infinite.
        value: f32,
    },
    /// `model.json` that contradicts itself.
    #[error("model.json: {0}")]
    Spec(String),
    /// A scene or store with other bands than the model's.
    #[error("the model reads bands [{}], the data have [{}]", model.join(", "), data.join(", "))]
    Bands {
        /// The model's bands, in order.
        model: Vec<String>,
        /// The data's bands, in order.
        data: Vec<String>,
    },
    /// A scene or store of another pixel type than the model's.
    #[error("the model was trained on {model} pixels, the data are {data}")]
    PixelType {
        /// The model's.
        model: PixelType,
        /// The data's.
        data: PixelType,
    },
    /// A scene or store with another scaling of stored values than the model's.
    #[error("the model was trained on values that mean: stored {model}; the data's mean: stored {data}")]
    Scaling {
        /// The model's, in words.
        model: String,
        /// The data's, in words.
        data: String,
    },
    /// A scene of another ground resolution than the model's.
    #[error("the model was trained at {model:.3} m a pixel, the data have {data:.3} m")]
    GroundResolution {
        /// The model's, metres.
        model: f64,
        /// The data's, metres.
        data: f64,
    },
    /// Patches of another size than the model's.
    #[error("the model was trained on patches of {model} px, the data have {data} px")]
    PatchSize {
        /// The model's.
        model: usize,
        /// The data's.
        data: usize,
    },
    /// Patches too small for a network without padding.
    #[error(
        "{architecture} with padding = valid reads {least} px for one feature; patches of {patch_size} px are too small"
    )]
    PatchTooSmall {
        /// The architecture's name.
        architecture: String,
        /// Side of the patches in pixels.
        patch_size: usize,
        /// Least side.
        least: usize,
    },
    /// An inference that takes patches only.
    #[error("inference by {kind} takes patches only, not whole scenes")]
    NotDense {
        /// How it computes.
        kind: String,
    },
    /// A batch whose parts do not fit together or do not fit the model.
    #[error("a batch of shape {shape:?} (patch, band, row, column) {problem}")]
    Batch {
        /// Its shape.
        shape: [usize; 4],
        /// What does not fit.
        problem: String,
    },
    /// A device that this build or this machine does not have.
    #[error("no device {asked}: {reason}; there is {}", available.join(", "))]
    Device {
        /// The device asked for.
        asked: String,
        /// Why it cannot be had.
        reason: String,
        /// The devices that can be had.
        available: Vec<String>,
    },
    /// A computation on a device that failed.
    #[error("the device failed: {0}")]
    Compute(String),
    /// A setting with an unknown value.
    #[error("unknown {what} \"{given}\": must be one of {}", choices.join(", "))]
    Choice {
        /// What is being chosen: `architecture`, `loss` ...
        what: &'static str,
        /// What was given.
        given: String,
        /// What may be given.
        choices: Vec<String>,
    },
}

impl ModelError {
    /// The error for a text that names no variant of a plain enum; it lists those that there are.
    pub fn unknown<T: VariantNames>(what: &'static str, given: &str) -> Self {
        let choices = T::VARIANTS.iter().map(ToString::to_string).collect();
        Self::Choice { what, given: given.to_owned(), choices }
    }
}
