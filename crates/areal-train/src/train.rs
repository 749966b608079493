use std::path::Path;

use areal_formats::{Provenance, input_file};
use areal_grid::Target;
use areal_job::{Job, StagedDir, Unit, hash_bytes, write_json};
use areal_model::{
    BUNDLE_FORMAT, Bundle, Calibration, ClassWeights, Loss, ModelSpec, Network, Padding, StateDict, implied_prior,
};
use areal_store::{PatchStore, Split};
use serde::Serialize;

use crate::calibrate::{at_temperature, expected_calibration_error, fit_temperature};
use crate::card::{Card, write_card};
use crate::checkpoint::{Checkpoint, RunKey, checkpoint_path, epochs_kept, remove};
use crate::curves::draw_curves;
use crate::data::Samples;
use crate::evaluate::measure;
use crate::learner::{Learner, Lesson};
use crate::tables::{measures, write_confusion, write_metrics};
use crate::workers::among_workers;
use crate::{EVALUATION_FORMAT, EpochRow, Evaluation, Metrics, Sampler, TrainError, TrainSettings};

/// What a training came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrainReport {
    /// Every epoch.
    pub history: Vec<EpochRow>,
    /// The epoch whose weights the bundle holds, from 1.
    pub best_epoch: usize,
    /// Epochs that were taken from a checkpoint.
    pub continued_from: usize,
    /// Measures of the bundle on the validation split, calibrated.
    pub validation: Metrics,
    /// Temperature of the calibration; 1 for a value.
    pub temperature: f64,
    /// Expected calibration error on the validation split before and after calibration, patches weighed to the prior
    /// that training implies; none for a value.
    pub calibration_error: Option<[f64; 2]>,
}

/// Trains a model on a patch store and writes its bundle.
///
/// After every epoch a checkpoint stands beside the bundle (`.NAME.checkpoint`). A run with the same settings and data
/// continues from it to the same bytes; `restart` discards it.
///
/// # Errors
/// When the store cannot be trained on (one class, a class of the validation split that training never saw, splits
/// that overlap, an empty split), a setting is out of range, the loss diverges, or a file cannot be written.
pub fn train(
    store: &PatchStore,
    settings: &TrainSettings,
    out: &Path,
    overwrite: bool,
    restart: bool,
    job: Job<'_>,
) -> Result<TrainReport, TrainError> {
    settings.check()?;
    let staged = StagedDir::new(out, overwrite)?;
    store.verify_splits()?;
    let train = Samples::of(store, Split::Train)?;
    let validation = Samples::of(store, Split::Validation)?;
    check_classes(store, &train, &validation)?;
    let loss = loss_for(settings, &store.meta().target)?;
    let provenance = provenance(store, settings)?;
    let run = RunKey::new(settings, &provenance);
    let folder = checkpoint_path(out);
    if restart {
        remove(&folder)?;
    }
    let kept = Checkpoint::load(&folder, &run)?;

    let class_weights = settings.class_weights.weights(&train.class_counts());
    let mut spec = describe(&train, &class_weights, settings, provenance, job)?;
    // What could not be loaded again is not worth the training.
    spec.check()?;
    let lesson = Lesson {
        settings,
        spec: &spec.clone(),
        loss,
        class_weights: (settings.class_weights != ClassWeights::None).then_some(class_weights),
        train: &train,
        validation: &validation,
    };
    let device = settings.device.open()?.autodiff();
    let first = match &kept {
        Some(kept) => kept.weights.clone(),
        None => first_weights(&spec, settings)?,
    };
    let mut learner = Learner::new(lesson, &first, device)?;
    if let Some(kept) = &kept {
        learner.optimiser.restore(kept.steps, kept.moments.clone());
        tracing::info!("continuing after epoch {} from {}", kept.history.len(), folder.display());
    }
    let continued_from = kept.as_ref().map_or(0, |k| k.history.len());
    let save = |checkpoint: &Checkpoint| checkpoint.save(&folder, &run);
    let done = among_workers(|| run_epochs(&mut learner, settings, kept, save, job));
    areal_kernels::buffer_pool::release();
    let done = done.map_err(|error| paused(error, &folder))?;

    learner.set_weights(&done.best)?;
    let (temperature, calibration_error) = calibrate(&learner, &spec, &validation, job)?;
    spec.calibration = Calibration { temperature };
    let logits = learner.validation_logits(job)?;
    let metrics = measure(&spec, &logits, &validation.targets);
    let report = TrainReport {
        history: done.history,
        best_epoch: done.best_epoch,
        continued_from,
        validation: metrics,
        temperature,
        calibration_error,
    };
    write_bundle(&Bundle { spec, network: learner.into_network() }, &report, settings, &staged)?;
    job.check()?;
    staged.commit()?;
    remove(&folder)?;
    Ok(report)
}

