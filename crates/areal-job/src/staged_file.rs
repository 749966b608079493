//! Single files that are written beside their final name and renamed when whole.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::carry::{bring, free_name};
use crate::lease::Lease;
use crate::place::{PARTIAL, parent_of, staging_path, sweep, sync_folder};
use crate::staged_dir::{make_parent, sync};
use crate::{FileError, Sha256, hash_file, live, read_json};

/// A file that is written beside its final name and renamed when whole. Dropped without [`commit`](Self::commit), it
/// leaves nothing behind.
#[derive(Debug)]
pub struct StagedFile {
    staging: PathBuf,
    target: PathBuf,
    /// Of an output by itself; files in a folder that is being written need none.
    lease: Option<Lease>,
    done: bool,
}

/// Bytes in which a file of areal's shows what it is.
const BEGINNING: u64 = 4096;

/// True when the beginning of a file holds `mark`.
fn begins_with(file: &Path, mark: &str) -> bool {
    let mut beginning = Vec::new();
    let read = fs::File::open(file).and_then(|f| f.take(BEGINNING).read_to_end(&mut beginning));
    read.is_ok() && String::from_utf8_lossy(&beginning).contains(mark)
}

/// What areal wrote at a place: kept beside a file that is an output by itself.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileNote {
    format: String,
    sha256: Sha256,
}

impl FileNote {
    const FORMAT: &str = "areal-written/1";

    /// Where it lies: `.NAME.areal.json` beside the file.
    fn path(target: &Path) -> PathBuf {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        target.with_file_name(format!(".{name}.areal.json"))
    }

    /// What areal wrote at this place; none where it wrote nothing, or that is not known.
    pub fn of(target: &Path) -> Option<Self> {
        read_json::<Self>(&Self::path(target), Self::FORMAT).ok()
    }

    /// True when nobody changed the file since.
    pub fn is_intact(&self, target: &Path) -> bool {
        hash_file(target).is_ok_and(|now| now == self.sha256)
    }
}

impl StagedFile {
    /// Begins a file that will stand at `target`, in a folder that no other process writes; missing parent folders are made.
    ///
    /// # Errors
    /// When the parent folder cannot be made, or a folder or device stands at `target`.
    pub fn new(target: &Path) -> Result<Self, FileError> {
        if target.file_name().is_none() {
            return Err(FileError::Unnamed { path: target.to_path_buf() });
        }
        if target.exists() && !target.is_file() {
            return Err(FileError::Foreign { path: target.to_path_buf() });
        }
        make_parent(target)?;
        let staging = staging_path(target, PARTIAL, &std::process::id().to_string());
        live::note(&staging);
        Ok(Self { staging, target: target.to_path_buf(), lease: None, done: false })
    }

    /// Begins an output by itself. With `overwrite`, a file of areal's that stands there is replaced on commit if its
    /// beginning holds `mark`, a text that every such file has; one that was changed since areal wrote it is kept as
    /// NAME.kept-1. Without, it is an error now.
    ///
    /// # Errors
    /// As [`StagedFile::new`]; [`FileError::Exists`] as said; [`FileError::Foreign`] when the mark is missing;
    /// [`FileError::Busy`] when another process writes it.
    pub fn replacing(target: &Path, overwrite: bool, mark: &str) -> Result<Self, FileError> {
        if target.exists() && !overwrite {
            return Err(FileError::Exists { path: target.to_path_buf() });
        }
        if target.is_file() && !begins_with(target, mark) {
            return Err(FileError::Foreign { path: target.to_path_buf() });
        }
        let mut staged = Self::new(target)?;
        staged.lease = Some(Lease::take(target)?);
        sweep(target)?;
        sweep(&FileNote::path(target))?;
        Ok(staged)
    }

    /// Where to write for now.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Gives the whole file its final name, replacing what stood there.
    ///
    /// # Errors
    /// When the rename fails; nothing is left behind then.
    pub fn commit(mut self) -> Result<(), FileError> {
        sync(&self.staging)?;
        if let Some(lease) = &self.lease {
            lease.check()?;
            self.keep_changed()?;
        }
        let rename = || fs::rename(&self.staging, &self.target);
        live::whole(&self.staging, rename).map_err(FileError::io("write", &self.target))?;
        self.done = true;
        if self.lease.is_some() {
            sync_folder(parent_of(&self.target))?;
        }
        Ok(())
    }

    /// Keeps a file that somebody changed since areal wrote it, and notes what areal writes now.
    fn keep_changed(&self) -> Result<(), FileError> {
        let sha256 = hash_file(&self.staging)?;
        let target = &self.target;
        if target.is_file()
            && !FileNote::of(target).is_some_and(|w| w.is_intact(target))
            && hash_file(target)? != sha256
        {
            let folder = parent_of(target);
            let name = Path::new(target.file_name().unwrap_or_default());
            let kept = folder.join(free_name(name, [folder, folder]));
            bring(target, &kept)?;
            tracing::warn!("{} was changed since areal wrote it; kept as {}", target.display(), kept.display());
        }
        crate::write_json(&FileNote::path(target), &FileNote { format: FileNote::FORMAT.to_owned(), sha256 })
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.done {
            live::forget(&self.staging);
            let _ = fs::remove_file(&self.staging);
        }
    }
}
