//! Outputs that are written beside their final name and renamed when whole.

use std::fs;
use std::io::Read;
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

/// Refuses an output that is one of the job's inputs, or lies within one, or holds one.
///
/// # Errors
/// [`FileError::OverInput`] with both.
pub fn check_output(output: &Path, inputs: &[PathBuf]) -> Result<(), FileError> {
    let whole = |path: &Path| {
        // The output need not exist: its nearest folder that does is resolved, and the rest kept.
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let there = absolute.ancestors().find(|p| p.exists()).unwrap_or(&absolute).to_path_buf();
        let rest = absolute.strip_prefix(&there).map(Path::to_path_buf).unwrap_or_default();
        let resolved = there.canonicalize().unwrap_or(there);
        if rest.as_os_str().is_empty() { resolved } else { resolved.join(rest) }
    };
    let out = whole(output);
    for input in inputs {
        let path = whole(input);
        if out.starts_with(&path) || path.starts_with(&out) {
            return Err(FileError::OverInput { output: output.to_path_buf(), input: input.clone() });
        }
    }
    Ok(())
}

/// True for a folder that may be replaced: an empty one, or one with a document of areal's.
fn replaceable(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    let mut empty = true;
    for entry in entries.flatten() {
        empty = false;
        let path = entry.path();
        let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
        let ours = match path.extension().and_then(|e| e.to_str()) {
            Some("json") => serde_json::from_str::<serde_json::Value>(&text(&path))
                .is_ok_and(|json| json.get("format").and_then(|f| f.as_str()).is_some_and(|f| f.starts_with("areal-"))),
            Some("toml") => text(&path).contains("format = \"areal-recipe/"),
            _ => false,
        };
        if ours {
            return true;
        }
    }
    empty
}

/// Bytes in which a file of areal's shows what it is.
const BEGINNING: u64 = 4096;

/// True when the beginning of a file holds `mark`.
fn begins_with(file: &Path, mark: &str) -> bool {
    let mut beginning = Vec::new();
    let read = fs::File::open(file).and_then(|f| f.take(BEGINNING).read_to_end(&mut beginning));
    read.is_ok() && String::from_utf8_lossy(&beginning).contains(mark)
}

