//! Identities that hold exactly, on a network with random weights.

use areal_formats::{ModelSpec, Normalisation};
use areal_grid::{Class, PixelState, PixelType, Pixels, Target};
use areal_model::{DeviceChoice, Network, NetworkConfig, PatchBatch, StateDict};
use burn::tensor::Device;

use crate::Method;
use crate::explainer::{Explainer, randomised};

fn spec() -> ModelSpec {
    let class = |code: u8| Class { code, name: format!("c{code}"), colour: [code; 3] };
    let target = Target::Classes { classes: (1..4).map(class).collect() };
    ModelSpec {
        pixel_type: PixelType::U8,
        normalisation: Normalisation { mean: vec![100.0; 2], std: vec![50.0; 2] },
        ..ModelSpec::untrained(vec!["a".into(), "b".into()], target, 32)
    }
}

fn patch() -> PatchBatch {
    let noise = |k: u32| (k.wrapping_mul(2_654_435_761) >> 24) as u8;
    // A bright square on noise, and a corner that is not observed.
    let value = |k: u32| {
        let (r, c) = (k % 1024 / 32, k % 32);
        if (8..20).contains(&r) && (10..22).contains(&c) { 250 } else { noise(k) / 2 }
    };
    let states = (0..1024).map(|k| if k % 32 < 4 && k < 128 { PixelState::Nodata } else { PixelState::Observed });
    PatchBatch { shape: [1, 2, 32, 32], pixels: Pixels::U8((0..2048).map(value).collect()), states: states.collect() }
}

fn state(seed: u64) -> StateDict {
    let mut state = StateDict::of(&Network::new(&NetworkConfig::of(&spec()), seed, &Device::flex()).unwrap());
    // A bias that is not 0, so that the identity has to respect it.
    state.tensors.get_mut("fc.bias").unwrap().values = vec![0.3, -0.7, 1.1];
    state
}

#[test]
fn hires_cam_adds_up_to_the_logit_less_the_bias() {
    let explainer = Explainer::new(spec(), &state(5), DeviceChoice::Cpu).unwrap();
    for output in 0..3 {
        let score = explainer.score(&patch(), Some(output)).unwrap();
        let bias = explainer.bias(output).unwrap();
        assert!((bias - [0.3, -0.7, 1.1][output]).abs() < 1e-6);
        let sum: f32 = explainer.saliency(&patch(), output, Method::HiresCam, 4).unwrap().raw.iter().sum();
        assert!((f64::from(sum) - (score.logit - bias)).abs() < 1e-4, "{sum} against {} - {bias}", score.logit);
    }
}

#[test]
fn after_global_average_pooling_grad_cam_is_the_positive_part_of_hires_cam() {
    // The gradient of a pooled feature is the same at every place, so both weigh the maps alike (Draelos and Carin
    // 2020, section 4).
    let explainer = Explainer::new(spec(), &state(6), DeviceChoice::Cpu).unwrap();
    let grad = explainer.saliency(&patch(), 1, Method::GradCam, 4).unwrap().raw;
    let hires = explainer.saliency(&patch(), 1, Method::HiresCam, 4).unwrap().raw;
    assert!(hires.iter().any(|v| *v != 0.0));
    for (g, h) in grad.iter().zip(&hires) {
        assert!((g - h.max(0.0)).abs() < 1e-5, "{g} against {h}");
    }
}

#[test]
fn occluding_the_whole_patch_loses_the_logit_less_that_of_an_empty_patch() {
    let explainer = Explainer::new(spec(), &state(7), DeviceChoice::Cpu).unwrap();
    let mut empty = patch();
    empty.states.fill(PixelState::Nodata);
    let (full, none) = (explainer.score(&patch(), Some(2)).unwrap(), explainer.score(&empty, Some(2)).unwrap());
    let map = explainer.saliency(&patch(), 2, Method::Occlusion, 32).unwrap().map;
    assert!(map.iter().all(|v| (f64::from(*v) - (full.logit - none.logit)).abs() < 1e-4));
}

