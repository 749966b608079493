//! Advice for errors of training.

use areal_train::TrainError;

use super::{CliError, Exit};

impl From<TrainError> for CliError {
    fn from(error: TrainError) -> Self {
        let (exit, help) = match error {
            TrainError::File(error) => return error.into(),
            TrainError::Model(error) => return error.into(),
            TrainError::Interrupted(error) => return error.into(),
            TrainError::Store(error) => return error.into(),
            TrainError::Kernel(error) => return areal_plan::PlanError::from(error).into(),
            TrainError::Paused { .. } => {
                (Exit::Interrupted, "run the same command again to continue to the same result")
            }
            TrainError::Setting { .. } => (Exit::Usage, "give a value in that range"),
            TrainError::Loss { .. } => {
                (Exit::Usage, "--loss cross-entropy or focal for classes, mse or huber for values")
            }
            TrainError::EmptySplit { .. } => {
                (Exit::Input, "cut the store again with a share for that split (areal tile), or name another --split")
            }
            TrainError::OneClass { .. } => (Exit::Input, "label at least two classes before cutting the store"),
            TrainError::UnseenClass { .. } => {
                (Exit::Input, "cut the store again with another --seed or smaller blocks, or leave the class out")
            }
            TrainError::OneValue { .. } => (Exit::Input, "check the field that the values were read from"),
            TrainError::Label { .. } => (Exit::Input, "the store was changed by hand; make it again with areal tile"),
            TrainError::Target { .. } => (Exit::Input, "use a store with the classes that the model was trained on"),
            TrainError::NothingObserved { .. } => {
                (Exit::Input, "check the nodata value and the quality mask that the store was cut with")
            }
            TrainError::Diverged { .. } => (Exit::Failure, "lower --learning-rate, a tenth say, or set --clip-norm"),
            TrainError::OtherRun { .. } => {
                (Exit::Usage, "finish that run with its own settings, or pass --restart to discard it")
            }
            TrainError::Plot { .. } => (Exit::Output, "check that the disk has room and that you may write there"),
        };
        Self::from_source(exit, &error).help(help)
    }
}
