use std::fs;
use std::path::{Path, PathBuf};

use crate::FileError;

/// A file that is written beside its final name and renamed when whole. Dropped without [`commit`](Self::commit), it
/// leaves nothing behind.
#[derive(Debug)]
pub struct StagedFile {
    staging: PathBuf,
    target: PathBuf,
    done: bool,
}

/// A folder of outputs that is filled beside its final name and renamed when whole. Dropped without
/// [`commit`](Self::commit), it leaves nothing behind; what stood under the final name stands until the new one is
/// whole.
#[derive(Debug)]
pub struct StagedDir {
    staging: PathBuf,
    target: PathBuf,
    done: bool,
}

/// `.NAME.partial-PID` in the folder of `target`: on the same file system, so that the rename is one step.
fn staging_path(target: &Path, tag: &str) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    // The name's ending is kept at the end: GDAL chooses drivers by it.
    target.with_file_name(format!(".{tag}-{}-{name}", std::process::id()))
}

fn make_parent(target: &Path) -> Result<(), FileError> {
    match target.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => {
            fs::create_dir_all(parent).map_err(FileError::io("create", parent))
        }
        _ => Ok(()),
    }
}

impl StagedFile {
    /// Begins a file that will stand at `target`; missing parent folders are made.
    ///
    /// # Errors
    /// When the parent folder cannot be made.
    pub fn new(target: &Path) -> Result<Self, FileError> {
        make_parent(target)?;
        Ok(Self { staging: staging_path(target, "partial"), target: target.to_path_buf(), done: false })
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
        fs::rename(&self.staging, &self.target).map_err(FileError::io("write", &self.target))?;
        self.done = true;
        Ok(())
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_file(&self.staging);
        }
    }
}

impl StagedDir {
    /// Begins a folder that will stand at `target`. With `overwrite`, a folder that stands there is replaced on
    /// commit; without, it is an error now.
    ///
    /// # Errors
    /// [`FileError::Exists`] as said, or when the folder cannot be made.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self, FileError> {
        if target.exists() && !overwrite {
            return Err(FileError::Exists { path: target.to_path_buf() });
        }
        make_parent(target)?;
        let staging = staging_path(target, "partial");
        if staging.exists() {
            fs::remove_dir_all(&staging).map_err(FileError::io("remove", &staging))?;
        }
        fs::create_dir(&staging).map_err(FileError::io("create", target))?;
        Ok(Self { staging, target: target.to_path_buf(), done: false })
    }

    /// Where to write for now.
    pub fn path(&self) -> &Path {
        &self.staging
    }

    /// Path of one file in the folder, for now.
    pub fn file(&self, name: &str) -> PathBuf {
        self.staging.join(name)
    }

    /// Gives the whole folder its final name, replacing what stood there.
    ///
    /// # Errors
    /// When a rename fails; what stood there before then stands again.
    pub fn commit(mut self) -> Result<(), FileError> {
        let fault = |e| FileError::io("write", &self.target)(e);
        for entry in fs::read_dir(&self.staging).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            if path.is_file() {
                sync(&path)?;
            }
        }
        let old = self.target.exists().then(|| staging_path(&self.target, "replaced"));
        if let Some(old) = &old {
            fs::rename(&self.target, old).map_err(fault)?;
        }
        if let Err(e) = fs::rename(&self.staging, &self.target) {
            if let Some(old) = &old {
                let _ = fs::rename(old, &self.target);
            }
            return Err(fault(e));
        }
        self.done = true;
        if let Some(old) = old {
            let _ = fs::remove_dir_all(old);
        }
        Ok(())
    }
}

impl Drop for StagedDir {
    fn drop(&mut self) {
        if !self.done {
            let _ = fs::remove_dir_all(&self.staging);
        }
    }
}

/// A full disk may show only now; better here than under the final name.
fn sync(path: &Path) -> Result<(), FileError> {
    fs::File::open(path).and_then(|f| f.sync_all()).map_err(FileError::io("write", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_or_not_there() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("a/out");
        let staged = StagedDir::new(&target, false).unwrap();
        fs::write(staged.file("x"), "1").unwrap();
        drop(staged);
        assert!(fs::read_dir(root.path().join("a")).unwrap().next().is_none());

        let staged = StagedDir::new(&target, false).unwrap();
        fs::write(staged.file("x"), "2").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read_to_string(target.join("x")).unwrap(), "2");

        assert!(matches!(StagedDir::new(&target, false), Err(FileError::Exists { .. })));
        let staged = StagedDir::new(&target, true).unwrap();
        fs::write(staged.file("y"), "3").unwrap();
        assert!(target.join("x").exists());
        staged.commit().unwrap();
        assert!(target.join("y").exists() && !target.join("x").exists());
        assert_eq!(fs::read_dir(root.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn a_dropped_file_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("x.txt");
        let staged = StagedFile::new(&target).unwrap();
        fs::write(staged.path(), "half").unwrap();
        drop(staged);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
