//! The description of a model: `model.json`.

use areal_formats::{MAX_PATCH_SIZE, Provenance};
use areal_grid::{GroundResolution, PixelType, Scaling, Target};
use areal_job::Sha256;
use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use crate::{Architecture, ModelError, NetworkConfig, Normalisation, Padding};

/// The `format` of `model.json`.
///
/// A key that came later and whose absence means what was done before leaves the format as it is: `padding`,
/// `masked_by`, `scaling`. Unknown keys are refused, so that an older version does not take a bundle for what it is
/// not.
pub const BUNDLE_FORMAT: &str = "areal-bundle/1";

/// Greatest relative difference between two ground resolutions that count as the same.
const RESOLUTION_TOLERANCE: f64 = 0.05;

/// How logits become calibrated probabilities (Guo et al. 2017).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Logits are divided by it before the softmax; 1 leaves them alone.
    pub temperature: f64,
}

impl Default for Calibration {
    fn default() -> Self {
        Self { temperature: 1.0 }
    }
}

/// A value target's standardisation over the training split: the network gives `(value - mean) / std`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueScale {
    pub mean: f64,
    /// Standard deviation of the values, above 0.
    pub std: f64,
}

/// The description of a model without its weights: the `model.json` of a bundle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    pub format: String,
    pub architecture: Architecture,
    /// What its convolutions see past the border of a patch; `same` where the document has no such key.
    #[serde(default)]
    pub padding: Padding,
    /// Descriptions of the bands, in order.
    pub bands: Vec<String>,
    /// Pixel type of the training scenes.
    pub pixel_type: PixelType,
    /// The quality band and its values that masked the training scenes, in words; none where nothing did.
    #[serde(default)]
    pub masked_by: Option<String>,
    /// What the stored values of each band meant in the training scenes; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Vec<Scaling>>,
    pub normalisation: Normalisation,
    pub target: Target,
    /// Standardisation of a value target; none for classes.
    pub value_scale: Option<ValueScale>,
    /// Side of the training patches in pixels.
    pub patch_size: usize,
    /// Ground resolution of the training scenes; none for imported folders.
    pub ground_resolution: Option<GroundResolution>,
    /// How logits become probabilities.
    pub calibration: Calibration,
    /// Prior of each class that the model's probabilities imply: the training split's class fractions after class weights and
    /// resampling, adding up to 1. Empty for a value. Focal loss changes it further, in no closed form.
    pub training_prior: Vec<f64>,
    /// Training patches of each class. Empty for a value.
    pub class_counts: Vec<u64>,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: Sha256,
    /// How the model came to be.
    pub provenance: Provenance,
}

impl ModelSpec {
    /// What determines the network's tensors.
    pub fn network_config(&self) -> NetworkConfig {
        NetworkConfig {
            architecture: self.architecture,
            padding: self.padding,
            bands: self.bands.len(),
            outputs: self.target.outputs(),
        }
    }

    /// Fraction of each class among the training patches, adding up to 1; empty for a value.
    pub fn class_fractions(&self) -> Vec<f64> {
        let all = self.class_counts.iter().sum::<u64>().max(1) as f64;
        self.class_counts.iter().map(|n| *n as f64 / all).collect()
    }

    /// Class probabilities `[N, K]` of logits `[N, K]`: `softmax(logits / temperature)`, rows adding up to 1. For a
    /// value target `[N, 1]`, the value in its own units.
    #[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
    pub fn probabilities(&self, logits: ArrayView2<'_, f32>) -> Array2<f32> {
        if let Some(scale) = self.value_scale {
            return logits.mapv(|z| (f64::from(z) * scale.std + scale.mean) as f32);
        }
        let mut result = logits.to_owned();
        for mut row in result.axis_iter_mut(Axis(0)) {
            let top = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            let exp = |z: f32| (f64::from(z - top) / self.calibration.temperature).exp();
            let sum: f64 = row.iter().map(|z| exp(*z)).sum();
            row.mapv_inplace(|z| (exp(z) / sum) as f32);
        }
        result
    }

    /// Checks that data fit the model: the same bands in the same order, the same pixel type and meaning of stored
    /// values, a ground resolution within 5 %. What either side does not know is not compared.
    ///
    /// # Errors
    /// The first thing that does not fit; it names both sides.
    pub fn check_scene(
        &self,
        bands: &[String],
        pixel_type: PixelType,
        scaling: Option<&[Scaling]>,
        ground_resolution: Option<GroundResolution>,
    ) -> Result<(), ModelError> {
        if self.bands != bands {
            return Err(ModelError::Bands { model: self.bands.clone(), data: bands.to_vec() });
        }
        if self.pixel_type != pixel_type {
            return Err(ModelError::PixelType { model: self.pixel_type, data: pixel_type });
        }
        if let (Some(model), Some(data)) = (self.scaling.as_deref(), scaling)
            && !Scaling::are_like(model, data)
        {
            return Err(ModelError::Scaling { model: Scaling::in_words(model), data: Scaling::in_words(data) });
        }
        if let (Some(model), Some(data)) = (self.ground_resolution, ground_resolution) {
            let (model, data) = (model.mean(), data.mean());
            if (data / model - 1.0).abs() > RESOLUTION_TOLERANCE {
                return Err(ModelError::GroundResolution { model, data });
            }
        }
        Ok(())
    }

    /// Checks the document against itself.
    ///
    /// # Errors
    /// [`ModelError::Spec`] that names the contradiction; [`ModelError::PatchTooSmall`].
    pub fn check(&self) -> Result<(), ModelError> {
        self.normalisation.check(self.bands.len())?;
        let fault = |text: String| Err(ModelError::Spec(text));
        let classes = self.target.classes().len();
        let is_value = matches!(self.target, Target::Value { .. });
        if self.bands.is_empty() {
            return fault("no bands".to_owned());
        }
        if let Some(scaling) = self.scaling.as_ref().filter(|s| s.len() != self.bands.len()) {
            return fault(format!("{} bands, but the scaling of {}", self.bands.len(), scaling.len()));
        }
        if !(1..=MAX_PATCH_SIZE).contains(&self.patch_size) {
            return fault(format!("patch_size is {}; it must be between 1 and {MAX_PATCH_SIZE}", self.patch_size));
        }
        self.network_config().check_patch(self.patch_size)?;
        if !is_value && classes < 2 {
            return fault(format!("{classes} classes; at least 2 are needed"));
        }
        if self.training_prior.len() != classes || self.class_counts.len() != classes {
            let (p, c) = (self.training_prior.len(), self.class_counts.len());
            return fault(format!("{classes} classes, but {p} training priors and {c} class counts"));
        }
        let prior = &self.training_prior;
        let are_fractions = prior.iter().all(|p| *p >= 0.0) && (prior.iter().sum::<f64>() - 1.0).abs() < 1e-3;
        if !is_value && !are_fractions {
            return fault(format!("training_prior is {prior:?}; it must be fractions that add up to 1"));
        }
        if self.value_scale.is_some() != is_value {
            return fault("value_scale must be given for a value target and for no other".to_owned());
        }
        if let Some(scale) = self.value_scale
            && !(scale.std > 0.0 && scale.std.is_finite() && scale.mean.is_finite())
        {
            return fault(format!("value_scale has mean {} and std {}", scale.mean, scale.std));
        }
        if !(self.calibration.temperature > 0.0 && self.calibration.temperature.is_finite()) {
            return fault(format!("temperature {}", self.calibration.temperature));
        }
        Ok(())
    }
}
