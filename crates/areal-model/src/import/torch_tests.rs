//! Weights that PyTorch saves, read and run beside it.

use std::process::Command;

use areal_formats::{Architecture, Padding};
use areal_tests::{oracle, workspace};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::*;
use crate::Network;

#[derive(Deserialize)]
struct Saved {
    file: String,
    architecture: Architecture,
    bands: usize,
    shape: [usize; 4],
    logits: Vec<f32>,
}

/// Torchvision's and timm's networks, as state dicts, as safetensors, in half precision, by the old pickle protocol, and in the
/// checkpoints of `MoCo`, `DINO` and `Lightning`.
#[test]
fn networks_that_pytorch_saved_give_its_logits() {
    let Some(python) = oracle("torch, torchvision, timm, safetensors") else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = workspace().join("tests/oracles/published_weights.py");
    let made = Command::new(python).arg(script).arg(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let cases: Vec<Saved> =
        serde_json::from_str(&std::fs::read_to_string(folder.path().join("weights.json")).unwrap()).unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let config =
            NetworkConfig { architecture: case.architecture, padding: Padding::Same, bands: case.bands, outputs: 5 };
        let names: Vec<String> = (1..=case.bands).map(|b| format!("band {b}")).collect();
        let path = folder.path().join(&case.file);
        let target = Target::Value { name: "x".to_owned(), unit: String::new() };
        let import = Import {
            path: &path,
            kind: Some(WeightsKind::SameBands),
            config: &config,
            store: StoreBands { names: &names, named_as: &[] },
            numbers: None,
            target: &target,
            missing_band: None,
            seed: 1,
        };
        let statistics = Normalisation { mean: vec![0.0; case.bands], std: vec![1.0; case.bands] };
        let imported = import.run(&statistics).unwrap();
        let network = Network::from_state(&config, &imported.state, &Device::flex()).unwrap();
        let pixels: Vec<f32> =
            (0..case.shape.iter().product::<usize>()).map(|j| (0.11 * j as f64).cos() as f32).collect();
        let x = Tensor::from_data(TensorData::new(pixels, case.shape), &Device::flex());
        let found: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
        assert_eq!(found.len(), case.logits.len());
        let scale = case.logits.iter().fold(1.0f32, |a, b| a.max(b.abs()));
        let furthest = found.iter().zip(&case.logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(furthest < 1e-4 * scale, "{}: {furthest}", case.file);
    }
}
