#![allow(unsafe_code)]
//! Convolution tiles in plain Rust.

use super::{Tile, TileFn, pick};
use crate::pack::LANES;

/// Values that a portable tile sums at once: two registers of the least vector unit per pixel.
const WIDTH: usize = 8;

pub fn routine(pixels: usize, vectors: usize) -> TileFn {
    pick!(tile, pixels, vectors)
}

/// `P` pixels times `V` vectors of 16 outputs, in plain Rust.
unsafe fn tile<const P: usize, const V: usize>(t: &Tile<'_>) {
    for part in 0..V * LANES / WIDTH {
        let lanes = (V - 1) * LANES + t.last;
        let lanes = lanes.saturating_sub(part * WIDTH).min(WIDTH);
        for p in 0..P {
            // SAFETY: the caller's contract, for one pixel and one part of the outputs.
            unsafe { pixel::<V>(t, p, part * WIDTH, lanes) }
        }
    }
}

/// One pixel times eight outputs from `base` on, of which `lanes` are stored.
unsafe fn pixel<const V: usize>(t: &Tile<'_>, p: usize, base: usize, lanes: usize) {
    // SAFETY: packed weights and bias are whole vectors; only `lanes` outputs are touched.
    unsafe {
        let mut sum = t.bias.add(base).cast::<[f32; WIDTH]>().read();
        for tap in t.taps {
            let input = t.input.add(tap.input + p * t.input_step);
            let weights = t.weights.add(tap.weights + base);
            for i in 0..t.inputs {
                let x = *input.add(i);
                let w = weights.add(i * V * LANES).cast::<[f32; WIDTH]>().read();
                for (sum, w) in sum.iter_mut().zip(w) {
                    *sum += x * w;
                }
            }
        }
        for (lane, mut sum) in sum.into_iter().take(lanes).enumerate() {
            let at = p * t.output_step + base + lane;
            if !t.add.is_null() {
                sum += *t.add.add(at);
            }
            *t.output.add(at) = if t.relu { sum.max(0.0) } else { sum };
        }
    }
}
