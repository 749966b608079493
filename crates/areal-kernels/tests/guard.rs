//! Kernels on buffers that lie against pages without access: an access past either end of a slice stops the test.
//! Miri finds such accesses by itself and cannot map pages.
#![cfg(all(unix, not(miri)))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_kernels::reduced::{Encodings, MapEncoding, ReducedConv2d, SLACK, from_map, max_pool, rows_len};
use areal_kernels::{
    Activation, Conv2d, ConvShape, Isa, MapShape, MaxPool, Norm, NormGradient, input_gradient, mean_pool, moments,
    weights_gradient,
};
use proptest::prelude::*;

#[path = "reference/mod.rs"]
mod reference;

use reference::{End, Guarded, Sizes, noise, shapes};

const ENDS: [End; 2] = [End::First, End::Last];

fn case() -> impl Strategy<Value = (ConvShape, MapShape)> {
    let sizes =
        Sizes { inputs: 1..40, outputs: 1..80, kernel: 1..4, stride: 1..3, padding: 0..3, side: 1..7, batch: 1..7 };
    let whole = (2usize..4, 2usize..5, 4usize..9, 4usize..9, 1usize..5).prop_map(|(inputs, outputs, h, w, batch)| {
        (ConvShape::square(16 * inputs, 16 * outputs, 3, 1, 1), MapShape::new(h, w, batch, 16 * inputs))
    });
    prop_oneof![shapes(sizes), whole]
}

/// A result in a guarded buffer, without a value yet.
fn empty(len: usize, end: End) -> Guarded<f32> {
    Guarded::new(&vec![f32::NAN; len], end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn convolutions_stay_within_their_slices((c, shape) in case(), seed: u64) {
        let Ok(target) = c.output(shape) else { return Ok(()) };
        let (weights, bias) = (noise(c.weights_len(), seed), noise(c.outputs, seed ^ 1));
        for (isa, end) in Isa::available().flat_map(|isa| ENDS.map(|end| (isa, end))) {
            let of = |len: usize, salt: u64| Guarded::new(&noise(len, seed ^ salt), end);
            let (x, add, w, g) = (of(shape.len(), 2), of(target.len(), 3), of(weights.len(), 4), of(target.len(), 5));
            let conv = Conv2d::new(isa, c, &Guarded::new(&weights, end), Some(&Guarded::new(&bias, end)), Activation::Relu).unwrap();
            let mut y = empty(target.len(), end);
            conv.run(shape, &x, Some(&add), &mut y).unwrap();
            prop_assert!(y.iter().all(|v| v.is_finite()));
            let (mut by_x, mut by_w) = (empty(shape.len(), end), empty(weights.len(), end));
            input_gradient(isa, &c, shape, &w, &g, Some(&x), &mut by_x).unwrap();
            weights_gradient(isa, &c, shape, &x, &g, &mut by_w).unwrap();
            prop_assert!(by_x.iter().chain(by_w.iter()).all(|v| v.is_finite()));
        }
    }

    #[test]
    fn reduced_convolutions_stay_within_their_slices((c, shape) in case(), quantised: bool, seed: u64) {
        let Ok(target) = c.output(shape) else { return Ok(()) };
        let encoding = if quantised { MapEncoding::U8 { scale: 0.01 } } else { MapEncoding::Bf16 };
        let encodings = Encodings { input: encoding, added: Some(encoding), output: encoding };
        let (weights, bias) = (noise(c.weights_len(), seed), noise(c.outputs, seed ^ 1));
        let bytes = |len: usize, slack: usize, salt: u64| {
            let mut bytes = vec![0; len * encoding.size() + slack];
            encoding.encode(&noise(len, seed ^ salt), &mut bytes);
            bytes
        };
        let (x, add) = (bytes(shape.len(), SLACK, 2), bytes(target.len(), 0, 3));
        let mut rows = vec![0; rows_len(shape, c.padding[1])];
        from_map(shape, c.padding[1], &noise(shape.len(), seed), &mut rows).unwrap();
        for (isa, end) in Isa::available().flat_map(|isa| ENDS.map(|end| (isa, end))) {
            let conv = ReducedConv2d::new(isa, c, &weights, &bias, Activation::Relu, encodings).unwrap();
            let mut y = Guarded::new(&vec![0u8; target.len() * encoding.size()], end);
            conv.run(shape, &Guarded::new(&x, end), Some(&Guarded::new(&add, end)), &mut y).unwrap();
            if c.dilation[1] == 1 {
                let conv = ReducedConv2d::of_rows(isa, c, &weights, &bias, Activation::Relu, encoding).unwrap();
                conv.run(shape, &Guarded::new(&rows, end), None, &mut y).unwrap();
            }
            let pool = MaxPool { kernel: 1, stride: 1, padding: 0 };
            let mut pooled = Guarded::new(&vec![0u8; shape.len() * encoding.size()], end);
            let map = Guarded::new(&x[..shape.len() * encoding.size()], end);
            max_pool(isa, &pool, encoding, shape, &map, &mut pooled).unwrap();
            prop_assert_eq!(&pooled[..], &map[..]);
        }
    }

    #[test]
    fn pooling_and_normalisation_stay_within_their_slices(
        height in 2usize..6, width in 2usize..6, batch in 1usize..5, channels in 1usize..70, relu: bool, seed: u64,
    ) {
        let shape = MapShape::new(height, width, batch, channels);
        let pool = MaxPool { kernel: 2, stride: 1, padding: 0 };
        let target = pool.output(shape).unwrap();
        for (isa, end) in Isa::available().flat_map(|isa| ENDS.map(|end| (isa, end))) {
            let x = Guarded::new(&noise(shape.len(), seed), end);
            let (mut y, mut places) = (empty(target.len(), end), Guarded::new(&vec![0u8; target.len()], end));
            pool.run(isa, shape, &x, &mut y).unwrap();
            pool.run_and_remember(isa, shape, &x, &mut y, &mut places).unwrap();
            let mut by_x = empty(shape.len(), end);
            pool.gradient(isa, shape, &places, &y, &mut by_x).unwrap();
            mean_pool(isa, shape, &x, &mut empty(shape.row_len(), end)).unwrap();

            let found = moments(isa, channels, &x).unwrap();
            let norm = Norm::new(&found, &vec![1.0; channels], &vec![0.0; channels], 1e-5, relu).unwrap();
            let (mut y, add) = (empty(shape.len(), end), Guarded::new(&noise(shape.len(), seed ^ 1), end));
            norm.run(isa, &x, Some(&add), &mut y).unwrap();
            let step = NormGradient { norm: &norm, moments: &found, epsilon: 1e-5, x: &x };
            let mut gradient = Guarded::new(&noise(shape.len(), seed ^ 2), end);
            step.run_added(isa, &y, &mut gradient, &mut by_x).unwrap();
            step.run(isa, &mut gradient).unwrap();
            prop_assert!(by_x.iter().all(|v| v.is_finite()));
        }
    }
}
