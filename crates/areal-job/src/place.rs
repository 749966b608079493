//! Putting a staged output in its place in one step, and mending what a process left that ended between two steps.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::FileError;
use crate::carry::{discard, there};
use crate::lease::Lease;
use crate::manifest::MANIFEST;

/// Of a folder that an output is written to before it has its final name.
pub(crate) const PARTIAL: &str = "partial";

/// Of a folder that is being replaced, where the file system cannot exchange two names.
const REPLACED: &str = "replaced";

/// `.TAG-NONCE-NAME` beside the output: on the same file system, so that the rename is one step. The name's ending is kept at
/// the end: GDAL chooses drivers by it.
pub(crate) fn staging_path(target: &Path, tag: &str, nonce: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{tag}-{nonce}-{name}"))
}

/// Folder of a path; the current one for a bare name.
pub(crate) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes the names in a folder last through a power failure.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    match fs::File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems have no such call for folders.
        Err(e) if e.kind() == ErrorKind::InvalidInput => Ok(()),
        other => other.map_err(FileError::io("write", folder)),
    }
}

/// Exchanges the folders `staging` and `target`: afterwards the new one stands at `target` and what stood there is at the
/// path that is given back. A file system that cannot exchange names gets two renames; should the process end between
/// them, [`recover`] undoes the first.
///
/// # Errors
/// When a rename fails; what stood at `target` then stands there again.
pub(crate) fn exchange(staging: &Path, target: &Path, nonce: &str) -> Result<PathBuf, FileError> {
    match renameat_with(CWD, staging, CWD, target, RenameFlags::EXCHANGE) {
        Ok(()) => return Ok(staging.to_path_buf()),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
        Err(e) => return Err(FileError::io("write", target)(e.into())),
    }
    let old = staging_path(target, REPLACED, nonce);
    fs::rename(target, &old).map_err(FileError::io("write", target))?;
    if let Err(e) = fs::rename(staging, target) {
        // Should this fail too, the next process puts it back.
        let _ = fs::rename(&old, target);
        return Err(FileError::io("write", target)(e));
    }
    Ok(old)
}

/// The name of the output that a name in the manner of [`staging_path`] stands for.
pub(crate) fn is_staging<'a>(name: &'a str, tag: &str) -> Option<&'a str> {
    let (nonce, of) = name.strip_prefix('.')?.strip_prefix(tag)?.strip_prefix('-')?.split_once('-')?;
    (!nonce.is_empty() && nonce.bytes().all(|b| b.is_ascii_hexdigit())).then_some(of)
}

/// Names beside an output with this tag, of whichever process.
fn left_beside(target: &Path, tag: &str) -> Vec<PathBuf> {
    let Some(name) = target.file_name().map(|name| name.to_string_lossy().into_owned()) else { return Vec::new() };
    let entries = fs::read_dir(parent_of(target)).into_iter().flatten().flatten();
    let is_left = |entry: &fs::DirEntry| is_staging(&entry.file_name().to_string_lossy(), tag) == Some(&name);
    let mut found: Vec<PathBuf> = entries.filter(is_left).map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Puts back an output that was moved aside to be replaced by a process that then ended. Does nothing where there is an
/// output.
///
/// # Errors
/// When it cannot be renamed.
pub(crate) fn recover(target: &Path) -> Result<(), FileError> {
    if there(target) {
        return Ok(());
    }
    let Some(old) = left_beside(target, REPLACED).pop() else { return Ok(()) };
    fs::rename(&old, target).map_err(FileError::io("rename", &old))?;
    tracing::warn!("{} was restored: the run that was replacing it did not finish", target.display());
    Ok(())
}

/// [`recover`] for one who reads an output. Does nothing while another process is at it.
///
/// # Errors
/// When it cannot be renamed.
pub fn recover_input(path: &Path) -> Result<(), FileError> {
    if there(path) || left_beside(path, REPLACED).is_empty() {
        return Ok(());
    }
    match Lease::take(path) {
        Ok(_lease) => recover(path),
        Err(FileError::Busy { .. }) => Ok(()),
        Err(other) => Err(other),
    }
}

/// Removes what ended processes left for the same output. The caller holds its lease, so that no other process is at it.
///
/// # Errors
/// When it cannot be removed.
pub(crate) fn sweep(target: &Path) -> Result<(), FileError> {
    for left in left_beside(target, PARTIAL) {
        let fault = FileError::io("remove", &left);
        if !left.is_dir() {
            fs::remove_file(&left).map_err(fault)?;
        } else if !left.join(MANIFEST).exists() {
            // Never whole: there is nothing in it but what areal was writing.
            fs::remove_dir_all(&left).map_err(fault)?;
        } else {
            discard_or_say(&left, target)?;
        }
    }
    for left in left_beside(target, REPLACED) {
        discard_or_say(&left, target)?;
    }
    Ok(())
}

/// Mends what is left beside an output by a process that ended, or that failed to remove a file: an output that was moved aside
/// is put back, and the rest is removed.
///
/// # Errors
/// [`FileError::Busy`] while another process writes the output; when something cannot be renamed or removed.
pub fn recover_output(target: &Path) -> Result<(), FileError> {
    if [PARTIAL, REPLACED].iter().all(|tag| left_beside(target, tag).is_empty()) {
        return Ok(());
    }
    let _lease = Lease::take(target)?;
    recover(target)?;
    sweep(target)
}

/// Removes half-written files that ended processes left in a folder that no other process writes.
///
/// # Errors
/// When one cannot be removed.
pub fn sweep_files(folder: &Path) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if is_staging(&name, PARTIAL).is_some() && !path.is_dir() {
            fs::remove_file(&path).map_err(FileError::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Discards a folder, and says so when something in it is not known to be areal's.
pub(crate) fn discard_or_say(old: &Path, new: &Path) -> Result<(), FileError> {
    if !discard(old, new)? {
        tracing::warn!("{} holds files that areal did not write; remove it if you do not need them", old.display());
    }
    Ok(())
}
