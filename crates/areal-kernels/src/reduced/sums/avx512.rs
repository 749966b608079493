//! Sums of products with AVX-512 and its extensions for bf16 and bytes.

use std::arch::x86_64::{
    __m512bh, __m512i, _mm512_castps_si512, _mm512_dpbf16_ps, _mm512_dpbusd_epi32, _mm512_loadu_si512,
    _mm512_set1_epi32, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::portable::bf16_of;
use super::{Block, BlockSums};
use crate::reduced::weights::{STEP, STEP_WEIGHTS, TILE};

/// Pixels whose sums are held in registers at once.
const PIXELS: usize = 8;

/// Sums of `PIXELS` pixels, or of one, by products of 4 bytes.
macro_rules! sums {
    ($name:ident, $features:literal, $zero:expr, $sum:ident, $add:expr, $bits:expr) => {
        #[target_feature(enable = $features)]
        unsafe fn $name<const P: usize>(s: &BlockSums<'_>, first: usize, block: &mut Block) {
            // SAFETY: the contract of the module's functions covers the pointers.
            unsafe {
                let mut sums = [[$zero; 2]; P];
                for tap in s.taps {
                    let mut weights = s.weights.add(tap.weights);
                    let mut input = s.input.add(tap.input + first * s.input_step);
                    for _ in 0..s.steps {
                        for row in (0..STEP).step_by(4) {
                            let w = [0, TILE].map(|half| load(weights.add(half + row * 16)));
                            for (p, sums) in sums.iter_mut().enumerate() {
                                let x = input.add(p * s.input_step + row).cast::<i32>().read_unaligned();
                                let x = _mm512_set1_epi32(x);
                                for ($sum, w) in sums.iter_mut().zip(w) {
                                    *$sum = $add(*$sum, x, w);
                                }
                            }
                        }
                        weights = weights.add(STEP_WEIGHTS);
                        input = input.add(STEP);
                    }
                }
                for (to, sums) in block.0[first..].iter_mut().zip(sums) {
                    _mm512_storeu_si512(to.as_mut_ptr().cast(), $bits(sums[0]));
                    _mm512_storeu_si512(to[16..].as_mut_ptr().cast(), $bits(sums[1]));
                }
            }
        }
    };
}

#[target_feature(enable = "avx512f")]
unsafe fn load(from: *const u8) -> __m512i {
    // SAFETY: the caller's contract.
    unsafe { _mm512_loadu_si512(from.cast()) }
}

/// The bits of a vector as pairs of bf16.
#[target_feature(enable = "avx512f,avx512bf16")]
fn pairs(bits: __m512i) -> __m512bh {
    // SAFETY: both are 64 bytes without meaning of their own.
    unsafe { std::mem::transmute(bits) }
}

sums!(
    pairs_of_bf16,
    "avx512f,avx512bf16",
    _mm512_setzero_ps(),
    sum,
    |sum, x, w| _mm512_dpbf16_ps(sum, pairs(x), pairs(w)),
    |sum| _mm512_castps_si512(sum)
);
sums!(
    fours_of_bytes,
    "avx512f,avx512vnni",
    _mm512_setzero_si512(),
    sum,
    |sum, x, w| _mm512_dpbusd_epi32(sum, x, w),
    |sum: __m512i| sum
);

/// Products of pairs.
///
/// # Safety
/// As [`super::Summer::run`], with AVX-512 BF16.
pub unsafe fn bf16(s: &BlockSums<'_>, block: &mut Block) {
    // SAFETY: the caller's contract.
    unsafe {
        let whole = s.pixels / PIXELS * PIXELS;
        (0..whole).step_by(PIXELS).for_each(|first| pairs_of_bf16::<PIXELS>(s, first, block));
        (whole..s.pixels).for_each(|first| pairs_of_bf16::<1>(s, first, block));
    }
}

/// Products of four.
///
/// # Safety
/// As [`super::Summer::run`], with AVX-512 VNNI.
pub unsafe fn bytes(s: &BlockSums<'_>, block: &mut Block) {
    // SAFETY: the caller's contract.
    unsafe {
        let whole = s.pixels / PIXELS * PIXELS;
        (0..whole).step_by(PIXELS).for_each(|first| fours_of_bytes::<PIXELS>(s, first, block));
        (whole..s.pixels).for_each(|first| fours_of_bytes::<1>(s, first, block));
    }
}

/// Values widened to single precision, for processors without products of pairs.
///
/// # Safety
/// As [`super::Summer::run`], with AVX-512 F.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,fma")]
pub unsafe fn bf16_widened(s: &BlockSums<'_>, block: &mut Block) {
    // SAFETY: the caller's contract.
    unsafe { bf16_of::<8, true>(s, block) }
}
