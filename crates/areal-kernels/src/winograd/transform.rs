#![allow(unsafe_code)]
//! The three transforms of F(4 x 4, 3 x 3), at the points 0, 1, -1, 2, -2 and infinity.

use super::{IN, OUT, POINTS};
use crate::isa::dispatch;
use crate::pack::LANES;
use crate::shared::SharedMut;

/// One vector of channels.
pub type Lanes = [f32; LANES];
/// Where the pixels of an input tile begin; those outside the map point to zeros.
pub type Pixels = [*const f32; POINTS];
/// Where the pixels of an output tile begin; those outside the map point to zeros.
pub type OutPixels = [*const f32; OUT * OUT];
/// Where the outputs of a tile begin, none for those outside the map.
pub type Starts = [Option<Start>; OUT * OUT];

/// Where an output pixel begins.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    pub output: usize,
    /// In the map to add.
    pub add: usize,
}

/// `G g G^T` of kernels of 3 x 3, one a lane, in double precision.
pub fn kernel(g: &[Lanes; 9]) -> [Lanes; POINTS] {
    let mut half = [[[0.0; LANES]; 3]; IN];
    for column in 0..3 {
        let column_of = |row: usize| g[3 * row + column].map(f64::from);
        let points = kernel_axis(&[column_of(0), column_of(1), column_of(2)]);
        for (half, point) in half.iter_mut().zip(points) {
            half[column] = point;
        }
    }
    let mut all = [[0.0; LANES]; POINTS];
    for (row, half) in all.as_chunks_mut::<IN>().0.iter_mut().zip(&half) {
        for (to, point) in row.iter_mut().zip(kernel_axis(half)) {
            *to = point.map(|value| value as f32);
        }
    }
    all
}

/// `G g` of three taps: (1/4, 0, 0), (-1, -1, -1)/6, (-1, 1, -1)/6, (1, 2, 4)/24, (1, -2, 4)/24, (0, 0, 1).
fn kernel_axis(g: &[[f64; LANES]; 3]) -> [[f64; LANES]; IN] {
    let mut out = [[0.0; LANES]; IN];
    for l in 0..LANES {
        let [a, b, c] = [g[0][l], g[1][l], g[2][l]];
        let (outer, inner) = ((a + c) * (1.0 / 6.0), b * (1.0 / 6.0));
        let (far, near) = ((a + 4.0 * c) * (1.0 / 24.0), b * (1.0 / 12.0));
        out[0][l] = a * 0.25;
        out[1][l] = -outer - inner;
        out[2][l] = -outer + inner;
        out[3][l] = far + near;
        out[4][l] = far - near;
        out[5][l] = c;
    }
    out
}

/// `G^T s G` of the sums at all points, one kernel a lane, in double precision: the adjoint of [`kernel`].
pub fn kernel_gradient(sums: &[Lanes; POINTS]) -> [Lanes; 9] {
    let mut half = [[[0.0; LANES]; IN]; 3];
    for column in 0..IN {
        let column_of: [[f64; LANES]; IN] = std::array::from_fn(|row| sums[row * IN + column].map(f64::from));
        for (half, tap) in half.iter_mut().zip(kernel_gradient_axis(&column_of)) {
            half[column] = tap;
        }
    }
    let mut taps = [[0.0; LANES]; 9];
    for (row, half) in taps.as_chunks_mut::<3>().0.iter_mut().zip(&half) {
        for (to, tap) in row.iter_mut().zip(kernel_gradient_axis(half)) {
            *to = tap.map(|value| value as f32);
        }
    }
    taps
}

/// `G^T s` of six points.
fn kernel_gradient_axis(s: &[[f64; LANES]; IN]) -> [[f64; LANES]; 3] {
    let mut out = [[0.0; LANES]; 3];
    for l in 0..LANES {
        let (near, far) = ((s[1][l] + s[2][l]) * (1.0 / 6.0), (s[3][l] + s[4][l]) * (1.0 / 24.0));
        out[0][l] = s[0][l] * 0.25 - near + far;
        out[1][l] = (s[2][l] - s[1][l]) * (1.0 / 6.0) + (s[3][l] - s[4][l]) * (1.0 / 12.0);
        out[2][l] = 4.0 * far - near + s[5][l];
    }
    out
}

/// What follows the sums.
pub struct Epilogue<'a> {
    /// By output channel.
    pub bias: &'a [f32],
    /// A map to add.
    pub add: Option<&'a [f32]>,
    /// Whether negative results become 0.
    pub relu: bool,
}

