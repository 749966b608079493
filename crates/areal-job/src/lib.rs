//! What every job needs: staged outputs, hashes, JSON documents, progress, interruption.
//!
//! Nothing here knows rasters or networks; every other crate may use it.

mod carry;
mod check_output;
mod files;
mod hash;
mod input_file;
mod interrupt;
mod json;
mod lease;
mod live;
mod manifest;
mod place;
mod plain_words;
mod progress;
mod staged_dir;
mod staged_file;
#[cfg(test)]
mod staged_tests;
mod verify;

pub use check_output::check_output;
pub use files::files_under;
pub use hash::{Sha256, check_digest, check_unchanged, folder_bytes, hash_bytes, hash_file, hash_folder};
pub use input_file::InputFile;
pub use interrupt::{Interrupt, Interrupted};
pub use json::{read_json, read_json_of, write_json};
pub use lease::Lease;
pub use live::abandon;
pub use manifest::{Condition, FileUse, MANIFEST, Manifest, ManifestFile};
pub use place::{recover_input, recover_output, sweep_files};
pub use plain_words::plain_words;
pub use progress::{Job, NoProgress, Progress, Task, Unit};
pub use staged_dir::StagedDir;
pub use staged_file::StagedFile;
pub use verify::{FileState, Verified, VerifyError, verify};

/// A file operation that failed, with the file it failed on.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("cannot {action} {path}: {source}", path = path.display())]
    Io {
        /// What was being done: `read`, `write`, `rename` ...
        action: &'static str,
        /// The file or folder.
        path: std::path::PathBuf,
        source: std::io::Error,
    },
    /// A JSON file that does not hold what it should.
    #[error("{path}, line {line}, column {column}: {message}", path = path.display())]
    Json {
        path: std::path::PathBuf,
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault, from 1.
        column: usize,
        message: String,
    },
    /// A file of another kind or of another version.
    #[error("{path} has format \"{found}\", expected \"{}\"", expected.join("\" or \""), path = path.display())]
    Format {
        path: std::path::PathBuf,
        /// Its `format` field.
        found: String,
        /// What this program reads, the present format first.
        expected: Vec<&'static str>,
    },
    /// An output that would replace what areal did not make.
    #[error("{path} was not made by areal", path = path.display())]
    Foreign { path: std::path::PathBuf },
    /// An output that would replace or change an input of its own job.
    #[error(
        "the output {output} would overwrite the input {input}",
        output = output.display(),
        input = input.display()
    )]
    OverInput { output: std::path::PathBuf, input: std::path::PathBuf },
    /// An output that another process is writing.
    #[error("{path} is being written by {holder}", path = path.display())]
    Busy {
        /// The output.
        path: std::path::PathBuf,
        /// Process, host and time.
        holder: String,
    },
    /// A file of an output that is not as areal wrote it.
    #[error("{path} was changed or damaged since areal wrote it: {how}", path = path.display())]
    Damaged {
        path: std::path::PathBuf,
        /// What is not as it was, with its place.
        how: String,
    },
    /// An output path that ends in no name, such as `.` or `/`.
    #[error("{path} is not a valid output name", path = path.display())]
    Unnamed {
        /// The output.
        path: std::path::PathBuf,
    },
    /// An output that already exists and may not be overwritten.
    #[error("{path} already exists", path = path.display())]
    Exists {
        /// The output.
        path: std::path::PathBuf,
    },
}

impl FileError {
    /// Wraps an I/O error with the file and what was being done to it.
    pub fn io(action: &'static str, path: impl Into<std::path::PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
