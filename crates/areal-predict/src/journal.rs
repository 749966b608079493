//! What an interrupted prediction has finished, so that it can continue.

use std::path::{Path, PathBuf};

use areal_formats::InputRef;
use areal_job::{FileError, files_under, read_json, sweep_files, write_json};
use serde::{Deserialize, Serialize};

use crate::strip::Shard;
use crate::{PredictError, PredictSettings};

/// The `format` of a journal's `journal.json`.
const FORMAT: &str = "areal-journal/1";
const FILE: &str = "journal.json";

/// What a job is: two runs with the same identity do the same work and give the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobIdentity {
    format: String,
    /// The program's name and version.
    pub made_by: String,
    /// Scene files and bundle, by digest.
    pub inputs: Vec<InputRef>,
    pub settings: serde_json::Value,
}

impl JobIdentity {
    pub fn new(made_by: &str, inputs: Vec<InputRef>, settings: serde_json::Value) -> Self {
        Self { format: FORMAT.to_owned(), made_by: made_by.to_owned(), inputs, settings }
    }

    /// The first thing in which two jobs differ, as `what: old, new`.
    fn difference(&self, other: &Self) -> Option<String> {
        if self.made_by != other.made_by {
            return Some(format!("it was made by {}, but this is {}", self.made_by, other.made_by));
        }
        let of = |list: &[InputRef]| list.iter().map(InputRef::digest).collect::<Vec<_>>();
        if of(&self.inputs) != of(&other.inputs) {
            let changed = other.inputs.iter().find(|f| !self.inputs.iter().any(|old| old.digest() == f.digest()));
            return Some(match changed {
                Some(input) => format!("{} has changed", input.name()),
                None => "the inputs differ or are in another order".to_owned(),
            });
        }
        (self.settings != other.settings).then(|| setting_difference(&self.settings, &other.settings))
    }
}

fn setting_difference(old: &serde_json::Value, new: &serde_json::Value) -> String {
    let (Some(old), Some(new)) = (old.as_object(), new.as_object()) else { return "the settings".to_owned() };
    let keys = old.keys().chain(new.keys().filter(|k| !old.contains_key(*k)));
    let show = |v: Option<&serde_json::Value>| v.map_or("not set".to_owned(), ToString::to_string);
    keys.filter(|k| old.get(*k) != new.get(*k))
        .map(|k| format!("{k} was {}, is {}", show(old.get(k)), show(new.get(k))))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Finished strips, kept beside the output until it is whole: `.NAME.resume`.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
}

impl Journal {
    /// Where the journal of an output is.
    pub fn folder_of(out: &Path) -> PathBuf {
        let name = out.file_name().unwrap_or_default().to_string_lossy();
        out.with_file_name(format!(".{name}.resume"))
    }

    /// Opens the journal that an interrupted run of the same job left, or begins one. One of another job that keeps finished strips is
    /// replaced only with `settings.overwrite`, and never with `settings.resume`. The caller holds the lease of the output.
    ///
    /// # Errors
    /// [`PredictError::OtherJob`] as said; [`FileError::Foreign`] when it holds files that areal did not write; when it cannot be read or
    /// written.
    pub fn open(out: &Path, identity: &JobIdentity, settings: &PredictSettings) -> Result<Self, PredictError> {
        let folder = Self::folder_of(out);
        sweep_files(&folder)?;
        let document = folder.join(FILE);
        let journal = Self { folder };
        // Without its document a journal is the beginning or the end of one: it keeps nothing that could be continued.
        if document.exists() {
            let has_strips = journal.shard(0).is_some();
            let may_replace = !settings.resume && (settings.overwrite || !has_strips);
            match (read_json::<JobIdentity>(&document, FORMAT).map(|old| old.difference(identity)), may_replace) {
                (Ok(None), _) => return Ok(journal),
                (Ok(Some(difference)), false) => {
                    return Err(PredictError::OtherJob { path: journal.folder, difference });
                }
                (Ok(Some(difference)), true) if has_strips => tracing::warn!(
                    "the finished strips of an interrupted run with other inputs or settings are deleted ({difference})"
                ),
                // What cannot be read is left to `delete`, which removes nothing that areal did not write.
                (Ok(Some(_)) | Err(_), true) => {}
                (Err(error), false) => return Err(error.into()),
            }
        }
        journal.delete()?;
        std::fs::create_dir_all(&journal.folder).map_err(FileError::io("create", &journal.folder))?;
        write_json(&document, identity)?;
        Ok(journal)
    }

    /// Deletes the journal, if all that is in it was written by areal. Its document goes first: a kill meanwhile leaves what
    /// is known to keep nothing.
    fn delete(&self) -> Result<(), FileError> {
        let folder = &self.folder;
        if !folder.exists() {
            return Ok(());
        }
        let mut files = files_under(folder)?;
        if let Some(foreign) = files.iter().find(|file| !is_own(folder, file)) {
            return Err(FileError::Foreign { path: folder.join(foreign) });
        }
        files.sort_by_key(|file| file != Path::new(FILE));
        for file in files {
            let path = folder.join(file);
            std::fs::remove_file(&path).map_err(FileError::io("remove", &path))?;
        }
        std::fs::remove_dir(folder).map_err(FileError::io("remove", folder))
    }

    fn path(&self, strip: usize) -> PathBuf {
        self.folder.join(format!("strip-{strip:06}.shard"))
    }

    /// Keeps a finished strip.
    ///
    /// # Errors
    /// When it cannot be written: a full disk shows here.
    pub fn keep(&self, strip: usize, shard: &Shard) -> Result<(), PredictError> {
        Ok(shard.write(&self.path(strip))?)
    }

    /// A kept strip; `None` when it was not kept whole.
    pub fn shard(&self, strip: usize) -> Option<Shard> {
        Shard::read(&self.path(strip))
    }

    /// Number of strips that are kept whole, from the first without a gap, and the last of them.
    pub fn kept(&self, strips: usize) -> (usize, Option<Shard>) {
        let mut last = None;
        for strip in 0..strips {
            match self.shard(strip) {
                Some(shard) => last = Some(shard),
                None => return (strip, last),
            }
        }
        (strips, last)
    }

    /// Removes it once the result is in its place: what cannot be removed, as a file of others, does not spoil it.
    pub fn remove_after_success(self) {
        if let Err(error) = self.delete() {
            tracing::warn!("{error}; the result is whole, and this folder is not needed any more");
        }
    }
}

/// True for a file that areal wrote into a journal.
fn is_own(folder: &Path, name: &Path) -> bool {
    let path = folder.join(name);
    match name.to_str() {
        Some(FILE) => read_json::<JobIdentity>(&path, FORMAT).is_ok(),
        Some(name) if name.starts_with("strip-") => Shard::is_one(&path),
        _ => false,
    }
}
