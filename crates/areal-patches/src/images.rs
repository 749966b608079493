//! The images of class folders, and what lies there besides.

use areal_formats::{counted, counted_do};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use areal_job::FileError;

use crate::PatchError;
use areal_store::Split;

/// Endings of the files that are taken, in lower case.
const ENDINGS: [&str; 5] = ["jpg", "jpeg", "png", "tif", "tiff"];

/// An image to be read.
#[derive(Debug, PartialEq)]
pub(crate) struct ImageFile {
    pub path: PathBuf,
    pub class: String,
    pub split: Option<Split>,
}

/// What is found and not taken.
#[derive(Debug, Default, PartialEq)]
struct PassedOver {
    /// Files of other endings in class folders, by ending.
    other: BTreeMap<String, u64>,
    /// Folders in class folders.
    nested: u64,
    /// Images in no class folder.
    loose: u64,
    /// Class folders with nothing in them.
    empty: u64,
}

/// Finds the images of `FOLDER/CLASS/*`, or of `FOLDER/SPLIT/CLASS/*`, by folder and name. Hidden files and folders are
/// passed over; a warning says of what else is.
///
/// # Errors
/// When folders of splits stand beside others, or a class has files or folders but no image.
pub(crate) fn find_images(folder: &Path) -> Result<Vec<ImageFile>, PatchError> {
    let (images, passed) = find(folder)?;
    passed.warn(folder);
    Ok(images)
}

fn find(folder: &Path) -> Result<(Vec<ImageFile>, PassedOver), PatchError> {
    let top = Listing::read(folder)?;
    let mut passed = PassedOver { loose: top.images.len() as u64, ..PassedOver::default() };
    let mut images = Vec::new();
    if !is_by_split(folder, &top)? {
        for (class, path) in &top.folders {
            add_class(path, class, None, &mut images, &mut passed)?;
        }
        return Ok((images, passed));
    }
    for (name, path) in &top.folders {
        let split: Option<Split> = name.parse().ok();
        let classes = Listing::read(path)?;
        passed.loose += classes.images.len() as u64;
        for (class, path) in &classes.folders {
            add_class(path, class, split, &mut images, &mut passed)?;
        }
    }
    Ok((images, passed))
}

/// Whether the folders are those of splits. A class may have a split's name, but then its images lie straight in it.
fn is_by_split(folder: &Path, top: &Listing) -> Result<bool, PatchError> {
    let (mut splits, mut others) = (Vec::new(), Vec::new());
    for (name, path) in &top.folders {
        let listing = Listing::read(path)?;
        if name.parse::<Split>().is_ok() && (listing.images.is_empty() || !listing.folders.is_empty()) {
            splits.push(name.as_str());
        } else {
            others.push(name.as_str());
        }
    }
    match (splits.is_empty(), others.is_empty()) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(PatchError::MixedFolders {
            folder: folder.to_path_buf(),
            splits: splits.join(", "),
            others: others.join(", "),
        }),
    }
}

fn add_class(
    path: &Path,
    class: &str,
    split: Option<Split>,
    images: &mut Vec<ImageFile>,
    passed: &mut PassedOver,
) -> Result<(), PatchError> {
    let listing = Listing::read(path)?;
    if listing.images.is_empty() {
        let (folders, files) = (listing.folders.len(), listing.other.values().sum::<u64>());
        if folders > 0 || files > 0 {
            return Err(PatchError::ClassLost { folder: path.to_path_buf(), folders, files });
        }
        passed.empty += 1;
    }
    passed.nested += listing.folders.len() as u64;
    for (ending, files) in listing.other {
        *passed.other.entry(ending).or_default() += files;
    }
    images.extend(listing.images.into_iter().map(|path| ImageFile { path, class: class.to_owned(), split }));
    Ok(())
}

/// What is in a folder, without what is hidden.
#[derive(Default)]
struct Listing {
    /// Name and path, by name.
    folders: Vec<(String, PathBuf)>,
    images: Vec<PathBuf>,
    /// Other files, by ending.
    other: BTreeMap<String, u64>,
}

impl Listing {
    fn read(path: &Path) -> Result<Self, FileError> {
        let mut listing = Self::default();
        for entry in std::fs::read_dir(path).map_err(FileError::io("read", path))? {
            let entry = entry.map_err(FileError::io("read", path))?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                listing.folders.push((name, path));
            } else if ENDINGS.contains(&ending.as_str()) {
                listing.images.push(path);
            } else {
                *listing.other.entry(ending).or_default() += 1;
            }
        }
        listing.folders.sort();
        listing.images.sort();
        Ok(listing)
    }
}

impl PassedOver {
    fn warn(&self, folder: &Path) {
        let folder = folder.display();
        if !self.other.is_empty() {
            let each: Vec<String> = self
                .other
                .iter()
                .map(|(ending, n)| if ending.is_empty() { format!("{n} without") } else { format!("{n} .{ending}") })
                .collect();
            let (all, each) = (counted(self.other.values().sum::<u64>(), "file"), each.join(", "));
            tracing::warn!(
                "{folder}: {all} in class folders skipped because of their extensions ({each}); accepted: {}",
                ENDINGS.join(", ")
            );
        }
        if self.nested > 0 {
            let folders = counted(self.nested, "folder");
            tracing::warn!("{folder}: {folders} inside class folders skipped, with their contents");
        }
        if self.loose > 0 {
            tracing::warn!("{folder}: {} outside class folders skipped", counted(self.loose, "image"));
        }
        if self.empty > 0 {
            tracing::warn!("{folder}: {} empty", counted_do(self.empty, "class folder", ["is", "are"]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn refusal(files: &[&str]) -> String {
        find(made(files).path()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_passed_over_is_counted() {
        let root =
            made(&["a/1.PNG", "a/2.webp", "a/3.webp", "a/LICENCE", "a/old/4.png", "b/.x.png", "b/5.jpg", "6.png"]);
        std::fs::create_dir(root.path().join("c")).unwrap();
        let (images, passed) = find(root.path()).unwrap();
        let classes: Vec<&str> = images.iter().map(|p| p.class.as_str()).collect();
        assert_eq!(classes, ["a", "b"]);
        let other = BTreeMap::from([("webp".to_owned(), 2), (String::new(), 1)]);
        assert_eq!(passed, PassedOver { other, nested: 1, loose: 1, empty: 1 });
    }

    #[test]
    fn a_class_without_images_of_its_own_is_refused() {
        assert!(refusal(&["a/1.png", "b/x/1.png", "b/y/2.png"]).contains("b holds no image, but 2 folders"));
        assert!(refusal(&["a/1.png", "b/1.webp"]).contains("b holds no image, but 0 folders and 1 other files"));
    }

    #[test]
    fn folders_of_splits_stand_alone() {
        let (images, _) = find(made(&["train/a/1.png", "val/a/2.png", "test/b/3.png"]).path()).unwrap();
        let splits: Vec<_> = images.iter().filter_map(|p| p.split).collect();
        assert_eq!(splits, [Split::Test, Split::Train, Split::Validation]);
        let said = refusal(&["train/a/1.png", "val/a/2.png", "test/a/3.png", "extra/a/4.png"]);
        assert!(said.contains("mixes split folders (test, train, val) with other folders (extra)"), "{said}");
        // A class may be called like a split.
        let (images, _) = find(made(&["test/1.png", "site/2.png"]).path()).unwrap();
        assert!(images.len() == 2 && images.iter().all(|p| p.split.is_none()));
    }
}