/// Removes what an ended process left half-written for the same output.
fn sweep(target: &Path, tag: &str) {
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else { return };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let found = entry.file_name().to_string_lossy().into_owned();
        let rest = found.strip_prefix(&format!(".{tag}-")).and_then(|r| r.split_once('-'));
        let Some((process, of)) = rest else { continue };
        let left = process.bytes().all(|b| b.is_ascii_digit()) && !processes.join(process).exists();
        if left && of == name.to_string_lossy() {
            let path = entry.path();
            let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
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
    /// When the parent folder cannot be made, or a folder or device stands at `target`.
    pub fn new(target: &Path) -> Result<Self, FileError> {
        if target.file_name().is_none() {
            return Err(FileError::Unnamed { path: target.to_path_buf() });
        }
        if target.exists() && !target.is_file() {
            return Err(FileError::Foreign { path: target.to_path_buf() });
        }
        make_parent(target)?;
        sweep(target, "partial");
        Ok(Self { staging: staging_path(target, "partial"), target: target.to_path_buf(), done: false })
    }

    /// The same for a file of areal's own. With `overwrite`, one that stands there is replaced on commit if its
    /// beginning holds `mark`, a text that every such file has; without, it is an error now.
    ///
    /// # Errors
    /// As [`StagedFile::new`]; [`FileError::Exists`] as said; [`FileError::Foreign`] when the mark is missing.
    pub fn replacing(target: &Path, overwrite: bool, mark: &str) -> Result<Self, FileError> {
        if target.exists() && !overwrite {
            return Err(FileError::Exists { path: target.to_path_buf() });
        }
        if target.is_file() && !begins_with(target, mark) {
            return Err(FileError::Foreign { path: target.to_path_buf() });
        }
        Self::new(target)
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
    /// Begins a folder that will stand at `target`. With `overwrite`, a folder of areal's that stands there is replaced
    /// on commit; without, it is an error now.
    ///
    /// # Errors
    /// [`FileError::Exists`] as said; [`FileError::Foreign`] when what stands there is neither empty nor made by areal
    /// (it holds no document with areal's `format`); or when the folder cannot be made.
    pub fn new(target: &Path, overwrite: bool) -> Result<Self, FileError> {
        if target.file_name().is_none() {
            return Err(FileError::Unnamed { path: target.to_path_buf() });
        }
        if target.exists() && !overwrite {
            return Err(FileError::Exists { path: target.to_path_buf() });
        }
        if target.exists() && !replaceable(target) {
            return Err(FileError::Foreign { path: target.to_path_buf() });
        }
        make_parent(target)?;
        sweep(target, "partial");
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
        fs::write(staged.file("store.json"), "{\"format\": \"areal-store/1\"}").unwrap();
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
    fn overwrite_never_replaces_what_areal_did_not_make() {
        let root = tempfile::tempdir().unwrap();
        let thesis = root.path().join("user");
        fs::create_dir(&thesis).unwrap();
        assert!(StagedDir::new(&thesis, true).is_ok(), "an empty folder may be filled");
        fs::write(thesis.join("thesis.txt"), "years of work").unwrap();
        fs::write(thesis.join("other.json"), "{\"format\": \"something\"}").unwrap();
        assert!(matches!(StagedDir::new(&thesis, true), Err(FileError::Foreign { .. })));
        assert!(matches!(StagedDir::new(&thesis.join("thesis.txt"), true), Err(FileError::Foreign { .. })));
        assert!(matches!(StagedFile::new(&thesis), Err(FileError::Foreign { .. })));
        assert!(matches!(StagedDir::new(Path::new("/"), true), Err(FileError::Unnamed { .. })));
        assert_eq!(fs::read_to_string(thesis.join("thesis.txt")).unwrap(), "years of work");
    }

    #[test]
    fn a_file_is_replaced_only_if_it_bears_the_mark() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("hand.html");
        let write = |overwrite: bool| {
            let staged = StagedFile::replacing(&target, overwrite, "generator: areal")?;
            fs::write(staged.path(), "generator: areal, new").unwrap();
            staged.commit()
        };
        fs::write(&target, "three weeks of work").unwrap();
        assert!(matches!(write(false), Err(FileError::Exists { .. })));
        assert!(matches!(write(true), Err(FileError::Foreign { .. })));
        assert_eq!(fs::read_to_string(&target).unwrap(), "three weeks of work");
        fs::write(&target, "generator: areal, old").unwrap();
        write(true).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "generator: areal, new");
    }

    #[test]
    fn an_output_may_not_touch_an_input() {
        let root = tempfile::tempdir().unwrap();
        let bundle = root.path().join("bundle");
        fs::create_dir(&bundle).unwrap();
        let inputs = [bundle.clone()];
        for bad in [bundle.clone(), bundle.join("sub/out"), root.path().to_path_buf(), bundle.join("../bundle")] {
            let refused = check_output(&bad, &inputs);
            assert!(matches!(refused, Err(FileError::OverInput { .. })), "{}", bad.display());
        }
        assert!(check_output(&root.path().join("bundle2"), &inputs).is_ok());
    }

    #[test]
    fn what_a_dead_process_left_is_swept() {
        let root = tempfile::tempdir().unwrap();
        // No process has this number: Linux gives out at most 2^22.
        let stale = root.path().join(".partial-99999999-out");
        let other = root.path().join(".partial-99999999-another");
        fs::create_dir(&stale).unwrap();
        fs::create_dir(&other).unwrap();
        drop(StagedDir::new(&root.path().join("out"), false).unwrap());
        assert!(!stale.exists() && other.exists());
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
