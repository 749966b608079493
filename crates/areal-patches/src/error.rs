//! Why patches could not be cut or stored.

use std::path::PathBuf;

use areal_grid::{LayoutError, PixelType, ProjectionError};
use areal_job::{FileError, Interrupted};
use areal_raster::RasterError;
use areal_tables::{LabelFault, LegendError};

use areal_store::{Split, StoreError};

/// In what scenes or images differ whose stored values mean different things.
pub const SCALING: &str = "scale and offset";

/// Why patches could not be cut, stored or read.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Raster(#[from] RasterError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Layout(#[from] LayoutError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),

    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{first} and {second} are in different splits but only {distance:.1} m apart; the buffer is {buffer} m")]
    SplitsNear { first: String, second: String, distance: f64, buffer: f64 },
    #[error("class \"{class}\" is in the {split} split, but no training patch has it")]
    ClassUnseen { class: String, split: Split },

    #[error("scenes \"{first}\" and \"{second}\" differ in {what}: {left} and {right}")]
    ScenesDiffer { first: String, second: String, what: &'static str, left: String, right: String },
    #[error("two scenes have the name \"{name}\"")]
    SceneTwice { name: String },
    #[error("no scene is given")]
    NoScene,
    #[error("images \"{first}\" and \"{second}\" differ in {what}: {left} and {right}")]
    ImagesDiffer { first: PathBuf, second: PathBuf, what: &'static str, left: String, right: String },
    #[error("{path} has {height} x {width} pixels; it must be square", path = path.display())]
    NotSquare { path: PathBuf, height: usize, width: usize },
    #[error("{folder} has no image; expected one folder per class", folder = folder.display())]
    NoImage { folder: PathBuf },

    #[error("{folder} mixes split folders ({splits}) with other folders ({others})", folder = folder.display())]
    MixedFolders { folder: PathBuf, splits: String, others: String },
    #[error("{folder} holds no image, but {folders} folders and {files} other files", folder = folder.display())]
    ClassLost { folder: PathBuf, folders: usize, files: u64 },

    #[error("{path}: {reason}", path = path.display())]
    Labels { path: PathBuf, reason: String },
    #[error("{path} has no field \"{field}\"; it has {found}", path = path.display())]
    LabelField { path: PathBuf, field: String, found: String },
    #[error("{path} is a vector file, so it needs a label field; its fields: {found}", path = path.display())]
    NoLabelField { path: PathBuf, found: String },
    #[error("{path} is outside every scene: labels span {labels}; scenes span {scenes} (west, south, east, north)",
            path = path.display())]
    LabelsOutside { path: PathBuf, labels: String, scenes: String },
    #[error("{path}: label {label} is not in the class list ({classes})", path = path.display())]
    UnknownClass { path: PathBuf, label: String, classes: String },
    #[error("class list: {reason}")]
    Classes { reason: String },
    #[error(transparent)]
    Legend(#[from] LegendError),
    /// Labels that are not read as classes.
    #[error("{path}: {fault}", path = path.display())]
    ClassLabels { path: PathBuf, fault: LabelFault },
    /// A code in a label raster that no class has.
    #[error("{path}, row {row}, column {col}: {value} is not a class code; codes are 0 to 254", path = path.display())]
    LabelCode { path: PathBuf, row: usize, col: usize, value: f64 },
    /// A label image in colours, of which it is not said what they mean.
    #[error("{path} is an image in red, green and blue; {reason}", path = path.display())]
    LabelColours { path: PathBuf, reason: String },
    #[error("{path} is not on the pixel grid of scene \"{scene}\": {reason}", path = path.display())]
    LabelsNotAligned { path: PathBuf, scene: String, reason: String },

    #[error("no patch remains: of {planned} planned, {why}")]
    NoPatch {
        planned: u64,
        why: String,
        /// Whether the labels are polygons, which patches can be centred in.
        of_polygons: bool,
    },
    #[error("{what} is {value}; {expected}")]
    Setting { what: &'static str, value: String, expected: &'static str },
    #[error("a patch has {found} bands of {found_type}, but the store has {expected} of {expected_type}")]
    PatchDiffers { found: usize, found_type: PixelType, expected: usize, expected_type: PixelType },
}
