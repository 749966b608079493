use std::arch::x86_64::{
    __m512, _CMP_UNORD_Q, _mm_mask_storeu_epi8, _mm_maskz_loadu_epi8, _mm256_mask_storeu_epi16,
    _mm256_maskz_loadu_epi16, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
    _mm512_cvtepu16_epi32, _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8, _mm512_loadu_ps, _mm512_mask_mov_epi32,
    _mm512_max_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps,
    _mm512_slli_epi32, _mm512_srli_epi32,
};

use super::{Epilogue, Place};
use crate::narrow::Code;
use crate::narrow::sums::Block;
use crate::narrow::weights::GROUP;

/// Values of a register.
const LANES: usize = 16;
/// Registers of a group.
const HALVES: usize = GROUP / LANES;

/// What [`Epilogue::run`] does, with AVX-512 F, BW and VL.
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn run(e: &Epilogue, block: &Block, place: &Place) {
    let added = e.added.filter(|_| !place.added.is_null());
    // SAFETY: the caller's promise.
    unsafe {
        match (added.map(|(code, _)| code), e.integers) {
            (None, false) => pixels::<0, false>(e, block, place),
            (None, true) => pixels::<0, true>(e, block, place),
            (Some(Code::Bf16), false) => pixels::<2, false>(e, block, place),
            (Some(Code::Bf16), true) => pixels::<2, true>(e, block, place),
            (Some(Code::U8 { .. }), false) => pixels::<1, false>(e, block, place),
            (Some(Code::U8 { .. }), true) => pixels::<1, true>(e, block, place),
        }
    }
}

/// `ADDED` is the number of bytes of a value to add, 0 for none.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn pixels<const ADDED: usize, const INTEGERS: bool>(e: &Epilogue, block: &Block, place: &Place) {
    let factor = _mm512_set1_ps(e.added.map_or(0.0, |(_, factor)| factor));
    let bytes = matches!(e.output, Code::U8 { .. });
    // SAFETY: scale and bias are whole groups; for the maps the caller's promise, which the masks keep to.
    unsafe {
        for half in 0..HALVES {
            let lane = half * LANES;
            let mask = mask(place.outputs, lane);
            let scale = _mm512_loadu_ps(e.scale.as_ptr().add(place.first + lane));
            let bias = _mm512_loadu_ps(e.bias.as_ptr().add(place.first + lane));
            for (pixel, sums) in block.0.iter().take(place.pixels).enumerate() {
                let mut value = _mm512_loadu_ps(sums.as_ptr().add(lane).cast());
                if INTEGERS {
                    value = _mm512_cvtepi32_ps(_mm512_castps_si512(value));
                }
                value = _mm512_add_ps(_mm512_mul_ps(value, scale), bias);
                let at = pixel * place.step + lane;
                if ADDED == 2 {
                    let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, place.added.add(2 * at).cast()));
                    let added = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits));
                    value = _mm512_add_ps(value, _mm512_mul_ps(added, factor));
                } else if ADDED == 1 {
                    let codes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, place.added.add(at).cast()));
                    value = _mm512_add_ps(value, _mm512_mul_ps(_mm512_cvtepi32_ps(codes), factor));
                }
                if e.relu {
                    value = _mm512_max_ps(value, _mm512_setzero_ps());
                }
                if bytes {
                    // Rectified, so that an unsigned number out of range becomes 255.
                    let codes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(value));
                    _mm_mask_storeu_epi8(place.output.add(at).cast(), mask, codes);
                } else {
                    let halves = if e.relu { halves::<false>(value) } else { halves::<true>(value) };
                    _mm256_mask_storeu_epi16(place.output.add(2 * at).cast(), mask, halves);
                }
            }
        }
    }
}

/// The lanes from `lane` on that hold outputs.
fn mask(outputs: usize, lane: usize) -> u16 {
    let count = outputs.saturating_sub(lane).min(LANES);
    ((1u32 << count) - 1) as u16
}

/// The upper halves, rounded to nearest, ties to even; with `NANS`, what is no number remains none.
#[target_feature(enable = "avx512f")]
fn halves<const NANS: bool>(value: __m512) -> std::arch::x86_64::__m256i {
    let bits = _mm512_castps_si512(value);
    let upper = _mm512_srli_epi32::<16>(bits);
    let odd = _mm512_and_si512(upper, _mm512_set1_epi32(1));
    let up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF));
    let mut rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, up));
    if NANS {
        let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
        rounded = _mm512_mask_mov_epi32(rounded, none, _mm512_or_si512(upper, _mm512_set1_epi32(0x40)));
    }
    _mm512_cvtepi32_epi16(rounded)
}
