//! The settings of a training and their ranges.

use std::path::PathBuf;

use areal_formats::{Architecture, NamedChoice, Padding, UnknownName};
use areal_model::{ClassWeights, DeviceChoice, Freeze, Loss, MissingBand, WeightsKind};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use crate::{Augmentation, TrainError};

/// Loss for classes where none is given.
pub const LOSS_OF_CLASSES: Loss = Loss::CrossEntropy;

/// Loss for values where none is given.
pub const LOSS_OF_VALUES: Loss = Loss::Mse;

/// How a network is trained. [`Default`] suits a CPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    pub architecture: Architecture,
    /// What its convolutions see past the border of a patch.
    #[serde(default)]
    pub padding: Padding,
    /// Weights of another training to begin from.
    pub weights: Option<PathBuf>,
    /// What they are; none is told by a `model.json` or the file's name.
    #[serde(default)]
    pub weights_kind: Option<WeightsKind>,
    /// What the publisher of the weights calls each band of the store, `-` for none; empty where the store's own names tell.
    #[serde(default)]
    pub weights_bands: Vec<String>,
    /// Rule for bands that the weights have and the store lacks; none refuses them.
    #[serde(default)]
    pub missing_band: Option<MissingBand>,
    /// Where the normalisation comes from when there are weights.
    #[serde(default)]
    pub normalisation: NormalisationFrom,
    /// What is left as it is in all epochs.
    #[serde(default)]
    pub freeze: Freeze,
    /// Epochs at the beginning in which all but the head is frozen.
    #[serde(default)]
    pub epochs_frozen: usize,
    /// The learning rate of each stage is that of the one after it times this, that of the last one the head's times this.
    #[serde(default = "no_layer_decay")]
    pub layer_decay: f64,
    /// Most epochs.
    pub epochs: usize,
    /// Most patches of a step, at least 2; steps of an epoch differ by at most one patch.
    pub batch_size: usize,
    /// How gradients become changes of weights.
    pub optimiser: OptimiserKind,
    /// Learning rate after the warm-up, above 0.
    pub learning_rate: f64,
    /// Epochs over which the learning rate rises linearly from 0; it falls as a cosine to 0 afterwards (Loshchilov and
    /// Hutter 2017).
    pub warmup_epochs: f64,
    /// Weight decay of convolutions and the linear layer; not of normalisations and biases.
    pub weight_decay: f64,
    /// Longest gradient, over all weights together; none leaves gradients alone.
    pub clip_norm: Option<f64>,
    /// What training makes small; none is cross-entropy for classes and the squared error for a value.
    pub loss: Option<Loss>,
    /// How much each class counts in the loss.
    pub class_weights: ClassWeights,
    /// How patches are drawn.
    pub sampler: Sampler,
    /// How patches are varied.
    pub augmentation: Augmentation,
    /// Epochs without a better validation macro-F1 (a lower RMSE for a value) after which training stops.
    pub patience: usize,
    /// Seed of the weights, the order of patches and their variation.
    pub seed: u64,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Licence of the training data and labels, for the model card.
    pub licence: Option<String>,
}

impl Default for TrainSettings {
    fn default() -> Self {
        Self {
            architecture: Architecture::Compact,
            padding: Padding::Same,
            weights: None,
            weights_kind: None,
            weights_bands: Vec::new(),
            missing_band: None,
            normalisation: NormalisationFrom::Weights,
            freeze: Freeze::None,
            epochs_frozen: 0,
            layer_decay: no_layer_decay(),
            epochs: 30,
            batch_size: 64,
            optimiser: OptimiserKind::Adamw,
            learning_rate: 2e-3,
            warmup_epochs: 1.0,
            weight_decay: 0.01,
            clip_norm: Some(5.0),
            loss: None,
            class_weights: ClassWeights::None,
            sampler: Sampler::Shuffled,
            augmentation: Augmentation::default(),
            patience: 10,
            seed: 0,
            device: DeviceChoice::Cpu,
            licence: None,
        }
    }
}

/// All parts have the same learning rate.
fn no_layer_decay() -> f64 {
    1.0
}

