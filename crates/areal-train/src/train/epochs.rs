//! The epochs of a training, with a checkpoint after each.

use areal_job::{Job, Unit};
use areal_model::StateDict;

use crate::checkpoint::Checkpoint;
use crate::learner::Learner;
use crate::tables::measures;
use crate::{EpochRow, Metrics, TrainError, TrainSettings};

/// Epochs until there are enough, or validation has not improved for as many as patience allows.
pub(super) fn run_epochs(
    learner: &mut Learner<'_>,
    settings: &TrainSettings,
    kept: Option<Checkpoint>,
    save: impl Fn(&Checkpoint) -> Result<(), TrainError>,
    job: Job<'_>,
) -> Result<Checkpoint, TrainError> {
    let steps = learner.steps();
    let task = job.task("training", Some((settings.epochs * steps) as u64), Unit::Steps);
    let mut state = kept.unwrap_or_else(|| Checkpoint {
        history: Vec::new(),
        best_epoch: 0,
        weights: StateDict::default(),
        best: StateDict::default(),
        steps: 0,
        moments: StateDict::default(),
    });
    task.advance((state.history.len() * steps) as u64);
    // What is trained only after some epochs is given its own time.
    let without_better =
        |state: &Checkpoint| state.history.len().saturating_sub(state.best_epoch.max(settings.epochs_frozen));
    while state.history.len() < settings.epochs && without_better(&state) < settings.patience {
        let row = learner.epoch(state.history.len() + 1, job, task.as_ref())?;
        say(&row, settings.epochs, task.as_ref());
        state.weights = learner.weights();
        let best = state.history.iter().map(score).fold(f64::NEG_INFINITY, f64::max);
        if state.best_epoch == 0 || score(&row) > best {
            state.best_epoch = row.epoch;
            state.best = state.weights.clone();
        }
        state.history.push(row);
        (state.steps, state.moments) = learner.optimiser.state();
        save(&state)?;
    }
    Ok(state)
}

fn score(row: &EpochRow) -> f64 {
    row.score().expect("the validation split is not empty, and a checkpoint with a row without a score is not loaded")
}

fn say(row: &EpochRow, epochs: usize, task: &dyn areal_job::Task) {
    let (names, values) = measures(&row.validation);
    let shown = if matches!(row.validation, Metrics::Value(_)) { ["rmse", "r2"] } else { ["accuracy", "macro_f1"] };
    let text: Vec<String> = names
        .iter()
        .zip(values)
        .filter(|(name, _)| shown.contains(&name.as_str()))
        .map(|(name, value)| value.map_or(format!("{name} undefined"), |v| format!("{name} {v:.4}")))
        .collect();
    let text =
        format!("training loss {:.4}, validation loss {:.4}, {}", row.train_loss, row.validation_loss, text.join(", "));
    task.remark(&text);
    tracing::info!("epoch {}/{epochs}: {text}", row.epoch);
}
