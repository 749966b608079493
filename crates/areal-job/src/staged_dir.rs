//! Folders of outputs that are filled beside their final name and put in their place when whole.

use std::fs;
use std::path::{Path, PathBuf};

use crate::carry::{carry, there};
use crate::files::files_under;
use crate::lease::Lease;
use crate::manifest::{MANIFEST, Manifest};
use crate::place::{PARTIAL, discard_or_say, exchange, parent_of, recover, staging_path, sweep, sync_folder};
use crate::{FileError, live};

/// A folder of outputs that is filled beside its final name and put in its place in one step when whole. Dropped without
/// [`commit`](Self::commit), it leaves nothing behind; what stood under the final name stands until the new one is
/// whole. No other process writes the same folder meanwhile.
#[derive(Debug)]
pub struct StagedDir {
    staging: PathBuf,
    target: PathBuf,
    lease: Lease,
    /// Names of the files that people fill in.
    open: Vec<String>,
    done: bool,
}

/// True for a folder that may be written to: an empty one, one with a manifest, or one with a document of areal's, as of
/// versions without a manifest.
fn is_ours(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut empty = true;
    for entry in entries.flatten() {
        empty = false;
        let path = entry.path();
        // A file that cannot be read as text is not a document of areal's.
        let holds = |wanted: fn(&str) -> bool| fs::read_to_string(&path).is_ok_and(|text| wanted(&text));
        let ours = match path.extension().and_then(|e| e.to_str()) {
            _ if path.ends_with(MANIFEST) => true,
            Some("json") => holds(is_document),
            Some("toml") => holds(|text| text.contains("format = \"areal-recipe/")),
            _ => false,
        };
        if ours {
            return true;
        }
    }
    empty
}

fn is_document(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|json| json.get("format").and_then(|f| f.as_str()).is_some_and(|f| f.starts_with("areal-")))
}

pub(crate) fn make_parent(target: &Path) -> Result<(), FileError> {
    let parent = parent_of(target);
    fs::create_dir_all(parent).map_err(FileError::io("create", parent))
}

/// A full disk may show only now; better here than under the final name.
pub(crate) fn sync(path: &Path) -> Result<(), FileError> {
    fs::File::open(path).and_then(|f| f.sync_all()).map_err(FileError::io("write", path))
}

/// An error unless an output may be made or replaced.
fn check_target(target: &Path, overwrite: bool) -> Result<(), FileError> {
    if target.file_name().is_none() {
        return Err(FileError::Unnamed { path: target.to_path_buf() });
    }
    if !there(target) {
        return Ok(());
    }
    if !overwrite {
        return Err(FileError::Exists { path: target.to_path_buf() });
    }
    if is_ours(target) { Ok(()) } else { Err(FileError::Foreign { path: target.to_path_buf() }) }
}

impl StagedDir {
    /// Begins a folder that will stand at `target`. With `overwrite`, a folder of areal's that stands there is replaced
    /// on commit; without, it is an error now.
    ///
    /// # Errors
    /// [`FileError::Exists`] as said; [`FileError::Foreign`] when what stands there is neither empty nor made by areal
    /// (it holds no document with areal's `format`); [`FileError::Busy`] when another process writes it; or when the
    /// folder cannot be made.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self, FileError> {
        check_target(target, overwrite)?;
        make_parent(target)?;
        // A link to a folder stays one: its folder is replaced.
        let target = match target.canonicalize() {
            Ok(real) if target.is_symlink() => real,
            _ => target.to_path_buf(),
        };
        let lease = Lease::take(&target)?;
        recover(&target)?;
        check_target(&target, overwrite)?;
        sweep(&target)?;
        let staging = staging_path(&target, PARTIAL, lease.nonce());
        fs::create_dir(&staging).map_err(FileError::io("create", &target))?;
        live::note(&staging);
        Ok(Self { staging, target, lease, open: Vec::new(), done: false })
    }

    /// Where to write for now.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Path of one file in the folder, for now.
    pub fn file(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }

    /// Says that people fill in these files: later changes to them are no damage.
    pub fn open_to_edits<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.open.extend(names.into_iter().map(str::to_owned));
    }

    /// Gives the whole folder its final name, with its manifest. Of a folder that stood there, only files that areal wrote
    /// and nobody changed are removed. Other files stay, under the name NAME.kept-1 where the new folder has one of
    /// their name, and are then named in a warning.
    ///
    /// # Errors
    /// When a file cannot be written or renamed; what stood there before then stands there still.
    pub fn commit(mut self) -> Result<(), FileError> {
        Manifest::of(&self.staging, |name| self.open.iter().any(|open| open == name))?.write(&self.staging)?;
        let mut folders = vec![self.staging.clone()];
        for name in files_under(&self.staging)? {
            let file = self.staging.join(name);
            sync(&file)?;
            folders.extend(file.parent().map(Path::to_path_buf));
        }
        folders.dedup();
        self.lease.check()?;
        let replaces = there(&self.target);
        let kept = if replaces { carry(&self.target, &self.staging)? } else { Vec::new() };
        for folder in &folders {
            sync_folder(folder)?;
        }
        let old = live::whole(&self.staging, || {
            if replaces {
                return exchange(&self.staging, &self.target, self.lease.nonce()).map(Some);
            }
            fs::rename(&self.staging, &self.target).map_err(FileError::io("write", &self.target)).map(|()| None)
        })?;
        self.done = true;
        sync_folder(parent_of(&self.target))?;
        for file in kept {
            let [name, under] = [file.name, file.under].map(|name| self.target.join(name));
            tracing::warn!("{} was changed since areal wrote it; kept as {}", name.display(), under.display());
        }
        match old {
            Some(old) => discard_or_say(&old, &self.target),
            None => Ok(()),
        }
    }
}

impl Drop for StagedDir {
    fn drop(&mut self) {
        if !self.done {
            live::forget(&self.staging);
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}
