//! What becomes of the files in a folder that is replaced: only what areal wrote and nobody changed is removed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::files::files_under;
use crate::manifest::{Condition, FileUse, MANIFEST, Manifest};
use crate::{FileError, hash_file};

/// A file that was kept under another name, because the new output has one of its name.
pub(crate) struct Kept {
    pub name: PathBuf,
    pub under: PathBuf,
}

/// Brings all files of the folder `old` that are not to be removed into the folder `new`: the files of others keep their
/// names where these are free; a style of QGIS that a person changed takes the place of the new one. Files are linked, so that
/// they stand in both.
///
/// # Errors
/// When a file cannot be read or brought over.
pub(crate) fn carry(old: &Path, new: &Path) -> Result<Vec<Kept>, FileError> {
    let (before, now) = (known(old)?, Manifest::read(new)?);
    let mut kept = Vec::new();
    for name in files_under(old)? {
        if removable(old, &name, [before.as_ref(), now.as_ref()])? {
            continue;
        }
        let taken = there(&new.join(&name));
        if taken && name.extension().is_some_and(|ending| ending == "qml") {
            // Whoever styled a map wants to see the next one in that style.
            fs::remove_file(new.join(&name)).map_err(FileError::io("remove", new.join(&name)))?;
            bring(&old.join(&name), &new.join(&name))?;
            tracing::info!(
                "the changed style {} is kept; remove it to get the style written by areal",
                old.join(&name).display()
            );
            continue;
        }
        let under = if taken { free_name(&name, [old, new]) } else { name.clone() };
        bring(&old.join(&name), &new.join(&under))?;
        if under != name {
            kept.push(Kept { name, under });
        }
    }
    Ok(kept)
}

/// The manifest of a folder; none also where it is damaged, so that nothing in the folder counts as known.
fn known(folder: &Path) -> Result<Option<Manifest>, FileError> {
    match Manifest::read(folder) {
        Err(FileError::Damaged { .. }) => Ok(None),
        other => other,
    }
}

/// True for a file that areal wrote and nobody changed, or whose content the new output has under the same name.
fn removable(folder: &Path, name: &Path, manifests: [Option<&Manifest>; 2]) -> Result<bool, FileError> {
    if name == Path::new(MANIFEST) {
        return Ok(manifests[0].is_some());
    }
    for file in manifests.into_iter().flatten().filter_map(|m| m.file(name.to_str()?)) {
        if file.used != FileUse::Accepted && file.condition(folder)? == Condition::Intact {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes a folder that was replaced by `new`, or that an ended process left: files that areal wrote and nobody changed, and
/// those that `new` has too. Any other comes to `new` if that exists, and else stays. True when all of it is gone.
///
/// # Errors
/// When a file cannot be read, moved or removed.
pub(crate) fn discard(old: &Path, new: &Path) -> Result<bool, FileError> {
    let (before, now) = (known(old)?, known(new)?);
    let mut whole = true;
    for name in files_under(old)? {
        let path = old.join(&name);
        if name == Path::new(MANIFEST) && before.is_some() {
            continue;
        }
        if has_too(new, &path, &name)? || removable(old, &name, [before.as_ref(), now.as_ref()])? {
            fs::remove_file(&path).map_err(FileError::io("remove", &path))?;
        } else if new.is_dir() {
            let under = if there(&new.join(&name)) { free_name(&name, [new, new]) } else { name.clone() };
            bring(&path, &new.join(&under))?;
            fs::remove_file(&path).map_err(FileError::io("remove", &path))?;
            tracing::warn!(
                "{} appeared while {} was being written; it is kept",
                new.join(under).display(),
                new.display()
            );
        } else {
            whole = false;
        }
    }
    if whole {
        remove_known(old)?;
    }
    Ok(whole)
}

/// True when `new` has this very file, or one with the same content, under its name or under that of a kept one.
fn has_too(new: &Path, path: &Path, name: &Path) -> Result<bool, FileError> {
    let own = fs::symlink_metadata(path).map_err(FileError::io("read", path))?;
    let is_it = |other: &Path| -> Result<bool, FileError> {
        let Ok(meta) = fs::symlink_metadata(new.join(other)) else { return Ok(false) };
        if (meta.dev(), meta.ino()) == (own.dev(), own.ino()) {
            return Ok(true);
        }
        let alike = own.is_file() && meta.is_file() && own.len() == meta.len();
        Ok(alike && hash_file(path)? == hash_file(&new.join(other))?)
    };
    if is_it(name)? {
        return Ok(true);
    }
    let mut n = 1;
    while there(&new.join(kept_name(name, n))) {
        if is_it(&kept_name(name, n))? {
            return Ok(true);
        }
        n += 1;
    }
    Ok(false)
}

/// Removes a folder of which nothing is left but its manifest and folders. The manifest goes last: without it nothing would
/// be known to be areal's.
fn remove_known(folder: &Path) -> Result<(), FileError> {
    let mut folders = vec![folder.to_path_buf()];
    let mut at = 0;
    while at < folders.len() {
        for entry in fs::read_dir(&folders[at]).map_err(FileError::io("read", &folders[at]))? {
            let path = entry.map_err(FileError::io("read", folder))?.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            }
        }
        at += 1;
    }
    for inner in folders[1..].iter().rev() {
        fs::remove_dir(inner).map_err(FileError::io("remove", inner))?;
    }
    let manifest = folder.join(MANIFEST);
    if there(&manifest) {
        fs::remove_file(&manifest).map_err(FileError::io("remove", &manifest))?;
    }
    fs::remove_dir(folder).map_err(FileError::io("remove", folder))
}

/// True where a name is taken, by whatever.
pub(crate) fn there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn kept_name(name: &Path, n: usize) -> PathBuf {
    let mut own = name.file_name().unwrap_or_default().to_os_string();
    own.push(format!(".kept-{n}"));
    name.with_file_name(own)
}

/// The first of NAME.kept-1, NAME.kept-2 ... that neither folder has.
pub(crate) fn free_name(name: &Path, folders: [&Path; 2]) -> PathBuf {
    let taken = |n| folders.iter().any(|folder| there(&folder.join(kept_name(name, n))));
    let mut n = 1;
    while taken(n) {
        n += 1;
    }
    kept_name(name, n)
}

/// Makes a file stand at a second place: a link where the file system has them, else a copy.
pub(crate) fn bring(from: &Path, to: &Path) -> Result<(), FileError> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent).map_err(FileError::io("create", parent))?;
    }
    if fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    let fault = || FileError::io("copy", from);
    let meta = fs::symlink_metadata(from).map_err(fault())?;
    if meta.is_symlink() {
        let aim = fs::read_link(from).map_err(fault())?;
        return std::os::unix::fs::symlink(aim, to).map_err(fault());
    }
    if !meta.is_file() {
        return Err(fault()(std::io::Error::other("it is neither a file nor a folder")));
    }
    fs::copy(from, to).map_err(fault())?;
    fs::File::open(to).and_then(|file| file.sync_all()).map_err(fault())
}
