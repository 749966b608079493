//! Batch normalisation of maps by channel (Ioffe and Szegedy 2015), with what usually follows it: a map to add and the
//! rectifier. Two passes over memory forward, two backward.

use rayon::prelude::*;

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

/// Number of pixels of a map of so many channels.
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

/// Gradients of a normalisation with the batch's own moments.
#[derive(Debug, Clone)]
pub struct NormGradient<'a> {
    /// The normalisation as it ran.
    pub norm: &'a Norm,
    /// The moments of its input.
    pub moments: &'a Moments,
    /// As it ran.
    pub epsilon: f64,
    /// What was normalised.
    pub x: &'a [f32],
}

/// Gradients by the learnt scale and shift, by channel.
#[derive(Debug, Clone, PartialEq)]
pub struct ByChannel {
    /// By the scale.
    pub gamma: Vec<f32>,
    /// By the shift.
    pub beta: Vec<f32>,
}

impl NormGradient<'_> {
    /// Turns `gradient`, that by the output, into that by the input, in place. There was no map to add: what the
    /// rectifier let through is seen again from the input.
    ///
    /// # Errors
    /// When the gradient has another length.
    pub fn run(&self, isa: Isa, gradient: &mut [f32]) -> Result<ByChannel, KernelError> {
        let channels = self.channels(gradient)?;
        let part = PIXELS * channels;
        let [beta, gamma] =
            sums(channels, self.x.par_chunks(part).zip(gradient.par_chunks(part)), |(x, gradient), sums| {
                if self.norm.relu {
                    masked_sums(isa, self, x, gradient, sums);
                } else {
                    plain_sums(isa, self, x, gradient, sums);
                }
            });
        let (terms, result) = self.terms(&beta, &gamma);
        gradient.par_chunks_mut(part).zip(self.x.par_chunks(part)).for_each(|(gradient, x)| {
            if self.norm.relu {
                masked_finish(isa, self.norm, &terms, x, gradient);
            } else {
                finish(isa, &terms, x, gradient);
            }
        });
        Ok(result)
    }

    /// The same where a map was added: `y` is the output, `gradient` becomes the gradient by the map that was added, and
    /// `by_input` receives that by the input.
    ///
    /// # Errors
    /// When a map has another length.
    pub fn run_added(
        &self,
        isa: Isa,
        y: &[f32],
        gradient: &mut [f32],
        by_input: &mut [f32],
    ) -> Result<ByChannel, KernelError> {
        let channels = self.channels(gradient)?;
        KernelError::check_len("output", y.len(), self.x.len())?;
        KernelError::check_len("gradient by the input", by_input.len(), self.x.len())?;
        let part = PIXELS * channels;
        let maps = self.x.par_chunks(part).zip(y.par_chunks(part)).zip(gradient.par_chunks_mut(part));
        let [beta, gamma] = sums(channels, maps, |((x, y), gradient), sums| {
            if self.norm.relu {
                mask(isa, y, gradient);
            }
            plain_sums(isa, self, x, gradient, sums);
        });
        let (terms, result) = self.terms(&beta, &gamma);
        let maps = by_input.par_chunks_mut(part).zip(gradient.par_chunks(part)).zip(self.x.par_chunks(part));
        maps.for_each(|((by_input, gradient), x)| finish_apart(isa, &terms, x, gradient, by_input));
        Ok(result)
    }

    fn channels(&self, gradient: &[f32]) -> Result<usize, KernelError> {
        let channels = self.norm.scale.len();
        KernelError::check_len("moments", self.moments.mean.len(), channels)?;
        pixels(channels, self.x)?;
        KernelError::check_len("gradient", gradient.len(), self.x.len())?;
        Ok(channels)
    }

    /// From the sums of `g` and of `g (x - mean)`.
    fn terms(&self, beta: &[f64], products: &[f64]) -> (Terms, ByChannel) {
        let n = (self.x.len() / beta.len()) as f64;
        let inverse: Vec<f64> = self.moments.variance.iter().map(|v| inverse(*v, self.epsilon)).collect();
        let slope = |c: usize| (-products[c] / n * inverse[c] * inverse[c]) as f32;
        let terms = Terms {
            scale: self.norm.scale.clone(),
            mean: self.moments.mean.clone(),
            offset: beta.iter().map(|b| (b / n) as f32).collect(),
            slope: (0..beta.len()).map(slope).collect(),
        };
        let gamma = products.iter().zip(&inverse).map(|(p, i)| (p * i) as f32).collect();
        (terms, ByChannel { gamma, beta: beta.iter().map(|b| *b as f32).collect() })
    }
}

/// By channel, of `scale (g - offset + slope (x - mean))`.
struct Terms {
    scale: Vec<f32>,
    mean: Vec<f32>,
    offset: Vec<f32>,
    slope: Vec<f32>,
}

