//! The first step of a training from weights that PyTorch saved, beside PyTorch's own.

use std::path::Path;

use areal_formats::{Normalisation, Padding};
use areal_grid::Target;
use areal_model::{Import, Loss, Network, NetworkConfig, StoreBands, WeightsKind};
use areal_tests::published_weights::{OUTPUTS, PublishedWeights, furthest};
use burn::tensor::{Device, Tensor, TensorData};

use crate::{KernelOperations, Optimiser, OptimiserKind, TrainSettings, step};

/// Classes of the two images.
const TRUTH: [i32; 2] = [1, 3];

fn imported(folder: &Path, case: &PublishedWeights, device: &Device) -> Network {
    let PublishedWeights { architecture, bands, .. } = *case;
    let config = NetworkConfig { architecture, padding: Padding::Same, bands, outputs: OUTPUTS };
    let names = case.band_names();
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
    let folder = tempfile::tempdir().unwrap();
    let Some(cases) = PublishedWeights::save(folder.path()) else { return };
    let settings =
        TrainSettings { optimiser: OptimiserKind::Sgd, weight_decay: 0.0, clip_norm: None, ..TrainSettings::default() };
    let (device, operations) = (Device::flex().autodiff(), KernelOperations::detect().unwrap());
    let mut off = Vec::new();
    for case in cases {
        let x = Tensor::<4>::from_data(TensorData::new(case.pixels(), case.shape), &device);
        let mut optimiser = Optimiser::new(&settings, operations);
        let (network, loss) = step(imported(folder.path(), &case, &device), &mut optimiser, 0.01, |network| {
            let truth = Tensor::from_data(TensorData::from(TRUTH.as_slice()), &device);
            Loss::CrossEntropy.of_classes(network.forward_with(x.clone(), &operations), truth).mean()
        });
        assert!((loss - case.loss).abs() < 1e-4 * case.loss, "{}: loss {loss}, PyTorch {}", case.file, case.loss);
        let stepped: Vec<f32> = network.forward_with(x, &operations).into_data().iter::<f32>().collect();
        let furthest = furthest(&stepped, &case.stepped);
        println!("{}: {furthest:.1e} off after a step of {:.2}, PyTorch {:.1e}", case.file, case.moved, case.single);
        off.push(furthest / case.moved);
    }
    // An activation next to 0 may fall on either side of it in single precision, as here and there in PyTorch's own step.
    off.sort_by(f32::total_cmp);
    assert!(off[6] < 0.05 && off[3] < 1e-3 && off[1] < 1e-5, "{off:?}");
}
