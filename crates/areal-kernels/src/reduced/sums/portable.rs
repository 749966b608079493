//! Sums of products in plain Rust.

use super::{Block, BlockSums};
use crate::reduced::weights::{STEP, STEP_WEIGHTS, TILE};

/// Outputs of a tile.
const LANES: usize = 16;

/// Sums of bf16 in plain Rust.
///
/// # Safety
/// As [`super::Summer::run`].
pub unsafe fn bf16(s: &BlockSums<'_>, block: &mut Block) {
    // SAFETY: the caller's contract.
    unsafe { bf16_of::<2, false>(s, block) }
}

/// Sums of bf16, `P` pixels at a time; with `FUSED`, of fused multiply-adds.
///
/// # Safety
/// As [`super::Summer::run`].
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
pub unsafe fn bf16_of<const P: usize, const FUSED: bool>(s: &BlockSums<'_>, block: &mut Block) {
    let whole = s.pixels / P * P;
    for half in 0..2 {
        // SAFETY: the caller's contract.
        unsafe {
            for first in (0..whole).step_by(P) {
                bf16_tile::<P, FUSED>(s, first, half, block);
            }
            for first in whole..s.pixels {
                bf16_tile::<1, FUSED>(s, first, half, block);
            }
        }
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn bf16_tile<const P: usize, const FUSED: bool>(
    s: &BlockSums<'_>,
    first: usize,
    half: usize,
    block: &mut Block,
) {
    let mut sums = [[0.0f32; LANES]; P];
    let add = |sum: f32, x: f32, w: f32| if FUSED { x.mul_add(w, sum) } else { sum + x * w };
    for tap in s.taps {
        for step in 0..s.steps {
            for row in 0..STEP / 4 {
                // SAFETY: steps are whole, and the contract covers them.
                let (w, xs) = unsafe {
                    let w = s.weights.add(tap.weights + step * STEP_WEIGHTS + half * TILE + row * 4 * LANES);
                    let x = s.input.add(tap.input + first * s.input_step + step * STEP + row * 4);
                    let xs: [u32; P] = std::array::from_fn(|p| x.add(p * s.input_step).cast::<u32>().read_unaligned());
                    (w.cast::<[u32; LANES]>().read_unaligned(), xs)
                };
                for (sums, x) in sums.iter_mut().zip(xs) {
                    let (low, high) = halves(x);
                    for (sum, w) in sums.iter_mut().zip(w) {
                        let (w_low, w_high) = halves(w);
                        *sum = add(add(*sum, low, w_low), high, w_high);
                    }
                }
            }
        }
    }
    for (to, sums) in block.0[first..].iter_mut().zip(sums) {
        to[half * LANES..][..LANES].copy_from_slice(&sums.map(f32::to_bits));
    }
}

/// Two bf16 of one word, the one at the lower address first.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn halves(word: u32) -> (f32, f32) {
    let (a, b) = (f32::from_bits(word << 16), f32::from_bits(word & 0xFFFF_0000));
    if cfg!(target_endian = "little") { (a, b) } else { (b, a) }
}

/// Sums of bytes in plain Rust.
///
/// # Safety
/// As [`super::Summer::run`].
pub unsafe fn bytes(s: &BlockSums<'_>, block: &mut Block) {
    for (p, to) in block.0.iter_mut().take(s.pixels).enumerate() {
        let mut sums = [0i32; 2 * LANES];
        for tap in s.taps {
            for step in 0..s.steps {
                for (half, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                    // SAFETY: steps are whole, and the contract covers them.
                    let (w, x) = unsafe {
                        let w = s.weights.add(tap.weights + step * STEP_WEIGHTS + half * TILE);
                        let x = s.input.add(tap.input + p * s.input_step + step * STEP);
                        (
                            w.cast::<[[[i8; 4]; LANES]; 16]>().read_unaligned(),
                            x.cast::<[[u8; 4]; 16]>().read_unaligned(),
                        )
                    };
                    for (w, x) in w.iter().zip(x) {
                        for (sum, w) in sums.iter_mut().zip(w) {
                            let products = w.iter().zip(x).map(|(w, x)| i32::from(*w) * i32::from(x));
                            *sum += products.sum::<i32>();
                        }
                    }
                }
            }
        }
        *to = sums.map(i32::cast_unsigned);
    }
}
