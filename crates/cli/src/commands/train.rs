//! `areal train`: from a patch store to a bundle.

use std::fmt::{Display, Write as _};
use std::path::PathBuf;

use areal_formats::{Architecture, Padding};
use areal_grid::Target;
use areal_model::{
    ClassWeights, DeviceChoice, Freeze, Loss, MissingBand, NetworkConfig, StoreBands, WeightsKind, check_weights_bands,
};
use areal_patches::open_store;
use areal_train::{
    Augmentation, LOSS_OF_CLASSES, LOSS_OF_VALUES, MOMENTUM, NormalisationFrom, OptimiserKind, Sampler, TrainError,
    TrainReport, TrainSettings,
};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use super::Stage;
use super::metrics_text::metrics_text;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, DEVICE, OVERWRITE, name_of};
use crate::recipe::{Planned, Training};

/// Train a network on a patch store and write a bundle: the model and everything needed to use it.
///
/// The defaults suit a CPU: a compact network of about 230,000 parameters. Progress goes to stderr, one line per epoch.
/// The measures on the validation split go to stdout. After each epoch a checkpoint is written next to --out
/// (.NAME.checkpoint). If an interrupted run is started again with the same settings and data, it continues from the
/// checkpoint and gives the same bytes. The bundle contains weights.safetensors, model.json, metrics.csv (by epoch),
/// confusion.csv, evaluation.json, learning-curve.svg and card.md.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal train --store patches --out bundle\n  \
    areal train --store patches --out bundle --architecture resnet18 --weights resnet18-f37072fd.pth --epochs 50\n  \
    areal train --store patches --out bundle --class-weights 'effective(0.999)' --loss focal --sampler balanced")]
pub struct Options {
    /// Patch store to train on: a folder made by `areal tile`.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Bundle to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Network: compact, resnet18, resnet34 or resnet50.
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().architecture, value_parser = name_of::<Architecture>())]
    pub architecture: Architecture,
    #[arg(long, value_name = "PADDING", default_value_t = TrainSettings::default().padding, value_parser = name_of::<Padding>(),
        help = format!("Padding of convolutions at the border of a patch: same (zeros) or valid (none). With valid, prediction in \
            dense mode is exact, and patches must be at least {}", least_patches()))]
    pub padding: Padding,
    /// Initial weights: a safetensors or PyTorch (.pth) file of the same architecture, or a bundle. Bands are matched by
    /// name. If the number of classes (of a bundle, the classes) differs, the head is initialised anew.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// What the weights are, which says their bands and normalisation: torchvision, torchgeo:NAME (such as
    /// `torchgeo:SENTINEL2_ALL_MOCO`), bundle, or same-bands (the bands of the store in its order). [default: by model.json or
    /// by the name of a published file]
    #[arg(long, value_name = "KIND")]
    pub weights_kind: Option<WeightsKind>,
    /// What the publisher of the weights calls each band of the store, in the store's order, such as red,green,blue; - for
    /// a band that the weights do not have. [default: the store's names]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', allow_hyphen_values = true)]
    pub weights_bands: Vec<String>,
    /// Rule for a band that the weights have and the store lacks: zero (as if it were 0), mean (as if it were its mean), or
    /// drop (its filters are left out and the others scaled up). [default: an error]
    #[arg(long, value_name = "RULE", value_parser = name_of::<MissingBand>())]
    pub missing_band: Option<MissingBand>,
    /// Normalisation of the input if there are weights: weights (as their input was, where that is known) or store (by the
    /// store's own statistics).
    #[arg(long, value_name = "SOURCE", default_value_t = TrainSettings::default().normalisation, value_parser = name_of::<NormalisationFrom>())]
    pub normalisation: NormalisationFrom,
    /// Layers that keep their weights, and their running statistics, in all epochs: none, backbone (all but the head) or
    /// stages(N) (the stem and the first N stages).
    #[arg(long, value_name = "LAYERS", default_value_t = TrainSettings::default().freeze)]
    pub freeze: Freeze,
    /// Number of epochs at the beginning in which the backbone is frozen.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().epochs_frozen)]
    pub epochs_frozen: usize,
    /// Layer-wise learning rates: the rate of each stage further from the head is multiplied by this.
    #[arg(long, value_name = "FACTOR", default_value_t = TrainSettings::default().layer_decay)]
    pub layer_decay: f64,
    /// Maximum number of epochs.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().epochs)]
    pub epochs: usize,
    /// Maximum number of patches per step.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().batch_size)]
    pub batch_size: usize,
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().optimiser, value_parser = name_of::<OptimiserKind>(),
        help = format!("Optimiser: adamw or sgd (momentum {MOMENTUM})"))]
    pub optimiser: OptimiserKind,
    /// Learning rate after the warm-up; it then decays to 0 along a cosine.
    #[arg(long, value_name = "RATE", default_value_t = TrainSettings::default().learning_rate)]
    pub learning_rate: f64,
    /// Number of epochs over which the learning rate rises.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().warmup_epochs)]
    pub warmup_epochs: f64,
    /// Weight decay.
    #[arg(long, value_name = "DECAY", default_value_t = TrainSettings::default().weight_decay)]
    pub weight_decay: f64,
    /// Maximum gradient norm, over all weights together.
    #[arg(long, value_name = "NORM", default_value_t = TrainSettings::default().clip_norm.expect("the default clips"))]
    pub clip_norm: f64,
    #[arg(long, value_name = "LOSS",
        help = format!("Loss: cross-entropy, focal, focal(GAMMA), focal(GAMMA,ALPHA) for classes; mse, huber(DELTA) for values \
            [default: {LOSS_OF_CLASSES} for classes, {LOSS_OF_VALUES} for values]"))]
    pub loss: Option<Loss>,
    /// Class weights in the loss: none, inverse, sqrt-inverse or effective(BETA).
    #[arg(long, value_name = "WEIGHTS", default_value_t = TrainSettings::default().class_weights)]
    pub class_weights: ClassWeights,
    /// How patches are drawn: shuffled (each once) or balanced (equally many of each class).
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().sampler, value_parser = name_of::<Sampler>())]
    pub sampler: Sampler,
    #[arg(long, action = ArgAction::Set, value_name = "BOOL", help = format!("Augment training patches with the eight flips \
        and rotations {}", usual(Augmentation::default().flips, Augmentation::NONE.flips)))]
    pub flips: Option<bool>,
    #[arg(long, value_name = "DEVIATIONS", help = format!("Augment the brightness of training patches by up to this many \
        standard deviations {}", usual(Augmentation::default().brightness, Augmentation::NONE.brightness)))]
    pub brightness: Option<f32>,
    #[arg(long, value_name = "DEVIATIONS", help = format!("Noise added to observed pixels of training patches, in standard \
        deviations {}", usual(Augmentation::default().noise, Augmentation::NONE.noise)))]
    pub noise: Option<f32>,
    /// Number of epochs without a better validation macro-F1 (RMSE for values) after which training stops.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().patience)]
    pub patience: usize,
    /// Seed of every random choice.
    #[arg(long, value_name = "SEED", default_value_t = TrainSettings::default().seed)]
    pub seed: u64,
    #[arg(long, value_name = "DEVICE", help = DEVICE, default_value_t = TrainSettings::default().device)]
    pub device: DeviceChoice,
    /// Licence of the data and labels, for the model card.
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Discard the checkpoint of an interrupted run.
    #[arg(long)]
    pub restart: bool,
    /// Print the result as JSON: every epoch and the final measures.
    #[arg(long)]
    pub json: bool,
}

