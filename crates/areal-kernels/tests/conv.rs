//! Convolutions against the definition, written out as loops.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use areal_kernels::{Activation, Conv2d, ConvShape, Isa, MapShape, bias_gradient, input_gradient, weights_gradient};
use proptest::prelude::*;

#[path = "reference/mod.rs"]
mod reference;

use reference::{Sizes, noise, reference, shapes};

/// Weights `[outputs, inputs, rows, columns]` as `[rows, columns, inputs, outputs]`.
fn in_rows<T: Copy>(c: &ConvShape, weights: &[T]) -> Vec<T> {
    let taps = c.kernel[0] * c.kernel[1];
    let at = |i: usize| ((i % c.outputs) * c.inputs + i / c.outputs % c.inputs) * taps + i / (c.outputs * c.inputs);
    (0..weights.len()).map(|i| weights[at(i)]).collect()
}

/// Gradients of `sum(g y)` by input, weights and bias from the definition of `y`, in double precision: each product of
/// the convolution passes `g` on to both of its factors.
fn gradients(c: &ConvShape, shape: MapShape, x: &[f32], w: &[f32], g: &[f32]) -> [Vec<f64>; 3] {
    let t = c.output(shape).unwrap();
    let (mut dx, mut dw, mut db) = (vec![0.0; x.len()], vec![0.0; w.len()], vec![0.0; c.outputs]);
    for (at, g) in g.iter().enumerate() {
        let (o, n, ox, oy) =
            (at % t.channels, at / t.channels % t.batch, at / t.row_len() % t.width, at / t.row_len() / t.width);
        db[o] += f64::from(*g);
        for (ky, kx) in (0..c.kernel[0]).flat_map(|ky| (0..c.kernel[1]).map(move |kx| (ky, kx))) {
            let iy = (oy * c.stride[0] + ky * c.dilation[0]).wrapping_sub(c.padding[0]);
            let ix = (ox * c.stride[1] + kx * c.dilation[1]).wrapping_sub(c.padding[1]);
            if iy < shape.height && ix < shape.width {
                for i in 0..c.inputs {
                    let from = ((iy * shape.width + ix) * shape.batch + n) * c.inputs + i;
                    let weight = ((o * c.inputs + i) * c.kernel[0] + ky) * c.kernel[1] + kx;
                    dx[from] += f64::from(*g) * f64::from(w[weight]);
                    dw[weight] += f64::from(*g) * f64::from(x[from]);
                }
            }
        }
    }
    [dx, dw, db]
}

fn close(found: &[f32], expected: &[f64], terms: usize) -> Result<(), TestCaseError> {
    // Winograd's way, which long sums take, loses a decimal digit against the direct one.
    let digits = if terms < 9 * 32 { 1.0 } else { 6.0 };
    let tolerance = digits * (1e-6 * (terms as f64).sqrt() + 1e-6);
    for (at, (f, e)) in found.iter().zip(expected).enumerate() {
        prop_assert!((f64::from(*f) - e).abs() <= tolerance * 8.0, "value {at}: {f} where {e} is expected");
    }
    Ok(())
}

fn check(c: ConvShape, shape: MapShape, relu: bool, residual: bool, seed: u64) -> Result<(), TestCaseError> {
    let Ok(t) = c.output(shape) else { return Ok(()) };
    let (x, w, b) = (noise(shape.len(), seed), noise(c.weights_len(), seed ^ 1), noise(c.outputs, seed ^ 2));
    let add = noise(t.len(), seed ^ 3);
    let mut expected = reference(&c, shape, &x, &w, &b);
    for (e, a) in expected.iter_mut().zip(&add) {
        *e += if residual { f64::from(*a) } else { 0.0 };
        *e = if relu { e.max(0.0) } else { *e };
    }
    let activation = if relu { Activation::Relu } else { Activation::None };
    for isa in Isa::available() {
        let conv = Conv2d::new(isa, c, &w, Some(&b), activation).unwrap();
        let mut y = vec![f32::NAN; t.len()];
        conv.run(shape, &x, residual.then_some(&add[..]), &mut y).unwrap();
        close(&y, &expected, c.inputs * c.kernel[0] * c.kernel[1])?;
        // The same weights from rows, without bias and activation.
        let mut of_rows = vec![f32::NAN; t.len()];
        Conv2d::of_rows(isa, c, &in_rows(&c, &w)).unwrap().run(shape, &x, None, &mut of_rows).unwrap();
        let plain = Conv2d::new(isa, c, &w, None, Activation::None).unwrap();
        plain.run(shape, &x, None, &mut y).unwrap();
        prop_assert_eq!(of_rows, y);
    }
    Ok(())
}

