#![allow(unsafe_code)]
//! The innermost loops: up to 32 pixels times 32 output channels, summed over all taps and inputs.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::MapEncoding;
use super::weights::GROUP;
use crate::Isa;
use crate::isa::{Amx, Avx2, Avx512, Avx512Bf16, Avx512Vnni};

/// Pixels of a full block.
pub const PIXELS: usize = 32;

/// The sums of a block, `[pixel][output]`, as the bits of single-precision numbers (bf16) or of integers (bytes).
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub struct Block(pub [[u32; GROUP]; PIXELS]);

impl Block {
    pub fn zeros() -> Self {
        Self([[0; GROUP]; PIXELS])
    }
}

/// One kernel tap, as offsets in bytes.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Tap {
    /// From the first input pixel of a block.
    pub input: usize,
    /// From the first weight.
    pub weights: usize,
}

/// What is summed: `sums[p][o] = sum over taps and inputs of input[p][i] weights[tap][i][o]`, inputs in whole steps of 64 bytes.
#[derive(Debug, Clone, Copy)]
pub struct BlockSums<'a> {
    /// Taps that fall inside the map.
    pub taps: &'a [Tap],
    /// Steps of 64 bytes of a tap's inputs.
    pub steps: usize,
    /// Pixels, 1 to 32.
    pub pixels: usize,
    /// First input pixel.
    pub input: *const u8,
    /// Bytes from one input pixel to the next.
    pub input_step: usize,
    /// First weight of the convolution.
    pub weights: *const u8,
}

/// Instructions that form sums of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DotProduct {
    /// Plain Rust.
    Portable,
    /// Values are widened.
    Avx2(Avx2),
    /// Values are widened; bytes as with AVX2.
    Avx512(Avx512),
    /// Products of pairs of bf16.
    Avx512Bf16(Avx512Bf16),
    /// Products of four bytes.
    Avx512Vnni(Avx512Vnni),
    /// Products of tiles.
    Amx(Amx),
}

impl DotProduct {
    /// The fastest instructions of an instruction set, and of this processor's extensions of it, for maps of an encoding.
    pub fn of(isa: Isa, encoding: MapEncoding) -> Self {
        match (isa, encoding) {
            (Isa::Portable, _) => Self::Portable,
            (Isa::Avx2(avx2), _) => Self::Avx2(avx2),
            (Isa::Avx512(avx512), MapEncoding::Bf16) => {
                Avx512Bf16::detect().map_or(Self::Avx512(avx512), Self::Avx512Bf16)
            }
            (Isa::Avx512(avx512), MapEncoding::U8 { .. }) => {
                Avx512Vnni::detect().map_or(Self::Avx512(avx512), Self::Avx512Vnni)
            }
            (Isa::Amx(amx), _) => Self::Amx(amx),
        }
    }
}

/// Forms sums of one convolution; keeps what a thread's tiles are set to.
pub struct Summer {
    instructions: DotProduct,
    bytes: bool,
    #[cfg(target_arch = "x86_64")]
    tiles: amx::Tiles,
}

impl Summer {
    /// For maps of a code.
    pub fn new(instructions: DotProduct, code: MapEncoding) -> Self {
        Self {
            instructions,
            bytes: matches!(code, MapEncoding::U8 { .. }),
            #[cfg(target_arch = "x86_64")]
            tiles: amx::Tiles::new(),
        }
    }

    /// Forms the sums of one block.
    ///
    /// # Safety
    /// At each tap's offset from each pixel, and from the first weight, all
    /// steps can be read.
    pub unsafe fn run(&mut self, sums: &BlockSums<'_>, block: &mut Block) {
        // SAFETY: the caller's contract; `instructions` proves the instructions.
        unsafe {
            match (self.instructions, self.bytes) {
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Amx(_), bytes) => self.tiles.sums(bytes, sums, block),
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Avx512Bf16(_), _) => avx512::bf16(sums, block),
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Avx512Vnni(_), _) => avx512::bytes(sums, block),
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Avx512(_), false) => avx512::bf16_widened(sums, block),
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Avx2(_), false) => avx2::bf16(sums, block),
                #[cfg(target_arch = "x86_64")]
                (DotProduct::Avx2(_) | DotProduct::Avx512(_), true) => avx2::bytes(sums, block),
                (_, false) => portable::bf16(sums, block),
                (_, true) => portable::bytes(sums, block),
            }
        }
    }
}
