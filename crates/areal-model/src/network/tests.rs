//! Networks against published numbers, PyTorch and their own definitions.

use areal_formats::{Architecture, Padding};
use burn::tensor::{Device, Tensor, TensorData};
use serde::Deserialize;

use super::{Network, NetworkConfig};
use crate::weights::shapes;
use crate::{StateDict, TensorValues};

fn config(architecture: Architecture, bands: usize, outputs: usize) -> NetworkConfig {
    NetworkConfig { architecture, padding: Padding::Same, bands, outputs }
}

fn learnable(config: &NetworkConfig) -> usize {
    let is_learnable = |name: &str| !name.contains("running_");
    shapes(config).iter().filter(|(n, _)| is_learnable(n)).map(|(_, s)| s.iter().product::<usize>()).sum()
}

/// The numbers of parameters that circulate for 3 bands and 1000 classes.
#[test]
fn residual_networks_have_the_published_numbers_of_parameters() {
    for (architecture, expected) in [
        (Architecture::Resnet18, 11_689_512),
        (Architecture::Resnet34, 21_797_672),
        (Architecture::Resnet50, 25_557_032),
    ] {
        assert_eq!(learnable(&config(architecture, 3, 1000)), expected, "{architecture}");
    }
}

#[test]
fn compact_is_small_and_takes_patches_from_8_px() {
    let config = config(Architecture::Compact, 4, 6);
    let size = learnable(&config);
    assert!((100_000..300_000).contains(&size), "{size}");
    let network = Network::new(&config, 1, &Device::flex()).unwrap();
    for (side, map) in [(8, 1), (9, 2), (64, 8), (65, 9), (224, 28)] {
        let x = Tensor::ones([2, 4, side, side], &Device::flex());
        let features = network.features(x);
        assert_eq!(features.dims(), [2, 96, map, map], "{side}");
        assert_eq!(network.head(features).dims(), [2, 6]);
    }
}

#[test]
fn a_network_without_padding_needs_patches_as_large_as_it_sees() {
    let valid = |architecture| NetworkConfig { padding: Padding::Valid, ..config(architecture, 2, 3) };
    // By hand: every kernel adds its reach times the strides before it. resnet18: 1 + 2 (3 + 1) + 4 (2 x 4) + 8 (7) + ...
    for (architecture, least) in
        [(Architecture::Compact, 47), (Architecture::Resnet18, 435), (Architecture::Resnet50, 427)]
    {
        assert_eq!(valid(architecture).least_patch(), least, "{architecture}");
    }
    let refused = valid(Architecture::Resnet18).check_patch(64).unwrap_err().to_string();
    let expected = "the receptive field of resnet18 with padding = valid is 435 px; patches of 64 px are too small";
    assert_eq!(refused, expected);
    let network = Network::new(&valid(Architecture::Compact), 1, &Device::flex()).unwrap();
    for (side, map) in [(47, 1), (54, 1), (55, 2), (64, 3)] {
        let features = network.features(Tensor::ones([1, 2, side, side], &Device::flex()));
        assert_eq!(features.dims(), [1, 96, map, map], "{side}");
    }
}

#[test]
fn features_without_padding_lie_around_the_middle_of_a_patch() {
    let padded = config(Architecture::Compact, 1, 2);
    assert_eq!(padded.places(8, 64), (3.5, 8.0));
    // Three features of 47 px, 8 px apart: pixels 0 to 46, 8 to 54 and 16 to 62.
    assert_eq!(NetworkConfig { padding: Padding::Valid, ..padded }.places(3, 64), (23.0, 8.0));
    let deep = NetworkConfig { padding: Padding::Valid, ..config(Architecture::Resnet18, 1, 2) };
    assert_eq!(deep.places(1, 435), (217.0, 32.0));
}

#[test]
fn a_feature_without_padding_sees_its_part_of_the_patch_alone() {
    let valid = NetworkConfig { padding: Padding::Valid, ..config(Architecture::Compact, 1, 2) };
    let network = Network::new(&valid, 2, &Device::flex()).unwrap();
    let values: Vec<f32> = (0..71 * 71).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let image = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 71, 71]), &Device::flex());
    let whole = network.features(image.clone());
    assert_eq!(whole.dims(), [1, 96, 4, 4]);
    // The feature at (2, 1) sees the 47 pixels from (16, 8) on.
    let part = network.features(image.slice([0..1, 0..1, 16..63, 8..55]));
    let found: Vec<f32> = whole.slice([0..1, 0..96, 2..3, 1..2]).into_data().iter::<f32>().collect();
    for (found, expected) in found.iter().zip(part.into_data().iter::<f32>()) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

