#![allow(unsafe_code)]
//! What follows the sums of a convolution of reduced precision: scale, bias, addition, activation and rounding.

#[cfg(target_arch = "x86_64")]
mod avx512;

use super::MapEncoding;
use super::encoding::{round_bf16, round_u8};
use super::sums::{Block, DotProduct};
use super::weights::GROUP;
use crate::Isa;
use crate::isa::dispatch;

/// What follows the sums of a convolution, in units of the output's code:
/// `output = round(act(sum * scale + bias + added * added_scale))`. Products and additions are not fused, so that every instruction set
/// rounds in the same way.
#[derive(Debug, Clone)]
pub struct Epilogue {
    /// By output, whole groups.
    pub scale: Vec<f32>,
    /// By output, whole groups.
    pub bias: Vec<f32>,
    /// Whether sums are integers.
    pub integers: bool,
    /// Whether negative results become 0.
    pub relu: bool,
    /// Encoding of the map to add, and what its codes are multiplied by.
    pub added: Option<(MapEncoding, f32)>,
    pub output: MapEncoding,
}

/// Where the results of a block go.
#[derive(Debug, Clone, Copy)]
pub struct BlockTarget {
    /// Pixels of the block.
    pub pixels: usize,
    /// First output of the group.
    pub first: usize,
    /// Outputs of the group, 1 to 32.
    pub outputs: usize,
    /// First pixel of the map to add at the group's first output; null for none.
    pub added: *const u8,
    /// First pixel of the output at the group's first output.
    pub output: *mut u8,
    /// Values from one pixel to the next in both.
    pub step: usize,
}

dispatch! {
    /// [`Epilogue::run`] in plain Rust.
    ///
    /// # Safety
    /// As there.
    unsafe fn any(epilogue: &Epilogue, block: &Block, place: &BlockTarget) = Epilogue::any;
}

type Lanes = [f32; GROUP];

impl Epilogue {
    /// Writes the results of a block.
    ///
    /// # Safety
    /// So many outputs can be read and written at each pixel's step.
    pub unsafe fn run(&self, instructions: DotProduct, block: &Block, place: &BlockTarget) {
        // SAFETY: the caller's contract; `instructions` proves the instructions.
        unsafe {
            match instructions {
                #[cfg(target_arch = "x86_64")]
                DotProduct::Amx(_) | DotProduct::Avx512Bf16(_) => avx512::run_bf16(self, block, place),
                #[cfg(target_arch = "x86_64")]
                DotProduct::Avx512(_) | DotProduct::Avx512Vnni(_) => avx512::run(self, block, place),
                #[cfg(target_arch = "x86_64")]
                DotProduct::Avx2(avx2) => any(Isa::Avx2(avx2), self, block, place),
                _ => any(Isa::Portable, self, block, place),
            }
        }
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    unsafe fn any(&self, block: &Block, place: &BlockTarget) {
        // SAFETY: the caller's contract.
        unsafe {
            match (self.integers, self.output) {
                (false, MapEncoding::Bf16) => self.pixels::<false, false>(block, place),
                (false, MapEncoding::U8 { .. }) => self.pixels::<false, true>(block, place),
                (true, MapEncoding::Bf16) => self.pixels::<true, false>(block, place),
                (true, MapEncoding::U8 { .. }) => self.pixels::<true, true>(block, place),
            }
        }
    }

    #[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
    #[inline(always)]
    unsafe fn pixels<const INTEGERS: bool, const BYTES: bool>(&self, block: &Block, place: &BlockTarget) {
        let part = place.first..place.first + GROUP;
        let (Some(scale), Some(bias)) =
            (self.scale[part.clone()].first_chunk::<GROUP>(), self.bias[part].first_chunk::<GROUP>())
        else {
            return;
        };
        for (pixel, sums) in block.0.iter().take(place.pixels).enumerate() {
            let mut values = [0.0; GROUP];
            for (o, value) in values.iter_mut().enumerate() {
                let sum = if INTEGERS { sums[o].cast_signed() as f32 } else { f32::from_bits(sums[o]) };
                *value = sum * scale[o] + bias[o];
            }
            if let (Some((code, factor)), false) = (self.added, place.added.is_null()) {
                // SAFETY: the caller's contract.
                let added = unsafe { read(code, place.added.add(pixel * place.step * code.size()), place.outputs) };
                for (value, added) in values.iter_mut().zip(added) {
                    *value += added * factor;
                }
            }
            for value in values.iter_mut().filter(|_| self.relu) {
                *value = if *value > 0.0 { *value } else { 0.0 };
            }
            let at = pixel * place.step;
            // SAFETY: the caller's contract.
            unsafe {
                if BYTES {
                    let mut codes = [0; GROUP];
                    for (code, value) in codes.iter_mut().zip(values) {
                        *code = round_u8(value);
                    }
                    write(codes, place.output.add(at), place.outputs);
                } else {
                    let mut codes = [0; GROUP];
                    for (code, value) in codes.iter_mut().zip(values) {
                        *code = round_bf16(value);
                    }
                    write(codes, place.output.add(2 * at).cast(), place.outputs);
                }
            }
        }
    }
}

/// The codes of `outputs` values as numbers.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn read(code: MapEncoding, from: *const u8, outputs: usize) -> Lanes {
    let mut values = [0.0; GROUP];
    // SAFETY: the caller's contract.
    unsafe {
        match code {
            MapEncoding::Bf16 => {
                for (value, bits) in values.iter_mut().zip(lanes::<u16>(from.cast(), outputs)) {
                    *value = f32::from_bits(u32::from(bits) << 16);
                }
            }
            MapEncoding::U8 { .. } => {
                for (value, code) in values.iter_mut().zip(lanes::<u8>(from, outputs)) {
                    *value = f32::from(code);
                }
            }
        }
    }
    values
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn lanes<T: Copy + Default>(from: *const T, outputs: usize) -> [T; GROUP] {
    // SAFETY: the contract covers that many values.
    unsafe {
        if outputs == GROUP {
            return from.cast::<[T; GROUP]>().read_unaligned();
        }
        let mut all = [T::default(); GROUP];
        for (o, value) in all.iter_mut().take(outputs).enumerate() {
            *value = from.add(o).read_unaligned();
        }
        all
    }
}

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
unsafe fn write<T: Copy>(values: [T; GROUP], to: *mut T, outputs: usize) {
    // SAFETY: the contract covers that many values.
    unsafe {
        if outputs == GROUP {
            to.cast::<[T; GROUP]>().write_unaligned(values);
            return;
        }
        for (o, value) in values.into_iter().take(outputs).enumerate() {
            to.add(o).write_unaligned(value);
        }
    }
}
