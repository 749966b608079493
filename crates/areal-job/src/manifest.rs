//! The manifest of an output folder: names, sizes and digests of the files that areal wrote there.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::files::files_under;
use crate::hash::{Sha256, finish, hash_bytes, hash_file};
use crate::{FileError, write_json};

/// Name of the manifest in an output folder.
pub const MANIFEST: &str = "areal-manifest.json";

const FORMAT: &str = "areal-manifest/1";

/// Bytes of a block: damage is named to a block.
const BLOCK: usize = 1 << 20;

/// What areal wrote into a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Digest of `files` as compact JSON: damage to the manifest is not taken for damage to a file.
    sha256: Sha256,
    /// In the order of their names.
    files: Vec<ManifestFile>,
}

/// A file that areal wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Path in the folder, with `/` between names.
    pub name: String,
    pub bytes: u64,
    pub sha256: Sha256,
    pub used: FileUse,
    /// CRC-32 of each block of 1 MiB, in hexadecimal; only where there are several blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<String>,
}

/// Who reads a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FileUse {
    /// areal: a changed one is refused.
    Data,
    /// People and other programs, who may change it: sheets to fill in, layers to map, texts to read.
    Open,
    /// areal, and a person changed it on purpose and said so with `areal verify --accept`.
    Accepted,
}

/// Endings of files that areal writes for people and other programs. GDAL adds statistics to `.aux.xml` files when somebody looks
/// at the raster, and programs for maps write into a `.gpkg` when they open it. No ending of a file that only areal reads belongs
/// here.
const OPEN: [&str; 6] = [".aux.xml", ".gpkg", ".html", ".md", ".qml", ".svg"];

/// What a file of an output is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// As areal wrote it.
    Intact,
    /// Not as areal wrote it: in words.
    Changed(String),
    Missing,
}

impl Manifest {
    /// Describes all files of a folder that areal has just written. `open` names those that people fill in.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of(folder: &Path, open: impl Fn(&str) -> bool) -> Result<Self, FileError> {
        let mut files = Vec::new();
        for name in files_under(folder)? {
            let Some(name) = name.to_str().filter(|name| *name != MANIFEST) else { continue };
            let by_ending = OPEN.iter().any(|ending| name.ends_with(ending));
            let used = if by_ending || open(name) { FileUse::Open } else { FileUse::Data };
            files.push(describe(folder, name, used)?);
        }
        Ok(Self::new(files))
    }

    fn new(mut files: Vec<ManifestFile>) -> Self {
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Self { format: FORMAT.to_owned(), sha256: digest_of(&files), files }
    }

    /// The manifest of a folder; none where there is none, or one of something else.
    ///
    /// # Errors
    /// [`FileError::Damaged`] for one that is damaged; when it cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, FileError> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            Err(e) => return Err(FileError::io("read", path)(e)),
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(manifest) if manifest.format == FORMAT && manifest.sha256 == digest_of(&manifest.files) => {
                Ok(Some(manifest))
            }
            _ => Err(FileError::Damaged { path, how: "its content changed since areal wrote it".to_owned() }),
        }
    }

    /// Writes it into its folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), FileError> {
        write_json(&folder.join(MANIFEST), self)
    }

    /// The files that areal wrote, in the order of their names.
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// One of them.
    pub fn file(&self, name: &str) -> Option<&ManifestFile> {
        self.files.binary_search_by(|file| file.name.as_str().cmp(name)).ok().map(|at| &self.files[at])
    }

    /// One digest of the folder's data as it was written: of the sorted list of digests and names. Files that people may
    /// change count as they were written; those that areal reads are checked.
    ///
    /// # Errors
    /// [`FileError::Damaged`] for a file that areal reads and that is not as it was written.
    pub fn verified_digest(&self, folder: &Path) -> Result<Sha256, FileError> {
        for file in self.files.iter().filter(|file| file.used != FileUse::Open) {
            file.verify(folder)?;
        }
        let lines: Vec<String> = self.files.iter().map(|file| format!("{} {}\n", file.sha256, file.name)).collect();
        Ok(hash_bytes(lines.concat().as_bytes()))
    }

    /// Takes a file as it is now for right, because a person changed it on purpose.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn accept(&mut self, folder: &Path, name: &str) -> Result<(), FileError> {
        let mut files = std::mem::take(&mut self.files);
        for file in files.iter_mut().filter(|file| file.name == name) {
            *file = describe(folder, name, FileUse::Accepted)?;
        }
        *self = Self::new(files);
        Ok(())
    }
}

