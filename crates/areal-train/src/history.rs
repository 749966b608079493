//! The record of an epoch.

use serde::{Deserialize, Serialize};

use crate::tables::measures;
use crate::{Metrics, TrainError};

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

    /// The same row, where all its numbers are finite: JSON has no others, so that a checkpoint could not hold them.
    ///
    /// # Errors
    /// [`TrainError::DivergedMeasure`] with the first that is not.
    pub(crate) fn finite(self) -> Result<Self, TrainError> {
        let mut numbers = vec![("loss".to_owned(), Some(self.validation_loss))];
        if let Metrics::Classes(m) = &self.validation {
            numbers.push(("log loss".to_owned(), Some(m.log_loss)));
            numbers.push(("calibration error".to_owned(), Some(m.expected_calibration_error)));
        }
        let (names, values) = measures(&self.validation);
        numbers.extend(names.into_iter().zip(values));
        let diverged =
            numbers.into_iter().find_map(|(measure, value)| Some((measure, value.filter(|v| !v.is_finite())?)));
        let Some((measure, value)) = diverged else { return Ok(self) };
        Err(TrainError::DivergedMeasure { epoch: self.epoch, measure, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ValueMetrics;

    /// The checkpoint of an epoch with a measure that overflowed was read back as damaged: JSON writes null for infinity.
    #[test]
    fn an_epoch_whose_measures_overflow_is_refused() {
        let row = |validation_loss: f64, pairs: &[(f64, f64)]| EpochRow {
            epoch: 3,
            learning_rate: 0.1,
            train_loss: 1.0,
            validation_loss,
            validation: Metrics::Value(ValueMetrics::new(pairs)),
        };
        let pairs = [(1.0, 2.0), (3.0, 3.0)];
        row(0.5, &pairs).finite().unwrap();
        // Without spread there is no r2, which is not divergence.
        row(0.5, &[(1.0, 2.0)]).finite().unwrap();
        let refused = |row: EpochRow| row.finite().unwrap_err().to_string();
        let start = "training diverged in epoch 3: the";
        assert_eq!(refused(row(f64::NAN, &pairs)), format!("{start} loss of the validation patches is NaN"));
        // The square of 1e200 is beyond the largest number.
        let overflow = refused(row(0.5, &[(1.0, 1e200), (3.0, 3.0)]));
        assert_eq!(overflow, format!("{start} rmse of the validation patches is inf"));
    }
}
