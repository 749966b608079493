//! Advice for errors of compiled plans.

use areal_kernels::KernelError;
use areal_model::Precision;
use areal_plan::PlanError;

use super::{CliError, Exit};

impl From<PlanError> for CliError {
    fn from(error: PlanError) -> Self {
        let (exit, help) = match error {
            PlanError::Model(inner) => return super::predict::model(&inner),
            PlanError::Device { .. } => (Exit::Usage, "remove --precision, or pass --device cpu"),
            PlanError::NoRanges => (
                Exit::Usage,
                "pass the patch store that the model was trained on as --store, or choose --precision bf16",
            ),
            PlanError::NoPatches => (Exit::Input, "pass a --store that has training patches"),
            PlanError::Disagrees { precision: Precision::F32, .. } | PlanError::Layer(_) => (
                Exit::Failure,
                "the outputs of the network may be out of range (`areal evaluate` shows this). Otherwise this is a \
                 bug in areal: please report it with the bundle, and use another --device in the meantime",
            ),
            PlanError::Disagrees { .. } => {
                (Exit::Failure, "this precision is too low for this network: choose --precision f32")
            }
            PlanError::Kernel(KernelError::UnknownIsa { .. }) => {
                (Exit::Usage, "set AREAL_CPU_ISA to the fastest instruction set to use, or unset it")
            }
            PlanError::Kernel(_) => (Exit::Failure, "this is a bug in areal: please report it with the bundle"),
            PlanError::Probe(_) => (Exit::Failure, "the network failed: train it again, or try another --device"),
        };
        Self::from_source(exit, &error).help(help)
    }
}
