//! Batch normalisation of maps by channel (Ioffe and Szegedy 2015), with what usually follows it: a map to add and the
//! rectifier. Two passes over memory forward, two backward.

mod gradient;

use rayon::prelude::*;

pub use gradient::{ByChannel, NormGradient};

use crate::isa::dispatch;
use crate::{Isa, KernelError};

/// Pixels whose sums are taken in single precision before they join those in double precision. It does not depend on
/// the number of threads, and so neither do the results.
const PIXELS: usize = 256;
/// Channels whose sums stay in registers.
const CHANNELS: usize = 32;

/// Mean and variance of each channel; the variance is that of the values themselves, not an estimate of their source's.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// Mean by channel.
    pub mean: Vec<f32>,
    /// Mean squared difference from the mean, by channel.
    pub variance: Vec<f32>,
}

/// Mean and variance of each channel of a map whose last axis is channels.
///
/// Values are taken relative to those of the first pixel, so that a mean far from 0 costs no digits (Chan et al. 1983).
///
/// # Errors
/// When the map is not whole pixels, or has none.
pub fn moments(isa: Isa, channels: usize, x: &[f32]) -> Result<Moments, KernelError> {
    let pixels = pixels(channels, x)?;
    let origin = &x[..channels];
    let [first, second] =
        sums(channels, x.par_chunks(PIXELS * channels), |part, sums| power_sums(isa, part, origin, sums));
    let n = pixels as f64;
    let moment = |c: usize| {
        let offset = first[c] / n;
        // Rounding may leave the variance of a constant channel a little below 0.
        (f64::from(origin[c]) + offset, (second[c] / n - offset * offset).max(0.0))
    };
    let (mean, variance) = (0..channels).map(moment).map(|(m, v)| (m as f32, v as f32)).unzip();
    Ok(Moments { mean, variance })
}

/// Number of pixels of a map of this number of channels.
fn pixels(channels: usize, x: &[f32]) -> Result<usize, KernelError> {
    if channels == 0 || x.is_empty() || !x.len().is_multiple_of(channels) {
        return Err(KernelError::Shape(format!("{} values as pixels of {channels} channels", x.len())));
    }
    Ok(x.len() / channels)
}

/// Two sums by channel over all parts: `add` adds those of a part to its argument, `[2, channels]`.
fn sums<P: IndexedParallelIterator>(
    channels: usize,
    parts: P,
    add: impl Fn(P::Item, &mut [f32]) + Sync,
) -> [Vec<f64>; 2] {
    let parts: Vec<Vec<f32>> = parts
        .map(|part| {
            let mut sums = vec![0.0; 2 * channels];
            add(part, &mut sums);
            sums
        })
        .collect();
    [0, channels].map(|at| (at..at + channels).map(|c| parts.iter().map(|part| f64::from(part[c])).sum()).collect())
}

dispatch! { fn power_sums(x: &[f32], origin: &[f32], sums: &mut [f32]) = power_sums_of; }

/// Sums of `x - origin` and of its square.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn power_sums_of(x: &[f32], origin: &[f32], sums: &mut [f32]) {
    let channels = origin.len();
    let (first, second) = sums.split_at_mut(channels);
    let whole = channels / CHANNELS * CHANNELS;
    for from in (0..whole).step_by(CHANNELS) {
        let (mut a, mut b) = ([0.0; CHANNELS], [0.0; CHANNELS]);
        let Some(origin) = origin[from..].first_chunk::<CHANNELS>() else { continue };
        for pixel in x.chunks_exact(channels) {
            let Some(x) = pixel[from..].first_chunk::<CHANNELS>() else { continue };
            for l in 0..CHANNELS {
                let d = x[l] - origin[l];
                a[l] += d;
                b[l] += d * d;
            }
        }
        first[from..from + CHANNELS].copy_from_slice(&a);
        second[from..from + CHANNELS].copy_from_slice(&b);
    }
    for pixel in x.chunks_exact(channels) {
        for c in whole..channels {
            let d = pixel[c] - origin[c];
            first[c] += d;
            second[c] += d * d;
        }
    }
}

