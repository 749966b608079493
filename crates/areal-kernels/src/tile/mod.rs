//! The innermost loops: a few pixels times up to 64 output channels, held in registers over all taps and inputs.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::mask as avx2_mask;

use crate::Isa;

/// Pixels of a full tile.
pub const PIXELS: usize = 6;

/// One kernel tap of a tile, as offsets in values.
#[derive(Debug, Clone, Copy)]
pub struct Tap {
    /// From the tile's first input pixel.
    pub input: usize,
    /// From the block's first weight.
    pub weights: usize,
}

/// What a tile computes: `output[p][o] = act(bias[o] + sum over taps and inputs of input[p][i] weights[tap][i][o] + add[p][o])`.
#[derive(Debug, Clone, Copy)]
pub struct Tile<'a> {
    /// Taps that fall inside the map.
    pub taps: &'a [Tap],
    pub inputs: usize,
    /// First input pixel.
    pub input: *const f32,
    /// Values from one input pixel to the next.
    pub input_step: usize,
    /// The block's weights, `[tap][input][output]`.
    pub weights: *const f32,
    /// The block's bias, whole vectors.
    pub bias: *const f32,
    /// Values to add before the activation, laid out as the output; null for none.
    pub add: *const f32,
    /// First output pixel, at the block's first channel.
    pub output: *mut f32,
    /// Values from one output pixel to the next.
    pub output_step: usize,
    /// Output channels of the last vector, 1 to 16.
    pub last: usize,
    /// Whether negative results become 0.
    pub relu: bool,
}

/// A tile routine for fixed numbers of pixels and vectors.
///
/// # Safety
/// All pointers cover what the tile's numbers say.
pub type TileFn = unsafe fn(&Tile<'_>);

/// The routine for `pixels` (1 to 6) times `vectors` (1 to 4) vectors of 16 output channels.
pub fn routine(isa: Isa, pixels: usize, vectors: usize) -> TileFn {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) | Isa::Amx(_) => avx512::routine(pixels, vectors),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => avx2::routine(pixels, vectors),
        _ => portable::routine(pixels, vectors),
    }
}

/// Picks `$f::<pixels, vectors>` at run time.
macro_rules! pick {
    ($f:ident, $pixels:expr, $vectors:expr) => {
        match ($pixels, $vectors) {
            (1, 1) => $f::<1, 1>,
            (2, 1) => $f::<2, 1>,
            (3, 1) => $f::<3, 1>,
            (4, 1) => $f::<4, 1>,
            (5, 1) => $f::<5, 1>,
            (_, 1) => $f::<6, 1>,
            (1, 2) => $f::<1, 2>,
            (2, 2) => $f::<2, 2>,
            (3, 2) => $f::<3, 2>,
            (4, 2) => $f::<4, 2>,
            (5, 2) => $f::<5, 2>,
            (_, 2) => $f::<6, 2>,
            (1, 3) => $f::<1, 3>,
            (2, 3) => $f::<2, 3>,
            (3, 3) => $f::<3, 3>,
            (4, 3) => $f::<4, 3>,
            (5, 3) => $f::<5, 3>,
            (_, 3) => $f::<6, 3>,
            (1, _) => $f::<1, 4>,
            (2, _) => $f::<2, 4>,
            (3, _) => $f::<3, 4>,
            (4, _) => $f::<4, 4>,
            (5, _) => $f::<5, 4>,
            (_, _) => $f::<6, 4>,
        }
    };
}
pub(crate) use pick;
