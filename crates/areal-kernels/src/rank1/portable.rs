#![allow(unsafe_code)]
//! Rank-1 updates in plain Rust.

use super::Rank1;
use crate::pack::LANES;

/// `R` input channels times `V` vectors of 16 outputs, in plain Rust.
pub unsafe fn rank1<const R: usize, const V: usize>(t: &Rank1) {
    for p in 0..t.pixels {
        for r in 0..R {
            // SAFETY: the contract covers the pointers; only the gradient's own channels are read.
            unsafe {
                let x = *t.input.add(p * t.input_step + r);
                let sums = std::slice::from_raw_parts_mut(t.sums.add(r * t.sums_step), (V - 1) * LANES + t.last);
                let gradient = std::slice::from_raw_parts(t.gradient.add(p * t.gradient_step), sums.len());
                for (sum, g) in sums.iter_mut().zip(gradient) {
                    *sum += x * g;
                }
            }
        }
    }
}