dispatch! {
    /// `B^T d B` of one input tile; point `p` goes to `out + p step`.
    ///
    /// # Safety
    /// `channels` is a multiple of 16, that many values can be read at each pixel and written at each point.
    pub unsafe fn input(pixels: &Pixels, channels: usize, out: *mut f32, step: usize) = input_any;
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn input_any(pixels: &Pixels, channels: usize, out: *mut f32, step: usize) {
    for at in (0..channels).step_by(LANES) {
        let mut half = [[0.0; LANES]; POINTS];
        // SAFETY: `at .. at + 16` lies within the channels.
        unsafe {
            for x in 0..IN {
                let column: [Lanes; IN] =
                    std::array::from_fn(|y| pixels[y * IN + x].add(at).cast::<Lanes>().read_unaligned());
                for (y, value) in bt(&column).into_iter().enumerate() {
                    half[y * IN + x] = value;
                }
            }
            for (y, row) in half.as_chunks::<IN>().0.iter().enumerate() {
                for (x, value) in bt(row).into_iter().enumerate() {
                    out.add((y * IN + x) * step + at).cast::<Lanes>().write_unaligned(value);
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn bt(d: &[Lanes; IN]) -> [Lanes; IN] {
    let mut out = [[0.0; LANES]; IN];
    for l in 0..LANES {
        let [d0, d1, d2, d3, d4, d5] = [d[0][l], d[1][l], d[2][l], d[3][l], d[4][l], d[5][l]];
        let (even, odd) = (d4 - 4.0 * d2, d3 - 4.0 * d1);
        let (near, far) = (d4 - d2, 2.0 * (d3 - d1));
        out[0][l] = 4.0 * d0 - 5.0 * d2 + d4;
        out[1][l] = even + odd;
        out[2][l] = even - odd;
        out[3][l] = near + far;
        out[4][l] = near - far;
        out[5][l] = 4.0 * d1 - 5.0 * d3 + d5;
    }
    out
}

dispatch! {
    /// `A g A^T` of one tile of a gradient by the output, the adjoint of [`output`]; point `p` goes to `out + p step`.
    ///
    /// # Safety
    /// As [`input`].
    pub unsafe fn output_gradient(pixels: &OutPixels, channels: usize, out: *mut f32, step: usize) = output_gradient_any;
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn output_gradient_any(pixels: &OutPixels, channels: usize, out: *mut f32, step: usize) {
    for at in (0..channels).step_by(LANES) {
        let mut half = [[0.0; LANES]; IN * OUT];
        // SAFETY: `at .. at + 16` lies within the channels.
        unsafe {
            for x in 0..OUT {
                let column: [Lanes; OUT] =
                    std::array::from_fn(|y| pixels[y * OUT + x].add(at).cast::<Lanes>().read_unaligned());
                for (y, value) in a_transposed(&column).into_iter().enumerate() {
                    half[y * OUT + x] = value;
                }
            }
            for (y, row) in half.as_chunks::<OUT>().0.iter().enumerate() {
                for (x, value) in a_transposed(row).into_iter().enumerate() {
                    out.add((y * IN + x) * step + at).cast::<Lanes>().write_unaligned(value);
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn a_transposed(g: &[Lanes; OUT]) -> [Lanes; IN] {
    let mut out = [[0.0; LANES]; IN];
    for l in 0..LANES {
        let [g0, g1, g2, g3] = [g[0][l], g[1][l], g[2][l], g[3][l]];
        let (even, odd) = (g0 + g2, g1 + g3);
        let (far_even, far_odd) = (g0 + 4.0 * g2, 2.0 * g1 + 8.0 * g3);
        out[0][l] = g0;
        out[1][l] = even + odd;
        out[2][l] = even - odd;
        out[3][l] = far_even + far_odd;
        out[4][l] = far_even - far_odd;
        out[5][l] = g3;
    }
    out
}

dispatch! {
    /// `A^T m A` of one tile's products, with the epilogue; outputs whose start is none are not stored.
    ///
    /// # Safety
    /// `channels` is a multiple of 16; that many values can be read at each point `m + p step`, of the bias and of the map to add;
    /// every start is that of as many values that nothing else accesses, inside what `to` points to.
    pub unsafe fn output(m: *const f32, step: usize, channels: usize, starts: &Starts, epilogue: &Epilogue<'_>, to: SharedMut<'_, f32>) = output_any;
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn output_any(
    m: *const f32,
    step: usize,
    channels: usize,
    starts: &Starts,
    e: &Epilogue<'_>,
    to: SharedMut<'_, f32>,
) {
    for at in (0..channels).step_by(LANES) {
        let mut half = [[0.0; LANES]; OUT * IN];
        // SAFETY: `at .. at + 16` lies within the channels of every pointer that the contract covers.
        unsafe {
            let bias = e.bias.as_ptr().add(at).cast::<Lanes>().read_unaligned();
            for x in 0..IN {
                let column: [Lanes; IN] =
                    std::array::from_fn(|y| m.add((y * IN + x) * step + at).cast::<Lanes>().read_unaligned());
                for (y, value) in a(&column).into_iter().enumerate() {
                    half[y * IN + x] = value;
                }
            }
            for (row, starts) in half.as_chunks::<IN>().0.iter().zip(starts.as_chunks::<OUT>().0) {
                for (mut value, start) in a(row).into_iter().zip(starts) {
                    let Some(start) = start else { continue };
                    plus(&mut value, &bias);
                    if let Some(add) = e.add {
                        plus(&mut value, &add.as_ptr().add(start.add + at).cast::<Lanes>().read_unaligned());
                    }
                    if e.relu {
                        value = value.map(|v| if v > 0.0 { v } else { 0.0 });
                    }
                    to.part(start.output + at, LANES).cast::<Lanes>().write_unaligned(value);
                }
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn plus(sum: &mut Lanes, term: &Lanes) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn a(m: &[Lanes; IN]) -> [Lanes; OUT] {
    let mut out = [[0.0; LANES]; OUT];
    for l in 0..LANES {
        let (sum1, difference1) = (m[1][l] + m[2][l], m[1][l] - m[2][l]);
        let (sum2, difference2) = (m[3][l] + m[4][l], m[3][l] - m[4][l]);
        out[0][l] = m[0][l] + sum1 + sum2;
        out[1][l] = difference1 + 2.0 * difference2;
        out[2][l] = sum1 + 4.0 * sum2;
        out[3][l] = difference1 + 8.0 * difference2 + m[5][l];
    }
    out
}
