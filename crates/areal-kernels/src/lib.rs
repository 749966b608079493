//! Kernels for CPUs: convolution, pooling, normalisation and optimiser steps, in single precision or, for inference, on
//! maps of reduced precision (bf16 or 8-bit quantised). All `unsafe` code of the numbers is here.
//!
//! Kernels work on **maps** laid out `[H, W, N, C]`: row, column, image of the batch, channel; the channel index varies
//! fastest. With the batch inside the position, each output position is one matrix product over exactly the kernel taps
//! that fall inside the map. So padding is never stored or multiplied, a 2 x 2 map fills the registers as well as a
//! 64 x 64 one, and one set of loops serves every stride, dilation and kernel size.

mod buffer;
pub mod buffer_pool;
mod conv;
mod error;
mod gradient;
mod isa;
mod layout;
mod lines;
mod norm;
mod optimiser;
mod pack;
mod pooling;
mod rank1;
pub mod reduced;
mod ring;
mod shape;
mod shared;
mod taps;
mod tile;
mod winograd;

pub use buffer::Buffer;
pub use conv::{Activation, Conv2d, RowAlgorithm};
pub use error::KernelError;
pub use gradient::{bias_gradient, input_gradient, weights_gradient};
pub use isa::Isa;
pub use layout::from_nchw;
pub use norm::{ByChannel, Moments, Norm, NormGradient, moments};
pub use optimiser::{AdamW, Momentum, sum_of_squares};
pub use pooling::{MaxPool, PoolColumns, mean_pool};
pub use ring::{MapRows, Ring};
pub use shape::{ConvShape, MapShape};
