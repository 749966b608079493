//! Advice for errors of files and outputs.

use std::io::ErrorKind;
use std::path::Path;

use areal_job::{FileError, Interrupted, VerifyError};

use super::{CliError, Exit};

/// Advice for a file that is not as areal wrote it.
pub const MAKE_AGAIN: &str = "the file was edited or made by another version of areal; make it again";

impl From<FileError> for CliError {
    fn from(error: FileError) -> Self {
        if let FileError::Io { action: "read", path, source } = &error
            && matches!(source.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
            && let Some(other) = other_folder(path)
        {
            return other;
        }
        let exit = match &error {
            FileError::Io { action: "read", .. }
            | FileError::Json { .. }
            | FileError::Format { .. }
            | FileError::Damaged { .. } => Exit::Input,
            FileError::Busy { .. } => Exit::Busy,
            FileError::OverInput { .. } | FileError::Unnamed { .. } => Exit::Usage,
            FileError::Io { .. } | FileError::Exists { .. } | FileError::Foreign { .. } => Exit::Output,
        };
        let help = match &error {
            FileError::Exists { .. } => "choose another --out, or pass --overwrite to replace it",
            FileError::Foreign { .. } => {
                "areal replaces only its own outputs; choose another --out, or move the existing one away"
            }
            FileError::Busy { .. } => {
                "wait until it has ended, or choose another --out; a process on another machine that was killed \
                 blocks the output for two minutes"
            }
            FileError::Damaged { .. } => {
                "make it again, or copy it again from where it is whole; if the change was made on purpose, \
                 `areal verify --accept FOLDER` accepts the file as it is"
            }
            FileError::OverInput { .. } => "choose an --out outside the inputs",
            FileError::Unnamed { .. } => "give the name of a file or folder that can be created",
            FileError::Io { action: "read", .. } => "check the path and your read permission",
            FileError::Io { .. } => "check the free disk space and your write permission",
            FileError::Format { path, found, expected } => other_format(path, found, expected),
            FileError::Json { .. } => MAKE_AGAIN,
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// Advice for a document of another format. A sample design cannot be made again: its units are labelled.
fn other_format(path: &Path, found: &str, expected: &[&'static str]) -> &'static str {
    let kind = |format: &str| format.split_once('/').map(|(kind, _)| kind.to_owned());
    let same_kind = kind(found).is_some() && expected.iter().any(|format| kind(format) == kind(found));
    if !same_kind {
        MAKE_AGAIN
    } else if path.file_name().is_some_and(|name| name == "design.json") {
        "use the version of areal that made it (its provenance says which: made_by), so that the labels of its sample are kept"
    } else {
        "use the version of areal that made it (its provenance says which: made_by), or make it again"
    }
}

/// The folder of something else: which document it lacks, and which command makes the right one.
fn other_folder(document: &Path) -> Option<CliError> {
    let name = document.file_name()?.to_str()?;
    let (what, command) = match name {
        "store.json" => ("a patch store", "tile"),
        "model.json" => ("a bundle", "train"),
        "evaluation.json" => ("an evaluation", "evaluate"),
        "prediction.json" => ("a prediction", "predict"),
        "explain.json" | "saliency.csv" => ("a folder of saliency maps", "explain"),
        "areas.json" => ("a folder of areas", "aggregate"),
        "design.json" => ("a sample design", "sample"),
        "estimates.json" => ("a folder of estimates", "estimate"),
        _ => return None,
    };
    let folder = document.parent().unwrap_or(document);
    let message = format!("{} is not {what}: it has no {name}", folder.display());
    Some(CliError::new(Exit::Input, message).help(format!("pass the folder that `areal {command}` made")))
}

impl From<VerifyError> for CliError {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::File(inner) => inner.into(),
            VerifyError::Interrupted(inner) => inner.into(),
            VerifyError::NoManifest { .. } => Self::from_source(Exit::Input, &error)
                .help("name a folder that areal made; earlier versions of areal wrote no manifest"),
        }
    }
}

impl From<Interrupted> for CliError {
    fn from(_: Interrupted) -> Self {
        Self::new(Exit::Interrupted, "interrupted; no partial output was left under its final name")
    }
}
