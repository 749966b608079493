//! Advice for errors of predictions.

use std::io::ErrorKind;
use std::path::Path;

use areal_formats::conversion_flags;
use areal_grid::Scaling;
use areal_job::FileError;
use areal_model::ModelError;
use areal_predict::{MemoryPart, PredictError};

use super::raster::convert_to;
use super::{CliError, Exit};

impl From<PredictError> for CliError {
    fn from(error: PredictError) -> Self {
        let (exit, help) = match error {
            PredictError::Raster(inner) => return inner.into(),
            PredictError::File(inner) => return inner.into(),
            PredictError::Interrupted(inner) => {
                return Self::from(inner).help("run the same command again to continue");
            }
            PredictError::Model(inner) => return model(&inner),
            PredictError::Layout(_) => (Exit::Usage, "choose a --stride that divides the model's patch size"),
            PredictError::Setting { .. } => (Exit::Usage, "`areal predict --help` gives the range of each flag"),
            PredictError::Memory { part: MemoryPart::Batch, .. } => {
                (Exit::Usage, "choose a smaller --batch-size or a larger --memory")
            }
            PredictError::Memory { part: MemoryPart::Cells, .. } => {
                (Exit::Usage, "choose a larger --memory or a larger --stride")
            }
            PredictError::Memory { part: MemoryPart::Maps, .. } => {
                (Exit::Usage, "choose a larger --memory, a larger --stride, or --mode patch")
            }
            PredictError::NotFinite { .. } | PredictError::Outputs { .. } => {
                (Exit::Failure, "the model is damaged or the device computes wrong results: compare with --device cpu")
            }
            PredictError::OtherJob { .. } => (
                Exit::Usage,
                "to continue it, pass the inputs and settings that it was started with; to delete what it finished and start again, pass \
                 --overwrite and not --resume",
            ),
            PredictError::Counts { .. } | PredictError::ThreadStopped => {
                (Exit::Failure, "this is a bug in areal: please report it with the command")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// What to do about stored values that mean another thing than the model's; `remedy` is what the flags are passed to.
pub fn other_scaling(model: &[Scaling], data: &[Scaling], remedy: &str) -> String {
    // Stored values of the model's meaning: (stored x scale + offset - the model's offset) / the model's scale.
    let convert = |(model, data): (&Scaling, &Scaling)| Scaling {
        scale: data.scale / model.scale,
        offset: (data.offset - model.offset) / model.scale,
    };
    let conversion: Vec<Scaling> = model.iter().zip(data).map(convert).collect();
    if conversion.iter().any(|c| !c.scale.is_finite() || !c.offset.is_finite() || c.scale == 0.0) {
        return "train on data with the same scaling".to_owned();
    }
    let flags = conversion_flags(&conversion);
    format!(
        "{remedy} {flags} to bring the values to the scaling of the model (since processing baseline 04.00, Sentinel-2 values are 1000 \
         higher); if only the scale and offset in the file are wrong, correct them with gdal_edit.py -scale S -offset O; or train on \
         data with the same scaling"
    )
}

/// A bundle that cannot be used, or does not fit a scene.
pub fn model(error: &ModelError) -> CliError {
    if let ModelError::File(FileError::Io { action: "read", path, source }) = error {
        return unreadable(path, source);
    }
    let (exit, help) = match error {
        ModelError::Misfits { .. } => return super::model::misfits(error, model),
        ModelError::Bands { .. } => {
            let help = "choose the bands of the scene in the order of the model with --bands, by description, or by number \
                        where their names are other ones; pass a band that marks clouds as --quality-band";
            (Exit::Input, help)
        }
        ModelError::PixelType { model, .. } => {
            let convert = convert_to(*model);
            let help = format!(
                "pass --band-scale=1 if its values are in the unit of the model, or the flags that a warning above names; or convert \
                 the scene to the pixel type that the model was trained on: {convert}"
            );
            return CliError::from_source(Exit::Input, error).help(help);
        }
        ModelError::Scaling { model, data } => {
            return CliError::from_source(Exit::Input, error).help(other_scaling(model, data, "pass"));
        }
        ModelError::GroundResolution { .. } => (
            Exit::Input,
            "pass --resolution and --resampling to warp the scene to the resolution of the model as it is read",
        ),
        ModelError::Device { .. } | ModelError::Choice { .. } => {
            (Exit::Usage, "`areal devices` lists the available devices")
        }
        ModelError::DeviceDisagrees { .. } => (Exit::Failure, super::model::OTHER_DEVICE),
        ModelError::NotDense { .. } => (Exit::Usage, "pass --device cpu, or --mode patch"),
        ModelError::Compute(_) => (Exit::Failure, "try a smaller --batch-size, or --device cpu"),
        _ => (Exit::Input, "the bundle is damaged or was edited: train it or copy it again"),
    };
    CliError::from_source(exit, error).help(help)
}

/// A file of a bundle that is missing, or may not be read.
fn unreadable(path: &Path, source: &std::io::Error) -> CliError {
    let (folder, name) = (path.parent().unwrap_or(path), path.file_name().unwrap_or_default());
    if matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        let message = format!("{} is not a bundle: it has no {}", folder.display(), name.display());
        return CliError::new(Exit::Input, message)
            .help("pass the folder that `areal train` made as --bundle, with all its files");
    }
    CliError::new(Exit::Input, format!("cannot read {}: {source}", path.display()))
        .help("check the path and your read permission")
}
