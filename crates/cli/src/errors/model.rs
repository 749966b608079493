//! Advice for errors of models and bundles.

use areal_model::ModelError;

use super::{CliError, Exit};

impl From<ModelError> for CliError {
    fn from(error: ModelError) -> Self {
        let (exit, help) = match error {
            ModelError::File(error) => return error.into(),
            ModelError::WeightsHash { .. } => {
                (Exit::Input, "the file was changed or swapped after training; copy the whole bundle again")
            }
            ModelError::Weights { .. } | ModelError::TensorNotFinite { .. } => {
                (Exit::Input, "copy the file again; a bundle's weights must be whole")
            }
            ModelError::TensorMissing { .. } | ModelError::TensorUnknown { .. } | ModelError::TensorShape { .. } => {
                (Exit::Input, "the weights are of another network; give the --architecture they were trained with")
            }
            ModelError::Spec(_) => (Exit::Input, "the file was changed by hand or is of another version; train again"),
            ModelError::Bands { .. } => {
                (Exit::Input, "choose the model's bands, in its order, with --bands; names are band descriptions")
            }
            ModelError::PixelType { .. } => {
                (Exit::Input, "use scenes of the same product and processing, or train a model on these")
            }
            ModelError::Scaling { .. } => (Exit::Input, super::predict::OTHER_SCALING),
            ModelError::GroundResolution { .. } => {
                (Exit::Input, "warp the scene to the model's resolution with --resolution, --crs and --resampling")
            }
            ModelError::PatchSize { .. } => {
                (Exit::Input, "cut the store with the model's --patch-size, or train a model on this store")
            }
            ModelError::PatchTooSmall { .. } => (
                Exit::Usage,
                "cut a store of larger patches with `areal tile --patch-size`, or choose --architecture compact or \
                 --padding same",
            ),
            ModelError::NotDense { .. } => (Exit::Usage, "use --device cpu, or --mode patch"),
            ModelError::Batch { .. } => (Exit::Input, "the data do not fit the bundle; see its model.json"),
            ModelError::Device { .. } => (Exit::Usage, "areal devices lists what --device may be here"),
            ModelError::Compute(_) => (Exit::Failure, "run on another --device, or with a smaller --batch-size"),
            ModelError::Choice { .. } => (Exit::Usage, "give one of those"),
        };
        Self::from_source(exit, &error).help(help)
    }
}
