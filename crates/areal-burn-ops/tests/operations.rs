//! The kernels as operations of Burn, against Burn's own: batch normalisation, pooling, optimiser steps, and whole
//! residual blocks, values and gradients.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_burn_ops::{Fork, Kernels, squares};
use areal_kernels::{AdamW, MaxPool, Momentum};
use burn::tensor::activation::relu;
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Distribution, Tensor};
use proptest::prelude::*;

fn kernels() -> Kernels {
    Kernels::detect().unwrap()
}

fn random<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

fn close<const D: usize>(what: &str, found: Tensor<D>, expected: Tensor<D>) {
    assert_eq!(found.dims(), expected.dims(), "{what}");
    let (found, expected) = (values(found), values(expected));
    let scale = expected.iter().fold(1.0f32, |a, b| a.max(b.abs()));
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() <= 3e-5 * scale, "{what}: {f} where Burn has {e}");
    }
}

/// The same images, lying in memory `[H, W, N, C]` or in any other order.
fn lying(x: Tensor<4>, order: usize) -> Tensor<4> {
    let turn = |x: Tensor<4>, to: [usize; 4], back: [isize; 4]| {
        let moved = x.permute(to.map(|a| a as isize));
        let data = moved.to_data();
        Tensor::from_data(data, &moved.device()).permute(back)
    };
    match order {
        0 => x,
        1 => turn(x, [2, 3, 0, 1], [2, 3, 0, 1]),
        _ => turn(x, [0, 2, 3, 1], [0, 3, 1, 2]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn normalisation_with_stored_moments_agrees_with_burn(
        n in 1usize..7, c in 1usize..40, h in 1usize..7, w in 1usize..7, rectify: bool, added: bool, order in 0usize..3,
    ) {
        let device = Device::flex();
        let (x, add) = (random([n, c, h, w], &device), random([n, c, h, w], &device));
        let parameters = [random([c], &device), random([c], &device), random([c], &device), random([c], &device).abs()];
        let [gamma, beta, mean, variance] = parameters.clone();
        let burns = burn::tensor::module::batch_norm(x.clone(), gamma, beta, mean, variance, 1e-2);
        let burns = if added { burns + add.clone() } else { burns };
        let burns = if rectify { relu(burns) } else { burns };
        let add = added.then(|| lying(add, order));
        let ours = kernels().normalise(lying(x, order), parameters, 1e-2, add, rectify);
        close("stored moments", ours, burns);
    }

    #[test]
    fn batch_normalisation_agrees_with_burn(
        n in 1usize..7, c in 1usize..40, h in 1usize..7, w in 2usize..7, rectify: bool, added: bool, order in 0usize..3,
    ) {
        let device = Device::flex().autodiff();
        let leaf = |x: Tensor<4>| x.require_grad();
        let (x, add) = (leaf(random([n, c, h, w], &device)), leaf(random([n, c, h, w], &device)));
        let (gamma, beta) = (random([c], &device).require_grad(), random([c], &device).require_grad());
        let direction = random([n, c, h, w], &device);

        let shared = added.then(|| (lying_view(&add, order), None));
        let (ours, mean, variance) = kernels().batch_norm(lying_view(&x, order), [gamma.clone(), beta.clone()], 1e-5, shared, rectify);
        let burns = burn::tensor::module::batch_norm_train(x.clone(), gamma.clone(), beta.clone(), 1e-5);
        let sum = if added { burns.output + add.clone() } else { burns.output };
        let expected = if rectify { relu(sum) } else { sum };
        close("mean", mean, burns.mean);
        close("variance", variance, burns.variance);
        let ours_back = (ours.clone() * direction.clone()).sum().backward();
        let burns_back = (expected.clone() * direction).sum().backward();
        close("values", ours, expected);
        close("by x", x.grad(&ours_back).unwrap(), x.grad(&burns_back).unwrap());
        close("by gamma", gamma.grad(&ours_back).unwrap(), gamma.grad(&burns_back).unwrap());
        close("by beta", beta.grad(&ours_back).unwrap(), beta.grad(&burns_back).unwrap());
        if added {
            close("by the map", add.grad(&ours_back).unwrap(), add.grad(&burns_back).unwrap());
        }
    }

    #[test]
    fn pooling_agrees_with_burn(
        n in 1usize..5, c in 1usize..20, h in 3usize..9, w in 3usize..9, kernel in 1usize..4, stride in 1usize..3, pad: bool,
    ) {
        let device = Device::flex().autodiff();
        let x = random([n, c, h, w], &device).require_grad();
        let padding = usize::from(pad && kernel > 1);
        let ours = kernels().max_pool2d(x.clone(), MaxPool { kernel, stride, padding });
        let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
        let burns = burn::tensor::module::max_pool2d(x.clone(), options);
        let direction = random(burns.dims(), &device);
        let ours_back = (ours.clone() * direction.clone()).sum().backward();
        let burns_back = (burns.clone() * direction).sum().backward();
        close("values", ours, burns);
        close("by x", x.grad(&ours_back).unwrap(), x.grad(&burns_back).unwrap());
    }
}

/// As [`lying`], for a leaf whose gradient is asked for.
fn lying_view(x: &Tensor<4>, order: usize) -> Tensor<4> {
    // A product with ones gives a tensor of the graph; its values are then laid out anew.
    match order {
        0 => x.clone(),
        1 => (x.clone().permute([2, 3, 0, 1]) * 1.0).permute([2, 3, 0, 1]),
        _ => (x.clone().permute([0, 2, 3, 1]) * 1.0).permute([0, 3, 1, 2]),
    }
}

/// `relu(norm(conv(relu(norm(conv(x))))) + shortcut)`: the shortcut is the input, or a convolution of it.
fn block(x: &Tensor<4>, weights: &[Tensor<4>], scales: &[Tensor<1>; 2], ours: bool) -> Tensor<4> {
    let options = |kernel: usize| ConvOptions::new([1, 1], [kernel / 2; 2], [1, 1], 1);
    if ours {
        let fork = Fork::of(x).unwrap();
        let norm = |x, add, rectify| kernels().batch_norm(x, scales.clone(), 1e-5, add, rectify).0;
        let (shortcut, shared) = match weights.get(2) {
            Some(w) => (kernels().conv2d(x.clone(), w.clone(), options(1), Some(&fork)), None),
            None => (x.clone(), Some(&fork)),
        };
        let y = norm(kernels().conv2d(x.clone(), weights[0].clone(), options(3), Some(&fork)), None, true);
        return norm(kernels().conv2d(y, weights[1].clone(), options(3), None), Some((shortcut, shared)), true);
    }
    let conv = |x, w: &Tensor<4>| burn::tensor::module::conv2d(x, w.clone(), None, options(w.dims()[2]));
    let norm = |x| burn::tensor::module::batch_norm_train(x, scales[0].clone(), scales[1].clone(), 1e-5).output;
    let shortcut = weights.get(2).map_or_else(|| x.clone(), |w| conv(x.clone(), w));
    let y = relu(norm(conv(x.clone(), &weights[0])));
    relu(norm(conv(y, &weights[1])) + shortcut)
}

#[test]
fn gradients_of_a_residual_block_come_together_as_in_burn() {
    let device = Device::flex().autodiff();
    for with_convolution in [false, true] {
        let x = random([5, 8, 6, 7], &device).require_grad();
        let mut weights =
            vec![random([8, 8, 3, 3], &device).require_grad(), random([8, 8, 3, 3], &device).require_grad()];
        if with_convolution {
            weights.push(random([8, 8, 1, 1], &device).require_grad());
        }
        let scales = [random([8], &device).require_grad(), random([8], &device).require_grad()];
        let direction = random([5, 8, 6, 7], &device);
        // Two blocks, so that the first one's output is itself read twice.
        let run = |ours| block(&block(&x, &weights, &scales, ours), &weights, &scales, ours);
        let (ours, burns) = (run(true), run(false));
        let ours_back = (ours.clone() * direction.clone()).sum().backward();
        let burns_back = (burns.clone() * direction.clone()).sum().backward();
        close("values", ours, burns);
        close("by x", x.grad(&ours_back).unwrap(), x.grad(&burns_back).unwrap());
        for w in &weights {
            close("by weights", w.grad(&ours_back).unwrap(), w.grad(&burns_back).unwrap());
        }
        for s in &scales {
            close("by scales", s.grad(&ours_back).unwrap(), s.grad(&burns_back).unwrap());
        }
    }
}

#[test]
fn operations_pass_their_order_in_memory_on() {
    let device = Device::flex();
    for order in 0..3 {
        let x = random([3, 4, 6, 5], &device);
        let w = random([6, 4, 3, 3], &device);
        let options = ConvOptions::new([1, 1], [1, 1], [1, 1], 1);
        let expected = burn::tensor::module::conv2d(x.clone(), w.clone(), None, options.clone());
        let found = kernels().conv2d(lying(x, order), w, options, None);
        close("values", found.clone(), expected.clone());
        let pool = MaxPool { kernel: 2, stride: 2, padding: 0 };
        close("pooled", kernels().max_pool2d(found, pool), kernels().max_pool2d(expected, pool));
    }
}

/// Weights that lie in memory as their gradient does, and such that do not, make the same steps.
#[test]
fn optimiser_steps_do_not_depend_on_the_order_in_memory() {
    let device = Device::flex();
    let how = AdamW { rate: 0.01, decay: 0.1, betas: [0.9, 0.999], epsilon: 1e-8, step: 3, scale: 0.5 };
    let (w, g, m, v) = (
        random([5, 4, 3, 2], &device),
        random([5, 4, 3, 2], &device),
        random([5, 4, 3, 2], &device),
        random([5, 4, 3, 2], &device).abs(),
    );
    let kernel = |x: &Tensor<4>| {
        let moved = x.clone().permute([2, 3, 1, 0]).to_data();
        Tensor::<4>::from_data(moved, &device).permute([3, 2, 0, 1])
    };
    let (expected, [first, second]) = kernels().adamw(w.clone(), g.clone(), [m.clone(), v.clone()], how);
    for (w2, g2) in [(w.clone(), kernel(&g)), (kernel(&w), kernel(&g)), (kernel(&w), g.clone())] {
        let (found, [m2, v2]) = kernels().adamw(w2, g2, [m.clone(), kernel(&v)], how);
        assert_eq!(values(found), values(expected.clone()));
        assert_eq!((values(m2), values(v2)), (values(first.clone()), values(second.clone())));
    }
    let how = Momentum { rate: 0.01, decay: 0.1, beta: 0.9, scale: 0.5 };
    let (expected, kept) = kernels().momentum(w.clone(), g.clone(), m.clone(), how);
    let (found, kept2) = kernels().momentum(w, kernel(&g), kernel(&m), how);
    assert_eq!((values(found), values(kept2)), (values(expected), values(kept)));
    assert!((squares(kernel(&g)) - squares(g.clone())).abs() < 1e-4);
    // The weights that came in are as they were.
    let before = values(g.clone());
    let _ = kernels().adamw(
        g.clone(),
        g.clone(),
        [m, v],
        AdamW { rate: 1.0, decay: 0.0, betas: [0.9, 0.999], epsilon: 1e-8, step: 1, scale: 1.0 },
    );
    assert_eq!(values(g), before);
}