dispatch! { fn plain_sums(n: &NormGradient<'_>, x: &[f32], g: &[f32], sums: &mut [f32]) = gradient_sums_of::<false>; }
dispatch! { fn masked_sums(n: &NormGradient<'_>, x: &[f32], g: &[f32], sums: &mut [f32]) = gradient_sums_of::<true>; }

/// Sums of `g` and of `g (x - mean)`; where masked, `g` is 0 where the output was.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn gradient_sums_of<const MASKED: bool>(n: &NormGradient<'_>, x: &[f32], g: &[f32], sums: &mut [f32]) {
    let (mean, norm) = (&n.moments.mean[..], n.norm);
    let channels = mean.len();
    let (first, second) = sums.split_at_mut(channels);
    let of = |c: usize, x: f32, g: f32| if MASKED && x * norm.scale[c] + norm.shift[c] <= 0.0 { 0.0 } else { g };
    let whole = channels / CHANNELS * CHANNELS;
    for from in (0..whole).step_by(CHANNELS) {
        let (mut a, mut b) = ([0.0; CHANNELS], [0.0; CHANNELS]);
        let part = |all: &[f32]| all[from..].first_chunk::<CHANNELS>().copied().unwrap_or([0.0; CHANNELS]);
        let (mean, scale, shift) = (part(mean), part(&norm.scale), part(&norm.shift));
        for (x, g) in x.chunks_exact(channels).zip(g.chunks_exact(channels)) {
            let (Some(x), Some(g)) = (x[from..].first_chunk::<CHANNELS>(), g[from..].first_chunk::<CHANNELS>()) else {
                continue;
            };
            for l in 0..CHANNELS {
                let g = if MASKED && x[l] * scale[l] + shift[l] <= 0.0 { 0.0 } else { g[l] };
                a[l] += g;
                b[l] += g * (x[l] - mean[l]);
            }
        }
        first[from..from + CHANNELS].copy_from_slice(&a);
        second[from..from + CHANNELS].copy_from_slice(&b);
    }
    for (x, g) in x.chunks_exact(channels).zip(g.chunks_exact(channels)) {
        for c in whole..channels {
            let g = of(c, x[c], g[c]);
            first[c] += g;
            second[c] += g * (x[c] - mean[c]);
        }
    }
}

dispatch! { fn mask(y: &[f32], g: &mut [f32]) = mask_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn mask_of(y: &[f32], g: &mut [f32]) {
    for (y, g) in y.iter().zip(g) {
        *g = if *y <= 0.0 { 0.0 } else { *g };
    }
}

dispatch! { fn finish(t: &Terms, x: &[f32], g: &mut [f32]) = finish_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn finish_of(t: &Terms, x: &[f32], g: &mut [f32]) {
    let channels = t.scale.len();
    let [scale, offset, slope, mean] = t.slices();
    for (x, g) in x.chunks_exact(channels).zip(g.chunks_exact_mut(channels)) {
        for c in 0..channels {
            g[c] = scale[c] * (g[c] - offset[c] + slope[c] * (x[c] - mean[c]));
        }
    }
}

dispatch! { fn masked_finish(n: &Norm, t: &Terms, x: &[f32], g: &mut [f32]) = masked_finish_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn masked_finish_of(n: &Norm, t: &Terms, x: &[f32], g: &mut [f32]) {
    let channels = t.scale.len();
    let [scale, offset, slope, mean] = t.slices();
    let shift = &n.shift[..channels];
    for (x, g) in x.chunks_exact(channels).zip(g.chunks_exact_mut(channels)) {
        for c in 0..channels {
            let kept = if x[c] * scale[c] + shift[c] <= 0.0 { 0.0 } else { g[c] };
            g[c] = scale[c] * (kept - offset[c] + slope[c] * (x[c] - mean[c]));
        }
    }
}

dispatch! { fn finish_apart(t: &Terms, x: &[f32], g: &[f32], to: &mut [f32]) = finish_apart_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn finish_apart_of(t: &Terms, x: &[f32], g: &[f32], to: &mut [f32]) {
    let channels = t.scale.len();
    let [scale, offset, slope, mean] = t.slices();
    for ((x, g), to) in x.chunks_exact(channels).zip(g.chunks_exact(channels)).zip(to.chunks_exact_mut(channels)) {
        for c in 0..channels {
            to[c] = scale[c] * (g[c] - offset[c] + slope[c] * (x[c] - mean[c]));
        }
    }
}

impl Terms {
    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    fn slices(&self) -> [&[f32]; 4] {
        let channels = self.scale.len();
        [&self.scale, &self.offset[..channels], &self.slope[..channels], &self.mean[..channels]]
    }
}
