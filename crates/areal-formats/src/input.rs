//! Names of inputs in documents: a local file or folder with its digest, or a remote object with its `ETag`.

use std::path::{Path, PathBuf};

use areal_job::{FileError, Sha256, check_digest, folder_bytes, hash_bytes, hash_file, hash_folder};
use serde::{Deserialize, Serialize};

/// An input of a job. In JSON, a local input has a `path` and a remote one a `url`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, try_from = "InputFields")]
pub enum InputRef {
    /// A file or folder of this machine.
    Local(InputFile),
    /// An object in remote storage.
    Remote(RemoteObject),
}

/// An object in remote storage, identified by what the server says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemoteObject {
    /// Its address, without credentials.
    pub url: String,
    /// Its entity tag: changes with the content.
    pub etag: String,
    /// Size in bytes.
    pub bytes: u64,
}

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
/// When it cannot be read; [`FileError::Damaged`] when it is of an output of areal's and not as areal wrote it.
pub fn input_file(path: &Path) -> Result<InputFile, FileError> {
    let (sha256, bytes) = if path.is_dir() {
        (hash_folder(path)?, folder_bytes(path)?)
    } else {
        let sha256 = hash_file(path)?;
        check_digest(path, &sha256)?;
        (sha256, std::fs::metadata(path).map_err(FileError::io("read", path))?.len())
    };
    Ok(InputFile { path: path.to_path_buf(), sha256, bytes, companions: Vec::new() })
}

impl InputRef {
    /// Path or address, as people know it.
    pub fn name(&self) -> String {
        match self {
            Self::Local(file) => file.path.display().to_string(),
            Self::Remote(object) => object.url.clone(),
        }
    }

    /// What identifies its content, and the word for it: `SHA-256` or `ETag`.
    pub fn identity(&self) -> (&'static str, &str) {
        match self {
            Self::Local(file) => ("SHA-256", file.sha256.as_str()),
            Self::Remote(object) => ("ETag", &object.etag),
        }
    }

    /// One digest that changes with the content. See [`InputFile::digest`]; of a remote object, the digest of its address,
    /// entity tag and size.
    pub fn digest(&self) -> Sha256 {
        match self {
            Self::Local(file) => file.digest(),
            Self::Remote(RemoteObject { url, etag, bytes }) => hash_bytes(format!("{url}\n{etag}\n{bytes}").as_bytes()),
        }
    }

    /// The local file, if it is one.
    pub fn local(&self) -> Option<&InputFile> {
        match self {
            Self::Local(file) => Some(file),
            Self::Remote(_) => None,
        }
    }
}

impl From<InputFile> for InputRef {
    fn from(file: InputFile) -> Self {
        Self::Local(file)
    }
}

/// The keys of both forms, so that an error names the key that does not fit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputFields {
    path: Option<PathBuf>,
    sha256: Option<Sha256>,
    url: Option<String>,
    etag: Option<String>,
    bytes: u64,
    #[serde(default)]
    companions: Vec<InputFile>,
}

impl TryFrom<InputFields> for InputRef {
    type Error = &'static str;

    fn try_from(written: InputFields) -> Result<Self, Self::Error> {
        let InputFields { path, sha256, url, etag, bytes, companions } = written;
        match (path, sha256, url, etag) {
            (Some(path), Some(sha256), None, None) => Ok(Self::Local(InputFile { path, sha256, bytes, companions })),
            (None, None, Some(url), Some(etag)) if companions.is_empty() => {
                Ok(Self::Remote(RemoteObject { url, etag, bytes }))
            }
            _ => Err("an input has path and sha256 if it is local, url and etag if it is remote"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_come_back_and_a_mixture_is_refused() {
        let remote = InputRef::Remote(RemoteObject { url: "s3://b/a.tif".into(), etag: "\"1f\"".into(), bytes: 7 });
        let text = serde_json::to_string(&remote).unwrap();
        assert_eq!(text, r#"{"url":"s3://b/a.tif","etag":"\"1f\"","bytes":7}"#);
        assert_eq!(serde_json::from_str::<InputRef>(&text).unwrap(), remote);
        assert_eq!(remote.name(), "s3://b/a.tif");
        let changed = InputRef::Remote(RemoteObject { url: "s3://b/a.tif".into(), etag: "\"20\"".into(), bytes: 7 });
        assert_ne!(remote.digest(), changed.digest());

        let file = InputFile { path: "a.tif".into(), sha256: hash_bytes(b"abc"), bytes: 3, companions: Vec::new() };
        let text = serde_json::to_string(&InputRef::from(file.clone())).unwrap();
        assert_eq!(text, serde_json::to_string(&file).unwrap());
        assert_eq!(serde_json::from_str::<InputRef>(&text).unwrap().local(), Some(&file));

        let mixed = text.replace("\"path\":\"a.tif\"", "\"url\":\"s3://b/a.tif\"");
        assert!(serde_json::from_str::<InputRef>(&mixed).unwrap_err().to_string().contains("path and sha256"));
        let unknown = text.replace("\"bytes\"", "\"size\"");
        assert!(serde_json::from_str::<InputRef>(&unknown).unwrap_err().to_string().contains("`size`"));
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
}
