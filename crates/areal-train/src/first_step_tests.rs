//! The first step of a training from weights that PyTorch saved, beside PyTorch's own.

use std::path::Path;
use std::process::Command;

use areal_formats::{Architecture, Normalisation, Padding};
use areal_grid::Target;
use areal_model::{Import, Loss, Network, NetworkConfig, StoreBands, WeightsKind};
use areal_tests::{oracle, workspace};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use crate::{KernelOperations, Optimiser, OptimiserKind, TrainSettings, step};

#[derive(Deserialize)]
struct Saved {
    file: String,
    architecture: Architecture,
    bands: usize,
    shape: [usize; 4],
    /// In double precision.
    loss: f64,
    /// Logits after the step, in double precision.
    stepped: Vec<f32>,
    /// How far the step moved them.
    moved: f32,
    /// How far PyTorch's own step in single precision ends from there.
    single: f32,
}

/// Classes of the two images.
const TRUTH: [i32; 2] = [1, 3];
const OUTPUTS: usize = 5;

fn imported(folder: &Path, case: &Saved, device: &Device) -> Network {
    let Saved { architecture, bands, .. } = *case;
    let config = NetworkConfig { architecture, padding: Padding::Same, bands, outputs: OUTPUTS };
    let names: Vec<String> = (1..=bands).map(|b| format!("band {b}")).collect();
    let target = Target::Value { name: "x".to_owned(), unit: String::new() };
    let import = Import {
        path: &folder.join(&case.file),
        kind: Some(WeightsKind::SameBands),
        config: &config,
        store: StoreBands { names: &names, named_as: &[] },
        numbers: None,
        target: &target,
        missing_band: None,
        seed: 1,
    };
    let state = import.run(&Normalisation { mean: vec![0.0; bands], std: vec![1.0; bands] }).unwrap().state;
    Network::from_state(&config, &state, device).unwrap()
}

#[test]
fn the_first_step_from_weights_of_pytorch_is_that_of_pytorch() {
    let Some(python) = oracle("torch, torchvision, timm, safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = workspace().join("tests/oracles/published_weights.py");
    let made = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let cases: Vec<Saved> =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("weights.json")).unwrap()).unwrap();
    let settings =
        TrainSettings { optimiser: OptimiserKind::Sgd, weight_decay: 0.0, clip_norm: None, ..TrainSettings::default() };
    let (device, operations) = (Device::flex().autodiff(), KernelOperations::detect().unwrap());
    let mut off = Vec::new();
    for case in cases {
        let pixels: Vec<f32> =
            (0..case.shape.iter().product::<usize>()).map(|j| (0.11 * j as f64).cos() as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(pixels, case.shape), &device);
        let mut optimiser = Optimiser::new(&settings, operations);
        let (network, loss) = step(imported(folder.path(), &case, &device), &mut optimiser, 0.01, |network| {
            let truth = Tensor::from_data(TensorData::from(TRUTH.as_slice()), &device);
            Loss::CrossEntropy.of_classes(network.forward_with(x.clone(), &operations), truth).mean()
        });
        assert!((loss - case.loss).abs() < 1e-4 * case.loss, "{}: loss {loss}, PyTorch {}", case.file, case.loss);
        let stepped: Vec<f32> = network.forward_with(x, &operations).into_data().iter::<f32>().collect();
        let furthest = stepped.iter().zip(&case.stepped).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        println!("{}: {furthest:.1e} off after a step of {:.2}, PyTorch {:.1e}", case.file, case.moved, case.single);
        off.push(furthest / case.moved);
    }
    // An activation next to 0 may fall on either side of it in single precision, as here and there in PyTorch's own step.
    off.sort_by(f32::total_cmp);
    assert!(off[6] < 0.05 && off[3] < 1e-3 && off[1] < 1e-5, "{off:?}");
}
