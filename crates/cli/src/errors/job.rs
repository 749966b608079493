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
            FileError::Exists { .. } => "choose another --out, or pass --overwrite to replace it".to_owned(),
            FileError::Foreign { .. } => {
                "areal replaces only its own outputs; choose another --out, or move the existing one away".to_owned()
            }
            FileError::Busy { .. } => {
                "wait until it has ended, or choose another --out; a process on another machine that was killed \
                 blocks the output for two minutes"
                    .to_owned()
            }
            FileError::Damaged { path, .. } if is_design(path) => {
                format!(
                    "{RESTORE_DESIGN}; if the change was made on purpose, `areal verify --accept FOLDER` accepts the file as it is"
                )
            }
            FileError::Damaged { .. } => {
                "make it again, or copy it again from where it is whole; if the change was made on purpose, \
                 `areal verify --accept FOLDER` accepts the file as it is"
                    .to_owned()
            }
            FileError::OverInput { .. } => "choose an --out outside the inputs".to_owned(),
            FileError::Unnamed { .. } => "give the name of a file or folder that can be created".to_owned(),
            FileError::Io { action: "read", .. } => "check the path and your read permission".to_owned(),
            FileError::Io { path, source, .. } => unwritable(path, source.kind()),
            FileError::Format { path, found, expected } => other_format(path, found, expected).to_owned(),
            FileError::Json { path, .. } if is_design(path) => RESTORE_DESIGN.to_owned(),
            FileError::Json { .. } => MAKE_AGAIN.to_owned(),
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// Advice for the document of a sample that is damaged. Its units are labelled, so it cannot be made again.
const RESTORE_DESIGN: &str = "put back a copy of the file as `areal sample` wrote it: the labels of a sample fit its own design only, and a new \
                              sample would have other units";

fn is_design(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "design.json")
}

/// Advice for an output that cannot be written: what stands in the way, and what else to choose.
fn unwritable(path: &Path, kind: ErrorKind) -> String {
    let file = path.ancestors().find(|part| part.is_file());
    match (kind, file) {
        (ErrorKind::StorageFull | ErrorKind::QuotaExceeded, _) => {
            "free space on this disk, or choose an output on another one".to_owned()
        }
        (ErrorKind::NotADirectory | ErrorKind::AlreadyExists, Some(file)) => {
            format!(
                "{} is a file, so nothing can be written in it: choose an output (--out) in a folder",
                file.display()
            )
        }
        (ErrorKind::InvalidFilename, _) => "choose an output (--out) with a shorter name".to_owned(),
        (ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem, _) => {
            "choose an output (--out) in a folder in which you may write".to_owned()
        }
        // Systems such as /proc say that there is no such file.
        (ErrorKind::NotFound, _) => {
            "no file can be made in this folder: choose an output (--out) in another one".to_owned()
        }
        _ => "check the free disk space and your write permission, or choose an output (--out) in another folder"
            .to_owned(),
    }
}

/// Advice for a document of another format. A sample design cannot be made again: its units are labelled.
fn other_format(path: &Path, found: &str, expected: &[&'static str]) -> &'static str {
    let kind = |format: &str| format.split_once('/').map(|(kind, _)| kind.to_owned());
    let same_kind = kind(found).is_some() && expected.iter().any(|format| kind(format) == kind(found));
    if !same_kind && is_design(path) {
        RESTORE_DESIGN
    } else if !same_kind {
        MAKE_AGAIN
    } else if is_design(path) {
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
