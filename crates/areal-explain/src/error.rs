use areal_job::{FileError, Interrupted};
use areal_model::ModelError;
use areal_patches::PatchError;
use areal_raster::RasterError;

/// Why something could not be explained.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum ExplainError {
    #[error(transparent)]
    Raster(#[from] RasterError),
    #[error(transparent)]
    Patch(#[from] PatchError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error("cannot write {path}: {source}", path = path.display())]
    Image { path: std::path::PathBuf, source: image::ImageError },
    #[error("cannot write {path}: {source}", path = path.display())]
    Csv { path: std::path::PathBuf, source: csv::Error },
    #[error("{what} is {value}; {expected}")]
    Setting { what: &'static str, value: String, expected: &'static str },
    #[error("\"{given}\" is no saliency method; one of grad-cam, hires-cam, occlusion")]
    Method { given: String },
    #[error("patch {id} is not in the store, which has {count} patches, numbered from 0")]
    NoSuchPatch { id: u64, count: usize },
    #[error("longitude {lon}, latitude {lat} lies outside the scene")]
    PlaceOutside { lon: f64, lat: f64 },
    #[error("the patch at {what} has no observed pixel")]
    Unobserved { what: String },
    #[error("band \"{band}\" for red, green and blue is not among the model's: {bands}")]
    NoSuchBand { band: String, bands: String },
    #[error("the prediction is of {found}, the bundle predicts {expected}")]
    OtherTarget { found: String, expected: String },
    #[error("nothing to explain: no patch, no place, and no class has a predicted cell")]
    Nothing,
}
