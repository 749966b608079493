//! Sums of products with AMX's tiles.

use std::arch::asm;
use std::marker::PhantomData;

use super::{Block, BlockSums};

/// Rows of a tile.
const ROWS: usize = 16;
/// Bytes of a row of a tile.
const ROW: usize = 64;
/// Bytes of the sums of one pixel.
const PIXEL: usize = 128;

/// Palette 1: 8 tiles, bytes of a row and rows of each.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

/// What this thread's tiles are set to; given back when it is dropped.
pub struct Tiles {
    /// Rows of the tiles of pixels; 0 before the first use.
    rows: usize,
    /// The setting is the thread's.
    thread: PhantomData<*const ()>,
}

/// What the loop reads from memory.
#[repr(C)]
struct Fixed {
    input: *const u8,
    weights: *const u8,
    steps: usize,
    first: *mut u32,
    second: *mut u32,
}

/// Two tiles of pixels times two of outputs: tiles 0 to 3 hold the sums, 4 and 5 pixels, 6 and 7 weights.
macro_rules! sums {
    ($product:literal, $fixed:expr, $sums:expr, $second:expr) => {
        asm!(
            "tilezero tmm0", "tilezero tmm1", "tilezero tmm2", "tilezero tmm3",
            "test {left}, {left}",
            "jz 4f",
            "2:",
            "mov {a}, [{tap}]",
            "mov {b}, [{tap} + 8]",
            "add {a}, [{fixed}]",
            "add {b}, [{fixed} + 8]",
            "mov {k}, [{fixed} + 16]",
            "3:",
            "lea {c}, [{a} + {second}]",
            "tileloadd tmm4, [{a} + {step}*1]",
            "tileloadd tmm6, [{b} + {row}*1]",
            concat!($product, " tmm0, tmm4, tmm6"),
            "tileloadd tmm7, [{b} + {row}*1 + 1024]",
            concat!($product, " tmm1, tmm4, tmm7"),
            "tileloadd tmm5, [{c} + {step}*1]",
            concat!($product, " tmm2, tmm5, tmm6"),
            concat!($product, " tmm3, tmm5, tmm7"),
            "add {a}, 64",
            "add {b}, 2048",
            "dec {k}",
            "jnz 3b",
            "add {tap}, 16",
            "dec {left}",
            "jnz 2b",
            "4:",
            "mov {a}, [{fixed} + 24]",
            "mov {b}, [{fixed} + 32]",
            "add {row}, 64",
            "tilestored [{a} + {row}*1], tmm0",
            "tilestored [{a} + {row}*1 + 64], tmm1",
            "tilestored [{b} + {row}*1], tmm2",
            "tilestored [{b} + {row}*1 + 64], tmm3",
            fixed = in(reg) $fixed,
            tap = inout(reg) $sums.taps.as_ptr() => _,
            left = inout(reg) $sums.taps.len() => _,
            step = in(reg) $sums.input_step,
            second = in(reg) $second,
            row = inout(reg) ROW => _,
            a = out(reg) _, b = out(reg) _, c = out(reg) _, k = out(reg) _,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        )
    };
}

impl Tiles {
    /// Not set yet.
    pub fn new() -> Self {
        Self { rows: 0, thread: PhantomData }
    }

    /// The sums of a block. From 17 pixels on there are two tiles of 16, the second of which ends at the last pixel.
    ///
    /// # Safety
    /// As [`super::Summer::run`].
    pub unsafe fn sums(&mut self, bytes: bool, sums: &BlockSums<'_>, block: &mut Block) {
        let rows = sums.pixels.min(ROWS);
        let second = sums.pixels - rows;
        let start = block.0.as_mut_ptr().cast::<u32>();
        // SAFETY: the caller's contract for what is read; both tiles' rows lie within the block's pixels.
        unsafe {
            self.configure(rows);
            let fixed = Fixed {
                input: sums.input,
                weights: sums.weights,
                steps: sums.steps,
                first: start,
                second: start.byte_add(second * PIXEL),
            };
            let fixed: *const Fixed = &raw const fixed;
            if bytes {
                sums!("tdpbusd", fixed, sums, second * sums.input_step);
            } else {
                sums!("tdpbf16ps", fixed, sums, second * sums.input_step);
            }
        }
    }

    /// Sets the rows of the tiles of sums and pixels.
    unsafe fn configure(&mut self, rows: usize) {
        if self.rows == rows {
            return;
        }
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        for tile in 0..8 {
            configuration.0[16 + 2 * tile] = ROW as u8;
            configuration.0[48 + tile] = if tile < 6 { rows as u8 } else { ROWS as u8 };
        }
        // SAFETY: the processor has tiles, as the caller promises, and the palette is valid: rows are 1 to 16.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack)) };
        self.rows = rows;
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        if self.rows > 0 {
            // SAFETY: tiles were used, so the processor has them.
            unsafe { asm!("tilerelease", options(nostack, nomem)) };
        }
    }
}
