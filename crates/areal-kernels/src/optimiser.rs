//! Steps of gradient descent, each in one pass over memory.

use rayon::prelude::*;

use crate::isa::dispatch;
use crate::{Isa, KernelError};

/// Values of one task.
const PART: usize = 1 << 14;

/// One step of Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamW {
    pub rate: f64,
    /// The fraction of the weights that decays, times the rate.
    pub decay: f64,
    /// Of the first and the second moment.
    pub betas: [f64; 2],
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Steps done, this one included; from 1.
    pub step: u64,
    /// What gradients are multiplied with first.
    pub scale: f64,
}

impl AdamW {
    /// Changes weights and moments in place.
    ///
    /// # Errors
    /// When slices differ in length.
    pub fn run(
        &self,
        isa: Isa,
        weights: &mut [f32],
        gradient: &[f32],
        moments: [&mut [f32]; 2],
    ) -> Result<(), KernelError> {
        let [first, second] = moments;
        for (what, len) in
            [("gradient", gradient.len()), ("first moment", first.len()), ("second moment", second.len())]
        {
            KernelError::check_len(what, len, weights.len())?;
        }
        let corrections = self.betas.map(|beta| 1.0 - beta.powf(self.step as f64));
        let numbers = [
            self.scale,
            self.betas[0],
            1.0 - self.betas[0],
            self.betas[1],
            1.0 - self.betas[1],
            1.0 / corrections[1].sqrt(),
            self.epsilon,
            self.rate / corrections[0],
            1.0 - self.rate * self.decay,
        ]
        .map(|n| n as f32);
        let weights = weights.par_chunks_mut(PART).zip(gradient.par_chunks(PART));
        weights.zip(first.par_chunks_mut(PART)).zip(second.par_chunks_mut(PART)).for_each(|(((w, g), m), v)| {
            adamw(isa, &numbers, w, g, m, v);
        });
        Ok(())
    }
}

dispatch! { fn adamw(numbers: &[f32; 9], w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) = adamw_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn adamw_of(numbers: &[f32; 9], w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32]) {
    let [scale, b1, a1, b2, a2, root, epsilon, rate, keep] = *numbers;
    for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
        let g = g * scale;
        let first = *m * b1 + g * a1;
        let second = *v * b2 + g * g * a2;
        *m = first;
        *v = second;
        *w = *w * keep - first * rate / (second.sqrt() * root + epsilon);
    }
}

/// One step of gradient descent with momentum: `momentum = beta momentum + g + decay w`, `w -= rate momentum`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Momentum {
    pub rate: f64,
    /// The fraction of the weights that is added to the gradient.
    pub decay: f64,
    /// What is kept of the momentum.
    pub beta: f64,
    /// What gradients are multiplied with first.
    pub scale: f64,
}

impl Momentum {
    /// Changes weights and momentum in place.
    ///
    /// # Errors
    /// When slices differ in length.
    pub fn run(
        &self,
        isa: Isa,
        weights: &mut [f32],
        gradient: &[f32],
        momentum: &mut [f32],
    ) -> Result<(), KernelError> {
        KernelError::check_len("gradient", gradient.len(), weights.len())?;
        KernelError::check_len("momentum", momentum.len(), weights.len())?;
        let numbers = [self.rate, self.decay, self.beta, self.scale].map(|n| n as f32);
        let weights = weights.par_chunks_mut(PART).zip(gradient.par_chunks(PART));
        weights.zip(momentum.par_chunks_mut(PART)).for_each(|((w, g), m)| momentum_step(isa, &numbers, w, g, m));
        Ok(())
    }
}

dispatch! { fn momentum_step(numbers: &[f32; 4], w: &mut [f32], g: &[f32], m: &mut [f32]) = momentum_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn momentum_of(numbers: &[f32; 4], w: &mut [f32], g: &[f32], m: &mut [f32]) {
    let [rate, decay, beta, scale] = *numbers;
    for ((w, g), m) in w.iter_mut().zip(g).zip(m) {
        *m = *m * beta + (g * scale + *w * decay);
        *w -= *m * rate;
    }
}

/// The sum of squares, in double precision between parts of constant size.
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let of = |part: &[f32]| {
        let lanes = part.chunks(16).fold([0.0f64; 16], |mut sums, chunk| {
            for (sum, value) in sums.iter_mut().zip(chunk) {
                *sum += f64::from(*value) * f64::from(*value);
            }
            sums
        });
        lanes.iter().sum::<f64>()
    };
    let parts: Vec<f64> = values.par_chunks(PART).map(of).collect();
    parts.iter().sum()
}