#[test]
fn a_seed_gives_the_same_weights_and_another_seed_others() {
    let config = config(Architecture::Compact, 3, 2);
    let state = |seed| StateDict::of(&Network::new(&config, seed, &Device::flex()).unwrap());
    assert_eq!(state(7), state(7));
    assert_ne!(state(7), state(8));
}

#[test]
fn initial_convolutions_have_the_deviation_of_he_et_al() {
    let config = config(Architecture::Resnet18, 3, 2);
    let state = StateDict::of(&Network::new(&config, 3, &Device::flex()).unwrap());
    let values = &state.tensors["layer4.1.conv2.weight"].values;
    let n = values.len() as f64;
    let variance = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n;
    // 2 / (512 x 3 x 3); the deviation of a variance over n normal values is sqrt(2 / n) of it.
    let expected = 2.0 / (512.0 * 9.0);
    assert!((variance / expected - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{variance} {expected}");
}

/// Values that the script `tests/oracles/resnet_forward.py` writes down in the same way.
fn oracle_state(config: &NetworkConfig) -> StateDict {
    let tensors = shapes(config).into_iter().enumerate().map(|(i, (name, shape))| {
        let len: usize = shape.iter().product();
        let fan: usize = shape.iter().skip(1).product();
        let wave = |j: usize| (0.37 * j as f64 + 1.7 * i as f64 + 0.5).sin();
        let value = |j: usize| match (shape.len(), name.rsplit('.').next()) {
            (1, Some("running_var")) => 1.0 + 0.5 * wave(j),
            (1, Some("weight")) => 0.8 + 0.3 * wave(j),
            (1, _) => 0.1 * wave(j),
            _ => (2.0 / fan as f64).sqrt() * wave(j),
        };
        let values = (0..len).map(|j| value(j) as f32).collect();
        (name, TensorValues { shape, values })
    });
    StateDict { tensors: tensors.collect() }
}

#[derive(Deserialize)]
struct Oracle {
    architecture: Architecture,
    bands: usize,
    outputs: usize,
    shape: [usize; 4],
    logits: Vec<f32>,
}

/// Against PyTorch: `tests/oracles/resnet_forward.py` made the expected logits.
#[test]
fn residual_networks_agree_with_pytorch() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/resnet_forward.json");
    let oracles: Vec<Oracle> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(oracles.len(), 3);
    for oracle in oracles {
        let config = config(oracle.architecture, oracle.bands, oracle.outputs);
        let network = Network::from_state(&config, &oracle_state(&config), &Device::flex()).unwrap();
        let len: usize = oracle.shape.iter().product();
        let pixels: Vec<f32> = (0..len).map(|j| (0.11 * j as f64).cos() as f32).collect();
        let x = Tensor::from_data(TensorData::new(pixels, oracle.shape), &Device::flex());
        let found: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
        let scale = oracle.logits.iter().fold(1.0f32, |a, b| a.max(b.abs()));
        for (f, e) in found.iter().zip(&oracle.logits) {
            assert!((f - e).abs() < 1e-4 * scale, "{}: {found:?} {:?}", config.architecture, oracle.logits);
        }
        assert_eq!(found.len(), oracle.logits.len());
    }
}

/// On GPUs the linear layer is a sum of products: a kernel for matrix products gave zeros.
#[test]
fn a_linear_layer_by_products_is_the_linear_layer() {
    let device = Device::flex();
    for outputs in [1, 6] {
        let layer = burn::nn::LinearConfig::new(96, outputs).init(&device);
        let x = Tensor::<2>::random([5, 96], burn::tensor::Distribution::Default, &device);
        let [a, b] = [layer.forward(x.clone()), super::linear(&layer, x)]
            .map(|y| y.into_data().iter::<f32>().collect::<Vec<_>>());
        assert_eq!(a.len(), 5 * outputs);
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
    }
}