/// The smallest patches of each network without padding: `47 px (compact), 435 px (resnet18) ...`.
fn least_patches() -> String {
    let of = |architecture: &Architecture| {
        let network = NetworkConfig { architecture: *architecture, padding: Padding::Valid, bands: 1, outputs: 1 };
        format!("{} px ({architecture})", network.least_patch())
    };
    let all: Vec<String> = Architecture::VARIANTS.iter().map(of).collect();
    all.join(", ")
}

/// A default, and the one where only the head is trained.
fn usual(default: impl Display, of_head: impl Display) -> String {
    format!("[default: {default}; with --freeze backbone, {of_head}]")
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        [&self.store, &self.weights].into_iter().flatten().cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        let settings = self.settings();
        settings.check()?;
        if !planned.is_made {
            settings.device.open().map_err(TrainError::from)?;
        }
        if let Some(Training { kind, patch_size, target }) = &planned.training {
            let outputs = target.as_ref().map_or(1, Target::outputs);
            let (architecture, padding) = (settings.architecture, settings.padding);
            let network = NetworkConfig { architecture, padding, bands: kind.bands.len(), outputs };
            network.check_patch(*patch_size).map_err(TrainError::from)?;
            if let Some(path) = planned.ready(settings.weights.as_deref()) {
                let bands = StoreBands { names: &kind.bands, named_as: &settings.weights_bands };
                check_weights_bands(path, settings.weights_kind, &bands, settings.missing_band)
                    .map_err(TrainError::from)?;
            }
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let path = options::required(self.store.as_ref(), "--store", "the patch store to train on")?;
        let out = options::required(self.out.as_ref(), "--out", "the bundle to write")?;
        let settings = self.settings();
        let store = open_store(path)?;
        let report = areal_train::train(&store, &settings, out, self.overwrite, self.restart, context.job())?;
        if self.json {
            let text = serde_json::to_string_pretty(&report).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
            outln!("{text}");
        } else {
            out!("{}", report_text(&report));
        }
        tracing::info!("the bundle is in {}", out.display());
        Ok(())
    }
}

impl Options {
    fn augmentation(&self) -> Augmentation {
        let usual = Augmentation::suiting(self.freeze);
        Augmentation {
            flips: self.flips.unwrap_or(usual.flips),
            brightness: self.brightness.unwrap_or(usual.brightness),
            noise: self.noise.unwrap_or(usual.noise),
        }
    }

    fn settings(&self) -> TrainSettings {
        TrainSettings {
            architecture: self.architecture,
            padding: self.padding,
            weights: self.weights.clone(),
            weights_kind: self.weights_kind,
            weights_bands: self.weights_bands.clone(),
            missing_band: self.missing_band,
            normalisation: self.normalisation,
            freeze: self.freeze,
            epochs_frozen: self.epochs_frozen,
            layer_decay: self.layer_decay,
            epochs: self.epochs,
            batch_size: self.batch_size,
            optimiser: self.optimiser,
            learning_rate: self.learning_rate,
            warmup_epochs: self.warmup_epochs,
            weight_decay: self.weight_decay,
            clip_norm: Some(self.clip_norm),
            loss: self.loss,
            class_weights: self.class_weights,
            sampler: self.sampler,
            augmentation: self.augmentation(),
            patience: self.patience,
            seed: self.seed,
            device: self.device,
            licence: self.licence.clone(),
        }
    }
}

fn report_text(report: &TrainReport) -> String {
    let mut text = format!("validation split, epoch {} of {}\n", report.best_epoch, report.history.len());
    text.push_str(&metrics_text(&report.validation));
    if let Some([before, after]) = report.calibration_error {
        let (t, errors) = (report.temperature, format!("{before:.4} before, {after:.4} after"));
        let _ = writeln!(text, "temperature        {t:.3} (expected calibration error {errors})");
    }
    text
}
