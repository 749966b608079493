//! Convolutions of reduced-precision maps against the definition on the same rounded values, and every instruction set against the portable
//! one.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_kernels::reduced::{Encodings, MapEncoding, ReducedConv2d, SLACK, from_map, rows_len};
use areal_kernels::{Activation, ConvShape, Isa, KernelError, MapShape};
use proptest::prelude::*;

#[path = "reference/mod.rs"]
mod reference;

use reference::{Sizes, noise, reference, shapes};

/// A map in a code, with its slack, and the values that it then holds.
fn coded(encoding: MapEncoding, values: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = vec![0; values.len() * encoding.size() + SLACK];
    encoding.encode(values, &mut bytes);
    let back = encoding.decode(&bytes[..values.len() * encoding.size()]);
    (bytes, back)
}

fn rounded(encoding: MapEncoding, values: &[f32]) -> Vec<f32> {
    coded(encoding, values).1
}

fn instruction_sets() -> impl Iterator<Item = Isa> {
    Isa::available()
}

fn finish(expected: &mut [f64], added: &[f32], relu: bool) {
    for (e, a) in expected.iter_mut().zip(added) {
        *e += f64::from(*a);
    }
    for e in expected.iter_mut().filter(|e| relu && **e < 0.0) {
        *e = 0.0;
    }
}

/// bf16 keeps 8 binary digits: half a unit of the last is at most 2^-8 of the value; sums in single precision add less.
fn near(found: &[f32], expected: &[f64], terms: usize) -> Result<(), TestCaseError> {
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        let allowed = e.abs() / 256.0 + 4e-6 * terms as f64 + 1e-6;
        prop_assert!((f64::from(*f) - e).abs() <= allowed, "value {at}: {f} where {e} is expected");
    }
    Ok(())
}

