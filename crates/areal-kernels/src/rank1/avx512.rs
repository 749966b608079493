#![allow(unsafe_code)]
//! Rank-1 updates with AVX-512.

use std::arch::x86_64::{
    _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_maskz_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
};

use super::Rank1;
use crate::pack::LANES;

/// `R` input channels times `V` registers of outputs.
#[target_feature(enable = "avx512f")]
pub unsafe fn rank1<const R: usize, const V: usize>(t: &Rank1) {
    // SAFETY: the contract covers the pointers; the mask keeps the last vector within the gradient's channels.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); V]; R];
        for (r, sums) in sums.iter_mut().enumerate() {
            for (v, sum) in sums.iter_mut().enumerate() {
                *sum = _mm512_loadu_ps(t.sums.add(r * t.sums_step + v * LANES));
            }
        }
        let mask = u16::MAX >> (LANES - t.last);
        let (mut input, mut gradient) = (t.input, t.gradient);
        for _ in 0..t.pixels {
            let mut g = [_mm512_setzero_ps(); V];
            for (v, g) in g.iter_mut().enumerate() {
                let at = gradient.add(v * LANES);
                *g = if v + 1 == V { _mm512_maskz_loadu_ps(mask, at) } else { _mm512_loadu_ps(at) };
            }
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*input.add(r));
                for v in 0..V {
                    sums[v] = _mm512_fmadd_ps(x, g[v], sums[v]);
                }
            }
            input = input.wrapping_add(t.input_step);
            gradient = gradient.wrapping_add(t.gradient_step);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                _mm512_storeu_ps(t.sums.add(r * t.sums_step + v * LANES), *sum);
            }
        }
    }
}
