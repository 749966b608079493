//! Convolutions and pooling on narrow maps: values of 16 bits (bf16) or 8 bits (unsigned integers with a scale).
//!
//! A narrow map is the bytes of its values, `[H, W, N, C]` as elsewhere, followed by [`SLACK`] bytes: vectors are read whole,
//! and what they hold beyond the last channel is multiplied by weights of zero. So the slack must hold numbers; zeros do.
//!
//! Sums are formed in single precision for bf16 and in 32-bit integers for bytes; integer sums are exact, and what
//! follows them is computed in the same order everywhere, so that maps of bytes are the same at every level.

mod code;
mod conv;
mod epilogue;
mod pool;
mod rows;
mod sums;
mod weights;

pub use code::Code;
pub use conv::{Codes, NarrowConv2d};
pub use pool::{max_pool, mean_pool};
pub use rows::{from_map, rows_len};

/// Bytes behind every narrow map.
pub const SLACK: usize = 64;
