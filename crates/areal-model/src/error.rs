//! The errors of models.

use std::path::PathBuf;

use areal_formats::SpecError;
use areal_grid::{PixelType, Scaling};
use areal_job::{FileError, Sha256};

use crate::{Compared, DeviceChoice};

/// Why a model cannot be made, loaded or used on some data.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file of a bundle that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights are not the ones that `model.json` was written with.
    #[error("{path} has SHA-256 {found}, but model.json records {expected}", path = path.display())]
    WeightsHash { path: PathBuf, expected: Sha256, found: Sha256 },
    /// A weights file that is not safetensors or a PyTorch state dict.
    #[error("cannot read weights from {path}: {reason}", path = path.display())]
    Weights { path: PathBuf, reason: String },
    /// A weights file whose tensors would take far more memory than the file has bytes.
    #[error(
        "cannot read weights from {path}: its tensors would take {claimed} bytes, more than {most}, {times} times the size of the file \
         ({bytes} bytes)",
        path = path.display(),
        times = most / (*bytes).max(1)
    )]
    WeightsTooLarge { path: PathBuf, claimed: u64, bytes: u64, most: u64 },
    /// A folder that is no bundle.
    #[error("{path} is a folder, but no bundle: it has no model.json", path = path.display())]
    WeightsFolder { path: PathBuf },
    /// Weights whose file name has the digest of another architecture's.
    #[error("the name of {path} is that of published weights of {found}, not of {architecture}", path = path.display())]
    WeightsArchitecture { path: PathBuf, found: String, architecture: String },
    /// Numbers of a store that are not those of weights.
    #[error("weights {kind} read {expected}, but the training pixels of {} {found}: they were trained on other numbers", bands.join(", "))]
    WeightsNumbers { kind: String, expected: &'static str, bands: Vec<String>, found: String },
    /// Weights of which the file's name does not tell what they are.
    #[error("it is not clear what the weights in {path} were trained on{}", one_of(candidates), path = path.display())]
    WeightsKind { path: PathBuf, candidates: Vec<String> },
    /// A file with several networks.
    #[error("{path} holds several networks that fit: {}", names.join(", "), path = path.display())]
    WeightsSeveral { path: PathBuf, names: Vec<String> },
    /// Bands of a store that are not found among those of weights.
    #[error("weights {kind} read the bands {}, but the store has {}: {problem}", weights.join(", "), store.join(", "))]
    WeightsBands { kind: String, weights: Vec<String>, store: Vec<String>, problem: String },
    /// Bands that weights read and a store lacks.
    #[error("weights {kind} read {}, which the store lacks", names.join(", "))]
    WeightsMissingBands { kind: String, names: Vec<String> },
    /// A first convolution for another number of bands than the publisher says.
    #[error("the first convolution of the weights reads {found} bands, but such weights read {expected}")]
    WeightsBandCount { found: usize, expected: usize },
    /// A tensor that the architecture needs and the weights lack.
    #[error("the weights have no tensor {name}; {architecture} needs it with shape {shape:?}")]
    TensorMissing { name: String, architecture: String, shape: Vec<usize> },
    /// A tensor that the architecture does not have.
    #[error("the weights have tensor {name} of shape {shape:?}, which {architecture} does not have")]
    TensorUnknown { name: String, architecture: String, shape: Vec<usize> },
    /// A tensor of another shape than the architecture's.
    #[error("tensor {name} has shape {found:?} in the weights, but {architecture} needs {expected:?}")]
    TensorShape { name: String, architecture: String, expected: Vec<usize>, found: Vec<usize> },
    /// A tensor with a value that is not finite.
    #[error("tensor {name} has value {value} at position {index}")]
    TensorNotFinite { name: String, index: usize, value: f32 },
    /// `model.json` that contradicts itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// A scene or store with other bands than the model's.
    #[error("the model reads bands [{}], but the data have [{}]", model.join(", "), data.join(", "))]
    Bands { model: Vec<String>, data: Vec<String> },
    /// A scene or store of another pixel type than the model's.
    #[error("the model was trained on {model} pixels, but the data are {data}")]
    PixelType { model: PixelType, data: PixelType },
    /// A scene or store with another scaling of stored values than the model's.
    #[error(
        "scaling differs: in the model, value = stored {}; in the data, value = stored {}",
        Scaling::in_words(model),
        Scaling::in_words(data)
    )]
    Scaling {
        /// By band.
        model: Vec<Scaling>,
        data: Vec<Scaling>,
    },
    /// Data that do not fit a model in several ways.
    #[error("{}", misfits.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Misfits {
        /// Each way, two or more.
        misfits: Vec<ModelError>,
    },
    /// A scene of another ground resolution than the model's.
    #[error("the model was trained at {model:.3} m per pixel, but the data have {data:.3} m")]
    GroundResolution {
        /// The model's, metres.
        model: f64,
        /// The data's, metres.
        data: f64,
    },
    /// Patches of another size than the model's.
    #[error("the model was trained on patches of {model} px, but the data have {data} px")]
    PatchSize { model: usize, data: usize },
    /// Patches too small for a network without padding.
    #[error(
        "the receptive field of {architecture} with padding = valid is {least} px; patches of {patch_size} px are too \
         small"
    )]
    PatchTooSmall {
        architecture: String,
        /// Side of the patches in pixels.
        patch_size: usize,
        least: usize,
    },
    /// An inference that takes patches only.
    #[error("{kind} inference supports patches only, not whole scenes")]
    NotDense { kind: String },
    /// A batch whose parts do not fit together or do not fit the model.
    #[error("a batch of shape {shape:?} (patch, band, row, column) {problem}")]
    Batch { shape: [usize; 4], problem: String },
    /// A device that this build or this machine does not have.
    #[error("device {asked} is not available: {reason}; available: {}", available.join(", "))]
    Device {
        asked: String,
        reason: String,
        /// The devices that can be had.
        available: Vec<String>,
    },
    /// A device that computes something else than the CPU.
    #[error(
        "{device} computes wrong results: {compared} of a probe batch differ from those of the CPU by {:.1} %, and {:.0} % is \
         allowed; for example {example}",
        100.0 * found,
        100.0 * tolerance
    )]
    DeviceDisagrees {
        device: DeviceChoice,
        compared: Compared,
        /// Root of the sum of squared differences, as a fraction of that of what is expected.
        found: f64,
        tolerance: f64,
        /// The number that is furthest from what is expected.
        example: String,
    },
    /// A computation on a device that failed.
    #[error("the device failed: {0}")]
    Compute(String),
    /// A layer that a file for other programs cannot hold.
    #[error("cannot export {layer}: {reason}")]
    Export { layer: String, reason: String },
    /// A setting with an unknown value.
    #[error("unknown {what} \"{given}\": must be one of {}", choices.join(", "))]
    Choice {
        /// What is being chosen: `architecture`, `loss` ...
        what: &'static str,
        given: String,
        choices: Vec<String>,
    },
}

impl ModelError {
    /// Each way in which data do not fit a model; the error itself where it is another one.
    pub fn misfits(&self) -> &[Self] {
        match self {
            Self::Misfits { misfits } => misfits,
            one => std::slice::from_ref(one),
        }
    }
}

/// Says between which kinds of weights it is not clear.
fn one_of(candidates: &[String]) -> String {
    if candidates.is_empty() { String::new() } else { format!("; it may be {}", candidates.join(" or ")) }
}