/// Epochs until there are enough, or validation has not improved for as many as patience allows.
fn run_epochs(
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
    while state.history.len() < settings.epochs && state.history.len() - state.best_epoch < settings.patience {
        let row = learner.epoch(state.history.len() + 1, job, task.as_ref())?;
        say(&row, settings.epochs, task.as_ref());
        state.weights = learner.weights();
        let best = state.history.iter().map(EpochRow::score).fold(f64::NEG_INFINITY, f64::max);
        if state.best_epoch == 0 || row.score() > best {
            state.best_epoch = row.epoch;
            state.best = state.weights.clone();
        }
        state.history.push(row);
        (state.steps, state.moments) = learner.optimiser.state();
        save(&state)?;
    }
    Ok(state)
}

fn say(row: &EpochRow, epochs: usize, task: &dyn areal_job::Task) {
    let (names, values) = measures(&row.validation);
    let shown = if matches!(row.validation, Metrics::Value(_)) { ["rmse", "r2"] } else { ["accuracy", "macro_f1"] };
    let text: Vec<String> = names
        .iter()
        .zip(values)
        .filter(|(name, _)| shown.contains(&name.as_str()))
        .map(|(name, value)| format!("{name} {:.4}", value.unwrap_or(f64::NAN)))
        .collect();
    let text = format!("loss {:.4}, validation {:.4}, {}", row.train_loss, row.validation_loss, text.join(", "));
    task.remark(&text);
    tracing::info!("epoch {}/{epochs}: {text}", row.epoch);
}

/// An interrupted run that can be continued says so.
fn paused(error: TrainError, folder: &Path) -> TrainError {
    let TrainError::Interrupted(interrupted) = error else { return error };
    let Some(epochs) = epochs_kept(folder) else { return interrupted.into() };
    TrainError::Paused { epochs, checkpoint: folder.to_path_buf() }
}

fn check_classes(store: &PatchStore, train: &Samples<'_>, validation: &Samples<'_>) -> Result<(), TrainError> {
    let classes = store.meta().target.classes();
    let (learnt, measured) = (train.class_counts(), validation.class_counts());
    let path = || store.path().to_path_buf();
    for (k, class) in classes.iter().enumerate() {
        if learnt[k] == 0 && measured[k] > 0 {
            let (class, split, patches) = (class.name.clone(), Split::Validation, measured[k]);
            return Err(TrainError::UnseenClass { store: path(), class, split, patches });
        }
        if learnt[k] == 0 {
            tracing::warn!("no training patch is of the class {}; the model will never predict it well", class.name);
        }
    }
    let present: Vec<usize> = (0..classes.len()).filter(|k| learnt[*k] > 0).collect();
    match present[..] {
        [only] => {
            let (class, patches) = (classes[only].name.clone(), learnt[only]);
            Err(TrainError::OneClass { store: path(), class, patches })
        }
        _ => Ok(()),
    }
}

fn loss_for(settings: &TrainSettings, target: &Target) -> Result<Loss, TrainError> {
    let is_value = matches!(target, Target::Value { .. });
    if is_value && (settings.sampler, settings.class_weights) != (Sampler::Shuffled, ClassWeights::None) {
        let value = format!("{} and {}", settings.sampler, settings.class_weights);
        let expected = "shuffled and none for a value: there are no classes to balance";
        return Err(TrainError::Setting { setting: "sampler and class-weights", value, expected });
    }
    let loss = settings.loss.unwrap_or(if is_value { Loss::Mse } else { Loss::CrossEntropy });
    if loss.is_for_values() == is_value {
        return Ok(loss);
    }
    Err(TrainError::Loss { loss: loss.to_string(), target: if is_value { "values" } else { "classes" } })
}

fn provenance(store: &PatchStore, settings: &TrainSettings) -> Result<Provenance, TrainError> {
    let mut inputs = vec![input_file(store.path())?.into()];
    if let Some(weights) = &settings.weights {
        inputs.push(input_file(weights)?.into());
    }
    Ok(Provenance {
        made_by: areal_formats::MADE_BY.to_owned(),
        command: "train".to_owned(),
        inputs,
        settings: serde_json::to_value(settings).unwrap_or_default(),
        seed: Some(settings.seed),
    })
}

