//! Why a patch store cannot be written or read.

use std::path::PathBuf;

use areal_job::FileError;

/// Why a patch store cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{path}: {reason}", path = path.display())]
    Array { path: PathBuf, reason: String },
    #[error("{path}: {reason}", path = path.display())]
    Records { path: PathBuf, reason: String },
    #[error("{first} and {second} overlap, but are in different splits")]
    SplitsOverlap { first: String, second: String },
}
