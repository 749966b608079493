use areal_job::{FileError, Interrupted};

use super::{CliError, Exit};

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        let exit = match &error {
            FileError::Io { action: "read", .. } | FileError::Json { .. } | FileError::Format { .. } => Exit::Input,
            FileError::OverInput { .. } | FileError::Unnamed { .. } => Exit::Usage,
            FileError::Io { .. } | FileError::Exists { .. } | FileError::Foreign { .. } => Exit::Output,
        };
        let help = match &error {
            FileError::Exists { .. } => "choose another --out, or pass --overwrite to replace it",
            FileError::Foreign { .. } => {
                "areal replaces only what it made; choose another --out, or move that away yourself"
            }
            FileError::OverInput { .. } => "choose an --out apart from the inputs",
            FileError::Unnamed { .. } => "name a file or folder that can be made",
            FileError::Io { action: "read", .. } => "check the path and that you may read it",
            FileError::Io { .. } => "check that the disk has room and that you may write there",
            FileError::Json { .. } | FileError::Format { .. } => {
                "the file was changed by hand or made by another version of areal; make it again"
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

impl From<Interrupted> for CliError {
    fn from(_: Interrupted) -> Self {
        Self::new(Exit::Interrupted, "interrupted; nothing was left under a final name")
    }
}