impl TrainSettings {
    /// Checks every setting against its range.
    ///
    /// # Errors
    /// [`TrainError::Setting`] for the first one out of its range.
    pub fn check(&self) -> Result<(), TrainError> {
        let check = |setting, good: bool, value: String, expected| {
            if good { Ok(()) } else { Err(TrainError::Setting { setting, value, expected }) }
        };
        let finite = |v: f64, least: f64| v.is_finite() && v >= least;
        let count = |n: usize, least: usize, most: usize| (least..=most).contains(&n);
        if let Some(path) = &self.weights {
            check("weights", path.to_str().is_some(), path.display().to_string(), "a path in UTF-8")?;
        }
        let kind = self.weights_kind.map(|k| k.to_string()).unwrap_or_default();
        let bands = self.weights_bands.join(",");
        let missing = self.missing_band.map(|m| m.to_string()).unwrap_or_default();
        let has_names = self.weights_kind != Some(WeightsKind::SameBands);
        if self.weights.is_none() {
            check("weights-kind", kind.is_empty(), kind, "not given without weights")?;
            check("weights-bands", bands.is_empty(), bands, "not given without weights")?;
            check("missing-band", missing.is_empty(), missing, "not given without weights")?;
        } else {
            let expected = "not given with weights-kind = same-bands, which has the bands of the store";
            check("weights-bands", has_names || bands.is_empty(), bands, expected)?;
            check("missing-band", has_names || missing.is_empty(), missing, expected)?;
        }
        check("epochs", count(self.epochs, 1, 1_000_000), self.epochs.to_string(), "1 to 1000000")?;
        self.check_freeze()?;
        check("batch-size", count(self.batch_size, 2, 65_536), self.batch_size.to_string(), "2 to 65536")?;
        let rate = self.learning_rate;
        check("learning-rate", finite(rate, 0.0) && rate > 0.0, rate.to_string(), "above 0")?;
        check("warmup-epochs", finite(self.warmup_epochs, 0.0), self.warmup_epochs.to_string(), "0 or more")?;
        check("weight-decay", finite(self.weight_decay, 0.0), self.weight_decay.to_string(), "0 or more")?;
        let clip = self.clip_norm.unwrap_or(1.0);
        check("clip-norm", finite(clip, 0.0) && clip > 0.0, clip.to_string(), "above 0")?;
        check("patience", self.patience >= 1, self.patience.to_string(), "at least 1")?;
        let Augmentation { brightness, noise, .. } = self.augmentation;
        // In standard deviations: beyond a hundred nothing of the image is left, and far beyond numbers overflow.
        let deviations = |v: f32| (0.0..=100.0).contains(&v);
        check("brightness", deviations(brightness), brightness.to_string(), "0 to 100")?;
        check("noise", deviations(noise), noise.to_string(), "0 to 100")
    }

    /// Learning rate of step `step` of `total`, both over the whole run.
    pub(crate) fn rate(&self, step: usize, steps_per_epoch: usize) -> f64 {
        let total = (self.epochs * steps_per_epoch) as f64;
        let warmup = (self.warmup_epochs * steps_per_epoch as f64).min(total);
        let at = step as f64 + 1.0;
        if at < warmup {
            return self.learning_rate * at / warmup;
        }
        let done = (at - warmup) / (total - warmup).max(1.0);
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
    }
}

/// Where the normalisation of the input comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum NormalisationFrom {
    /// That of the weights, where it is known.
    #[default]
    Weights,
    /// The statistics of the store's training patches.
    Store,
}

impl NamedChoice for NormalisationFrom {
    const WHAT: &'static str = "normalisation";
}

/// How gradients become changes of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum OptimiserKind {
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019); betas 0.9 and 0.999, epsilon 1e-8.
    Adamw,
    /// Stochastic gradient descent with momentum 0.9.
    Sgd,
}

impl NamedChoice for OptimiserKind {
    const WHAT: &'static str = "optimiser";
}

/// How patches are drawn in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Sampler {
    /// Every patch once, in random order.
    Shuffled,
    /// As many patches of each class, together as many as there are; patches of rare classes come several times.
    Balanced,
}

impl NamedChoice for Sampler {
    const WHAT: &'static str = "sampler";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_to_the_full_one_and_falls_to_nothing() {
        let settings = TrainSettings { epochs: 3, warmup_epochs: 1.0, learning_rate: 0.4, ..TrainSettings::default() };
        let rates: Vec<f64> = (0..12).map(|step| settings.rate(step, 4)).collect();
        assert!(rates.iter().zip([0.1, 0.2, 0.3, 0.4]).all(|(r, e)| (r - e).abs() < 1e-12), "{rates:?}");
        // Half way down the cosine, 4 of 8 steps after the warm-up.
        assert!((rates[7] - 0.2).abs() < 1e-12 && rates[11].abs() < 1e-12, "{rates:?}");
        assert!(rates[4..].windows(2).all(|w| w[0] > w[1]));
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let bad = TrainSettings { learning_rate: -1.0, ..TrainSettings::default() };
        assert_eq!(bad.check().unwrap_err().to_string(), "learning-rate is -1; it must be above 0");
        let bad = TrainSettings { batch_size: 1, ..TrainSettings::default() };
        assert_eq!(bad.check().unwrap_err().to_string(), "batch-size is 1; it must be 2 to 65536");
        for noise in [1e30, f32::INFINITY, f32::NAN, -0.1] {
            let augmentation = Augmentation { noise, ..Augmentation::default() };
            let said = TrainSettings { augmentation, ..TrainSettings::default() }.check().unwrap_err().to_string();
            assert!(said.starts_with("noise is ") && said.ends_with("must be 0 to 100"), "{said}");
        }
        TrainSettings::default().check().unwrap();
        let missing_band = Some(MissingBand::Mean);
        let said = TrainSettings { missing_band, ..TrainSettings::default() }.check().unwrap_err().to_string();
        assert_eq!(said, "missing-band is mean; it must be not given without weights");
        let (weights, weights_kind) = (Some("x.pth".into()), Some(WeightsKind::SameBands));
        let weights = TrainSettings { weights, weights_kind, ..TrainSettings::default() };
        let said = TrainSettings { missing_band, ..weights.clone() }.check().unwrap_err().to_string();
        assert!(
            said.starts_with("missing-band is mean; it must be not given with weights-kind = same-bands"),
            "{said}"
        );
        let said = TrainSettings { weights_bands: vec!["red".into()], ..weights }.check().unwrap_err().to_string();
        assert!(said.starts_with("weights-bands is red; it must be not given with"), "{said}");
    }
}
