//! The kernels as operations of Burn: on its CPU backend, forward and backward. On other devices, and for what the kernels
//! do not cover, Burn's own operations take their place.
//!
//! Between these operations images keep their shape `[N, C, H, W]` but lie in memory as maps `[H, W, N, C]`, so that they need
//! not be transposed. A tensor that lies otherwise is transposed when it comes in.

mod convolution;
mod fork;
mod layout;
mod normalisation;
mod optimiser;
mod pooling;
mod stored_normalisation;

use areal_kernels::{Isa, KernelError};
use burn::backend::Flex;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{DType, Device, Tensor};

pub use fork::Fork;
pub use optimiser::squares;

/// The operations, computed with one instruction set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernels {
    isa: Isa,
}

impl Kernels {
    /// With the fastest instruction set that [`Isa::detect`] finds.
    ///
    /// # Errors
    /// When the environment names an unknown instruction set.
    pub fn detect() -> Result<Self, KernelError> {
        Ok(Self { isa: Isa::detect()? })
    }
}

/// A tensor of the CPU backend.
type FlexFloat = FloatTensor<Flex>;

/// Why an operation of the CPU backend cannot fail: its public function has checked what it passes on.
const CHECKED: &str = "the operation is called with shapes and types that the kernels cover";

/// True for single precision on the CPU backend.
fn is_ours<const D: usize>(tensor: &Tensor<D>) -> bool {
    tensor.device().inner() == Device::flex() && tensor.dtype() == DType::F32
}
