//! The errors of explanations; the message of each variant says what its fields are.

use areal_job::{FileError, Interrupted, Sha256};
use areal_model::ModelError;
use areal_raster::RasterError;
use areal_store::StoreError;

/// Why patches could not be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error(transparent)]
    Raster(#[from] RasterError),
    #[error(transparent)]
    Store(#[from] StoreError),
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
    #[error("patch {id} is not in the store; it has {count} patches, numbered from 0")]
    NoSuchPatch { id: u64, count: usize },
    #[error("longitude {lon}, latitude {lat} is outside the scene")]
    PlaceOutside { lon: f64, lat: f64 },
    #[error("the patch at {what} has no observed pixel")]
    Unobserved { what: String },
    #[error("band \"{band}\" for red, green and blue is not a band of the model: {bands}")]
    NoSuchBand { band: String, bands: String },
    #[error("the prediction is of {found}, but the bundle predicts {expected}")]
    OtherTarget { found: String, expected: String },
    #[error("the cells of the prediction are {prediction}, but those of the scene as read are {scene}")]
    OtherGrid { prediction: String, scene: String },
    #[error("the prediction has patches of {prediction} px, but the bundle takes {bundle} px")]
    OtherPatchSize { prediction: usize, bundle: usize },
    #[error("the prediction was made with a bundle of SHA-256 {prediction}, but this bundle has {bundle}")]
    OtherBundle { prediction: Sha256, bundle: Sha256 },
    #[error("the prediction was made with {prediction}, but the scene is read with {scene}")]
    OtherConversion { prediction: String, scene: String },
    #[error("nothing to explain: no patch and no place is given, and no class has a predicted cell")]
    Nothing,
}
