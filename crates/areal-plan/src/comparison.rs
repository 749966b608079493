//! What a reduced precision changes in the results of a network.

use areal_formats::ModelSpec;
use areal_grid::Target;
use areal_model::{Inference, ModelError, PatchBatch, PrecisionChange, probabilities};
use ndarray::{Array2, Axis, concatenate};

/// Compares two inferences of one model on patches with their targets (places of the classes in the legend, or values in
/// their own units); none where there are no patches.
///
/// # Errors
/// When a batch cannot be had, or a network fails.
pub fn precision_change<E: From<ModelError>>(
    single: &mut dyn Inference,
    reduced: &mut dyn Inference,
    batches: impl IntoIterator<Item = Result<(PatchBatch, Vec<f64>), E>>,
) -> Result<Option<PrecisionChange>, E> {
    let (mut expected, mut found, mut targets) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        let (patches, of_batch) = batch?;
        expected.push(single.infer(&patches)?);
        found.push(reduced.infer(&patches)?);
        targets.extend(of_batch);
    }
    if targets.is_empty() {
        return Ok(None);
    }
    Ok(Some(change(single.spec(), &stack(&expected), &stack(&found), &targets)))
}

/// Logits of all batches, one below another.
fn stack(parts: &[Array2<f32>]) -> Array2<f32> {
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    concatenate(Axis(0), &views).expect("all batches have the network's outputs as columns")
}

/// Compares logits `[N, K]` with each other and with the targets.
fn change(spec: &ModelSpec, single: &Array2<f32>, reduced: &Array2<f32>, targets: &[f64]) -> PrecisionChange {
    let (single, reduced) = (probabilities(spec, single.view()), probabilities(spec, reduced.view()));
    let patches = targets.len() as u64;
    if matches!(spec.target, Target::Classes { .. }) {
        let labels = |p: &Array2<f32>| p.rows().into_iter().map(|r| best(r.iter().copied())).collect::<Vec<_>>();
        let (single, reduced) = (labels(&single), labels(&reduced));
        let right = |labels: &[usize]| labels.iter().zip(targets).filter(|(k, t)| **k == **t as usize).count();
        return PrecisionChange::Labels {
            patches,
            changed: single.iter().zip(&reduced).filter(|(a, b)| a != b).count() as u64,
            accuracy_f32: right(&single) as f64 / patches as f64,
            accuracy: right(&reduced) as f64 / patches as f64,
        };
    }
    let apart = |a: f32, b: f64| (f64::from(a) - b).abs();
    let rmse = |p: &Array2<f32>| {
        (p.iter().zip(targets).map(|(v, t)| apart(*v, *t).powi(2)).sum::<f64>() / patches as f64).sqrt()
    };
    let greatest = single.iter().zip(&reduced).map(|(a, b)| apart(*a, f64::from(*b))).fold(0.0, f64::max);
    PrecisionChange::Values { patches, greatest_change: greatest, rmse_f32: rmse(&single), rmse: rmse(&reduced) }
}

/// The place of the greatest value, the first of several.
fn best(row: impl Iterator<Item = f32>) -> usize {
    row.enumerate().fold((0, f32::NEG_INFINITY), |top, (k, v)| if v > top.1 { (k, v) } else { top }).0
}
