use areal_kernels::KernelError;
use areal_model::{DeviceChoice, ModelError, Precision};

/// A plan that cannot be made or does not compute what its network computes.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The bundle or the device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A kernel that refuses its shapes or this processor.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A layer that plans do not know.
    #[error("the plan knows no {0}")]
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
        /// What the plan computes in.
        precision: Precision,
        /// Greatest difference, as a share of the greatest logit (or of 1 where that is less).
        found: f32,
        /// What is allowed.
        tolerance: f32,
    },
    /// A reduced precision on a device that is no CPU.
    #[error("{precision} is computed on the cpu alone, not on {device}")]
    Device {
        /// The precision.
        precision: Precision,
        /// The device asked for.
        device: DeviceChoice,
    },
    /// 8-bit integers without measured ranges.
    #[error("int8 needs the ranges of the network's maps, measured on patches that it was trained on")]
    NoRanges,
    /// Ranges of no patches.
    #[error("there are no patches to measure the ranges of the network's maps on")]
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
