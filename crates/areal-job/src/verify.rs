//! Comparing outputs on disk with their manifests.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::files::files_under;
use crate::manifest::{Condition, FileUse, MANIFEST, Manifest};
use crate::staged_file::FileNote;
use crate::{FileError, Interrupted, Job, Unit};

/// Why outputs could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A folder without any output that has a manifest.
    #[error("{path} contains no output with a manifest ({MANIFEST})", path = path.display())]
    NoManifest { path: PathBuf },
}

/// What a file is, compared with what areal wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FileState {
    /// As areal wrote it.
    Ok,
    /// Changed, as people may: a sheet to fill in, a layer to map, a text to read; or accepted.
    Edited,
    /// Changed, though areal reads it.
    Changed,
    Missing,
    /// Not written by areal.
    Foreign,
}

impl FileState {
    /// True for a state that makes an output unfit for use.
    pub fn is_fault(self) -> bool {
        matches!(self, Self::Changed | Self::Missing)
    }
}

/// A file of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub path: PathBuf,
    pub state: FileState,
    /// What is not as it was, with its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// Compares all outputs in a folder, itself included, with their manifests, or one file with the note beside it. With `accept`, changed files are taken for right
/// from now on.
///
/// # Errors
/// [`VerifyError::NoManifest`] when there is no output; when a file cannot be read; when the job is asked to stop.
pub fn verify(folder: &Path, accept: bool, job: Job<'_>) -> Result<Vec<Verified>, VerifyError> {
    if folder.is_file() {
        return match FileNote::of(folder) {
            Some(written) => Ok(vec![verify_file(folder, &written)]),
            None => Err(VerifyError::NoManifest { path: folder.to_path_buf() }),
        };
    }
    let all = files_under(folder)?;
    let outputs: Vec<&Path> = all.iter().filter(|f| f.ends_with(MANIFEST)).filter_map(|f| f.parent()).collect();
    let task = job.task("verify", None, Unit::Files);
    let mut found = Vec::new();
    let mut push = |one: Verified| -> Result<(), VerifyError> {
        found.push(one);
        task.advance(1);
        Ok(job.check()?)
    };
    for output in &outputs {
        let inner = |file: &Path| outputs.iter().any(|o| o != output && o.starts_with(output) && file.starts_with(o));
        // A file with a note of its own is compared with that.
        let own = all
            .iter()
            .filter(|file| file.starts_with(output) && !inner(file) && FileNote::of(&folder.join(file)).is_none());
        let own: Vec<&Path> = own.filter_map(|file| file.strip_prefix(output).ok()).collect();
        verify_output(&folder.join(output), &own, accept, &mut push)?;
    }
    for file in all.iter().map(|name| folder.join(name)) {
        if let Some(written) = FileNote::of(&file) {
            push(verify_file(&file, &written))?;
        }
    }
    if found.is_empty() {
        return Err(VerifyError::NoManifest { path: folder.to_path_buf() });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// A single file that areal wrote, such as a report.
fn verify_file(file: &Path, written: &FileNote) -> Verified {
    let state = if written.is_intact(file) { FileState::Ok } else { FileState::Edited };
    Verified { path: file.to_path_buf(), state, how: None }
}

/// True for a file in which areal notes what it made: a ledger, a note beside a file, a lock.
fn is_record(name: &Path) -> bool {
    let own = name.file_name().unwrap_or_default().to_string_lossy();
    own.starts_with('.') && (own.ends_with(".areal.json") || own.ends_with(".lock"))
        || name.parent().is_some_and(|folder| folder.ends_with(".ledger"))
}

/// One output, of whose folder `present` are the files.
fn verify_output(
    folder: &Path,
    present: &[&Path],
    accept: bool,
    push: &mut impl FnMut(Verified) -> Result<(), VerifyError>,
) -> Result<(), VerifyError> {
    let path = folder.join(MANIFEST);
    let mut manifest = match Manifest::read(folder) {
        Ok(Some(manifest)) => manifest,
        Ok(None) => return Ok(()),
        Err(FileError::Damaged { how, .. }) => {
            return push(Verified { path, state: FileState::Changed, how: Some(how) });
        }
        Err(other) => return Err(other.into()),
    };
    push(Verified { path, state: FileState::Ok, how: None })?;
    for file in manifest.clone().files() {
        let (mut state, how) = match file.condition(folder)? {
            Condition::Intact if file.used == FileUse::Accepted => (FileState::Edited, None),
            Condition::Intact => (FileState::Ok, None),
            Condition::Changed(how) if file.used == FileUse::Open => (FileState::Edited, Some(how)),
            Condition::Changed(how) => (FileState::Changed, Some(how)),
            Condition::Missing => (FileState::Missing, None),
        };
        if accept && state == FileState::Changed {
            manifest.accept(folder, &file.name)?;
            state = FileState::Edited;
        }
        push(Verified { path: folder.join(&file.name), state, how })?;
    }
    if accept {
        manifest.write(folder)?;
    }
    let foreign = |name: &&&Path| {
        !is_record(name) && name.to_str().is_none_or(|name| name != MANIFEST && manifest.file(name).is_none())
    };
    for name in present.iter().filter(foreign) {
        push(Verified { path: folder.join(name), state: FileState::Foreign, how: None })?;
    }
    Ok(())
}