/// A normalisation with known moments, and what follows it: `y = act(x scale + shift + add)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// By channel: `gamma / sqrt(variance + epsilon)`.
    pub scale: Vec<f32>,
    /// By channel: `beta - mean scale`.
    pub shift: Vec<f32>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl Norm {
    /// From moments and the learnt scale and shift, one value a channel each.
    ///
    /// # Errors
    /// When there are not as many of each.
    pub fn new(moments: &Moments, gamma: &[f32], beta: &[f32], epsilon: f64, relu: bool) -> Result<Self, KernelError> {
        let channels = moments.mean.len();
        KernelError::check_len("scale of the normalisation", gamma.len(), channels)?;
        KernelError::check_len("shift of the normalisation", beta.len(), channels)?;
        let scale: Vec<f32> = gamma
            .iter()
            .zip(&moments.variance)
            .map(|(g, v)| f64::from(*g) * inverse(*v, epsilon))
            .map(|s| s as f32)
            .collect();
        let shift = |c: usize| (f64::from(beta[c]) - f64::from(moments.mean[c]) * f64::from(scale[c])) as f32;
        let shift = (0..channels).map(shift).collect();
        Ok(Self { scale, shift, relu })
    }

    /// Normalises a map whose last axis is channels; `add` is a map of the same shape.
    ///
    /// # Errors
    /// When a map has another length.
    pub fn run(&self, isa: Isa, x: &[f32], add: Option<&[f32]>, y: &mut [f32]) -> Result<(), KernelError> {
        let channels = self.scale.len();
        pixels(channels, x)?;
        KernelError::check_len("map to add", add.map_or(x.len(), <[f32]>::len), x.len())?;
        KernelError::check_len("output", y.len(), x.len())?;
        let part = PIXELS * channels;
        y.par_chunks_mut(part).zip(x.par_chunks(part)).enumerate().for_each(|(index, (y, x))| {
            let add = add.map(|add| &add[index * part..][..x.len()]);
            match (add, self.relu) {
                (None, false) => apply(isa, self, x, y),
                (None, true) => apply_relu(isa, self, x, y),
                (Some(add), false) => apply_add(isa, self, x, add, y),
                (Some(add), true) => apply_add_relu(isa, self, x, add, y),
            }
        });
        Ok(())
    }
}

/// `1 / sqrt(variance + epsilon)`.
fn inverse(variance: f32, epsilon: f64) -> f64 {
    1.0 / (f64::from(variance) + epsilon).sqrt()
}

dispatch! { fn apply(n: &Norm, x: &[f32], y: &mut [f32]) = apply_of::<false>; }
dispatch! { fn apply_relu(n: &Norm, x: &[f32], y: &mut [f32]) = apply_of::<true>; }
dispatch! { fn apply_add(n: &Norm, x: &[f32], add: &[f32], y: &mut [f32]) = apply_add_of::<false>; }
dispatch! { fn apply_add_relu(n: &Norm, x: &[f32], add: &[f32], y: &mut [f32]) = apply_add_of::<true>; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn apply_of<const RELU: bool>(n: &Norm, x: &[f32], y: &mut [f32]) {
    let channels = n.scale.len();
    for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(channels)) {
        for (((x, y), scale), shift) in x.iter().zip(y).zip(&n.scale).zip(&n.shift) {
            let value = x * scale + shift;
            *y = if RELU && value <= 0.0 { 0.0 } else { value };
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn apply_add_of<const RELU: bool>(n: &Norm, x: &[f32], add: &[f32], y: &mut [f32]) {
    let channels = n.scale.len();
    for ((x, add), y) in x.chunks_exact(channels).zip(add.chunks_exact(channels)).zip(y.chunks_exact_mut(channels)) {
        for ((((x, add), y), scale), shift) in x.iter().zip(add).zip(y).zip(&n.scale).zip(&n.shift) {
            let value = x * scale + shift + add;
            *y = if RELU && value <= 0.0 { 0.0 } else { value };
        }
    }
}
