//! The record of an epoch.

use serde::{Deserialize, Serialize};

use crate::Metrics;

/// One epoch of training: one row of `metrics.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochRow {
    pub epoch: usize,
    /// Learning rate of its last step.
    pub learning_rate: f64,
    /// Mean loss of the training patches as they were seen: augmented, weighted, before each step.
    pub train_loss: f64,
    /// Mean loss of the validation patches, not weighted.
    pub validation_loss: f64,
    /// Measures of the validation patches.
    pub validation: Metrics,
}

impl EpochRow {
    /// What early stopping goes by, greater is better: macro-F1, or the RMSE with its sign turned. `None` where macro-F1 is
    /// not defined, as it is for any patches at all.
    pub fn score(&self) -> Option<f64> {
        match &self.validation {
            Metrics::Classes(m) => m.macro_f1,
            Metrics::Value(m) => Some(-m.rmse),
        }
    }
}
