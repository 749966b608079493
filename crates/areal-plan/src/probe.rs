//! Comparison of a plan with the network that it was compiled from.

use areal_model::{BurnInference, Inference, LogitDifference, PatchBatch, Precision};

use crate::PlanError;

/// Greatest difference allowed between a plan's logits and Burn's, as a fraction of the greatest logit (or of 1 where that is
/// less). In single precision both sum the same products in another order; bf16 rounds each map to 8 binary digits; bytes
/// code each map in 255 steps. It guards against plans that compute something else, not against rounding that changes labels.
pub fn tolerance(precision: Precision) -> f32 {
    match precision {
        Precision::F32 => 1e-3,
        Precision::Bf16 => 0.05,
        Precision::Int8 => 0.15,
    }
}

/// Compares a plan with the network it was compiled from, on a batch.
pub fn check(
    plan: &mut dyn Inference,
    network: &mut BurnInference,
    precision: Precision,
    batch: &PatchBatch,
) -> Result<LogitDifference, PlanError> {
    let expected = network.infer(batch).map_err(|e| PlanError::Probe(e.to_string()))?;
    let agreement = LogitDifference::of(&plan.infer(batch)?, &expected);
    let tolerance = tolerance(precision);
    if agreement.difference <= tolerance {
        Ok(agreement)
    } else {
        Err(PlanError::Disagrees { precision, found: agreement.difference, tolerance })
    }
}