/// On a linear model, what a square's hiding loses is what the square alone contributes. With inputs, weights and
/// moments that are never negative every rectifier passes everything, so that the network is linear.
#[test]
fn occlusion_of_a_linear_model_is_the_exact_contribution_of_each_square() {
    let spec = ModelSpec { normalisation: Normalisation { mean: vec![0.0; 2], std: vec![50.0; 2] }, ..spec() };
    let mut state = state(11);
    for (name, tensor) in &mut state.tensors {
        if name.contains("conv") || name.contains("downsample.0") {
            tensor.values.iter_mut().for_each(|v| *v = v.abs() / 4.0);
        }
    }
    let explainer = Explainer::new(spec, &state, DeviceChoice::Cpu).unwrap();
    let only = |from: usize, to: usize| {
        let mut part = patch();
        for (k, state) in part.states.iter_mut().enumerate() {
            if !(from..to).contains(&(k / 32)) || k % 32 >= 16 {
                *state = PixelState::Nodata;
            }
        }
        explainer.score(&part, Some(1)).unwrap().logit
    };
    let none = only(0, 0);
    // Squares of 16 start at rows 0, 8 and 16: pixel (12, 0) lies in those from 0 and from 8, pixel (2, 0) in the first.
    let [first, second] = [only(0, 16) - none, only(8, 24) - none];
    let map = explainer.saliency(&patch(), 1, Method::Occlusion, 16).unwrap().map;
    let near = |found: f32, expected: f64| (f64::from(found) - expected).abs() < 1e-4 * expected.abs();
    assert!(first.abs() > 0.01 && (first - second).abs() > 0.01, "{first} {second}");
    assert!(near(map[[2, 0]], first), "{} against {first}", map[[2, 0]]);
    assert!(near(map[[12, 0]], 0.5 * (first + second)), "{} against {first} and {second}", map[[12, 0]]);
}

#[test]
fn random_weights_destroy_the_map() {
    let state = state(8);
    let explainer = Explainer::new(spec(), &state, DeviceChoice::Cpu).unwrap();
    let same = Explainer::new(spec(), &state, DeviceChoice::Cpu).unwrap();
    let map = explainer.saliency(&patch(), 0, Method::HiresCam, 4).unwrap().map;
    let with = |other: &Explainer| other.correlation_with(&patch(), 0, Method::HiresCam, 4, &map).unwrap().unwrap();
    assert!((with(&same) - 1.0).abs() < 1e-9);
    // Over several draws, as one draw may resemble the original by chance.
    let draws = 8;
    let mut sums = [0.0; 2];
    for seed in 0..draws {
        for (sum, random) in sums.iter_mut().zip(randomised(&spec(), &state, 100 + seed).unwrap()) {
            *sum += with(&Explainer::new(spec(), &random, DeviceChoice::Cpu).unwrap());
        }
    }
    assert!(sums.iter().all(|s| (s / draws as f64).abs() < 0.5), "{:?}", sums.map(|s| s / draws as f64));
}

#[test]
fn the_random_head_is_not_the_one_that_training_with_the_same_seed_begins_with() {
    // Both commands take the recipe's seed: an untrained head must still be told from its random twin.
    let state = state(8);
    let [head, all] = randomised(&spec(), &state, 8).unwrap();
    assert_ne!(head.tensors["fc.weight"].values, state.tensors["fc.weight"].values);
    assert_ne!(all.tensors["conv1.weight"].values, state.tensors["conv1.weight"].values);
}

#[test]
fn deletion_and_insertion_meet_at_their_ends() {
    // One step: deletion runs from the whole patch to the empty one, insertion back: both areas are the mean of the two.
    let explainer = Explainer::new(spec(), &state(9), DeviceChoice::Cpu).unwrap();
    let mut empty = patch();
    empty.states.fill(PixelState::Nodata);
    let [full, none] = [patch(), empty].map(|p| explainer.score(&p, Some(0)).unwrap().result);
    let map = explainer.saliency(&patch(), 0, Method::GradCam, 4).unwrap().map;
    let (deletion, insertion) = explainer.deletion_insertion(&patch(), 0, &map, 1).unwrap();
    assert!((deletion - 0.5 * (full + none)).abs() < 1e-6 && (insertion - deletion).abs() < 1e-6);
}