/// The model before it is trained.
fn describe(
    train: &Samples<'_>,
    class_weights: &[f64],
    settings: &TrainSettings,
    provenance: Provenance,
    job: Job<'_>,
) -> Result<ModelSpec, TrainError> {
    let meta = train.store.meta();
    let counts = train.class_counts();
    let present = counts.iter().filter(|n| **n > 0).count() as f64;
    let share = |n: &u64| match settings.sampler {
        Sampler::Balanced => f64::from(u8::from(*n > 0)) / present,
        Sampler::Shuffled => *n as f64 / train.len() as f64,
    };
    let shares: Vec<f64> = counts.iter().map(share).collect();
    let is_value = matches!(meta.target, Target::Value { .. });
    Ok(ModelSpec {
        format: BUNDLE_FORMAT.to_owned(),
        architecture: settings.architecture,
        padding: settings.padding,
        bands: meta.bands.clone(),
        pixel_type: meta.pixel_type,
        masked_by: meta.scenes.iter().find_map(|s| s.settings.quality.as_ref()).map(ToString::to_string),
        scaling: meta.scaling.clone(),
        normalisation: train.normalisation(job)?,
        target: meta.target.clone(),
        value_scale: if is_value { Some(train.value_scale()?) } else { None },
        patch_size: meta.patch_size,
        ground_resolution: meta.ground_resolution,
        calibration: Calibration::default(),
        training_prior: implied_prior(&shares, class_weights),
        class_counts: counts,
        weights_sha256: hash_bytes(&[]),
        provenance,
    })
}

fn first_weights(spec: &ModelSpec, settings: &TrainSettings) -> Result<StateDict, TrainError> {
    let config = spec.network_config();
    let Some(path) = &settings.weights else {
        return Ok(StateDict::of(&Network::new(&config, settings.seed, &burn::tensor::Device::flex())?));
    };
    let imported = StateDict::import(path, &config, settings.seed)?;
    if config.padding == Padding::Valid {
        tracing::warn!("weights in circulation are of networks with padding = same; {} may be too", path.display());
    }
    imported.notes.iter().for_each(|note| tracing::info!("{}: {note}", path.display()));
    Ok(imported.state)
}

/// Temperature and calibration errors before and after, for the class prior that training implies.
fn calibrate(
    learner: &Learner<'_>,
    spec: &ModelSpec,
    validation: &Samples<'_>,
    job: Job<'_>,
) -> Result<(f64, Option<[f64; 2]>), TrainError> {
    if spec.target.classes().is_empty() {
        return Ok((1.0, None));
    }
    let logits = learner.validation_logits(job)?;
    let (truth, counts) = (validation.classes(), validation.class_counts());
    let weights: Vec<f64> = truth.iter().map(|k| spec.training_prior[*k] / counts[*k] as f64).collect();
    let temperature = fit_temperature(&logits, &truth, &weights);
    let error = |t| expected_calibration_error(&at_temperature(spec, &logits, t), &truth, &weights);
    Ok((temperature, Some([error(1.0), error(temperature)])))
}

fn write_bundle(
    bundle: &Bundle,
    report: &TrainReport,
    settings: &TrainSettings,
    staged: &StagedDir,
) -> Result<(), TrainError> {
    bundle.save(staged)?;
    write_metrics(&staged.file("metrics.csv"), &report.history)?;
    if let Metrics::Classes(metrics) = &report.validation {
        write_confusion(&staged.file("confusion.csv"), bundle.spec.target.classes(), &metrics.confusion)?;
    }
    draw_curves(&staged.file("learning-curve.svg"), &report.history, report.best_epoch)?;
    write_card(&staged.file("card.md"), &Card { spec: &bundle.spec, report, settings })?;
    let patches = match &report.validation {
        Metrics::Classes(m) => m.confusion.total(),
        Metrics::Value(m) => m.patches,
    };
    let evaluation = Evaluation {
        format: EVALUATION_FORMAT.to_owned(),
        split: Split::Validation,
        patches,
        metrics: report.validation.clone(),
        provenance: bundle.spec.provenance.clone(),
    };
    Ok(write_json(&staged.file("evaluation.json"), &evaluation)?)
}

#[cfg(test)]
mod tests {
    use areal_job::{Interrupt, NoProgress, hash_file};
    use areal_model::{Architecture, BurnInference, DeviceChoice};

    use super::*;
    use crate::settings::OptimiserKind;
    use crate::toy::{self, Toy};
    use crate::{Augmentation, evaluate};

    fn quick() -> TrainSettings {
        TrainSettings {
            epochs: 4,
            batch_size: 16,
            learning_rate: 4e-3,
            warmup_epochs: 0.5,
            seed: 11,
            ..TrainSettings::default()
        }
    }

