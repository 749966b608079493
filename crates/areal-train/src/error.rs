//! The errors of training.

use areal_formats::counted_do;
use std::path::PathBuf;

use areal_job::{FileError, Interrupted};
use areal_kernels::KernelError;
use areal_model::ModelError;
use areal_plan::PlanError;
use areal_store::{Split, StoreError};

/// Why a model cannot be trained or measured.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file that cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The patch store.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The instruction set of the kernels.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A compiled plan of the frozen layers.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Stopped before the first epoch was complete, or while nothing can be continued.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Stopped with a checkpoint to continue from.
    #[error("interrupted; {} kept in {checkpoint}", counted_do(*epochs, "epoch", ["is", "are"]), checkpoint = checkpoint.display())]
    Paused { epochs: usize, checkpoint: PathBuf },
    /// A setting out of its range.
    #[error("{setting} is {value}; it must be {expected}")]
    Setting {
        /// Its name, as a flag without dashes.
        setting: &'static str,
        value: String,
        expected: &'static str,
    },
    /// A loss of the other kind of target.
    #[error("loss {loss} cannot be used for a target of {target}")]
    Loss { loss: String, target: &'static str },
    /// A split without patches.
    #[error("{store} has no {split} patches", store = store.display())]
    EmptySplit { store: PathBuf, split: Split },
    /// Training patches of fewer than two classes.
    #[error("all {patches} training patches of {store} have the class {class}; training needs at least two classes",
            store = store.display())]
    OneClass { store: PathBuf, class: String, patches: u64 },
    /// A class that is measured and was never learnt.
    #[error("{patches} {split} patches of {store} have the class {class}, but no training patch has it",
            store = store.display())]
    UnseenClass { store: PathBuf, class: String, split: Split, patches: u64 },
    /// A value target without spread.
    #[error("all training values of {store} are {value}; training needs different values", store = store.display())]
    OneValue { store: PathBuf, value: f64 },
    /// A label that the store's legend does not have, or a class where a value is expected.
    #[error("patch {patch} of {store} has the label {label}, which does not fit its target", store = store.display())]
    Label { store: PathBuf, patch: u64, label: String },
    /// A store whose target is another than the model's.
    #[error("the model predicts {model}, but the store holds {store}")]
    Target { model: String, store: String },
    /// No observed pixel to take band statistics from.
    #[error("no pixel of the training patches of {store} is observed", store = store.display())]
    NothingObserved { store: PathBuf },
    /// A loss that is not finite.
    #[error("training diverged in epoch {epoch}, step {step} of {steps}: the loss is {loss}")]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
        loss: f64,
    },
    /// A measure of the validation patches that is not finite.
    #[error("training diverged in epoch {epoch}: the {measure} of the validation patches is {value}")]
    DivergedMeasure {
        /// Epoch, from 1.
        epoch: usize,
        measure: String,
        value: f64,
    },
    /// A checkpoint of another run.
    #[error("{checkpoint} belongs to another run: {difference}", checkpoint = checkpoint.display())]
    OtherRun { checkpoint: PathBuf, difference: String },
    /// A checkpoint that is damaged, or of another version.
    #[error(transparent)]
    Checkpoint(FileError),
    /// A plot that cannot be drawn.
    #[error("cannot draw {path}: {reason}", path = path.display())]
    Plot { path: PathBuf, reason: String },
}
