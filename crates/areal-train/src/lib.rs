//! Training: sampling, augmentation, learner, metrics, checkpoints.
//!
//! The same store, settings and seed give the same weights, byte for byte, on one machine and device; an interrupted
//! run that is started again ends in the same bytes too.

mod augment;
mod calibrate;
mod card;
mod checkpoint;
mod curves;
mod data;
mod error;
mod evaluate;
mod features;
#[cfg(test)]
mod first_step_tests;
mod frozen;
mod groups;
mod history;
mod learner;
mod loader;
mod metrics;
mod operations;
mod optimiser;
mod sampling;
mod settings;
mod step;
mod store_batches;
#[cfg(test)]
mod synthetic_store;
mod tables;
mod train;
mod training_like;
mod workers;

pub use augment::Augmentation;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use features::{untrained, write_features};
pub use history::EpochRow;
pub use metrics::{ClassMetrics, ClassRow, ConfusionMatrix, Metrics, ValueMetrics};
pub use operations::KernelOperations;
pub use optimiser::{MOMENTUM, Optimiser};
pub use settings::{LOSS_OF_CLASSES, LOSS_OF_VALUES, NormalisationFrom, OptimiserKind, Sampler, TrainSettings};
pub use step::step;
pub use store_batches::{LabelledBatch, held_out_batches, range_batches};
pub use tables::{write_confusion, write_evaluation};
pub use train::{TrainReport, train};
pub use training_like::warn_if_unlike;
pub use workers::among_workers;
