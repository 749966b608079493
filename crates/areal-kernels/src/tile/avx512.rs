#![allow(unsafe_code)]
//! Convolution tiles with AVX-512.

use std::arch::x86_64::{
    __mmask16, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_mask_storeu_ps, _mm512_maskz_loadu_ps,
    _mm512_max_ps, _mm512_set1_ps, _mm512_setzero_ps,
};

use super::{Tile, TileFn, pick};
use crate::pack::LANES;

pub fn routine(pixels: usize, vectors: usize) -> TileFn {
    pick!(tile, pixels, vectors)
}

/// `P` pixels times `V` registers of outputs: 24 sums at most, so that 32 registers hold them and the weights.
#[target_feature(enable = "avx512f")]
unsafe fn tile<const P: usize, const V: usize>(t: &Tile<'_>) {
    // SAFETY: the contract covers the pointers; offsets stay within what the tile's numbers describe.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); V]; P];
        for v in 0..V {
            let bias = _mm512_loadu_ps(t.bias.add(v * LANES));
            for sum in &mut sums {
                sum[v] = bias;
            }
        }
        let (inputs, step) = (t.inputs, t.input_step);
        for tap in t.taps {
            let input = t.input.add(tap.input);
            let mut weights = t.weights.add(tap.weights);
            for i in 0..inputs {
                let mut w = [_mm512_setzero_ps(); V];
                for (v, w) in w.iter_mut().enumerate() {
                    *w = _mm512_loadu_ps(weights.add(v * LANES));
                }
                for (p, sum) in sums.iter_mut().enumerate() {
                    let x = _mm512_set1_ps(*input.add(p * step + i));
                    for v in 0..V {
                        sum[v] = _mm512_fmadd_ps(x, w[v], sum[v]);
                    }
                }
                weights = weights.add(V * LANES);
            }
        }
        for (p, sum) in sums.iter_mut().enumerate() {
            for (v, sum) in sum.iter_mut().enumerate() {
                let mask: __mmask16 = if v + 1 == V { u16::MAX >> (LANES - t.last) } else { u16::MAX };
                let at = p * t.output_step + v * LANES;
                if !t.add.is_null() {
                    *sum = _mm512_add_ps(*sum, _mm512_maskz_loadu_ps(mask, t.add.add(at)));
                }
                if t.relu {
                    *sum = _mm512_max_ps(*sum, _mm512_setzero_ps());
                }
                _mm512_mask_storeu_ps(t.output.add(at), mask, *sum);
            }
        }
    }
}
