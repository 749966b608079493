//! The files of a folder, and those that other programs put beside them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::FileError;

/// All files under a folder, by their paths in it, sorted. Links and special files count as files; links are not followed.
pub fn files_under(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(inner) = pending.pop() {
        let here = folder.join(&inner);
        for entry in fs::read_dir(&here).map_err(FileError::io("read", &here))? {
            let entry = entry.map_err(FileError::io("read", &here))?;
            let kind = entry.file_type().map_err(FileError::io("read", entry.path()))?;
            let name = inner.join(entry.file_name());
            if kind.is_dir() {
                pending.push(name);
            } else {
                files.push(name);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Endings of files that viewers put beside what they show.
const SIDE_FILES: [&str; 9] =
    [".aux.xml", ".qml", ".qmd", ".gpkg-wal", ".gpkg-shm", ".gpkg-journal", ".DS_Store", "Thumbs.db", "desktop.ini"];

/// True for a file that a viewer such as QGIS puts beside what it shows: a style, statistics, a journal. Such files are no
/// part of an output.
pub(crate) fn is_side_file(name: &Path) -> bool {
    let Some(name) = name.file_name() else { return false };
    let name = name.to_string_lossy();
    SIDE_FILES.iter().any(|ending| name.ends_with(ending)) || name.starts_with(".~lock.")
}
