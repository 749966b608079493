//! The description of a model: `model.json`.

use areal_grid::{GroundResolution, PixelType, Scaling, Target};
use areal_job::{Sha256, hash_bytes};
use serde::{Deserialize, Serialize};

use crate::{Architecture, MADE_BY, MAX_PATCH_SIZE, Normalisation, Padding, Provenance};

/// The `format` of `model.json`.
///
/// Version 2 added `band_quantiles` and `initial_weights`. The absence of a key that came later means what was done before, so version 1 is read too.
/// Unknown keys are refused.
pub const BUNDLE_FORMAT: &str = "areal-bundle/2";

/// The formats of `model.json` that are read, the present one first.
pub const BUNDLE_FORMATS: [&str; 2] = [BUNDLE_FORMAT, "areal-bundle/1"];

/// `model.json` that contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("model.json: {0}")]
pub struct SpecError(pub(crate) String);

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

/// The distribution of a band over observed pixels, in stored values: the values that 5, 25, 50, 75 and 95 % of them do not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BandQuantiles {
    pub p05: f64,
    pub p25: f64,
    pub p50: f64,
    pub p75: f64,
    pub p95: f64,
}

impl BandQuantiles {
    /// All five, in order.
    pub fn all(&self) -> [f64; 5] {
        [self.p05, self.p25, self.p50, self.p75, self.p95]
    }
}

/// Weights of another training that this one began from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InitialWeights {
    /// What they were taken for, such as `torchvision`.
    pub kind: String,
    /// What was assumed and changed to make them fit, a sentence each.
    pub notes: Vec<String>,
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
    /// Distribution of each band over the training pixels; empty where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub band_quantiles: Vec<BandQuantiles>,
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
    /// The weights that training began from; none where it began from random ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_weights: Option<InitialWeights>,
    /// SHA-256 of `weights.safetensors`.
    pub weights_sha256: Sha256,
    /// How the model came to be.
    pub provenance: Provenance,
}

impl ModelSpec {
    /// A compact network before any training, for benchmarks and tests: it reads 16-bit pixels as they are, on ground of no known
    /// resolution, and holds all classes for equally frequent. What else it should be is changed by the caller.
    pub fn untrained(bands: Vec<String>, target: Target, patch_size: usize) -> Self {
        let classes = target.classes().len();
        Self {
            format: BUNDLE_FORMAT.to_owned(),
            architecture: Architecture::Compact,
            padding: Padding::Same,
            pixel_type: PixelType::U16,
            masked_by: None,
            scaling: None,
            normalisation: Normalisation { mean: vec![0.0; bands.len()], std: vec![1.0; bands.len()] },
            band_quantiles: Vec::new(),
            bands,
            value_scale: (classes == 0).then_some(ValueScale { mean: 0.0, std: 1.0 }),
            target,
            patch_size,
            ground_resolution: None,
            calibration: Calibration::default(),
            training_prior: vec![1.0 / classes.max(1) as f64; classes],
            class_counts: vec![1; classes],
            initial_weights: None,
            weights_sha256: hash_bytes(&[]),
            provenance: Provenance {
                made_by: MADE_BY.to_owned(),
                command: "train".to_owned(),
                inputs: Vec::new(),
                settings: serde_json::Value::Null,
                seed: None,
            },
        }
    }

    /// Fraction of each class among the training patches, adding up to 1; empty for a value.
    pub fn class_fractions(&self) -> Vec<f64> {
        let all = self.class_counts.iter().sum::<u64>().max(1) as f64;
        self.class_counts.iter().map(|n| *n as f64 / all).collect()
    }

    /// Checks the document against itself. Whether the network takes patches of this size is not checked here.
    ///
    /// # Errors
    /// The contradiction.
    pub fn check(&self) -> Result<(), SpecError> {
        self.normalisation.check(self.bands.len())?;
        let fault = |text: String| Err(SpecError(text));
        let classes = self.target.classes().len();
        let is_value = matches!(self.target, Target::Value { .. });
        if self.bands.is_empty() {
            return fault("no bands".to_owned());
        }
        if let Some(scaling) = self.scaling.as_ref().filter(|s| s.len() != self.bands.len()) {
            return fault(format!("{} bands, but the scaling of {}", self.bands.len(), scaling.len()));
        }
        let quantiles = self.band_quantiles.len();
        if ![0, self.bands.len()].contains(&quantiles) {
            return fault(format!("{} bands, but the quantiles of {quantiles}", self.bands.len()));
        }
        if let Some(band) = self.band_quantiles.iter().position(|q| !q.all().is_sorted_by(|a, b| a <= b)) {
            return fault(format!("the quantiles of band {} do not rise", band + 1));
        }
        if !(1..=MAX_PATCH_SIZE).contains(&self.patch_size) {
            return fault(format!("patch_size is {}; it must be between 1 and {MAX_PATCH_SIZE}", self.patch_size));
        }
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
