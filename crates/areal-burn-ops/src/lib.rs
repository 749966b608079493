//! The kernels as operations of Burn: on its CPU backend, forward and backward; elsewhere, and for what the kernels do
//! not cover, Burn's own operations take their place.
//!
//! Between these operations images keep their shape `[N, C, H, W]` but lie in memory as maps `[H, W, N, C]`, and so
//! need not be turned; a tensor that lies otherwise is turned when it comes in.

mod convolution;
mod fork;
mod layout;
mod normalisation;
mod optimiser;
mod pooling;

use std::sync::OnceLock;

use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Device, Tensor};

use areal_kernels::Isa;

pub use convolution::conv2d;
pub use fork::Fork;
pub use normalisation::batch_norm;
pub use optimiser::{adamw, momentum, squares};
pub use pooling::max_pool2d;

/// A tensor of the CPU backend.
type FlexFloat = FloatTensor<Flex>;

/// The instruction set of this processor; a wrong name in the environment is reported where plans are loaded.
fn isa() -> Isa {
    static LEVEL: OnceLock<Isa> = OnceLock::new();
    *LEVEL.get_or_init(|| Isa::detect().unwrap_or(Isa::Portable))
}

/// True for single precision on the CPU backend.
fn is_ours<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().inner() == Device::flex() && tensor.dtype() == DType::F32
}
