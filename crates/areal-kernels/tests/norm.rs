//! Batch normalisation, pooling and optimiser steps against their definitions in double precision.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_kernels::{AdamW, Isa, MapShape, MaxPool, Momentum, Norm, NormGradient, moments, sum_of_squares};
use proptest::prelude::*;

#[path = "reference/noise.rs"]
mod noise;

use noise::noise;

const EPSILON: f64 = 1e-5;

fn instruction_sets() -> impl Iterator<Item = Isa> {
    Isa::available()
}

fn close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1.0f64, |a, b| a.max(b.abs()));
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        prop_assert!((f64::from(*f) - e).abs() <= tolerance * scale, "{what} {at}: {f} where {e} is expected");
    }
    Ok(())
}

/// Mean and variance of a channel.
fn by_definition(x: &[f32], channels: usize, channel: usize) -> (f64, f64) {
    let values: Vec<f64> = x.iter().skip(channel).step_by(channels).map(|v| f64::from(*v)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (mean, values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64)
}

/// `sum(g act(norm(x) + add))`, in double precision.
fn objective(x: &[f64], [gamma, beta]: [&[f64]; 2], add: &[f64], g: &[f32], relu: bool) -> f64 {
    let channels = gamma.len();
    let n = (x.len() / channels) as f64;
    let of = |c: usize| x.iter().skip(c).step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|c| of(c).sum::<f64>() / n).collect();
    let variance: Vec<f64> = (0..channels).map(|c| of(c).map(|v| (v - mean[c]).powi(2)).sum::<f64>() / n).collect();
    let y = |i: usize| {
        let c = i % channels;
        let y = (x[i] - mean[c]) / (variance[c] + EPSILON).sqrt() * gamma[c] + beta[c] + add[i];
        if relu { y.max(0.0) } else { y }
    };
    (0..x.len()).map(|i| f64::from(g[i]) * y(i)).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn moments_are_those_of_the_definition(
        channels in 1usize..70, pixels in 1usize..600, offset in -500.0f32..500.0, seed: u64,
    ) {
        let x: Vec<f32> = noise(channels * pixels, seed).iter().map(|v| v + offset).collect();
        for isa in instruction_sets() {
            let found = moments(isa, channels, &x).unwrap();
            for c in 0..channels {
                let (mean, variance) = by_definition(&x, channels, c);
                prop_assert!((f64::from(found.mean[c]) - mean).abs() < 1e-6 * mean.abs().max(1.0));
                prop_assert!((f64::from(found.variance[c]) - variance).abs() < 1e-5, "{} {variance}", found.variance[c]);
            }
        }
    }

    /// Values against the definition, gradients against central differences of it in double precision.
    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn normalisations_and_their_gradients_are_those_of_the_definition(
        channels in 1usize..50, pixels in 2usize..300, relu: bool, added: bool, seed: u64,
    ) {
        let len = channels * pixels;
        let (x, g, mut add) = (noise(len, seed), noise(len, seed ^ 1), noise(len, seed ^ 2));
        let (gamma, beta) = (noise(channels, seed ^ 3), noise(channels, seed ^ 4));
        if !added {
            add.fill(0.0);
        }
        let doubles = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let (xd, gammad, betad, addd) = (doubles(&x), doubles(&gamma), doubles(&beta), doubles(&add));
        for isa in instruction_sets() {
            let moments = moments(isa, channels, &x).unwrap();
            let norm = Norm::new(&moments, &gamma, &beta, EPSILON, relu).unwrap();
            let mut y = vec![f32::NAN; len];
            norm.run(isa, &x, added.then_some(&add[..]), &mut y).unwrap();
            let sum: f64 = y.iter().zip(&g).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum();
            let expected = objective(&xd, [&gammad, &betad], &addd, &g, relu);
            prop_assert!((sum - expected).abs() < 1e-5 * len as f64, "{sum} {expected}");

            let step = NormGradient { norm: &norm, moments: &moments, epsilon: EPSILON, x: &x };
            let mut gradient = g.clone();
            let (by_x, by_add, by) = if added {
                let mut by_x = vec![f32::NAN; len];
                let by = step.run_added(isa, &y, &mut gradient, &mut by_x).unwrap();
                (by_x, Some(gradient), by)
            } else {
                let by = step.run(isa, &mut gradient).unwrap();
                (gradient, None, by)
            };
            // A few of each; where the rectifier's corner is near, a difference says nothing.
            let near = |at: usize| relu && y.iter().skip(at % channels).step_by(channels).any(|y| *y != 0.0 && *y < 1e-4);
            let central = |nudge: &dyn Fn(f64) -> f64| (nudge(1e-6) - nudge(-1e-6)) / 2e-6;
            for at in [0, len / 3, len - 1].into_iter().filter(|at| !near(*at)) {
                let c = at % channels;
                let with = |v: &[f64], at: usize, by: f64| { let mut v = v.to_vec(); v[at] += by; v };
                let tolerance = |e: f64| 2e-3 * (1.0 + e.abs()) * (1.0 + 1.0 / f64::from(moments.variance[c]).sqrt());
                let e = central(&|by| objective(&with(&xd, at, by), [&gammad, &betad], &addd, &g, relu));
                prop_assert!((f64::from(by_x[at]) - e).abs() < tolerance(e), "by x: {} {e}", by_x[at]);
                let e = central(&|by| objective(&xd, [&with(&gammad, c, by), &betad], &addd, &g, relu));
                prop_assert!((f64::from(by.gamma[c]) - e).abs() < tolerance(e), "by gamma: {} {e}", by.gamma[c]);
                let e = central(&|by| objective(&xd, [&gammad, &with(&betad, c, by)], &addd, &g, relu));
                prop_assert!((f64::from(by.beta[c]) - e).abs() < tolerance(e), "by beta: {} {e}", by.beta[c]);
                if let Some(by_add) = &by_add {
                    let e = central(&|by| objective(&xd, [&gammad, &betad], &with(&addd, at, by), &g, relu));
                    prop_assert!((f64::from(by_add[at]) - e).abs() < tolerance(e), "by the map: {} {e}", by_add[at]);
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn pooling_passes_gradients_to_the_greatest(
        kernel in 1usize..4, stride in 1usize..4, height in 3usize..9, width in 3usize..9, batch in 1usize..4,
        channels in 1usize..40, padded: bool, seed: u64,
    ) {
        let pool = MaxPool { kernel, stride, padding: usize::from(padded && kernel > 1) };
        let shape = MapShape::new(height, width, batch, channels);
        let Ok(target) = pool.output(shape) else { return Ok(()) };
        let (x, g) = (noise(shape.len(), seed), noise(target.len(), seed ^ 1));
        // Each output passes its gradient to the one position that holds its value.
        let mut expected = vec![0.0f64; x.len()];
        let mut greatest = Vec::new();
        for (at, g) in g.iter().enumerate() {
            let (rest, ox, oy) = (at % target.row_len(), at / target.row_len() % target.width, at / target.row_len() / target.width);
            let reach = |o: usize, size: usize| {
                let from = o * stride;
                (from.max(pool.padding) - pool.padding)..(from + kernel - pool.padding.min(from + kernel)).min(size)
            };
            let places = reach(oy, height).flat_map(|y| reach(ox, width).map(move |x| (y * width + x) * shape.row_len() + rest));
            let best = places.max_by(|a, b| x[*a].total_cmp(&x[*b])).unwrap();
            expected[best] += f64::from(*g);
            greatest.push(f64::from(x[best]));
        }
        for isa in instruction_sets() {
            let (mut y, mut places) = (vec![f32::NAN; target.len()], vec![0; target.len()]);
            pool.run_and_remember(isa, shape, &x, &mut y, &mut places).unwrap();
            close("greatest", &y, &greatest, 0.0)?;
            let mut result = vec![f32::NAN; x.len()];
            pool.gradient(isa, shape, &places, &g, &mut result).unwrap();
            close("gradient", &result, &expected, 1e-6)?;
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn optimiser_steps_follow_their_formulae(len in 1usize..100, step in 1u64..2000, scale in 0.1f64..1.0, seed: u64) {
        let part = |salt: u64| noise(len, seed ^ salt);
        let (w, g, m) = (part(1), part(2), part(3));
        let v: Vec<f32> = part(4).iter().map(|v| v.abs()).collect();
        let (rate, decay, betas, epsilon) = (0.01, 0.1, [0.9, 0.999], 1e-8);
        let d = |v: f32| f64::from(v);
        for isa in instruction_sets() {
            let (mut w2, mut m2, mut v2) = (w.clone(), m.clone(), v.clone());
            let adam = AdamW { rate, decay, betas, epsilon, step, scale };
            adam.run(isa, &mut w2, &g, [&mut m2, &mut v2]).unwrap();
            let first: Vec<f64> = (0..len).map(|i| 0.9 * d(m[i]) + 0.1 * scale * d(g[i])).collect();
            let second: Vec<f64> = (0..len).map(|i| 0.999 * d(v[i]) + 0.001 * (scale * d(g[i])).powi(2)).collect();
            let correct = |beta: f64| 1.0 - beta.powf(step as f64);
            let change = |i: usize| rate * first[i] / correct(0.9) / ((second[i] / correct(0.999)).sqrt() + epsilon);
            let expected: Vec<f64> = (0..len).map(|i| d(w[i]) * (1.0 - rate * decay) - change(i)).collect();
            close("first moment", &m2, &first, 1e-6)?;
            close("second moment", &v2, &second, 1e-6)?;
            close("weights", &w2, &expected, 1e-6)?;

            let (mut w2, mut m2) = (w.clone(), m.clone());
            Momentum { rate, decay, beta: 0.9, scale }.run(isa, &mut w2, &g, &mut m2).unwrap();
            let momentum: Vec<f64> = (0..len).map(|i| 0.9 * d(m[i]) + scale * d(g[i]) + decay * d(w[i])).collect();
            let expected: Vec<f64> = (0..len).map(|i| d(w[i]) - rate * momentum[i]).collect();
            close("momentum", &m2, &momentum, 1e-6)?;
            close("weights", &w2, &expected, 1e-6)?;
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many values for Miri")]
fn squares_are_summed_in_double_precision() {
    // 2^24 + 1 ones cannot be counted in single precision.
    let ones = vec![1.0; (1 << 24) + 1];
    assert_eq!(sum_of_squares(&ones), 16_777_217.0);
}

#[test]
fn a_constant_channel_is_normalised_to_its_shift() {
    let x = vec![1.5; 500];
    let found = moments(Isa::Portable, 1, &x).unwrap();
    assert_eq!((found.mean[0], found.variance[0]), (1.5, 0.0));
    let norm = Norm::new(&found, &[2.0], &[0.5], EPSILON, false).unwrap();
    let mut y = vec![0.0; 500];
    norm.run(Isa::Portable, &x, None, &mut y).unwrap();
    // 1.5 x 2 / sqrt(epsilon) is 949, which single precision rounds by up to 3e-5.
    assert!(y.iter().all(|y| (y - 0.5).abs() < 1e-4), "{}", y[0]);
}

#[test]
fn maps_that_do_not_fit_are_refused() {
    assert!(moments(Isa::Portable, 3, &[0.0; 4]).is_err());
    assert!(moments(Isa::Portable, 0, &[]).is_err());
}
