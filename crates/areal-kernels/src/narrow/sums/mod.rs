#![allow(unsafe_code)]
//! The innermost loops: up to 32 pixels times 32 output channels, summed over all taps and inputs.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use super::Code;
use super::weights::GROUP;
use crate::Level;

/// Pixels of a full block.
pub const PIXELS: usize = 32;

/// The sums of a block, `[pixel][output]`, as the bits of single-precision numbers (bf16) or of integers (bytes).
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub struct Block(pub [[u32; GROUP]; PIXELS]);

impl Block {
    /// All zero.
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
pub struct Sums<'a> {
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

/// Instructions that form sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Plain Rust.
    Portable,
    /// AVX2 and FMA: values are widened.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: values are widened.
    Avx512,
    /// The same with products of pairs of bf16.
    Avx512Bf16,
    /// The same with products of four bytes.
    Avx512Vnni,
    /// Tiles.
    Amx,
}

impl Kind {
    /// What a level uses for maps of a code on this processor.
    pub fn of(level: Level, code: Code) -> Self {
        match level {
            Level::Portable => Self::Portable,
            Level::Avx2 => Self::Avx2,
            Level::Avx512 => Self::avx512(code),
            Level::Amx => Self::Amx,
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn avx512(code: Code) -> Self {
        let whole = is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        match code {
            _ if !whole => Self::Avx2,
            Code::Bf16 if is_x86_feature_detected!("avx512bf16") => Self::Avx512Bf16,
            Code::U8 { .. } if is_x86_feature_detected!("avx512vnni") => Self::Avx512Vnni,
            _ => Self::Avx512,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn avx512(_code: Code) -> Self {
        Self::Portable
    }
}

/// Forms sums of one convolution; keeps what a thread's tiles are set to.
pub struct Summer {
    kind: Kind,
    bytes: bool,
    #[cfg(target_arch = "x86_64")]
    tiles: amx::Tiles,
}

impl Summer {
    /// For maps of a code.
    pub fn new(kind: Kind, code: Code) -> Self {
        Self {
            kind,
            bytes: matches!(code, Code::U8 { .. }),
            #[cfg(target_arch = "x86_64")]
            tiles: amx::Tiles::new(),
        }
    }

    /// Forms the sums of one block.
    ///
    /// # Safety
    /// The processor has the kind's instructions; at each tap's offset from each pixel, and from the first weight, so many
    /// steps can be read.
    pub unsafe fn run(&mut self, sums: &Sums<'_>, block: &mut Block) {
        // SAFETY: the caller's promise.
        unsafe {
            match (self.kind, self.bytes) {
                #[cfg(target_arch = "x86_64")]
                (Kind::Amx, bytes) => self.tiles.sums(bytes, sums, block),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx512Bf16, _) => avx512::bf16(sums, block),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx512Vnni, _) => avx512::bytes(sums, block),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx512, false) => avx512::bf16_widened(sums, block),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx2, false) => avx2::bf16(sums, block),
                #[cfg(target_arch = "x86_64")]
                (Kind::Avx2 | Kind::Avx512, true) => avx2::bytes(sums, block),
                (_, false) => portable::bf16(sums, block),
                (_, true) => portable::bytes(sums, block),
            }
        }
    }
}
