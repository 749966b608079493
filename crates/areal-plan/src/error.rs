//! The errors of plans.

use areal_kernels::KernelError;
use areal_model::{DeviceChoice, ModelError, Precision};

/// Why a plan cannot be compiled, or does not agree with its network.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The bundle or the device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A kernel that refuses its shapes or this processor.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A layer that plans do not support.
    #[error("compiled plans do not support {0}")]
    Layer(String),
    /// Burn failed while the plan was compared with it.
    #[error("the network failed on the probe batch: {0}")]
    Probe(String),
    /// The plan's logits differ from Burn's by more than the tolerance.
    #[error(
        "the plan in {precision} differs from the network by {found:.2e} of its greatest logit on the probe batch; \
         {tolerance:.0e} is allowed"
    )]
    Disagrees {
        precision: Precision,
        /// Greatest difference, as a fraction of the greatest logit (or of 1 where that is less).
        found: f32,
        tolerance: f32,
    },
    /// A reduced precision on a device other than the CPU.
    #[error("{precision} runs only on the CPU, not on {device}")]
    Device { precision: Precision, device: DeviceChoice },
    /// 8-bit integers without measured ranges.
    #[error("int8 needs the ranges of the feature maps, measured on the training patches of the network")]
    NoRanges,
    /// No patches to measure ranges on.
    #[error("there are no patches on which to measure the ranges of the feature maps")]
    NoPatches,
}

impl From<PlanError> for ModelError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Model(error) => error,
            other => Self::Compute(other.to_string()),
        }
    }
}