fn case() -> impl Strategy<Value = (ConvShape, MapShape)> {
    shapes(Sizes {
        inputs: 1..140,
        outputs: 1..100,
        kernel: 1..4,
        stride: 1..3,
        padding: 0..3,
        side: 1..8,
        batch: 1..23,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn bf16_computes_the_definition((c, shape) in case(), relu: bool, residual: bool, seed: u64) {
        let Ok(t) = c.output(shape) else { return Ok(()) };
        let (bytes, x) = coded(MapEncoding::Bf16, &noise(shape.len(), seed));
        let (weights, bias) = (noise(c.weights_len(), seed ^ 1), noise(c.outputs, seed ^ 2));
        let (add_bytes, add) = coded(MapEncoding::Bf16, &noise(t.len(), seed ^ 3));
        let mut expected = reference(&c, shape, &x, &rounded(MapEncoding::Bf16, &weights), &bias);
        finish(&mut expected, if residual { &add } else { &[] }, relu);
        let activation = if relu { Activation::Relu } else { Activation::None };
        let encodings = Encodings { input: MapEncoding::Bf16, added: residual.then_some(MapEncoding::Bf16), output: MapEncoding::Bf16 };
        for isa in instruction_sets() {
            let conv = ReducedConv2d::new(isa, c, &weights, &bias, activation, encodings).unwrap();
            let mut y = vec![0xFF; t.len() * 2];
            conv.run(shape, &bytes, residual.then_some(&add_bytes[..]), &mut y).unwrap();
            near(&MapEncoding::Bf16.decode(&y), &expected, c.inputs * c.kernel[0] * c.kernel[1])?;
        }
    }

    /// Integer weights from -127 to 127 and powers of two as scales leave nothing to round but the result.
    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn bytes_compute_the_definition_exactly((c, shape) in case(), residual: bool, seed: u64) {
        let Ok(t) = c.output(shape) else { return Ok(()) };
        let unit = MapEncoding::U8 { scale: 1.0 };
        let (bytes, x) = coded(unit, &noise(shape.len(), seed).iter().map(|v| v * 255.0).collect::<Vec<_>>());
        let per_output = c.weights_len() / c.outputs;
        let mut weights: Vec<f32> = noise(c.weights_len(), seed ^ 1).iter().map(|v| (v * 127.0).round()).collect();
        weights.chunks_mut(per_output).for_each(|w| w[0] = -127.0);
        let bias: Vec<f32> = noise(c.outputs, seed ^ 2).iter().map(|v| (v * 1e4).round()).collect();
        let added = MapEncoding::U8 { scale: 64.0 };
        let (add_bytes, add) = coded(added, &noise(t.len(), seed ^ 3).iter().map(|v| v * 16320.0).collect::<Vec<_>>());
        let output = MapEncoding::U8 { scale: 1024.0 };
        let mut expected = reference(&c, shape, &x, &weights, &bias);
        finish(&mut expected, if residual { &add } else { &[] }, true);
        let expected: Vec<u8> = expected.iter().map(|e| (e / 1024.0).round_ties_even().min(255.0) as u8).collect();
        let encodings = Encodings { input: unit, added: residual.then_some(added), output };
        for isa in instruction_sets() {
            let conv = ReducedConv2d::new(isa, c, &weights, &bias, Activation::Relu, encodings).unwrap();
            let mut y = vec![0xFF; t.len()];
            conv.run(shape, &bytes, residual.then_some(&add_bytes[..]), &mut y).unwrap();
            prop_assert_eq!(&y, &expected, "{}", isa);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn bytes_are_the_same_on_every_instruction_set_and_near_the_definition((c, shape) in case(), relu: bool, seed: u64) {
        let Ok(t) = c.output(shape) else { return Ok(()) };
        let input = MapEncoding::U8 { scale: 0.0137 };
        let (bytes, x) = coded(input, &noise(shape.len(), seed).iter().map(|v| v + 1.0).collect::<Vec<_>>());
        let (weights, bias) = (noise(c.weights_len(), seed ^ 1), noise(c.outputs, seed ^ 2));
        let (add_bytes, add) = coded(MapEncoding::Bf16, &noise(t.len(), seed ^ 3));
        let mut expected = reference(&c, shape, &x, &weights, &bias);
        finish(&mut expected, &add, relu);
        let activation = if relu { Activation::Relu } else { Activation::None };
        let encodings = Encodings { input, added: Some(MapEncoding::Bf16), output: MapEncoding::Bf16 };
        let mut first: Option<Vec<u8>> = None;
        for isa in instruction_sets() {
            let conv = ReducedConv2d::new(isa, c, &weights, &bias, activation, encodings).unwrap();
            let mut y = vec![0xFF; t.len() * 2];
            conv.run(shape, &bytes, Some(&add_bytes), &mut y).unwrap();
            // Weights are off by half a step of 1/127 at most, of inputs up to 2.
            let terms = (c.inputs * c.kernel[0] * c.kernel[1]) as f64;
            for (f, e) in MapEncoding::Bf16.decode(&y).iter().zip(&expected) {
                let allowed = e.abs() / 256.0 + terms * 2.0 * 0.5 / 127.0 + 1e-5;
                prop_assert!((f64::from(*f) - e).abs() <= allowed, "{} where {} is expected", f, e);
            }
            prop_assert_eq!(first.get_or_insert_with(|| y.clone()), &y, "{}", isa);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn rows_compute_the_definition(
        bands in 1usize..14, outputs in 1usize..70, kernel in 1usize..8, stride in 1usize..3, pad in 0usize..4,
        height in 7usize..12, width in 7usize..40, batch in 1usize..4, bytes: bool, seed: u64,
    ) {
        let c = ConvShape::square(bands, outputs, kernel, stride, pad);
        let shape = MapShape::new(height, width, batch, bands);
        let t = c.output(shape).unwrap();
        let x = noise(shape.len(), seed);
        let (weights, bias) = (noise(c.weights_len(), seed ^ 1), noise(c.outputs, seed ^ 2));
        let mut expected = reference(&c, shape, &rounded(MapEncoding::Bf16, &x), &rounded(MapEncoding::Bf16, &weights), &bias);
        finish(&mut expected, &[], true);
        let mut rows = vec![0xFF; rows_len(shape, pad)];
        from_map(shape, pad, &x, &mut rows).unwrap();
        let output = if bytes { MapEncoding::U8 { scale: 0.05 } } else { MapEncoding::Bf16 };
        for isa in instruction_sets() {
            let conv = ReducedConv2d::of_rows(isa, c, &weights, &bias, Activation::Relu, output).unwrap();
            let mut y = vec![0xFF; t.len() * output.size()];
            conv.run(shape, &rows, None, &mut y).unwrap();
            let found = output.decode(&y);
            if bytes {
                for (f, e) in found.iter().zip(&expected) {
                    prop_assert!((f64::from(*f) - e.min(12.75)).abs() <= 0.0251 + 1e-3, "{} where {} is expected", f, e);
                }
            } else {
                near(&found, &expected, bands * kernel * kernel)?;
            }
        }
    }
}

#[test]
fn what_bytes_cannot_hold_is_refused() {
    let encodings = Encodings { input: MapEncoding::Bf16, added: None, output: MapEncoding::U8 { scale: 1.0 } };
    let c = ConvShape::square(1, 1, 1, 1, 0);
    let refused = |c: ConvShape, activation, encodings| {
        let weights = vec![1.0; c.weights_len()];
        ReducedConv2d::new(Isa::Portable, c, &weights, &[0.0], activation, encodings).unwrap_err().to_string()
    };
    let negative = refused(c, Activation::None, encodings);
    assert_eq!(negative, "impossible convolution: results below zero cannot be encoded as bytes");
    let encodings = Encodings { input: MapEncoding::U8 { scale: 1.0 }, ..encodings };
    let overflow = refused(ConvShape::square(70_000, 1, 1, 1, 0), Activation::Relu, encodings);
    assert!(overflow.contains("overflow"), "{overflow}");
    let conv = ReducedConv2d::new(Isa::Portable, c, &[1.0], &[0.0], Activation::Relu, encodings).unwrap();
    let short = conv.run(MapShape::new(1, 1, 1, 1), &[0; SLACK], None, &mut [0]).unwrap_err();
    assert_eq!(short, KernelError::Length { what: "input", expected: SLACK + 1, found: SLACK });
    let added = conv.run(MapShape::new(1, 1, 1, 1), &[0; SLACK + 1], Some(&[0]), &mut [0]).unwrap_err();
    assert!(added.to_string().contains("a map to add"), "{added}");
}
