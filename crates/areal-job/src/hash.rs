//! SHA-256 digests of bytes, files and folders.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::files::{files_under, is_side_file};
use crate::manifest::{FileUse, Manifest};
use crate::{FileError, InputFile};

/// A SHA-256 digest in lower-case hexadecimal, as `sha256sum` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sha256(String);

impl Sha256 {
    /// The 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn finish(hasher: sha2::Sha256) -> Sha256 {
    let mut hex = String::with_capacity(64);
    for byte in hasher.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Sha256(hex)
}

/// Digest of bytes in memory.
pub fn hash_bytes(bytes: &[u8]) -> Sha256 {
    finish(sha2::Sha256::new_with_prefix(bytes))
}

/// Digest of a file's content.
///
/// # Errors
/// When the file cannot be read.
pub fn hash_file(path: &Path) -> Result<Sha256, FileError> {
    let mut file = InputFile::open(path).map_err(FileError::io("read", path))?;
    let mut hasher = sha2::Sha256::new();
    // Small enough to leave the caches near a processor to the work that goes on beside.
    let mut buffer = vec![0u8; 1 << 17];
    loop {
        let n = file.read(&mut buffer).map_err(FileError::io("read", path))?;
        if n == 0 {
            return Ok(finish(hasher));
        }
        hasher.update(&buffer[..n]);
    }
}

/// Digest of a folder: of the sorted list of its files' digests and relative names. Of an output of areal's only the files that
/// areal wrote count, and those that areal reads are checked against the manifest. Of any other folder all files count but
/// those that viewers put there.
///
/// # Errors
/// When the folder or one of its files cannot be read; [`FileError::Damaged`] when a file is not as areal wrote it.
pub fn hash_folder(path: &Path) -> Result<Sha256, FileError> {
    if let Some(manifest) = Manifest::read(path)? {
        return manifest.verified_digest(path);
    }
    let mut lines = Vec::new();
    for name in files_under(path)?.into_iter().filter(|name| !is_side_file(name)) {
        lines.push(format!("{} {}\n", hash_file(&path.join(&name))?, name.to_string_lossy()));
    }
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    Ok(hash_bytes(lines.concat().as_bytes()))
}

/// Bytes of the files that count in [`hash_folder`].
///
/// # Errors
/// As [`hash_folder`], but files are not read.
pub fn folder_bytes(path: &Path) -> Result<u64, FileError> {
    if let Some(manifest) = Manifest::read(path)? {
        return Ok(manifest.files().iter().map(|file| file.bytes).sum());
    }
    let mut sum = 0;
    for name in files_under(path)?.into_iter().filter(|name| !is_side_file(name)) {
        let file = path.join(name);
        sum += std::fs::metadata(&file).map_err(FileError::io("read", file))?.len();
    }
    Ok(sum)
}

/// Checks a file that an output of areal's holds against the manifest of its folder, given the digest that it has now.
///
/// # Errors
/// [`FileError::Damaged`] when areal wrote it otherwise.
pub fn check_digest(path: &Path, now: &Sha256) -> Result<(), FileError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(());
    };
    // One that is damaged itself says nothing of a file that is named alone.
    let Ok(Some(manifest)) = Manifest::read(folder) else { return Ok(()) };
    match manifest.file(name) {
        Some(file) if file.used != FileUse::Open && file.sha256 != *now => file.verify(folder),
        _ => Ok(()),
    }
}

/// Checks a file against the manifest of its folder. [`check_digest`] serves where its digest is known already.
///
/// # Errors
/// When it cannot be read; [`FileError::Damaged`] when areal wrote it otherwise.
pub fn check_unchanged(path: &Path) -> Result<(), FileError> {
    check_digest(path, &hash_file(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_abc_is_the_published_one() {
        // FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash_bytes(b"abc").as_str(), abc);
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x"), "abc").unwrap();
        assert_eq!(hash_file(&folder.path().join("x")).unwrap().as_str(), abc);
        let whole = hash_folder(folder.path()).unwrap();
        std::fs::write(folder.path().join("x"), "abd").unwrap();
        let changed = hash_folder(folder.path()).unwrap();
        assert_ne!(changed, whole);
        std::fs::write(folder.path().join("x.aux.xml"), "statistics").unwrap();
        assert_eq!(hash_folder(folder.path()).unwrap(), changed, "a viewer's file is no part of the folder");
    }
}
