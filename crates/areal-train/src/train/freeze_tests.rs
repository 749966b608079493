//! Trainings in which layers are frozen, or have learning rates of their own.

use std::path::Path;

use areal_formats::{Architecture, Padding};
use areal_job::{Interrupt, Job, NoProgress, hash_file};
use areal_model::{Bundle, Freeze, Loss, Network, NetworkConfig, StateDict, WeightsKind};
use areal_store::PatchStore;
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::tests::stopped_after;
use crate::groups::Groups;
use crate::synthetic_store::{self, SyntheticStore};
use crate::{
    Augmentation, KernelOperations, NormalisationFrom, Optimiser, OptimiserKind, TrainError, TrainSettings, step, train,
};

const COMPACT: NetworkConfig =
    NetworkConfig { architecture: Architecture::Compact, padding: Padding::Same, bands: 2, outputs: 3 };

fn first_weights(folder: &Path) -> (std::path::PathBuf, StateDict) {
    let mut state = StateDict::of(&Network::new(&COMPACT, 5, &Device::flex()).unwrap());
    // Running statistics that are neither 0 nor 1.
    for (name, tensor) in &mut state.tensors {
        if name.contains("running_") {
            tensor.values.iter_mut().enumerate().for_each(|(i, v)| *v += 0.01 * (i % 7) as f32);
        }
    }
    let path = folder.join("first.safetensors");
    state.write(&path).unwrap();
    (path, state)
}

fn settings(weights: &Path) -> TrainSettings {
    TrainSettings {
        weights: Some(weights.to_path_buf()),
        weights_kind: Some(WeightsKind::SameBands),
        normalisation: NormalisationFrom::Store,
        epochs: 3,
        batch_size: 16,
        learning_rate: 4e-3,
        seed: 11,
        ..TrainSettings::default()
    }
}

fn run(store: &PatchStore, settings: &TrainSettings, out: &Path) -> Result<StateDict, TrainError> {
    let interrupt = Interrupt::default();
    train(store, settings, out, true, false, Job { progress: &NoProgress, interrupt: &interrupt })?;
    Ok(StateDict::read(&out.join("weights.safetensors"))?)
}

/// Names of the tensors whose bits changed.
fn changed(before: &StateDict, after: &StateDict) -> Vec<String> {
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    let is_other = |name: &str| bits(&before.tensors[name].values) != bits(&after.tensors[name].values);
    before.tensors.keys().filter(|name| is_other(name)).cloned().collect()
}

#[test]
fn frozen_layers_keep_every_bit_of_their_weights_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let (weights, first) = first_weights(folder.path());
    let all: Vec<String> = first.tensors.keys().cloned().collect();
    for (freeze, frozen) in [
        (Freeze::Stages(0), &["conv1.", "bn1."][..]),
        (Freeze::Stages(2), &["conv1.", "bn1.", "layer1.", "layer2."]),
        (Freeze::Backbone, &["conv1.", "bn1.", "layer"]),
        (Freeze::None, &[]),
    ] {
        let out = folder.path().join("out");
        let after = run(&store, &TrainSettings { freeze, ..settings(&weights) }, &out).unwrap();
        let expected: Vec<&String> =
            all.iter().filter(|name| !frozen.iter().any(|part| name.starts_with(part))).collect();
        assert_eq!(changed(&first, &after).iter().collect::<Vec<_>>(), expected, "{freeze}");
        if let Some(text) = (TrainSettings { freeze, ..settings(&weights) }).frozen_text() {
            let notes = Bundle::load_spec(&out).unwrap().initial_weights.unwrap().notes;
            assert!(notes.contains(&text), "{notes:?}");
            assert!(std::fs::read_to_string(out.join("card.md")).unwrap().contains(&text));
        }
    }
}

#[test]
fn a_backbone_that_is_frozen_at_first_is_trained_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let (weights, first) = first_weights(folder.path());
    // Three epochs, of which the best is kept; with as many frozen as may be, the last one is the only one that trains all.
    let settings = TrainSettings { epochs_frozen: 2, patience: 1, learning_rate: 1e-3, ..settings(&weights) };
    let out = folder.path().join("out");
    let interrupt = Interrupt::default();
    let job = Job { progress: &NoProgress, interrupt: &interrupt };
    let report = train(&store, &settings, &out, true, false, job).unwrap();
    assert_eq!(report.history.len(), 3, "patience ran out before the backbone was trained");
    let after = StateDict::read(&out.join("weights.safetensors")).unwrap();
    let is_trained = changed(&first, &after).contains(&"conv1.weight".to_owned());
    assert_eq!(is_trained, report.best_epoch == 3);
}

#[test]
fn an_interrupted_run_with_frozen_epochs_continues_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let (weights, _) = first_weights(folder.path());
    let settings = TrainSettings {
        epochs: 4,
        epochs_frozen: 2,
        layer_decay: 0.7,
        freeze: Freeze::Stages(0),
        ..settings(&weights)
    };
    let whole = folder.path().join("whole");
    run(&store, &settings, &whole).unwrap();
    for epochs in [1, 2, 3] {
        let out = folder.path().join(format!("after{epochs}"));
        stopped_after(&store, &settings, &out, epochs);
        run(&store, &settings, &out).unwrap();
        let digest = |folder: &Path| hash_file(&folder.join("weights.safetensors")).unwrap();
        assert_eq!(digest(&out), digest(&whole), "stopped after {epochs}");
    }
}

