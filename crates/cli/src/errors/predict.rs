//! Advice for errors of predictions.

use std::io::ErrorKind;
use std::path::Path;

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
                return Self::from(inner).help("run the same command with --resume to go on where it stopped");
            }
            PredictError::Model(inner) => return model(&inner),
            PredictError::Layout(_) => (Exit::Usage, "choose a --stride that divides the model's patch size"),
            PredictError::Setting { .. } => (Exit::Usage, "see `areal predict --help` for each flag's range"),
            PredictError::Memory { part: MemoryPart::Batch, .. } => {
                (Exit::Usage, "choose a smaller --batch-size or a greater --memory")
            }
            PredictError::Memory { part: MemoryPart::Cells, .. } => {
                (Exit::Usage, "choose a greater --memory or a greater --stride")
            }
            PredictError::Memory { part: MemoryPart::Maps, .. } => {
                (Exit::Usage, "choose a greater --memory, a greater --stride, or --mode patch")
            }
            PredictError::NotFinite { .. } | PredictError::Outputs { .. } => {
                (Exit::Failure, "the model is unsound, or the device miscalculates: compare with --device cpu")
            }
            PredictError::OtherJob { .. } => (
                Exit::Usage,
                "pass the settings and inputs that it was begun with, or leave --resume out to begin afresh",
            ),
            PredictError::Counts { .. } | PredictError::ThreadStopped => {
                (Exit::Failure, "this is a fault of areal; please report it with the command")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// What to do about stored values that mean another thing than the model's.
pub const OTHER_SCALING: &str = "bring the values to the model's with gdal_calc.py (Sentinel-2 stores 1000 more since processing \
     baseline 04.00: subtract it); where only the file's word is wrong, correct it: gdal_edit.py -scale S -offset O; or \
     train on data that are stored alike";

/// A bundle that cannot be used, or does not fit a scene.
pub fn model(error: &ModelError) -> CliError {
    if let ModelError::File(FileError::Io { action: "read", path, source }) = error {
        return unreadable(path, source);
    }
    let (exit, help) = match error {
        ModelError::Bands { .. } => {
            let help = "choose the scene's bands in the model's order with --bands, by number or description; name a band that \
                        marks clouds with --quality-band";
            (Exit::Input, help)
        }
        ModelError::PixelType { model, .. } => {
            let convert = convert_to(*model);
            let help = format!("give the scene in the type that the model was trained on: {convert}");
            return CliError::from_source(Exit::Input, error).help(help);
        }
        ModelError::Scaling { .. } => (Exit::Input, OTHER_SCALING),
        ModelError::GroundResolution { .. } => {
            (Exit::Input, "pass --resolution and --resampling: the scene is warped to the model's as it is read")
        }
        ModelError::Device { .. } | ModelError::Choice { .. } => (Exit::Usage, "`areal devices` lists what there is"),
        ModelError::NotDense { .. } => (Exit::Usage, "pass --device cpu, or --mode patch"),
        ModelError::Compute(_) => (Exit::Failure, "try a smaller --batch-size, or --device cpu"),
        _ => (Exit::Input, "the bundle is damaged or was changed by hand: train it or fetch it again"),
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
        .help("check the path and that you may read it")
}