impl ManifestFile {
    /// Compares the file in a folder with what was written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn condition(&self, folder: &Path) -> Result<Condition, FileError> {
        let path = folder.join(&self.name);
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Condition::Missing),
            Err(e) => return Err(FileError::io("read", path)(e)),
        };
        if meta.is_file() && meta.len() == self.bytes {
            if hash_file(&path)? == self.sha256 {
                return Ok(Condition::Intact);
            }
            return Ok(Condition::Changed(self.damage(&path)?));
        }
        Ok(Condition::Changed(format!("it has {} bytes, areal wrote {}", meta.len(), self.bytes)))
    }

    /// An error unless the file in a folder is as it was written.
    pub fn verify(&self, folder: &Path) -> Result<(), FileError> {
        let how = match self.condition(folder)? {
            Condition::Intact => return Ok(()),
            Condition::Changed(how) => how,
            Condition::Missing => "it is missing".to_owned(),
        };
        Err(FileError::Damaged { path: folder.join(&self.name), how })
    }

    /// Where a file of the right size differs, in words.
    fn damage(&self, path: &Path) -> Result<String, FileError> {
        let (_, _, now) = digests(path)?;
        let changed: Vec<usize> =
            self.blocks.iter().zip(&now).enumerate().filter(|(_, (a, b))| a != b).map(|(k, _)| k).collect();
        let Some(first) = changed.first() else { return Ok("its content changed since areal wrote it".to_owned()) };
        let (start, end) = ((first * BLOCK) as u64, (((first + 1) * BLOCK) as u64).min(self.bytes));
        let of = self.blocks.len();
        let more = match changed.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        Ok(format!("block {} of {of} (bytes {start} to {}){more} is not what areal wrote", first + 1, end - 1))
    }
}

fn digest_of(files: &[ManifestFile]) -> Sha256 {
    hash_bytes(&serde_json::to_vec(files).expect("names and digests are text"))
}

fn describe(folder: &Path, name: &str, used: FileUse) -> Result<ManifestFile, FileError> {
    let (bytes, sha256, mut blocks) = digests(&folder.join(name))?;
    if blocks.len() < 2 {
        blocks.clear();
    }
    Ok(ManifestFile { name: name.to_owned(), bytes, sha256, used, blocks })
}

/// Length, digest, and CRC-32 of each block.
fn digests(path: &Path) -> Result<(u64, Sha256, Vec<String>), FileError> {
    let mut file = File::open(path).map_err(FileError::io("read", path))?;
    let (mut sha, mut blocks, mut bytes) = (sha2::Sha256::new(), Vec::new(), 0);
    let mut buffer = Vec::with_capacity(BLOCK);
    loop {
        buffer.clear();
        (&mut file).take(BLOCK as u64).read_to_end(&mut buffer).map_err(FileError::io("read", path))?;
        if buffer.is_empty() {
            return Ok((bytes, finish(sha), blocks));
        }
        sha.update(&buffer);
        blocks.push(format!("{:08x}", crc32fast::hash(&buffer)));
        bytes += buffer.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bit_rot_is_named_to_its_block() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("pixels.npy");
        let mut bytes = vec![7u8; 2 * BLOCK + 10];
        fs::write(&path, &bytes).unwrap();
        fs::write(root.path().join("card.md"), "a card").unwrap();
        Manifest::of(root.path(), |_| false).unwrap().write(root.path()).unwrap();
        let manifest = Manifest::read(root.path()).unwrap().unwrap();
        // As `sha256sum` gives it for the six bytes "a card".
        let card = "da0d4b103341f3e6b5a9e1ee3ee34a2088e6db1b6d67613db33cd3eeefd2744b";
        assert_eq!(manifest.file("card.md").unwrap().sha256.as_str(), card);
        let whole = manifest.verified_digest(root.path()).unwrap();

        // What people may change neither stops nor counts.
        fs::write(root.path().join("card.md"), "another card").unwrap();
        assert_eq!(manifest.verified_digest(root.path()).unwrap(), whole);

        bytes[BLOCK + 3] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let said = manifest.verified_digest(root.path()).unwrap_err().to_string();
        assert!(said.ends_with("block 2 of 3 (bytes 1048576 to 2097151) is not what areal wrote"), "{said}");
        fs::write(&path, &bytes[1..]).unwrap();
        let said = manifest.verified_digest(root.path()).unwrap_err().to_string();
        assert!(said.ends_with("it has 2097161 bytes, areal wrote 2097162"), "{said}");
        fs::remove_file(&path).unwrap();
        assert!(manifest.verified_digest(root.path()).unwrap_err().to_string().ends_with("it is missing"));
    }

    #[test]
    fn a_damaged_manifest_is_not_taken_for_damaged_files() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("x"), "1").unwrap();
        Manifest::of(root.path(), |_| false).unwrap().write(root.path()).unwrap();
        let path = root.path().join(MANIFEST);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\"bytes\": 1", "\"bytes\": 2")).unwrap();
        let said = Manifest::read(root.path()).unwrap_err().to_string();
        assert!(said.contains(MANIFEST) && said.ends_with("its content changed since areal wrote it"), "{said}");
    }

    #[test]
    fn a_change_on_purpose_can_be_accepted() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("patches.csv");
        fs::write(&path, "a").unwrap();
        let mut manifest = Manifest::of(root.path(), |_| false).unwrap();
        fs::write(&path, "b").unwrap();
        assert!(manifest.verified_digest(root.path()).is_err());
        manifest.accept(root.path(), "patches.csv").unwrap();
        manifest.verified_digest(root.path()).unwrap();
        assert_eq!(manifest.file("patches.csv").unwrap().used, FileUse::Accepted);
    }
}
