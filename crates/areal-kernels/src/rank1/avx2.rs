#![allow(unsafe_code)]
//! Rank-1 updates with AVX2.

use std::arch::x86_64::{
    _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_maskload_ps, _mm256_setzero_ps, _mm256_storeu_ps,
};

use super::Rank1;
use crate::pack::LANES;
use crate::tile::avx2_mask;

/// Values of one register.
const WIDTH: usize = 8;

/// `R` input channels times `V` vectors of 16 outputs, one vector (two registers) at a time.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn rank1<const R: usize, const V: usize>(t: &Rank1) {
    for v in 0..V {
        let lanes = if v + 1 == V { t.last } else { LANES };
        // SAFETY: the caller's contract, for one vector.
        unsafe { vector::<R>(t, v * LANES, lanes) }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn vector<const R: usize>(t: &Rank1, base: usize, lanes: usize) {
    let masks = [avx2_mask(lanes), avx2_mask(lanes.saturating_sub(WIDTH))];
    // SAFETY: the contract covers the pointers; masks keep the gradient's loads within its channels.
    unsafe {
        let mut sums = [[_mm256_setzero_ps(); 2]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            for (half, sum) in sums.iter_mut().enumerate() {
                *sum = _mm256_loadu_ps(t.sums.add(r * t.sums_step + base + half * WIDTH));
            }
        }
        let (mut input, mut gradient) = (t.input, t.gradient.add(base));
        for _ in 0..t.pixels {
            let low = _mm256_maskload_ps(gradient, masks[0]);
            let high = _mm256_maskload_ps(gradient.wrapping_add(WIDTH), masks[1]);
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm256_broadcast_ss(&*input.add(r));
                sums[0] = _mm256_fmadd_ps(x, low, sums[0]);
                sums[1] = _mm256_fmadd_ps(x, high, sums[1]);
            }
            input = input.wrapping_add(t.input_step);
            gradient = gradient.wrapping_add(t.gradient_step);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (half, sum) in sums.iter().enumerate() {
                _mm256_storeu_ps(t.sums.add(r * t.sums_step + base + half * WIDTH), *sum);
            }
        }
    }
}
