//! Advice for errors of files and outputs.

use std::io::ErrorKind;
use std::path::Path;

use areal_job::{FileError, Interrupted};

use super::{CliError, Exit};

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        if let FileError::Io { action: "read", path, source } = &error
            && matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
            && let Some(other) = other_folder(path)
        {
            return other;
        }
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

/// The folder of something else: which document it lacks, and which command makes the right one.
fn other_folder(document: &Path) -> Option<CliError> {
    let name = document.file_name()?.to_str()?;
    let (what, command) = match name {
        "store.json" => ("patch store", "tile"),
        "model.json" => ("bundle", "train"),
        "evaluation.json" => ("evaluation", "evaluate"),
        "prediction.json" => ("prediction", "predict"),
        "explain.json" | "saliency.csv" => ("folder of saliency maps", "explain"),
        "areas.json" => ("folder of areas", "aggregate"),
        "design.json" => ("sample design", "sample"),
        "estimates.json" => ("folder of estimates", "estimate"),
        _ => return None,
    };
    let folder = document.parent().unwrap_or(document);
    let message = format!("{} is no {what}: it has no {name}", folder.display());
    Some(CliError::new(Exit::Input, message).help(format!("pass the folder that `areal {command}` made")))
}

impl From<Interrupted> for CliError {
    fn from(_: Interrupted) -> Self {
        Self::new(Exit::Interrupted, "interrupted; nothing was left under a final name")
    }
}