    fn job(interrupt: &Interrupt) -> Job<'_> {
        Job { progress: &NoProgress, interrupt }
    }

    fn run(store: &PatchStore, settings: &TrainSettings, out: &Path) -> Result<TrainReport, TrainError> {
        train(store, settings, out, true, false, job(&Interrupt::default()))
    }

    fn classes(report: &TrainReport) -> &crate::ClassMetrics {
        match &report.validation {
            Metrics::Classes(m) => m,
            Metrics::Value(_) => panic!("a value"),
        }
    }

    #[test]
    fn it_learns_what_can_be_told_apart_and_the_bundle_measures_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let store = toy::store(folder.path(), &Toy::default());
        let out = folder.path().join("bundle");
        let report = run(&store, &quick(), &out).unwrap();
        // Three classes: chance is a third.
        assert!(classes(&report).balanced_accuracy.unwrap() > 0.9, "{:?}", classes(&report));
        let mut inference = BurnInference::load(&out, DeviceChoice::Cpu).unwrap();
        let interrupt = Interrupt::default();
        let again = evaluate(&mut inference, &store, Split::Validation, job(&interrupt)).unwrap();
        let Metrics::Classes(again) = again else { panic!("a value") };
        assert_eq!(again.confusion, classes(&report).confusion);
        assert!((again.log_loss - classes(&report).log_loss).abs() < 1e-6);
        let test = evaluate(&mut inference, &store, Split::Test, job(&interrupt)).unwrap();
        let Metrics::Classes(test) = test else { panic!("a value") };
        assert!(test.balanced_accuracy.unwrap() > 0.9, "{test:?}");
        for file in
            ["weights.safetensors", "model.json", "metrics.csv", "confusion.csv", "learning-curve.svg", "card.md"]
        {
            assert!(out.join(file).metadata().unwrap().len() > 100, "{file}");
        }
        assert!(!checkpoint_path(&out).exists());
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let folder = tempfile::tempdir().unwrap();
        let store = toy::store(folder.path(), &Toy::small());
        let digest = |name: &str, seed| {
            let out = folder.path().join(name);
            run(&store, &TrainSettings { seed, epochs: 2, ..quick() }, &out).unwrap();
            hash_file(&out.join("weights.safetensors")).unwrap()
        };
        assert_eq!(digest("a", 5), digest("b", 5));
        assert_ne!(digest("a", 5), digest("c", 6));
    }

    /// Asks to stop when so many epochs are done.
    struct StopAfter<'a> {
        interrupt: &'a Interrupt,
        epochs: usize,
        done: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    }

    impl areal_job::Progress for StopAfter<'_> {
        fn task(&self, _: &str, _: Option<u64>, _: Unit) -> Box<dyn areal_job::Task> {
            Box::new(Count { interrupt: self.interrupt.clone(), epochs: self.epochs, done: self.done.clone() })
        }
    }

    struct Count {
        interrupt: Interrupt,
        epochs: usize,
        done: std::sync::Arc<std::sync::atomic::AtomicUsize>,
    }

    impl areal_job::Task for Count {
        fn advance(&self, _: u64) {}
        // A remark is made once an epoch.
        fn remark(&self, _: &str) {
            if self.done.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == self.epochs {
                self.interrupt.request();
            }
        }
    }

    fn interrupted_then_continued(optimiser: OptimiserKind) {
        let folder = tempfile::tempdir().unwrap();
        let store = toy::store(folder.path(), &Toy::small());
        let settings = TrainSettings {
            epochs: 4,
            optimiser,
            learning_rate: 2e-3,
            class_weights: ClassWeights::Inverse,
            sampler: Sampler::Balanced,
            ..quick()
        };
        let whole = folder.path().join("whole");
        let expected = run(&store, &settings, &whole).unwrap();

        let out = folder.path().join("parts");
        let interrupt = Interrupt::default();
        let progress = StopAfter { interrupt: &interrupt, epochs: 2, done: std::sync::Arc::default() };
        let stopped = train(&store, &settings, &out, false, false, Job { progress: &progress, interrupt: &interrupt });
        let message = stopped.unwrap_err().to_string();
        assert!(message.starts_with("interrupted; 2 epochs are kept in"), "{message}");
        assert!(!out.exists());

        let other = TrainSettings { seed: 12, ..settings.clone() };
        let refused = run(&store, &other, &out).unwrap_err().to_string();
        assert!(refused.ends_with("is of another run: seed was 11, is 12"), "{refused}");

        let continued = run(&store, &settings, &out).unwrap();
        assert_eq!(continued.continued_from, 2);
        assert_eq!(continued.history, expected.history);
        for file in ["weights.safetensors", "metrics.csv", "confusion.csv", "model.json"] {
            assert_eq!(hash_file(&out.join(file)).unwrap(), hash_file(&whole.join(file)).unwrap(), "{file}");
        }
    }

    #[test]
    fn an_interrupted_run_continues_to_the_same_bytes() {
        interrupted_then_continued(OptimiserKind::Adamw);
    }

    #[test]
    fn an_interrupted_run_with_momentum_continues_to_the_same_bytes() {
        interrupted_then_continued(OptimiserKind::Sgd);
    }

    #[test]
    fn balanced_weights_raise_the_recall_of_a_rare_class() {
        let folder = tempfile::tempdir().unwrap();
        let store = toy::store(folder.path(), &Toy::imbalanced());
        let recall = |name: &str, class_weights| {
            let settings = TrainSettings { epochs: 6, class_weights, augmentation: Augmentation::NONE, ..quick() };
            let report = run(&store, &settings, &folder.path().join(name)).unwrap();
            classes(&report).classes[2].recall.unwrap()
        };
        let (plain, weighed) = (recall("plain", ClassWeights::None), recall("weighed", ClassWeights::Inverse));
        assert!(weighed > plain + 0.1, "{plain} {weighed}");
    }

    #[test]
    fn it_learns_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let store = toy::store(folder.path(), &Toy { value: true, ..Toy::default() });
        let out = folder.path().join("bundle");
        let settings = TrainSettings { epochs: 8, ..quick() };
        let report = run(&store, &settings, &out).unwrap();
        let Metrics::Value(m) = report.validation else { panic!("classes") };
        // Values spread from 100 to 300.
        assert!(m.r2.unwrap() > 0.8 && m.rmse < 30.0, "{m:?}");
        let spec = Bundle::load_spec(&out).unwrap();
        assert!((150.0..250.0).contains(&spec.value_scale.unwrap().mean));
    }

    #[test]
    fn stores_that_cannot_be_trained_on_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refusal = |name: &str, toy: &Toy, settings: &TrainSettings| {
            let at = folder.path().join(name);
            std::fs::create_dir(&at).unwrap();
            let error = run(&toy::store(&at, toy), settings, &at.join("out")).unwrap_err().to_string();
            let left: Vec<_> = std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(left, ["store"], "{name}");
            error
        };
        let small = Toy::small();
        let one = refusal("one", &Toy { train: [20, 0, 0], validation: [5, 0, 0], ..small.clone() }, &quick());
        assert!(one.starts_with("all 20 training patches of") && one.contains("the class field"), "{one}");
        let unseen = refusal("unseen", &Toy { train: [9, 9, 0], ..small.clone() }, &quick());
        assert!(unseen.contains("of the class water, which no training patch has"), "{unseen}");
        let none = refusal("none", &Toy { validation: [0; 3], ..small.clone() }, &quick());
        assert!(none.ends_with("has no validation patches"), "{none}");
        let overlap = refusal("overlap", &Toy { overlap: true, ..small.clone() }, &quick());
        assert!(overlap.contains("overlap, but are in different splits"), "{overlap}");
        let loss = refusal("loss", &small, &TrainSettings { loss: Some(Loss::Mse), ..quick() });
        assert_eq!(loss, "loss mse does not go with a target of classes");
        let wild = TrainSettings {
            learning_rate: 1e30,
            optimiser: OptimiserKind::Sgd,
            clip_norm: None,
            warmup_epochs: 0.0,
            ..quick()
        };
        let diverged = refusal("wild", &small, &wild);
        assert!(diverged.starts_with("training diverged in epoch 1, step "), "{diverged}");
    }

    #[test]
    fn a_residual_network_trains_from_given_weights_of_other_bands() {
        let folder = tempfile::tempdir().unwrap();
        let store =
            toy::store(folder.path(), &Toy { train: [3, 3, 2], validation: [2; 3], test: [0; 3], ..Toy::small() });
        let first = areal_model::NetworkConfig {
            architecture: Architecture::Resnet18,
            padding: Padding::Same,
            bands: 3,
            outputs: 7,
        };
        let network = Network::new(&first, 1, &burn::tensor::Device::flex()).unwrap();
        let weights = folder.path().join("first.safetensors");
        StateDict::of(&network).write(&weights).unwrap();
        let settings =
            TrainSettings { architecture: Architecture::Resnet18, weights: Some(weights), epochs: 1, ..quick() };
        let report = run(&store, &settings, &folder.path().join("out")).unwrap();
        assert!(report.history[0].train_loss.is_finite());
    }
}
