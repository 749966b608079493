//! Gradients of batch normalisation.

use rayon::prelude::*;

use super::{CHANNELS, Moments, Norm, PIXELS, inverse, pixels, sums};
use crate::isa::dispatch;
use crate::{Isa, KernelError};

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
