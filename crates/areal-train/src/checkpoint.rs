//! Checkpoints: what a run needs to continue to the same bytes.

use std::path::{Path, PathBuf};

use areal_formats::{InputRef, Provenance};
use areal_job::{FileError, MANIFEST, Manifest, StagedDir, files_under, read_json, recover_output, write_json};
use areal_model::StateDict;
use serde::{Deserialize, Serialize};

use crate::{EpochRow, TrainError, TrainSettings};

const FORMAT: &str = "areal-checkpoint/2";
const STATE: &str = "state.json";
const HISTORY: &str = "history.json";
const HISTORY_FORMAT: &str = "areal-checkpoint-history/1";
/// The history of `areal-checkpoint/1`, which is removed but not read.
const OLD_HISTORY: &str = "history.toml";
const WEIGHTS: &str = "weights.safetensors";
const BEST: &str = "best.safetensors";
pub(crate) const OPTIMISER: &str = "optimiser.safetensors";

/// Identifies a run: the same key, the same result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunKey {
    made_by: String,
    /// The settings as JSON text: numbers compare as they were written.
    settings: String,
    inputs: Vec<InputRef>,
}

impl RunKey {
    /// The run of these settings on the inputs of this provenance.
    pub fn new(settings: &TrainSettings, provenance: &Provenance) -> Self {
        Self {
            made_by: provenance.made_by.clone(),
            settings: serde_json::to_string(settings).expect("`check` saw that the path of the weights is UTF-8"),
            inputs: provenance.inputs.clone(),
        }
    }
}

/// A run after some epochs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checkpoint {
    pub history: Vec<EpochRow>,
    /// Epoch of the best weights, from 1.
    pub best_epoch: usize,
    /// Those that are trained in some epoch.
    pub weights: StateDict,
    pub best: StateDict,
    pub steps: u64,
    pub moments: StateDict,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: String,
    run: RunKey,
    epochs: usize,
    best_epoch: usize,
    steps: u64,
}

/// The history in a file of its own. Numbers come back to the last bit (`float_roundtrip`).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct History {
    format: String,
    epochs: Vec<EpochRow>,
}

/// Where the checkpoint of a bundle lies: `.NAME.checkpoint` beside it.
pub(crate) fn checkpoint_path(out: &Path) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}.checkpoint"))
}

impl Checkpoint {
    /// Writes it in the place of the one before.
    pub fn save(&self, folder: &Path, run: &RunKey) -> Result<(), TrainError> {
        let staged = StagedDir::new(folder, true)?;
        self.weights.write(&staged.file(WEIGHTS))?;
        self.best.write(&staged.file(BEST))?;
        self.moments.write(&staged.file(OPTIMISER))?;
        let state = State {
            format: FORMAT.to_owned(),
            run: run.clone(),
            epochs: self.history.len(),
            best_epoch: self.best_epoch,
            steps: self.steps,
        };
        write_json(&staged.file(STATE), &state)?;
        let history = History { format: HISTORY_FORMAT.to_owned(), epochs: self.history.clone() };
        write_json(&staged.file(HISTORY), &history)?;
        Ok(staged.commit()?)
    }

    /// Reads the checkpoint of this run; none when there is none, or only a part of one that was being removed.
    pub fn load(folder: &Path, run: &RunKey) -> Result<Option<Self>, TrainError> {
        if !folder.join(STATE).exists() {
            return Ok(None);
        }
        if let Some(manifest) = Manifest::read(folder).map_err(unusable)? {
            manifest.verified_digest(folder).map_err(unusable)?;
        }
        let state: State = read_json(&folder.join(STATE), FORMAT).map_err(unusable)?;
        if let Some(difference) = difference(&state.run, run) {
            return Err(TrainError::OtherRun { checkpoint: folder.to_path_buf(), difference });
        }
        let History { epochs: history, .. } = read_json(&folder.join(HISTORY), HISTORY_FORMAT).map_err(unusable)?;
        if let Some(how) = contradiction(&state, &history) {
            return Err(unusable(FileError::Damaged { path: folder.join(HISTORY), how }));
        }
        Ok(Some(Self {
            history,
            best_epoch: state.best_epoch,
            weights: StateDict::read(&folder.join(WEIGHTS))?,
            best: StateDict::read(&folder.join(BEST))?,
            steps: state.steps,
            moments: StateDict::read(&folder.join(OPTIMISER))?,
        }))
    }
}

