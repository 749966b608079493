//! Advice for errors of explanations.

use areal_explain::ExplainError;

use super::{CliError, Exit};

impl From<ExplainError> for CliError {
    fn from(error: ExplainError) -> Self {
        let (exit, help) = match error {
            ExplainError::Raster(inner) => return inner.into(),
            ExplainError::Store(inner) => return inner.into(),
            ExplainError::File(inner) => return inner.into(),
            ExplainError::Interrupted(inner) => return inner.into(),
            ExplainError::Model(inner) => return super::predict::model(&inner),
            ExplainError::Image { .. } | ExplainError::Csv { .. } => {
                (Exit::Output, "check the free disk space and your write permission")
            }
            ExplainError::Setting { .. } => (Exit::Usage, "`areal explain --help` gives the range of each flag"),
            ExplainError::NoSuchPatch { .. } => (Exit::Usage, "choose a --patch that is listed in patches.csv"),
            ExplainError::PlaceOutside { .. } => {
                (Exit::Usage, "give --at longitude,latitude in degrees, in that order")
            }
            ExplainError::Unobserved { .. } => (Exit::Usage, "choose a position with observed pixels with --at"),
            ExplainError::NoSuchBand { .. } => {
                (Exit::Usage, "choose three bands of the model with --rgb, by number or description")
            }
            ExplainError::OtherGrid { .. } => (
                Exit::Input,
                "pass the same files with the --bounds, --crs, --resolution and --resampling that the prediction was \
                 made with; its prediction.json lists them under \"scene\"",
            ),
            ExplainError::OtherTarget { .. }
            | ExplainError::OtherPatchSize { .. }
            | ExplainError::OtherBundle { .. } => {
                (Exit::Input, "pass the --prediction that was made with this --bundle")
            }
            ExplainError::OtherConversion { .. } => {
                (Exit::Input, "pass the --band-scale and --band-offset that the prediction was made with")
            }
            ExplainError::Nothing => {
                (Exit::Usage, "choose patches with --store and --patch, places with --at, or pass a --prediction")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}