fn check_gradients(c: ConvShape, shape: MapShape, seed: u64) -> Result<(), TestCaseError> {
    let Ok(t) = c.output(shape) else { return Ok(()) };
    let (x, w, g) = (noise(shape.len(), seed), noise(c.weights_len(), seed ^ 1), noise(t.len(), seed ^ 2));
    let [dx, dw, db] = gradients(&c, shape, &x, &w, &g);
    for isa in Isa::available() {
        let (mut x_result, mut w_result, mut b_result) =
            (vec![f32::NAN; x.len()], vec![f32::NAN; w.len()], vec![f32::NAN; c.outputs]);
        let add = noise(x.len(), seed ^ 3);
        input_gradient(isa, &c, shape, &in_rows(&c, &w), &g, Some(&add), &mut x_result).unwrap();
        x_result.iter_mut().zip(&add).for_each(|(sum, add)| *sum -= add);
        weights_gradient(isa, &c, shape, &x, &g, &mut w_result).unwrap();
        let dw: Vec<f64> = in_rows(&c, &dw);
        bias_gradient(t, &g, &mut b_result).unwrap();
        close(&x_result, &dx, c.outputs * c.kernel[0] * c.kernel[1])?;
        close(&w_result, &dw, t.height * t.width * t.batch)?;
        close(&b_result, &db, t.height * t.width * t.batch)?;
    }
    Ok(())
}

fn case() -> impl Strategy<Value = (ConvShape, MapShape)> {
    shapes(Sizes {
        inputs: 1..20,
        outputs: 1..150,
        kernel: 1..5,
        stride: 1..4,
        padding: 0..4,
        side: 1..11,
        batch: 1..9,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn every_instruction_set_computes_the_definition((c, shape) in case(), relu: bool, residual: bool, seed: u64) {
        check(c, shape, relu, residual, seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn gradients_are_those_of_the_definition((c, shape) in case(), seed: u64) {
        check_gradients(c, shape, seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Shapes that take Winograd's way: whole vectors of channels, many tiles, sizes that tiles do not divide.
    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn three_by_three_computes_the_definition(
        inputs in 2usize..5, outputs in 2usize..9, height in 4usize..14, width in 4usize..14,
        padding in prop::array::uniform2(0usize..3), batch in 1usize..14, relu: bool, residual: bool, seed: u64,
    ) {
        let c = ConvShape { inputs: 16 * inputs, outputs: 16 * outputs, kernel: [3, 3], stride: [1, 1], padding, dilation: [1, 1] };
        check(c, MapShape::new(height, width, batch, c.inputs), relu, residual, seed)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    /// The same for gradients.
    #[test]
    #[cfg_attr(miri, ignore = "too many cases for Miri")]
    fn gradients_of_three_by_three_are_those_of_the_definition(
        inputs in 2usize..4, outputs in 2usize..6, height in 4usize..10, width in 4usize..10,
        padding in prop::array::uniform2(0usize..3), batch in 4usize..8, seed: u64,
    ) {
        let c = ConvShape { inputs: 16 * inputs, outputs: 16 * outputs, kernel: [3, 3], stride: [1, 1], padding, dilation: [1, 1] };
        check_gradients(c, MapShape::new(height, width, batch, c.inputs), seed)?;
    }
}

#[test]
fn a_small_convolution_computes_the_definition() {
    let (c, shape) = (ConvShape::square(3, 18, 3, 2, 1), MapShape::new(4, 3, 2, 3));
    check(c, shape, true, true, 7).unwrap();
    check_gradients(c, shape, 7).unwrap();
}

#[test]
fn a_kernel_larger_than_the_padded_map_is_refused() {
    let c = ConvShape::square(1, 1, 5, 1, 0);
    let conv = Conv2d::new(Isa::Portable, c, &[0.0; 25], None, Activation::None).unwrap();
    let error = conv.run(MapShape::new(4, 4, 1, 1), &[0.0; 16], None, &mut []).unwrap_err();
    assert_eq!(error.to_string(), "impossible convolution: a kernel that reaches over 5 of 4 padded pixels");
}
