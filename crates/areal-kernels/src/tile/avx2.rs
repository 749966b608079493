#![allow(unsafe_code)]
//! Convolution tiles with AVX2.

use std::arch::x86_64::{
    __m256i, _mm256_add_ps, _mm256_broadcast_ss, _mm256_cmpgt_epi32, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_maskload_ps, _mm256_maskstore_ps, _mm256_max_ps, _mm256_set1_epi32, _mm256_setr_epi32, _mm256_setzero_ps,
};

use super::{Tile, TileFn, pick};
use crate::pack::LANES;

/// Values of one register.
const WIDTH: usize = 8;

pub fn routine(pixels: usize, vectors: usize) -> TileFn {
    pick!(tile, pixels, vectors)
}

/// `P` pixels times `V` vectors of 16 outputs, one vector (two registers, 12 sums at most) at a time.
#[target_feature(enable = "avx2,fma")]
unsafe fn tile<const P: usize, const V: usize>(t: &Tile<'_>) {
    for v in 0..V {
        let lanes = if v + 1 == V { t.last } else { LANES };
        // SAFETY: the caller's contract, for one vector of the tile.
        unsafe { vector::<P, V>(t, v, lanes) }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn vector<const P: usize, const V: usize>(t: &Tile<'_>, v: usize, lanes: usize) {
    let base = v * LANES;
    // SAFETY: the contract covers the pointers; masks keep the last vector within the block's channels.
    unsafe {
        let bias = [_mm256_loadu_ps(t.bias.add(base)), _mm256_loadu_ps(t.bias.add(base + WIDTH))];
        let mut sums = [bias; P];
        let (inputs, step) = (t.inputs, t.input_step);
        for tap in t.taps {
            let input = t.input.add(tap.input);
            let mut weights = t.weights.add(tap.weights + base);
            for i in 0..inputs {
                let low = _mm256_loadu_ps(weights);
                let high = _mm256_loadu_ps(weights.add(WIDTH));
                for (p, sum) in sums.iter_mut().enumerate() {
                    let x = _mm256_broadcast_ss(&*input.add(p * step + i));
                    sum[0] = _mm256_fmadd_ps(x, low, sum[0]);
                    sum[1] = _mm256_fmadd_ps(x, high, sum[1]);
                }
                weights = weights.add(V * LANES);
            }
        }
        for (p, sum) in sums.iter_mut().enumerate() {
            for (half, sum) in sum.iter_mut().enumerate() {
                let mask = mask(lanes.saturating_sub(half * WIDTH));
                let at = p * t.output_step + base + half * WIDTH;
                if !t.add.is_null() {
                    *sum = _mm256_add_ps(*sum, _mm256_maskload_ps(t.add.wrapping_add(at), mask));
                }
                if t.relu {
                    *sum = _mm256_max_ps(*sum, _mm256_setzero_ps());
                }
                _mm256_maskstore_ps(t.output.wrapping_add(at), mask, *sum);
            }
        }
    }
}

/// The first `lanes` values of a register.
#[target_feature(enable = "avx2")]
pub fn mask(lanes: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(lanes.min(WIDTH) as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}
