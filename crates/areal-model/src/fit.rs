//! A model's description applied: probabilities of logits, whether data fit the model, whether it fits its network.

use areal_formats::ModelSpec;
use areal_grid::{GroundResolution, PixelType, Scaling};
use ndarray::{Array2, ArrayView2, Axis};

use crate::{ModelError, NetworkConfig};

/// Greatest relative difference between two ground resolutions that count as the same.
const RESOLUTION_TOLERANCE: f64 = 0.05;

/// Class probabilities `[N, K]` of logits `[N, K]`: `softmax(logits / temperature)`, rows adding up to 1. For a value
/// target `[N, 1]`, the value in its own units.
#[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
pub fn probabilities(spec: &ModelSpec, logits: ArrayView2<'_, f32>) -> Array2<f32> {
    if let Some(scale) = spec.value_scale {
        return logits.mapv(|z| (f64::from(z) * scale.std + scale.mean) as f32);
    }
    let mut result = logits.to_owned();
    for mut row in result.axis_iter_mut(Axis(0)) {
        let top = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let exp = |z: f32| (f64::from(z - top) / spec.calibration.temperature).exp();
        let sum: f64 = row.iter().map(|z| exp(*z)).sum();
        row.mapv_inplace(|z| (exp(z) / sum) as f32);
    }
    result
}

/// Checks a description against itself, and that its network takes patches of its size.
///
/// # Errors
/// [`ModelError::Spec`] that names the contradiction; [`ModelError::PatchTooSmall`].
pub fn check_spec(spec: &ModelSpec) -> Result<(), ModelError> {
    spec.check()?;
    NetworkConfig::of(spec).check_patch(spec.patch_size)
}

/// Checks that data fit the model: the same bands in the same order, the same pixel type and meaning of stored values, a
/// ground resolution within 5 %. What either side does not know is not compared.
///
/// # Errors
/// The first thing that does not fit; it names both sides.
pub fn check_scene(
    spec: &ModelSpec,
    bands: &[String],
    pixel_type: PixelType,
    scaling: Option<&[Scaling]>,
    ground_resolution: Option<GroundResolution>,
) -> Result<(), ModelError> {
    if spec.bands != bands {
        return Err(ModelError::Bands { model: spec.bands.clone(), data: bands.to_vec() });
    }
    if spec.pixel_type != pixel_type {
        return Err(ModelError::PixelType { model: spec.pixel_type, data: pixel_type });
    }
    if let (Some(model), Some(data)) = (spec.scaling.as_deref(), scaling)
        && !Scaling::are_like(model, data)
    {
        return Err(ModelError::Scaling { model: Scaling::in_words(model), data: Scaling::in_words(data) });
    }
    if let (Some(model), Some(data)) = (spec.ground_resolution, ground_resolution) {
        let (model, data) = (model.mean(), data.mean());
        if (data / model - 1.0).abs() > RESOLUTION_TOLERANCE {
            return Err(ModelError::GroundResolution { model, data });
        }
    }
    Ok(())
}
