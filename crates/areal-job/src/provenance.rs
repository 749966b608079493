use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{FileError, Sha256, StagedFile, hash_bytes, hash_file, hash_folder};

/// How a result came to be: what made it, from what, with which settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program's name and version: `areal 0.1.0`.
    pub made_by: String,
    /// The command that ran: `tile`, `train` ...
    pub command: String,
    /// Every input, with its digest.
    pub inputs: Vec<InputFile>,
    /// The resolved settings of the command, defaults filled in.
    pub settings: serde_json::Value,
    /// The seed of every random choice, where there is one.
    pub seed: Option<u64>,
}

/// One input of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFile {
    /// Its path as given.
    pub path: PathBuf,
    /// SHA-256 of its content; of a folder, see [`hash_folder`].
    pub sha256: Sha256,
    /// Size in bytes; of a folder, of all its files.
    pub bytes: u64,
    /// The other files that are read with it: a shapefile's attributes, a raster's mask, a mosaic's sources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub companions: Vec<InputFile>,
}

impl InputFile {
    /// Adds the files that are read with it.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn with_companions(mut self, paths: &[PathBuf]) -> Result<Self, FileError> {
        self.companions = paths.iter().map(|p| input_file(p)).collect::<Result<_, _>>()?;
        Ok(self)
    }

    /// One digest of all that is read: `sha256` where it has no companions, else of their list by name. It says nothing
    /// about folders, so that an input may be moved.
    pub fn digest(&self) -> Sha256 {
        if self.companions.is_empty() {
            return self.sha256.clone();
        }
        let line = |f: &Self| {
            let name = f.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            format!("{} {name}\n", f.sha256)
        };
        let mut lines: Vec<String> = self.companions.iter().map(line).collect();
        lines.sort();
        hash_bytes(format!("{}\n{}", self.sha256, lines.concat()).as_bytes())
    }
}

/// Describes an input file or folder by digest and size.
///
/// # Errors
/// When it cannot be read.
pub fn input_file(path: &Path) -> Result<InputFile, FileError> {
    let sha256 = if path.is_dir() { hash_folder(path)? } else { hash_file(path)? };
    Ok(InputFile { path: path.to_path_buf(), sha256, bytes: size_of(path)?, companions: Vec::new() })
}

fn size_of(path: &Path) -> Result<u64, FileError> {
    let meta = std::fs::metadata(path).map_err(FileError::io("read", path))?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path).map_err(FileError::io("read", path))? {
        sum += size_of(&entry.map_err(FileError::io("read", path))?.path())?;
    }
    Ok(sum)
}

/// Reads a JSON document whose top-level `format` field must be `format` (such as `areal-store/1`).
///
/// # Errors
/// [`FileError::Format`] for another format, [`FileError::Json`] with line and column for anything that does not fit.
pub fn read_json<T: DeserializeOwned>(path: &Path, format: &'static str) -> Result<T, FileError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        format: String,
    }
    let text = std::fs::read_to_string(path).map_err(FileError::io("read", path))?;
    let fault = |e: serde_json::Error| FileError::Json {
        path: path.to_path_buf(),
        line: e.line(),
        column: e.column(),
        message: e.to_string(),
    };
    let head: Head = serde_json::from_str(&text).map_err(fault)?;
    if head.format != format {
        return Err(FileError::Format { path: path.to_path_buf(), found: head.format, expected: format });
    }
    serde_json::from_str(&text).map_err(fault)
}

/// Writes a document as indented JSON, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write_json<T: Serialize>(path: &Path, document: &T) -> Result<(), FileError> {
    let mut text = serde_json::to_vec_pretty(document).map_err(|e| FileError::Io {
        action: "write",
        path: path.to_path_buf(),
        source: e.into(),
    })?;
    text.push(b'\n');
    let staged = StagedFile::new(path)?;
    std::fs::write(staged.path(), text).map_err(FileError::io("write", path))?;
    staged.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Doc {
        format: String,
        n: u32,
    }

    #[test]
    fn companions_count_in_the_digest_and_are_listed_only_where_there_are_any() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let (shp, dbf) = (file("a.shp", "abc"), file("a.dbf", "1"));
        let alone = input_file(&shp).unwrap();
        assert_eq!(alone.digest(), alone.sha256);
        assert!(!serde_json::to_string(&alone).unwrap().contains("companions"));
        let whole = |dbf: &PathBuf| alone.clone().with_companions(std::slice::from_ref(dbf)).unwrap();
        let before = whole(&dbf);
        assert_eq!(serde_json::from_str::<InputFile>(&serde_json::to_string(&before).unwrap()).unwrap(), before);
        file("a.dbf", "2");
        assert_ne!(whole(&dbf).digest(), before.digest());
        assert_ne!(before.digest(), alone.digest());
        file("a.cpg", "1");
        assert_ne!(whole(&folder.path().join("a.cpg")).digest(), before.digest(), "another companion, same content");
    }

    #[test]
    fn a_document_comes_back_and_a_wrong_one_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let doc = Doc { format: "areal-test/1".into(), n: 3 };
        write_json(&path, &doc).unwrap();
        assert_eq!(read_json::<Doc>(&path, "areal-test/1").unwrap(), doc);
        let other = read_json::<Doc>(&path, "areal-test/2").unwrap_err().to_string();
        assert!(other.ends_with("has format \"areal-test/1\", expected \"areal-test/2\""), "{other}");
        std::fs::write(&path, "{\"format\": \"areal-test/1\",\n \"m\": 3}").unwrap();
        let fault = read_json::<Doc>(&path, "areal-test/1").unwrap_err().to_string();
        assert!(fault.contains("line 2, column 4") && fault.contains("`m`"), "{fault}");
    }
}
