//! The innermost loops of the gradient by weights: sums of rank-1 updates (outer products) over pixels, held in registers.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

use crate::Isa;
use crate::tile::pick;

/// Input channels of a full tile.
pub const ROWS: usize = 6;

/// What a tile computes: `sums[i][o] += sum over pixels of input[p][i] gradient[p][o]`.
#[derive(Debug, Clone, Copy)]
pub struct Rank1 {
    pub pixels: usize,
    /// First pixel, at the tile's first input channel.
    pub input: *const f32,
    /// Values from one input pixel to the next.
    pub input_step: usize,
    /// First pixel, at the block's first output channel.
    pub gradient: *const f32,
    /// Values from one gradient pixel to the next.
    pub gradient_step: usize,
    /// The sums, whole vectors of output channels.
    pub sums: *mut f32,
    /// Values from the sums of one input channel to those of the next.
    pub sums_step: usize,
    /// Output channels of the last vector, 1 to 16.
    pub last: usize,
}

/// A routine for fixed numbers of input channels and vectors.
///
/// # Safety
/// All pointers cover what the numbers say.
pub type Rank1Fn = unsafe fn(&Rank1);

/// The routine for `rows` (1 to 6) input channels times `vectors` (1 to 4) vectors of 16 output channels.
pub fn routine(isa: Isa, rows: usize, vectors: usize) -> Rank1Fn {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) | Isa::Amx(_) => {
            use avx512::rank1;
            pick!(rank1, rows, vectors)
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => {
            use avx2::rank1;
            pick!(rank1, rows, vectors)
        }
        _ => {
            use portable::rank1;
            pick!(rank1, rows, vectors)
        }
    }
}
