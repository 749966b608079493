//! Convolution and pooling of maps of reduced precision: values of 16 bits (bf16) or 8 bits (quantised: unsigned integers
//! with a scale).
//!
//! Such a map is the bytes of its values, `[H, W, N, C]` as elsewhere, followed by [`SLACK`] bytes: vectors are read whole,
//! and what they hold beyond the last channel is multiplied by weights of zero. So the slack must hold numbers; zeros do.
//!
//! Sums are formed in single precision for bf16 and in 32-bit integers for bytes. Integer sums are exact, and what follows
//! them is computed in the same order everywhere, so that quantised maps are the same on every instruction set.

mod conv;
mod encoding;
mod epilogue;
mod pooling;
mod rows;
mod sums;
mod weights;

pub use conv::{Encodings, ReducedConv2d};
pub use encoding::MapEncoding;
pub use pooling::{max_pool, mean_pool};
pub use rows::{from_map, rows_len};

/// Bytes after every map of reduced precision.
pub const SLACK: usize = 64;
