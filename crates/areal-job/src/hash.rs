//! SHA-256 digests of bytes, files and folders.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::FileError;

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

fn finish(hasher: sha2::Sha256) -> Sha256 {
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
    let mut file = File::open(path).map_err(FileError::io("read", path))?;
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

/// Digest of a folder: of the sorted list of its files' relative names and digests.
///
/// # Errors
/// When the folder or one of its files cannot be read.
pub fn hash_folder(path: &Path) -> Result<Sha256, FileError> {
    let mut lines = Vec::new();
    let mut pending = vec![path.to_path_buf()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(&folder).map_err(FileError::io("read", &folder))? {
            let file = entry.map_err(FileError::io("read", &folder))?.path();
            if file.is_dir() {
                pending.push(file);
            } else {
                let name = file.strip_prefix(path).unwrap_or(&file).to_string_lossy().into_owned();
                lines.push(format!("{} {name}\n", hash_file(&file)?));
            }
        }
    }
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    Ok(hash_bytes(lines.concat().as_bytes()))
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
        assert_ne!(hash_folder(folder.path()).unwrap(), whole);
    }
}
