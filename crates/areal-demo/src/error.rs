//! Why a landscape could not be generated.

use std::path::PathBuf;

use areal_grid::ProjectionError;
use areal_job::{FileError, Interrupted};
use areal_raster::RasterError;

/// Why a landscape could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A raster or layer that cannot be written.
    #[error(transparent)]
    Raster(#[from] RasterError),
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A position that cannot be projected.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A table that cannot be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Table {
        /// The table.
        path: PathBuf,
        source: csv::Error,
    },
    /// A table that is no sample.
    #[error("{path} is not a sample made by `areal sample`: {what}", path = path.display())]
    Sample {
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
