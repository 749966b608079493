//! Copies of the finished job, for tests that change its files.

use std::fs;
use std::path::{Path, PathBuf};

use crate::JOB;

/// Copies a folder with all that is in it.
#[track_caller]
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A copy of the finished job.
pub struct JobCopy {
    folder: tempfile::TempDir,
}

impl Default for JobCopy {
    fn default() -> Self {
        Self::new()
    }
}

impl JobCopy {
    /// Copies the landscape with all outputs.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy_folder(&JOB.demo(), &folder.path().join("demo"));
        Self { folder }
    }

    /// The landscape with its recipes.
    pub fn demo(&self) -> PathBuf {
        self.folder.path().join("demo")
    }

    /// A file or folder of the landscape as text.
    pub fn file(&self, name: &str) -> String {
        self.demo().join(name).to_str().unwrap().to_owned()
    }

    /// An output of the recipe for land use as text.
    pub fn out(&self, name: &str) -> String {
        self.file(&format!("out/{name}"))
    }
}

/// Writes over bytes of a file.
#[track_caller]
pub fn damage(file: &str, at: u64, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    fs::File::options().write(true).open(file).unwrap().write_all_at(bytes, at).unwrap();
}

/// All files in a folder by their paths in it, with their contents. Locks and the ledger are left out: they are of a run, not of
/// its results.
#[track_caller]
pub fn contents(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    let mut pending = vec![folder.to_path_buf()];
    while let Some(here) = pending.pop() {
        for entry in fs::read_dir(&here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with(".ledger") {
                pending.push(path);
            } else if path.is_file() && path.extension().is_none_or(|e| e != "lock") {
                found.insert(path.strip_prefix(folder).unwrap().to_path_buf(), fs::read(&path).unwrap());
            }
        }
    }
    found
}
