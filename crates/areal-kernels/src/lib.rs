//! Kernels for CPUs: convolutions without im2col, in single precision or on maps of 16 and 8 bits, and what training needs
//! besides.
//!
//! Everything works on **maps** laid out `[H, W, N, C]`: row, column, image of the batch, channel, the channel fastest.
//! With the batch inside the position, each output position is one matrix product over exactly the kernel taps that
//! fall inside the map. So no padding is ever stored or multiplied, a 2 x 2 map fills the registers as well as a
//! 64 x 64 one, and every stride, dilation and kernel size runs through the same few loops.

#[cfg(target_arch = "x86_64")]
mod amx;
mod buffer;
pub mod buffer_pool;
mod by_level;
mod conv;
mod descent;
mod error;
mod gradient;
mod layout;
mod level;
mod lines;
mod max_pool;
pub mod narrow;
mod norm;
mod outer;
mod pack;
mod pool;
mod ring;
mod shape;
mod share;
mod taps;
mod tile;
mod winograd;

pub use buffer::Buffer;
pub use conv::{Activation, Conv2d, RowAlgorithm};
pub use descent::{AdamW, Momentum, sum_of_squares};
pub use error::KernelError;
pub use gradient::{bias_gradient, input_gradient, weights_gradient};
pub use layout::{from_nchw, to_nchw};
pub use level::Level;
pub use norm::{ByChannel, Moments, Norm, NormGradient, moments};
pub use pool::{MaxPool, PoolColumns, mean_pool};
pub use ring::{MapRows, Ring};
pub use shape::{ConvShape, MapShape};
