//! The kernels as an operation of Burn: values and gradients against Burn's own convolution, gradients against finite
//! differences.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_burn_ops::Kernels;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn kernels() -> Kernels {
    Kernels::detect().unwrap()
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn close(what: &str, found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    assert_eq!(found.len(), expected.len(), "{what}");
    for (f, e) in found.iter().zip(expected) {
        assert!((f - e).abs() <= 2e-5 * scale, "{what}: {f} where Burn has {e}");
    }
}

#[test]
fn values_and_gradients_agree_with_burn() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    for _ in 0..60 {
        let mut pick = |from: usize, to: usize| rng.random_range(from..to);
        let options = ConvOptions::new([pick(1, 3), pick(1, 3)], [pick(0, 3), pick(0, 3)], [pick(1, 3), pick(1, 3)], 1);
        let (inputs, outputs, batch) = (pick(1, 9), pick(1, 70), pick(1, 9));
        let case = format!("{inputs} to {outputs} channels, batch {batch}, {options:?}");
        agrees_with_burn(
            [batch, inputs, pick(5, 12), pick(5, 12)],
            [outputs, inputs, pick(1, 4), pick(1, 4)],
            options,
            &case,
        );
    }
}

fn agrees_with_burn(images: [usize; 4], weights: [usize; 4], options: ConvOptions<2>, case: &str) {
    let device = Device::flex().autodiff();
    let (x, w) = (random(images, &device).require_grad(), random(weights, &device).require_grad());
    let ours = kernels().conv2d(x.clone(), w.clone(), options.clone(), None);
    let burns = burn::tensor::module::conv2d(x.clone(), w.clone(), None, options);
    let direction = random(burns.dims(), &device);
    let our_gradients = (ours.clone() * direction.clone()).sum().backward();
    let burn_gradients = (burns.clone() * direction).sum().backward();
    close(case, &values(ours), &values(burns));
    for leaf in [&x, &w] {
        close(case, &values(leaf.grad(&our_gradients).unwrap()), &values(leaf.grad(&burn_gradients).unwrap()));
    }
}

#[test]
fn gradients_agree_with_finite_differences() {
    // f(x, w) = sum of the squares of the convolution; central differences of one value each.
    let device = Device::flex().autodiff();
    let f = |x: Tensor<4>, w: Tensor<4>| {
        kernels().conv2d(x, w, ConvOptions::new([2, 1], [1, 0], [1, 1], 1), None).powi_scalar(2).sum()
    };
    let (x, w) = (random([2, 3, 6, 5], &device).require_grad(), random([4, 3, 3, 2], &device).require_grad());
    let gradients = f(x.clone(), w.clone()).backward();
    let nudge = |t: &Tensor<4>, at: usize, by: f32| {
        let mut all = values(t.clone());
        all[at] += by;
        Tensor::<4>::from_data(TensorData::new(all, t.dims()), &Device::flex())
    };
    let step = 1e-2;
    let inner = |t: &Tensor<4>| t.clone().inner();
    for at in [0, 17, 99, 179] {
        let difference = f(nudge(&x, at, step), inner(&w)) - f(nudge(&x, at, -step), inner(&w));
        let expected = values(difference)[0] / (2.0 * step);
        let found = values(x.grad(&gradients).unwrap())[at];
        assert!((found - expected).abs() < 1e-2 * expected.abs().max(1.0), "{found} {expected}");
    }
    for at in [0, 31, 71] {
        let difference = f(inner(&x), nudge(&w, at, step)) - f(inner(&x), nudge(&w, at, -step));
        let expected = values(difference)[0] / (2.0 * step);
        let found = values(w.grad(&gradients).unwrap())[at];
        assert!((found - expected).abs() < 1e-2 * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn an_input_that_lies_otherwise_in_memory_is_read_by_its_shape() {
    let device = Device::flex();
    let x = random([2, 6, 7, 3], &device).permute([0, 3, 1, 2]);
    let w = random([5, 3, 3, 3], &device);
    let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
    let (ours, burns) = (
        kernels().conv2d(x.clone(), w.clone(), options.clone(), None),
        burn::tensor::module::conv2d(x, w, None, options),
    );
    close("values", &values(ours), &values(burns));
}

#[test]
fn what_the_kernels_do_not_cover_goes_to_burn() {
    let device = Device::flex();
    let (x, w) = (random([1, 4, 5, 5], &device), random([4, 2, 3, 3], &device));
    let y = kernels().conv2d(x, w, ConvOptions::new([1, 1], [0, 0], [1, 1], 2), None);
    assert_eq!(y.dims(), [1, 4, 3, 3]);
}
