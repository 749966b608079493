//! Whole trainings on small generated stores.

use std::path::Path;

use areal_formats::{Architecture, Padding};
use areal_job::{Interrupt, Job, NoProgress, Unit, hash_file};
use areal_model::{
    Bundle, BurnInference, ClassWeights, DeviceChoice, Loss, MissingBand, Network, StateDict, WeightsKind,
};
use areal_store::{PatchStore, Split};

use super::{TrainReport, train};
use crate::checkpoint::checkpoint_path;
use crate::settings::OptimiserKind;
use crate::synthetic_store::{self, SyntheticStore};
use crate::{Augmentation, Metrics, NormalisationFrom, Sampler, TrainError, TrainSettings, evaluate};

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
    let store = synthetic_store::store(folder.path(), &SyntheticStore::default());
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
    for file in ["weights.safetensors", "model.json", "metrics.csv", "confusion.csv", "learning-curve.svg", "card.md"] {
        assert!(out.join(file).metadata().unwrap().len() > 100, "{file}");
    }
    assert!(!checkpoint_path(&out).exists());
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
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

/// Trains until so many epochs are done, and leaves a checkpoint.
pub(super) fn stopped_after(store: &PatchStore, settings: &TrainSettings, out: &Path, epochs: usize) {
    let interrupt = Interrupt::default();
    let progress = StopAfter { interrupt: &interrupt, epochs, done: std::sync::Arc::default() };
    let stopped = train(store, settings, out, false, false, Job { progress: &progress, interrupt: &interrupt });
    let message = stopped.unwrap_err().to_string();
    assert!(message.starts_with(&format!("interrupted; {epochs} epoch")), "{message}");
    assert!(!out.exists());
}

fn interrupted_then_continued(optimiser: OptimiserKind) {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
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
    stopped_after(&store, &settings, &out, 2);

    let other = TrainSettings { seed: 12, ..settings.clone() };
    let refused = run(&store, &other, &out).unwrap_err().to_string();
    assert!(refused.ends_with("belongs to another run: seed was 11, is 12"), "{refused}");

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
fn a_checkpoint_that_could_not_be_removed_is_removed_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let out = folder.path().join("bundle");
    // As the exchange of two checkpoints leaves the former one.
    let left = areal_job::StagedDir::new(&folder.path().join(".partial-aa-.bundle.checkpoint"), false).unwrap();
    std::fs::write(left.file("history.json"), "").unwrap();
    left.commit().unwrap();
    run(&store, &TrainSettings { epochs: 1, ..quick() }, &out).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["bundle", "store"]);
}

#[test]
fn balanced_weights_raise_the_recall_of_a_rare_class() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::imbalanced());
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
    let store = synthetic_store::store(folder.path(), &SyntheticStore { value: true, ..SyntheticStore::default() });
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
    let refusal = |name: &str, data: &SyntheticStore, settings: &TrainSettings| {
        let at = folder.path().join(name);
        std::fs::create_dir(&at).unwrap();
        let error = run(&synthetic_store::store(&at, data), settings, &at.join("out")).unwrap_err().to_string();
        let left: Vec<_> = std::fs::read_dir(&at).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["store"], "{name}");
        error
    };
    let small = SyntheticStore::small();
    let one = refusal("one", &SyntheticStore { train: [20, 0, 0], validation: [5, 0, 0], ..small.clone() }, &quick());
    assert!(one.starts_with("all 20 training patches of") && one.contains("the class field"), "{one}");
    let unseen = refusal("unseen", &SyntheticStore { train: [9, 9, 0], ..small.clone() }, &quick());
    assert!(unseen.contains("have the class water, but no training patch has it"), "{unseen}");
    let none = refusal("none", &SyntheticStore { validation: [0; 3], ..small.clone() }, &quick());
    assert!(none.ends_with("has no validation patches"), "{none}");
    let overlap = refusal("overlap", &SyntheticStore { overlap: true, ..small.clone() }, &quick());
    assert!(overlap.contains("overlap, but are in different splits"), "{overlap}");
    let loss = refusal("loss", &small, &TrainSettings { loss: Some(Loss::Mse), ..quick() });
    assert_eq!(loss, "loss mse cannot be used for a target of classes");
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
    let store = synthetic_store::store(
        folder.path(),
        &SyntheticStore { train: [3, 3, 2], validation: [2; 3], test: [0; 3], ..SyntheticStore::small() },
    );
    let first = areal_model::NetworkConfig {
        architecture: Architecture::Resnet18,
        padding: Padding::Same,
        bands: 3,
        outputs: 7,
    };
    let network = Network::new(&first, 1, &burn::tensor::Device::flex()).unwrap();
    let weights = folder.path().join("first.safetensors");
    StateDict::of(&network).write(&weights).unwrap();
    // The store holds red and infrared, the weights red, green and blue.
    let settings = TrainSettings {
        architecture: Architecture::Resnet18,
        weights: Some(weights),
        weights_kind: Some(WeightsKind::Torchvision),
        missing_band: Some(MissingBand::Drop),
        normalisation: NormalisationFrom::Store,
        epochs: 1,
        ..quick()
    };
    let report = run(&store, &settings, &folder.path().join("out")).unwrap();
    assert!(report.history[0].train_loss.is_finite());
}
