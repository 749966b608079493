//! The three transforms of F(4 x 4, 3 x 3), at the points 0, 1, -1, 2, -2 and infinity.

use super::{IN, OUT, POINTS};
use crate::Level;
use crate::pack::LANES;
use crate::share::Shared;

/// One vector of channels.
type Lanes = [f32; LANES];

/// `G g G^T` of a kernel of 3 x 3, in double precision.
pub fn kernel(g: [f32; 9]) -> [f32; POINTS] {
    const G: [[f64; 3]; IN] = [
        [1.0 / 4.0, 0.0, 0.0],
        [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
        [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
        [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
        [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
        [0.0, 0.0, 1.0],
    ];
    std::array::from_fn(|at| {
        let (row, column) = (&G[at / IN], &G[at % IN]);
        let terms = (0..9).map(|tap| row[tap / 3] * column[tap % 3] * f64::from(g[tap]));
        terms.sum::<f64>() as f32
    })
}

/// What follows the sums.
pub struct Epilogue<'a> {
    /// By output channel.
    pub bias: &'a [f32],
    /// A map to add, shaped as the output.
    pub add: Option<&'a [f32]>,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// `B^T d B` of one input tile, pixels outside the map being zeros; point `p` goes to `out[p * step..]`.
pub fn input(level: Level, pixels: &[Option<&[f32]>; POINTS], out: &mut [f32], step: usize) {
    match level {
        // SAFETY: the level was required when the convolution was made.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { input_avx512(pixels, out, step) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { input_avx2(pixels, out, step) },
        _ => input_any(pixels, out, step),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn input_avx512(pixels: &[Option<&[f32]>; POINTS], out: &mut [f32], step: usize) {
    input_any(pixels, out, step);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn input_avx2(pixels: &[Option<&[f32]>; POINTS], out: &mut [f32], step: usize) {
    input_any(pixels, out, step);
}

#[expect(clippy::inline_always, reason = "compiled once for each level")]
#[inline(always)]
fn input_any(pixels: &[Option<&[f32]>; POINTS], out: &mut [f32], step: usize) {
    let channels = pixels.iter().flatten().next().map_or(0, |p| p.len());
    for at in (0..channels).step_by(LANES) {
        let mut half = [[0.0; LANES]; POINTS];
        for x in 0..IN {
            let column: [Lanes; IN] = std::array::from_fn(|y| load(pixels[y * IN + x], at));
            for (y, value) in bt(&column).into_iter().enumerate() {
                half[y * IN + x] = value;
            }
        }
        for (y, row) in half.chunks_exact(IN).enumerate() {
            let row: [Lanes; IN] = std::array::from_fn(|x| row[x]);
            for (x, value) in bt(&row).into_iter().enumerate() {
                out[(y * IN + x) * step + at..][..LANES].copy_from_slice(&value);
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each level")]
#[inline(always)]
fn load(pixel: Option<&[f32]>, at: usize) -> Lanes {
    pixel.and_then(|p| p[at..].first_chunk()).copied().unwrap_or([0.0; LANES])
}

#[expect(clippy::inline_always, reason = "compiled once for each level")]
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

/// `A^T m A` of one tile's products, with the epilogue; outputs whose start is none are not stored.
///
/// # Safety
/// Every start is that of `channels` values that nothing else accesses, inside what `to` points to.
#[expect(clippy::too_many_arguments, reason = "the one call site names them all")]
pub unsafe fn output(
    level: Level,
    m: &[f32],
    step: usize,
    channels: usize,
    starts: &[Option<usize>; OUT * OUT],
    epilogue: &Epilogue<'_>,
    to: Shared<f32>,
) {
    // SAFETY: the caller's promise; the level was required when the convolution was made.
    unsafe {
        match level {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => output_avx512(m, step, channels, starts, epilogue, to),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => output_avx2(m, step, channels, starts, epilogue, to),
            _ => output_any(m, step, channels, starts, epilogue, to),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn output_avx512(m: &[f32], step: usize, channels: usize, starts: &[Option<usize>; OUT * OUT], e: &Epilogue<'_>, to: Shared<f32>) {
    // SAFETY: the caller's promise.
    unsafe { output_any(m, step, channels, starts, e, to) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn output_avx2(m: &[f32], step: usize, channels: usize, starts: &[Option<usize>; OUT * OUT], e: &Epilogue<'_>, to: Shared<f32>) {
    // SAFETY: the caller's promise.
    unsafe { output_any(m, step, channels, starts, e, to) }
}

#[expect(clippy::inline_always, reason = "compiled once for each level")]
#[inline(always)]
unsafe fn output_any(m: &[f32], step: usize, channels: usize, starts: &[Option<usize>; OUT * OUT], e: &Epilogue<'_>, to: Shared<f32>) {
    for at in (0..channels).step_by(LANES) {
        let bias = load(Some(e.bias), at);
        let mut half = [[0.0; LANES]; OUT * IN];
        for x in 0..IN {
            let column: [Lanes; IN] = std::array::from_fn(|y| load(Some(&m[(y * IN + x) * step..]), at));
            for (y, value) in a(&column).into_iter().enumerate() {
                half[y * IN + x] = value;
            }
        }
        for (y, row) in half.chunks_exact(IN).enumerate() {
            let row: [Lanes; IN] = std::array::from_fn(|x| row[x]);
            for (x, mut value) in a(&row).into_iter().enumerate() {
                let Some(start) = starts[y * OUT + x] else { continue };
                let add = e.add.map_or([0.0; LANES], |add| load(Some(&add[start..]), at));
                for l in 0..LANES {
                    value[l] += bias[l] + add[l];
                    value[l] = if e.relu && value[l] < 0.0 { 0.0 } else { value[l] };
                }
                // SAFETY: `start + at .. + 16` lies in the channels of the output pixel that the caller vouches for.
                unsafe { to.get().add(start + at).cast::<Lanes>().write(value) };
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each level")]
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
