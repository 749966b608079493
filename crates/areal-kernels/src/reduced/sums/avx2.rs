//! Sums of products with AVX2.

use std::arch::x86_64::{
    __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_permute4x64_epi64, _mm256_set1_epi64x, _mm256_setzero_si256, _mm256_storeu_si256,
};

use super::portable::bf16_of;
use super::{Block, BlockSums};
use crate::reduced::weights::{STEP, STEP_WEIGHTS, TILE};

/// Pixels whose sums are held in registers at once.
const PIXELS: usize = 2;

/// Values widened to single precision.
///
/// # Safety
/// As [`super::Summer::run`], with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn bf16(s: &BlockSums<'_>, block: &mut Block) {
    // SAFETY: the caller's contract.
    unsafe { bf16_of::<4, true>(s, block) }
}

/// Bytes widened to 16 bits, whose products are added in pairs without overflow.
///
/// # Safety
/// As [`super::Summer::run`], with AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn bytes(s: &BlockSums<'_>, block: &mut Block) {
    let whole = s.pixels / PIXELS * PIXELS;
    // SAFETY: the caller's contract.
    unsafe {
        for half in 0..2 {
            for first in (0..whole).step_by(PIXELS) {
                bytes_tile::<PIXELS>(s, first, half, block);
            }
            for first in whole..s.pixels {
                bytes_tile::<1>(s, first, half, block);
            }
        }
    }
}

/// `P` pixels times 16 outputs: 4 registers for each pixel, of 4 outputs and 2 partial sums each.
#[target_feature(enable = "avx2")]
unsafe fn bytes_tile<const P: usize>(s: &BlockSums<'_>, first: usize, half: usize, block: &mut Block) {
    // SAFETY: steps are whole, and the contract covers them.
    unsafe {
        let mut sums = [[_mm256_setzero_si256(); 4]; P];
        for tap in s.taps {
            for step in 0..s.steps {
                let weights = s.weights.add(tap.weights + step * STEP_WEIGHTS + half * TILE);
                let input = s.input.add(tap.input + first * s.input_step + step * STEP);
                for row in (0..STEP).step_by(4) {
                    let x: [__m256i; P] = std::array::from_fn(|p| four(input.add(p * s.input_step + row)));
                    for quarter in 0..4 {
                        let w = weights.add(row * 16 + quarter * 16);
                        let w = _mm256_cvtepi8_epi16(_mm_loadu_si128(w.cast()));
                        for (sums, x) in sums.iter_mut().zip(x) {
                            sums[quarter] = _mm256_add_epi32(sums[quarter], _mm256_madd_epi16(x, w));
                        }
                    }
                }
            }
        }
        for (to, sums) in block.0[first..].iter_mut().zip(sums) {
            let to = to[half * 16..][..16].as_mut_ptr();
            for pair in 0..2 {
                // The addition of neighbours works within halves: outputs 0 1 4 5 2 3 6 7.
                let added = _mm256_hadd_epi32(sums[2 * pair], sums[2 * pair + 1]);
                let ordered = _mm256_permute4x64_epi64::<0b11_01_10_00>(added);
                _mm256_storeu_si256(to.add(8 * pair).cast(), ordered);
            }
        }
    }
}

/// Four bytes as 16-bit numbers, four times.
#[target_feature(enable = "avx2")]
unsafe fn four(from: *const u8) -> __m256i {
    // SAFETY: the caller's contract.
    let x = u64::from(unsafe { from.cast::<u32>().read_unaligned() });
    let spread = (x | x << 16) & 0x0000_FFFF_0000_FFFF;
    let spread = (spread | spread << 8) & 0x00FF_00FF_00FF_00FF;
    _mm256_set1_epi64x(spread.cast_signed())
}
