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
            TrainError::Plan(error) => return error.into(),
            TrainError::Kernel(error) => return areal_plan::PlanError::from(error).into(),
            TrainError::Paused { .. } => {
                (Exit::Interrupted, "run the same command again to continue; the result will be the same")
            }
            TrainError::Setting { .. } => (Exit::Usage, "pass a value in this range"),
            TrainError::Loss { .. } => {
                (Exit::Usage, "use --loss cross-entropy or focal for classes, mse or huber for values")
            }
            TrainError::EmptySplit { .. } => (
                Exit::Input,
                "cut the store again with a fraction for this split (`areal tile`), or choose another --split",
            ),
            TrainError::OneClass { .. } => (Exit::Input, "label at least two classes before cutting the store"),
            TrainError::UnseenClass { .. } => {
                (Exit::Input, "cut the store again with another --seed or smaller blocks, or remove the class")
            }
            TrainError::OneValue { .. } => (Exit::Input, "check the field that the values were read from"),
            TrainError::Label { .. } => (Exit::Input, "the store was edited; make it again with `areal tile`"),
            TrainError::Target { .. } => (Exit::Input, "use a store with the classes that the model was trained on"),
            TrainError::NothingObserved { .. } => {
                (Exit::Input, "check the nodata value and the quality mask that the store was cut with")
            }
            TrainError::Diverged { .. } | TrainError::DivergedMeasure { .. } => {
                (Exit::Failure, "lower --learning-rate, for example to a tenth, or set --clip-norm")
            }
            TrainError::OtherRun { .. } => {
                (Exit::Usage, "finish that run with its own settings, or pass --restart to discard it")
            }
            TrainError::Checkpoint(_) => {
                (Exit::Input, "pass --restart to discard this checkpoint and train from the beginning")
            }
            TrainError::Plot { .. } => (Exit::Output, "check the free disk space and your write permission"),
        };
        Self::from_source(exit, &error).help(help)
    }
}
