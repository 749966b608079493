//! Advice for errors of models and bundles.

use areal_model::ModelError;

use super::{CliError, Exit};

/// Advice for a device that computes something else than the CPU.
pub(super) const OTHER_DEVICE: &str =
    "pass --device cpu, or another device that `areal devices` lists; an update of the device's driver may help";

impl From<ModelError> for CliError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::File(error) => error.into(),
            other => advised(&other),
        }
    }
}

/// Data that do not fit a model in several ways: the advice for each, numbered, by a function that gives the error of one.
pub(super) fn misfits(error: &ModelError, advised: impl Fn(&ModelError) -> CliError) -> CliError {
    let all = error.misfits();
    // The flags that bring values to a scaling make the pixel type another one, too.
    let scaled = all.iter().any(|misfit| matches!(misfit, ModelError::Scaling { .. }));
    let needed = all.iter().filter(|misfit| !(scaled && matches!(misfit, ModelError::PixelType { .. })));
    let helps: Vec<String> = needed.filter_map(|misfit| advised(misfit).help).collect();
    let help = match &helps[..] {
        [one] => one.clone(),
        several => {
            several.iter().enumerate().map(|(k, help)| format!("{}. {help}", k + 1)).collect::<Vec<_>>().join("\n")
        }
    };
    CliError::from_source(Exit::Input, error).help(help)
}

/// Advice for weights to begin from.
fn initial_weights(error: &ModelError) -> CliError {
    let (exit, help) = match error {
        ModelError::WeightsKind { .. } => (
            Exit::Usage,
            "say what they are with --weights-kind: torchvision, torchgeo:NAME, bundle, or same-bands if they were trained on \
             the bands of the store in its order",
        ),
        ModelError::WeightsArchitecture { .. } => {
            (Exit::Usage, "pass the --architecture of the file, or say with --weights-kind what it is")
        }
        ModelError::WeightsFolder { .. } => {
            (Exit::Input, "pass the file of the weights itself, or the folder of a bundle that `areal train` wrote")
        }
        ModelError::WeightsSeveral { .. } => (Exit::Input, "save the network that you want in a file of its own"),
        ModelError::WeightsBands { weights, .. } => {
            let example: Vec<&str> = weights.iter().take(3).map(String::as_str).collect();
            let help = format!(
                "name each band of the store, in its order, as the publisher of the weights does, with --weights-bands, such as \
                 {}, or - for a band that the weights do not have; or choose another --weights-kind or --missing-band",
                example.join(",")
            );
            return CliError::from_source(Exit::Usage, error).help(help);
        }
        ModelError::WeightsMissingBands { .. } => (
            Exit::Usage,
            "name the store's bands as the publisher does, with --weights-bands, if they are there under other names; else choose a \
             rule with --missing-band: zero, mean or drop; `areal train --help` explains them",
        ),
        ModelError::WeightsNumbers { .. } => (
            Exit::Input,
            "pass --normalisation store to normalise by the store's statistics, or another --weights-kind, or cut the store from \
             scenes with the numbers of the weights",
        ),
        _ => (Exit::Input, "choose another --weights-kind, or same-bands if the store has these bands in this order"),
    };
    CliError::from_source(exit, error).help(help)
}

fn advised(error: &ModelError) -> CliError {
    let (exit, help) = match error {
        ModelError::File(_) => return CliError::from_source(Exit::Input, error),
        ModelError::Misfits { .. } => return misfits(error, advised),
        ModelError::WeightsKind { .. }
        | ModelError::WeightsSeveral { .. }
        | ModelError::WeightsBands { .. }
        | ModelError::WeightsMissingBands { .. }
        | ModelError::WeightsFolder { .. }
        | ModelError::WeightsArchitecture { .. }
        | ModelError::WeightsNumbers { .. }
        | ModelError::WeightsBandCount { .. } => return initial_weights(error),
        ModelError::WeightsHash { .. } => {
            (Exit::Input, "the file was changed or replaced after training; copy the whole bundle again")
        }
        ModelError::WeightsTooLarge { .. } => (
            Exit::Input,
            "PyTorch writes every number of a tensor, unless it is a view that repeats some: if you trust the file, save it again with PyTorch, \
             each tensor by contiguous(); else get the weights from their publisher",
        ),
        ModelError::Weights { .. } | ModelError::TensorNotFinite { .. } => {
            (Exit::Input, "the weights file must be complete; copy it again")
        }
        ModelError::TensorMissing { .. } | ModelError::TensorUnknown { .. } | ModelError::TensorShape { .. } => {
            (Exit::Input, "the weights belong to another network; pass the --architecture of their training")
        }
        ModelError::Spec(_) => (Exit::Input, "the file was edited or made by another version; train again"),
        ModelError::Bands { .. } => {
            (Exit::Input, "choose the bands of the model, in its order, with --bands; names are band descriptions")
        }
        ModelError::PixelType { .. } => (
            Exit::Input,
            "use scenes of the same product and processing, cut the store with `areal tile --band-scale` in the unit of the model, \
                     or train a model on these",
        ),
        ModelError::Scaling { model, data } => {
            let help = super::predict::other_scaling(model, data, "cut the store again: `areal tile` with");
            return CliError::from_source(Exit::Input, error).help(help);
        }
        ModelError::GroundResolution { .. } => {
            (Exit::Input, "warp the scene to the model's resolution with --resolution, --crs and --resampling")
        }
        ModelError::PatchSize { .. } => {
            (Exit::Input, "cut the store with the --patch-size of the model, or train a model on this store")
        }
        ModelError::PatchTooSmall { .. } => (
            Exit::Usage,
            "cut a store with larger patches (`areal tile --patch-size`), or choose --architecture compact or \
                 --padding same",
        ),
        ModelError::NotDense { .. } => (Exit::Usage, "use --device cpu, or --mode patch"),
        ModelError::Batch { .. } => (Exit::Input, "the data do not match the bundle; see its model.json"),
        ModelError::Device { .. } => (Exit::Usage, "`areal devices` lists the available devices"),
        ModelError::DeviceDisagrees { .. } => (Exit::Failure, OTHER_DEVICE),
        ModelError::Compute(_) => (Exit::Failure, "run on another --device, or with a smaller --batch-size"),
        ModelError::Choice { .. } => (Exit::Usage, "choose one of these"),
        ModelError::Export { .. } => {
            (Exit::Failure, "this is a bug in areal: please report it with the bundle's model.json")
        }
    };
    CliError::from_source(exit, error).help(help)
}