/// Checkpoints of such a run hold the head alone.
#[test]
fn an_interrupted_training_of_the_head_continues_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let (weights, first) = first_weights(folder.path());
    let augmentation = Augmentation { flips: true, ..Augmentation::NONE };
    let settings = TrainSettings { epochs: 4, freeze: Freeze::Backbone, augmentation, ..settings(&weights) };
    let (whole, out) = (folder.path().join("whole"), folder.path().join("parts"));
    let expected = run(&store, &settings, &whole).unwrap();
    stopped_after(&store, &settings, &out, 2);
    let kept = StateDict::read(&folder.path().join(".parts.checkpoint/weights.safetensors")).unwrap();
    assert_eq!(kept.tensors.keys().collect::<Vec<_>>(), ["fc.bias", "fc.weight"]);
    assert_eq!(run(&store, &settings, &out).unwrap(), expected);
    assert_eq!(changed(&first, &expected), ["fc.bias", "fc.weight"]);
    for file in ["weights.safetensors", "metrics.csv"] {
        assert_eq!(hash_file(&out.join(file)).unwrap(), hash_file(&whole.join(file)).unwrap(), "{file}");
    }
}

/// One step of gradient descent without momentum before it changes each weight by `-rate x factor x gradient`: the change with
/// layer decay is that without times 1/2 for each part further from the head. `compact` has three stages.
#[test]
fn layer_wise_rates_by_hand_in_one_step() {
    let (device, operations) = (Device::flex().autodiff(), KernelOperations::detect().unwrap());
    let plain = TrainSettings {
        optimiser: OptimiserKind::Sgd,
        weight_decay: 0.0,
        clip_norm: None,
        augmentation: Augmentation::NONE,
        ..TrainSettings::default()
    };
    let moved = |layer_decay: f64| {
        let settings = TrainSettings { layer_decay, ..plain.clone() };
        let network = Network::new(&COMPACT, 3, &device).unwrap();
        let before = StateDict::of(&network);
        let mut optimiser = Optimiser::new(&settings, operations).with_groups(Groups::new(&network, &settings, 1));
        let pixels: Vec<f32> = (0..4 * 2 * 16 * 16).map(|j| (0.37 * f64::from(j)).cos() as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(pixels, [4, 2, 16, 16]), &device);
        let truth = Tensor::<1, Int>::from_data(TensorData::from([0i64, 2, 1, 0].as_slice()), &device);
        let (network, _) = step(network, &mut optimiser, 0.5, |network| {
            Loss::CrossEntropy.of_classes(network.forward_with(x, &operations), truth).mean()
        });
        (before, StateDict::of(&network))
    };
    let change = |(before, after): &(StateDict, StateDict), name: &str| -> Vec<f64> {
        let values = |state: &StateDict| state.tensors[name].values.clone();
        values(after).into_iter().zip(values(before)).map(|(a, b)| f64::from(a) - f64::from(b)).collect()
    };
    let (alike, decayed) = (moved(1.0), moved(0.5));
    for (name, factor) in [
        ("fc.weight", 1.0),
        ("fc.bias", 1.0),
        ("layer3.0.conv2.weight", 0.5),
        ("layer3.0.bn1.bias", 0.5),
        ("layer2.0.conv1.weight", 0.25),
        ("layer1.0.conv2.weight", 0.125),
        ("conv1.weight", 0.0625),
    ] {
        let (full, less) = (change(&alike, name), change(&decayed, name));
        let largest = full.iter().fold(0.0f64, |a, b| a.max(b.abs()));
        assert!(largest > 1e-4, "{name} did not move: {largest}");
        for (full, less) in full.iter().zip(&less) {
            // Weights near 1 are rounded to 6e-8.
            assert!((less - factor * full).abs() < 3e-7 + 1e-4 * largest, "{name}: {less} of {full}");
        }
    }
}

/// A brightness of 1e-30 deviations changes no pixel, but forbids that features are computed once.
#[test]
fn a_head_trained_on_features_computed_once_is_that_trained_on_the_patches() {
    let folder = tempfile::tempdir().unwrap();
    let store = synthetic_store::store(folder.path(), &SyntheticStore::small());
    let (weights, first) = first_weights(folder.path());
    for flips in [false, true] {
        let head = |brightness: f32| {
            let settings = TrainSettings {
                freeze: Freeze::Backbone,
                optimiser: OptimiserKind::Sgd,
                learning_rate: 0.05,
                augmentation: Augmentation { flips, brightness, noise: 0.0 },
                ..settings(&weights)
            };
            let state = run(&store, &settings, &folder.path().join("out")).unwrap();
            state.tensors["fc.weight"].values.clone()
        };
        let (once, each_epoch) = (head(0.0), head(1e-30));
        let furthest = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let (apart, moved) = (furthest(&once, &each_epoch), furthest(&once, &first.tensors["fc.weight"].values));
        println!("flips {flips}: {apart:.1e} apart, moved by {moved:.1e}");
        assert!(moved > 0.01 && apart < 1e-3 * moved, "flips {flips}: {apart} apart, moved by {moved}");
    }
}
