//! The errors of training.

use std::path::PathBuf;

use areal_job::{FileError, Interrupted};
use areal_kernels::KernelError;
use areal_model::ModelError;
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
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The instruction set of the kernels.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Stopped before the first epoch was complete, or while nothing can be continued.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Stopped with a checkpoint to continue from.
    #[error("interrupted; {epochs} epochs are kept in {checkpoint}", checkpoint = checkpoint.display())]
    Paused {
        /// Epochs done.
        epochs: usize,
        /// Where they are kept.
        checkpoint: PathBuf,
    },
    /// A setting out of its range.
    #[error("{setting} is {value}, must be {expected}")]
    Setting {
        /// Its name, as a flag without dashes.
        setting: &'static str,
        /// What was given.
        value: String,
        /// What may be given.
        expected: &'static str,
    },
    /// A loss of the other kind of target.
    #[error("loss {loss} does not suit a target of {target}")]
    Loss {
        /// The loss.
        loss: String,
        /// `classes` or `values`.
        target: &'static str,
    },
    /// A split without patches.
    #[error("{store} has no {split} patches", store = store.display())]
    EmptySplit {
        /// The store.
        store: PathBuf,
        /// The split.
        split: Split,
    },
    /// Training patches of fewer than two classes.
    #[error("all {patches} training patches of {store} are of the class {class}; there is nothing to tell apart",
            store = store.display())]
    OneClass {
        /// The store.
        store: PathBuf,
        /// The class.
        class: String,
        /// Number of training patches.
        patches: u64,
    },
    /// A class that is measured and was never learnt.
    #[error("{patches} {split} patches of {store} are of the class {class}, which no training patch has",
            store = store.display())]
    UnseenClass {
        /// The store.
        store: PathBuf,
        /// The class.
        class: String,
        /// The split.
        split: Split,
        /// Its patches of that class.
        patches: u64,
    },
    /// A value target without spread.
    #[error("all training values of {store} are {value}; there is nothing to learn", store = store.display())]
    OneValue {
        /// The store.
        store: PathBuf,
        /// The value.
        value: f64,
    },
    /// A label that the store's legend does not have, or a class where a value is expected.
    #[error("patch {patch} of {store} has the label {label}, which its target has no place for", store = store.display())]
    Label {
        /// The store.
        store: PathBuf,
        /// The patch.
        patch: u64,
        /// Its label.
        label: String,
    },
    /// A store whose target is another than the model's.
    #[error("the model predicts {model}, the store holds {store}")]
    Target {
        /// The model's classes or value.
        model: String,
        /// The store's.
        store: String,
    },
    /// No observed pixel to take band statistics from.
    #[error("no pixel of the training patches of {store} is observed", store = store.display())]
    NothingObserved {
        /// The store.
        store: PathBuf,
    },
    /// A loss that is not finite.
    #[error("training diverged in epoch {epoch}, step {step} of {steps}: the loss is {loss}")]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step of the epoch, from 1.
        step: usize,
        /// Steps of an epoch.
        steps: usize,
        /// The loss.
        loss: f64,
    },
    /// A checkpoint of another run.
    #[error("{checkpoint} is of another run: {difference}", checkpoint = checkpoint.display())]
    OtherRun {
        /// The checkpoint.
        checkpoint: PathBuf,
        /// The first thing that differs.
        difference: String,
    },
    /// A plot that cannot be drawn.
    #[error("cannot draw {path}: {reason}", path = path.display())]
    Plot {
        /// The image.
        path: PathBuf,
        /// What the plotting library said.
        reason: String,
    },
}
