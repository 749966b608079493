//! Records the inputs and settings of each stage's last run, so that unchanged stages are skipped.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_job::{FileError, Lease, Sha256, hash_file, hash_folder, read_json, sweep_files, write_json};
use areal_raster::{RasterError, input_file_with_companions};
use serde::{Deserialize, Serialize};
use toml::Table;

const FORMAT: &str = "areal-ledger/1";

/// The inputs, settings and output of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    format: String,
    made_by: String,
    settings: Table,
    inputs: Vec<(PathBuf, Sha256)>,
    output: (PathBuf, Option<Sha256>),
}

/// The entries of one working folder, and the digests taken so far in this run.
#[derive(Debug)]
pub struct Ledger {
    folder: PathBuf,
    digests: HashMap<PathBuf, Sha256>,
    /// Lock of the working folder: two runs in it would redo each other's stages.
    lease: Option<Lease>,
}

impl Drop for Ledger {
    /// Removes the working folder if it is empty, so that a run without output leaves nothing behind.
    fn drop(&mut self) {
        if self.lease.take().is_some() && std::fs::remove_dir(&self.folder).is_ok() {
            let _ = self.folder.parent().map(std::fs::remove_dir);
        }
    }
}

/// Whether a stage has to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Inputs, settings and output are unchanged.
    Unchanged,
    /// It has not run here yet, or its output no longer exists.
    New,
    /// Another version of the program made it.
    Program,
    /// Its settings changed.
    Settings,
    /// An input changed.
    Inputs,
    /// Its output was changed since.
    Output,
}

impl Verdict {
    /// The reason for running, as shown to the user.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::New => "not made yet",
            Self::Program => "made by another version",
            Self::Settings => "settings changed",
            Self::Inputs => "inputs changed",
            Self::Output => "output changed since it was made",
        }
    }
}

impl Ledger {
    /// The ledger of a working folder.
    pub fn open(workdir: &Path) -> Self {
        Self { folder: workdir.join(".ledger"), digests: HashMap::new(), lease: None }
    }

    /// Keeps other runs from the working folder as long as this ledger is open.
    ///
    /// # Errors
    /// [`FileError::Busy`] when another run writes to the folder.
    pub fn hold(&mut self) -> Result<(), FileError> {
        if self.lease.is_none() {
            std::fs::create_dir_all(&self.folder).map_err(FileError::io("create", &self.folder))?;
            self.lease = Some(Lease::take(&self.folder)?);
            sweep_files(&self.folder)?;
        }
        Ok(())
    }

    /// What the stage would be made from now: an input's digest counts all files that are read with it.
    pub fn entry(&mut self, settings: Table, inputs: Vec<PathBuf>, output: PathBuf) -> Result<Entry, RasterError> {
        let inputs = inputs.into_iter().map(|p| self.input_digest(&p).map(|d| (p, d))).collect::<Result<_, _>>()?;
        let made_by = areal_formats::MADE_BY.to_owned();
        Ok(Entry { format: FORMAT.into(), made_by, settings, inputs, output: (output, None) })
    }

    /// Compares with what the stage was made from last.
    pub fn verdict(&mut self, stage: &str, now: &Entry) -> Verdict {
        let Ok(then) = read_json::<Entry>(&self.file(stage), FORMAT) else { return Verdict::New };
        if !now.output.0.exists() || then.output.0 != now.output.0 {
            return Verdict::New;
        }
        let output = self.digest(&now.output.0).ok();
        match () {
            () if then.made_by != now.made_by => Verdict::Program,
            () if then.settings != now.settings => Verdict::Settings,
            () if then.inputs != now.inputs => Verdict::Inputs,
            () if output.is_none() || then.output.1 != output => Verdict::Output,
            () => Verdict::Unchanged,
        }
    }

    /// Notes that the stage has just been made.
    pub fn record(&mut self, stage: &str, mut made: Entry) -> Result<(), FileError> {
        self.digests.remove(&made.output.0);
        made.output.1 = Some(self.digest(&made.output.0)?);
        write_json(&self.file(stage), &made)
    }

    fn file(&self, stage: &str) -> PathBuf {
        self.folder.join(format!("{}.json", stage.replace(' ', "-")))
    }

    fn input_digest(&mut self, path: &Path) -> Result<Sha256, RasterError> {
        if let Some(digest) = self.digests.get(path) {
            return Ok(digest.clone());
        }
        let digest = input_file_with_companions(path)?.digest();
        self.digests.insert(path.to_path_buf(), digest.clone());
        Ok(digest)
    }

    fn digest(&mut self, path: &Path) -> Result<Sha256, FileError> {
        if let Some(digest) = self.digests.get(path) {
            return Ok(digest.clone());
        }
        let digest = if path.is_dir() { hash_folder(path)? } else { hash_file(path)? };
        self.digests.insert(path.to_path_buf(), digest.clone());
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_stage_runs_again_only_when_something_changed() {
        let root = tempfile::tempdir().unwrap();
        let (input, output) = (root.path().join("in"), root.path().join("out"));
        fs::write(&input, "1").unwrap();
        let settings: Table = toml::from_str("a = 1").unwrap();
        let entry = |ledger: &mut Ledger, settings: &Table| {
            ledger.entry(settings.clone(), vec![input.clone()], output.clone()).unwrap()
        };
        let verdict = |settings: &Table| {
            let mut ledger = Ledger::open(root.path());
            let now = entry(&mut ledger, settings);
            ledger.verdict("tile", &now)
        };
        assert_eq!(verdict(&settings), Verdict::New);
        fs::write(&output, "made").unwrap();
        let mut ledger = Ledger::open(root.path());
        let made = entry(&mut ledger, &settings);
        ledger.record("tile", made).unwrap();
        assert_eq!(verdict(&settings), Verdict::Unchanged);
        assert_eq!(verdict(&toml::from_str("a = 2").unwrap()), Verdict::Settings);
        fs::write(&output, "tampered").unwrap();
        assert_eq!(verdict(&settings), Verdict::Output);
        fs::write(&output, "made").unwrap();
        fs::write(&input, "2").unwrap();
        assert_eq!(verdict(&settings), Verdict::Inputs);
        fs::remove_file(&output).unwrap();
        assert_eq!(verdict(&settings), Verdict::New);
    }
}
