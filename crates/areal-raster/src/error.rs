//! Errors of rasters and vector layers: the file, the position, the offending value.

use std::path::PathBuf;

use areal_grid::{ProjectionError, Window};
use areal_job::{FileError, Interrupted};

use areal_formats::{BandRef, ConversionError, Resampling};
use areal_tables::TableError;

/// What went wrong with a raster or a vector layer: the file, the position, the offending value.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// A file that cannot be opened.
    #[error("cannot open {path}: {message}", path = path.display())]
    Open { path: PathBuf, message: String },
    /// A table of places that cannot be read.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Data that is not in local files, so it has no digest.
    #[error("{path} is not a local file, so it has no digest", path = path.display())]
    NotOnDisk {
        /// Its name.
        path: PathBuf,
    },
    /// A virtual raster or layer with a source that is not read.
    #[error("{path} refers to {file}: {why}", path = path.display())]
    VrtSource { path: PathBuf, file: String, why: &'static str },
    /// A file that holds no raster itself.
    #[error("{path} has no raster band{hint}", path = path.display(), hint = subdatasets_hint(subdatasets))]
    NoBands {
        path: PathBuf,
        /// Names of the rasters inside it, to be opened instead.
        subdatasets: Vec<String>,
    },
    /// Pixels that cannot be read: a truncated or damaged file.
    #[error(
        "cannot read {path}, rows {r0} to {r1}, columns {c0} to {c1}: {message}",
        path = path.display(), r0 = window.row, r1 = window.row_end(), c0 = window.col, c1 = window.col_end()
    )]
    Read {
        path: PathBuf,
        /// Pixels of the file that were asked for.
        window: Window,
        message: String,
    },
    /// An unsupported pixel type.
    #[error("{path}, band {band} has the unsupported pixel type {type_name}", path = path.display())]
    UnsupportedType {
        path: PathBuf,
        /// Band number, from 1.
        band: usize,
        /// GDAL's name of the type.
        type_name: String,
    },
    /// A scene without files.
    #[error("scene \"{scene}\" has no files")]
    NoFiles { scene: String },
    /// A file that a scene names more than once.
    #[error("{path} is given twice in scene \"{scene}\"", path = path.display())]
    FileTwice {
        scene: String,
        /// The file, as it was named the second time.
        path: PathBuf,
    },
    /// A raster or layer that does not say in which CRS it lies.
    #[error("{path} has no coordinate reference system", path = path.display())]
    NoCrs { path: PathBuf },
    /// A raster that does not say where it lies.
    #[error("{path} has a coordinate reference system but no geotransform", path = path.display())]
    NoPosition { path: PathBuf },
    /// A raster placed by ground control points only.
    #[error("{path} is georeferenced by {count} ground control points and has no pixel grid", path = path.display())]
    Gcps {
        path: PathBuf,
        count: usize,
        /// Whether it says in which CRS they are.
        has_crs: bool,
    },
    /// A raster whose columns do not run east or whose rows do not run south.
    #[error("{path} is not north-up: {how}", path = path.display())]
    NotNorthUp {
        path: PathBuf,
        /// How it lies instead.
        how: String,
        /// Whether it says in which CRS it lies.
        has_crs: bool,
    },
    /// A raster that needs warping in a place where no grid settings are accepted.
    #[error("{path} has no pixel grid of its own: {reason}", path = path.display())]
    NeedsWarp {
        path: PathBuf,
        /// How its pixels lie.
        reason: String,
        /// Whether it says in which CRS it lies.
        has_crs: bool,
    },
    /// An unsupported CRS: geocentric, vertical, local.
    #[error("coordinate reference system \"{name}\" is neither geographic nor projected")]
    UnsupportedCrs { name: String },
    /// Text that is not a CRS.
    #[error("\"{text}\" is not a coordinate reference system: {message}")]
    CrsText {
        text: String,
        /// What PROJ said.
        message: String,
    },
    /// A band that a file does not have.
    #[error("{path} has no band {band}; it has {available}", path = path.display())]
    NoSuchBand {
        path: PathBuf,
        /// The band asked for.
        band: BandRef,
        available: String,
    },
    /// A description that several bands share.
    #[error("{path} has several bands described as {band}: {numbers:?}", path = path.display())]
    AmbiguousBand {
        path: PathBuf,
        /// The band asked for.
        band: BandRef,
        /// Numbers of the bands with that description.
        numbers: Vec<usize>,
    },
    /// Bands of one scene whose pixel types differ within a file.
    #[error("{path}: band {first} has pixels of type {first_type}, band {second} of type {second_type}", path = path.display())]
    MixedTypes { path: PathBuf, first: usize, first_type: String, second: usize, second_type: String },
    /// A scale or offset that cannot be used.
    #[error(transparent)]
    Conversion(#[from] ConversionError),
    /// A quality band without values or bits, a bit that no value has, or a band of fractions.
    #[error("quality band {band} masks nothing: {reason}")]
    Quality { band: BandRef, reason: String },
    /// Files that do not make one scene as they are.
    #[error(
        "{first} and {second} differ in {what}: {first_value} and {second_value}",
        first = first.display(), second = second.display()
    )]
    Mismatch {
        first: PathBuf,
        second: PathBuf,
        /// In what they differ.
        what: SceneMismatch,
        first_value: String,
        second_value: String,
    },
    /// A file that has to be warped, where a setting for it is missing.
    #[error("{path} must be warped ({reason}), but {missing} is not given", path = path.display())]
    WarpSetting {
        path: PathBuf,
        /// Why it must be warped.
        reason: String,
        missing: WarpSetting,
        /// A value that would fit the file, if one can be worked out.
        suggestion: Option<String>,
    },
    /// Interpolation between class codes.
    #[error(
        "{path}, band {band} holds categories (it has a colour table or category names); {resampling} would mix their codes",
        path = path.display()
    )]
    CategoricalResampling {
        path: PathBuf,
        /// Band number, from 1.
        band: usize,
        /// The resampling asked for.
        resampling: Resampling,
    },
    /// A resolution or extent that makes no pixel grid.
    #[error("{what} {value} gives no valid pixel grid: {reason}")]
    Grid {
        /// The setting.
        what: &'static str,
        value: String,
        /// Why.
        reason: String,
    },
    /// A position that cannot be projected.
    #[error("{path}: {source}", path = path.display())]
    Projection { path: PathBuf, source: ProjectionError },
    /// Two CRS between which there is no transformation.
    #[error("no transformation from {from} to {to}: {message}")]
    NoTransformation {
        /// From.
        from: String,
        /// To.
        to: String,
        /// What PROJ said.
        message: String,
    },
    /// An output that cannot be written: a full disk, a read-only folder.
    #[error("cannot write {path}: {message}", path = path.display())]
    Write { path: PathBuf, message: String },
    /// A layer that a file does not have, or several where one was expected.
    #[error("{path}: {reason}; its layers: {available}", path = path.display())]
    Layer {
        path: PathBuf,
        reason: String,
        /// The layers it has.
        available: String,
    },
    /// Text in another encoding.
    #[error("{path}: {place} is not {expected} text", path = path.display())]
    Text {
        path: PathBuf,
        /// Where it stands.
        place: String,
        /// Name of the encoding.
        expected: &'static str,
    },
    /// A feature that cannot be read.
    #[error("{path}, feature {fid}: {message}", path = path.display())]
    Feature {
        path: PathBuf,
        fid: i64,
        /// What is wrong with it.
        message: String,
    },
    /// A folder that is not a prediction.
    #[error("{path} is not a complete prediction: {reason}", path = path.display())]
    Prediction {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// A file operation.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl RasterError {
    /// The error where a raster is read as it is, on no other grid than its own.
    #[must_use]
    pub fn as_it_is(self) -> Self {
        match self {
            Self::Gcps { path, count, has_crs } => {
                let reason = format!("it is georeferenced by {count} ground control points");
                Self::NeedsWarp { path, reason, has_crs }
            }
            Self::NotNorthUp { path, how, has_crs } => Self::NeedsWarp { path, reason: how, has_crs },
            other => other,
        }
    }
}

/// In what two files of one scene differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum SceneMismatch {
    #[strum(to_string = "coordinate reference system")]
    Crs,
    #[strum(to_string = "pixel size")]
    Resolution,
    /// Position of pixel corners, by a fraction of a pixel.
    #[strum(to_string = "pixel alignment")]
    Alignment,
    #[strum(to_string = "number of bands")]
    BandCount,
    #[strum(to_string = "pixel type")]
    PixelType,
    /// Descriptions of the bands.
    #[strum(to_string = "band descriptions")]
    BandNames,
    /// What a stored number means: scale and offset.
    #[strum(to_string = "scale and offset")]
    Scaling,
}

/// A setting that warping needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum WarpSetting {
    /// The CRS to warp to.
    #[strum(to_string = "a CRS")]
    Crs,
    /// The pixel size to warp to.
    #[strum(to_string = "a resolution")]
    Resolution,
    #[strum(to_string = "a resampling")]
    Resampling,
}

fn subdatasets_hint(subdatasets: &[String]) -> String {
    match subdatasets {
        [] => String::new(),
        names => format!("; name one of the rasters inside it: {}", names.join(", ")),
    }
}
