//! The epilogue with AVX-512.

use std::arch::x86_64::{
    __m512, __m512i, _CMP_UNORD_Q, _mm_mask_storeu_epi8, _mm_maskz_loadu_epi8, _mm256_mask_storeu_epi16,
    _mm256_maskz_loadu_epi16, _mm512_add_epi32, _mm512_add_ps, _mm512_and_si512, _mm512_castps_si512,
    _mm512_castsi512_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_epi16, _mm512_cvtepi32_ps, _mm512_cvtepu8_epi32,
    _mm512_cvtepu16_epi32, _mm512_cvtne2ps_pbh, _mm512_cvtps_epi32, _mm512_cvtusepi32_epi8, _mm512_loadu_ps,
    _mm512_mask_mov_epi32, _mm512_max_ps, _mm512_mul_ps, _mm512_or_si512, _mm512_set1_epi32, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_slli_epi32, _mm512_srli_epi32, _mm512_storeu_si512,
};

use super::{BlockTarget, Epilogue};
use crate::reduced::MapEncoding;
use crate::reduced::sums::Block;
use crate::reduced::weights::GROUP;

/// Values of a register.
const LANES: usize = 16;

/// What [`Epilogue::run`] does, with AVX-512 F, BW and VL.
///
/// # Safety
/// As there.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub unsafe fn run(e: &Epilogue, block: &Block, place: &BlockTarget) {
    let added = e.added.filter(|_| !place.added.is_null());
    // SAFETY: the caller's contract.
    unsafe {
        match (added.map(|(code, _)| code), e.integers) {
            (None, false) => pixels::<0, false>(e, block, place),
            (None, true) => pixels::<0, true>(e, block, place),
            (Some(MapEncoding::Bf16), false) => pixels::<2, false>(e, block, place),
            (Some(MapEncoding::Bf16), true) => pixels::<2, true>(e, block, place),
            (Some(MapEncoding::U8 { .. }), false) => pixels::<1, false>(e, block, place),
            (Some(MapEncoding::U8 { .. }), true) => pixels::<1, true>(e, block, place),
        }
    }
}

/// The same with the instructions for bf16, where all outputs of the group are there and become bf16: numbers below 2^-126
/// become 0.
///
/// # Safety
/// As [`run`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
pub unsafe fn run_bf16(e: &Epilogue, block: &Block, place: &BlockTarget) {
    let added = e.added.filter(|_| !place.added.is_null());
    // SAFETY: the caller's contract.
    unsafe {
        match (added.map(|(code, _)| code), e.integers) {
            _ if place.outputs < GROUP || e.output != MapEncoding::Bf16 => run(e, block, place),
            (None, false) => pairs::<0, false>(e, block, place),
            (None, true) => pairs::<0, true>(e, block, place),
            (Some(MapEncoding::Bf16), false) => pairs::<2, false>(e, block, place),
            (Some(MapEncoding::Bf16), true) => pairs::<2, true>(e, block, place),
            (Some(MapEncoding::U8 { .. }), false) => pairs::<1, false>(e, block, place),
            (Some(MapEncoding::U8 { .. }), true) => pairs::<1, true>(e, block, place),
        }
    }
}

/// What a register of outputs is multiplied by and what is added.
#[derive(Clone, Copy)]
struct Terms {
    scale: __m512,
    bias: __m512,
    /// What codes to add are multiplied by.
    factor: __m512,
    /// The lanes that hold outputs.
    mask: u16,
}

impl Terms {
    /// Of the outputs from `lane` of a group on.
    #[target_feature(enable = "avx512f")]
    unsafe fn new(e: &Epilogue, place: &BlockTarget, lane: usize) -> Self {
        // SAFETY: scale and bias are whole groups.
        let load = |values: &[f32]| unsafe { _mm512_loadu_ps(values.as_ptr().add(place.first + lane)) };
        let factor = _mm512_set1_ps(e.added.map_or(0.0, |(_, factor)| factor));
        Self { scale: load(&e.scale), bias: load(&e.bias), factor, mask: mask(place.outputs, lane) }
    }

    /// The result before it is rectified. `ADDED` is the number of bytes of a value to add, 0 for none.
    ///
    /// # Safety
    /// 16 sums, and as many values to add as the mask says, can be read.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
    unsafe fn value<const ADDED: usize, const INTEGERS: bool>(&self, sums: *const u32, added: *const u8) -> __m512 {
        // SAFETY: the caller's contract.
        unsafe {
            let mut value = _mm512_loadu_ps(sums.cast());
            if INTEGERS {
                value = _mm512_cvtepi32_ps(_mm512_castps_si512(value));
            }
            value = _mm512_add_ps(_mm512_mul_ps(value, self.scale), self.bias);
            if ADDED == 2 {
                let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(self.mask, added.cast()));
                let added = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits));
                value = _mm512_add_ps(value, _mm512_mul_ps(added, self.factor));
            } else if ADDED == 1 {
                let codes = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(self.mask, added.cast()));
                value = _mm512_add_ps(value, _mm512_mul_ps(_mm512_cvtepi32_ps(codes), self.factor));
            }
            value
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn pixels<const ADDED: usize, const INTEGERS: bool>(e: &Epilogue, block: &Block, place: &BlockTarget) {
    let bytes = matches!(e.output, MapEncoding::U8 { .. });
    // SAFETY: the caller's contract, which the masks keep to.
    unsafe {
        for lane in (0..GROUP).step_by(LANES) {
            let terms = Terms::new(e, place, lane);
            for (pixel, sums) in block.0.iter().take(place.pixels).enumerate() {
                let at = pixel * place.step + lane;
                let mut value =
                    terms.value::<ADDED, INTEGERS>(sums.as_ptr().add(lane), place.added.wrapping_add(ADDED * at));
                if e.relu {
                    value = _mm512_max_ps(value, _mm512_setzero_ps());
                }
                if bytes {
                    // Rectified, so that an unsigned number out of range becomes 255.
                    let codes = _mm512_cvtusepi32_epi8(_mm512_cvtps_epi32(value));
                    _mm_mask_storeu_epi8(place.output.add(at).cast(), terms.mask, codes);
                } else {
                    let halves = if e.relu { halves::<false>(value) } else { halves::<true>(value) };
                    _mm256_mask_storeu_epi16(place.output.add(2 * at).cast(), terms.mask, halves);
                }
            }
        }
    }
}

/// Whole groups of bf16: a cache line of them at a time.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
unsafe fn pairs<const ADDED: usize, const INTEGERS: bool>(e: &Epilogue, block: &Block, place: &BlockTarget) {
    // SAFETY: the caller's contract.
    unsafe {
        let terms = [Terms::new(e, place, 0), Terms::new(e, place, LANES)];
        for (pixel, sums) in block.0.iter().take(place.pixels).enumerate() {
            let at = pixel * place.step;
            let value = |half: usize| {
                let (sums, added) =
                    (sums.as_ptr().add(half * LANES), place.added.wrapping_add(ADDED * (at + half * LANES)));
                let value = terms[half].value::<ADDED, INTEGERS>(sums, added);
                if e.relu { _mm512_max_ps(value, _mm512_setzero_ps()) } else { value }
            };
            let both: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(value(1), value(0)));
            _mm512_storeu_si512(place.output.add(2 * at).cast(), both);
        }
    }
}

/// The lanes from `lane` on that hold outputs.
fn mask(outputs: usize, lane: usize) -> u16 {
    let count = outputs.saturating_sub(lane).min(LANES);
    ((1u32 << count) - 1) as u16
}

/// The upper halves, rounded to nearest, ties to even; with `NANS`, NaN remains NaN.
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