/// The error of a checkpoint from which nothing can be continued, as opposed to one that cannot be read just now.
fn unusable(error: FileError) -> TrainError {
    match error {
        FileError::Damaged { .. } | FileError::Json { .. } | FileError::Format { .. } => TrainError::Checkpoint(error),
        error => TrainError::File(error),
    }
}

/// How a history contradicts the state, if it does.
fn contradiction(state: &State, history: &[EpochRow]) -> Option<String> {
    if history.len() != state.epochs {
        return Some(format!("it has {} epochs, the state {}", history.len(), state.epochs));
    }
    if !(1..=history.len()).contains(&state.best_epoch) {
        return Some(format!("it has {} epochs, and the best is {}", history.len(), state.best_epoch));
    }
    let (at, row) = history.iter().enumerate().find(|(at, row)| row.epoch != at + 1 || row.score().is_none())?;
    Some(format!("row {} is of epoch {} with the score {:?}", at + 1, row.epoch, row.score()))
}

/// Epochs that a checkpoint holds; none where there is no checkpoint.
pub(crate) fn epochs_kept(folder: &Path) -> Result<Option<usize>, FileError> {
    if !folder.join(STATE).exists() {
        return Ok(None);
    }
    Ok(Some(read_json::<State>(&folder.join(STATE), FORMAT)?.epochs))
}

/// Names of the files that areal writes into a checkpoint. The state goes first where they are removed: a kill meanwhile leaves
/// what is known to be no checkpoint.
const FILES: [&str; 7] = [STATE, HISTORY, OLD_HISTORY, WEIGHTS, BEST, OPTIMISER, MANIFEST];

/// Makes ready for the checkpoints of a run. A part of one is removed, and with `restart` all of it.
///
/// # Errors
/// [`FileError::Foreign`] when a file of somebody else is there; nothing is removed then.
pub(crate) fn make_ready(folder: &Path, restart: bool) -> Result<(), FileError> {
    recover_output(folder)?;
    if !folder.exists() {
        return Ok(());
    }
    let foreign = |name: &PathBuf| !name.to_str().is_some_and(|name| FILES.contains(&name));
    if let Some(name) = files_under(folder)?.into_iter().find(foreign) {
        return Err(FileError::Foreign { path: folder.join(name) });
    }
    if restart || !folder.join(STATE).exists() { remove(folder) } else { Ok(()) }
}

/// Removes a checkpoint that is no longer needed. Files that areal does not write into checkpoints stay, with their folder.
pub(crate) fn remove(folder: &Path) -> Result<(), FileError> {
    if !folder.exists() {
        return Ok(());
    }
    for path in FILES.map(|name| folder.join(name)) {
        if path.exists() {
            std::fs::remove_file(&path).map_err(FileError::io("remove", &path))?;
        }
    }
    match std::fs::remove_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::DirectoryNotEmpty => {
            tracing::warn!("{} holds files that areal did not write; they are kept", folder.display());
            Ok(())
        }
        other => other.map_err(FileError::io("remove", folder)),
    }
}

/// The first thing in which two runs differ, in words.
fn difference(then: &RunKey, now: &RunKey) -> Option<String> {
    if then.made_by != now.made_by {
        return Some(format!("it was made by {}, but this is {}", then.made_by, now.made_by));
    }
    let digests = |run: &RunKey| run.inputs.iter().map(InputRef::digest).collect::<Vec<_>>();
    if digests(then) != digests(now) {
        return Some("its patch store or initial weights were different".to_owned());
    }
    let table = |run: &RunKey| serde_json::from_str::<serde_json::Map<_, _>>(&run.settings);
    let Ok(then) = table(then) else { return Some("its settings cannot be read".to_owned()) };
    let now = table(now).expect("they were just written");
    now.iter()
        .find(|(key, value)| then.get(*key) != Some(value))
        .map(|(key, value)| format!("{key} was {}, is {value}", then.get(key).unwrap_or(&serde_json::Value::Null)))
}
