//! Weights that PyTorch saves, read and run beside it.

use areal_formats::Padding;
use areal_tests::published_weights::{OUTPUTS, PublishedWeights, furthest};
use burn::tensor::{Device, Tensor, TensorData};

use super::*;
use crate::Network;

/// Torchvision's and timm's networks, as state dicts, as safetensors, in half precision, by the old pickle protocol, and in the
/// checkpoints of `MoCo`, `DINO` and `Lightning`.
#[test]
fn networks_that_pytorch_saved_give_its_logits() {
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = PublishedWeights::save(folder.path()) else { return };
    for case in cases {
        let config = NetworkConfig {
            architecture: case.architecture,
            padding: Padding::Same,
            bands: case.bands,
            outputs: OUTPUTS,
        };
        let names = case.band_names();
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
        let x = Tensor::from_data(TensorData::new(case.pixels(), case.shape), &Device::flex());
        let found: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
        let scale = case.logits.iter().fold(1.0f32, |a, b| a.max(b.abs()));
        let furthest = furthest(&found, &case.logits);
        assert!(furthest < 1e-4 * scale, "{}: {furthest}", case.file);
    }
}
