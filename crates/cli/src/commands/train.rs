use std::fmt::Write as _;
use std::path::PathBuf;

use areal_model::{Architecture, ClassWeights, DeviceChoice, Loss, Padding};
use areal_patches::PatchStore;
use areal_train::{Augmentation, OptimiserKind, Sampler, TrainReport, TrainSettings};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::metrics_text::metrics_text;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Train a network on a patch store and write a bundle: the model and all that is needed to use it.
///
/// The defaults suit a CPU: a compact network of about 230,000 parameters. Progress goes to stderr, an epoch a line;
/// the measures on the validation split go to stdout. A checkpoint stands beside --out (.NAME.checkpoint) after each
/// epoch: an interrupted run that is started again with the same settings and data continues from it, to the same
/// bytes. The bundle holds weights.safetensors, model.json, metrics.csv (by epoch), confusion.csv, evaluation.json,
/// learning-curve.svg and card.md.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal train --store patches --out bundle\n  \
    areal train --store patches --out bundle --architecture resnet18 --weights resnet18.pth --epochs 50\n  \
    areal train --store patches --out bundle --class-weights 'effective(0.999)' --loss focal --sampler balanced")]
pub struct Options {
    /// Patch store to train on: a folder made by `areal tile`.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Bundle to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Network: compact, resnet18, resnet34 or resnet50. [default: compact]
    #[arg(long, value_name = "NAME")]
    pub architecture: Option<Architecture>,
    /// What convolutions see past the border of a patch: same (zeros) or valid (nothing). With valid, prediction in dense
    /// mode is exact; patches must be at least 47 px (compact), 435 px (resnet18), 899 px (resnet34) or 427 px (resnet50).
    /// [default: same]
    #[arg(long, value_name = "PADDING")]
    pub padding: Option<Padding>,
    /// Weights to begin from: a safetensors or PyTorch (.pth) file of the same architecture. For other bands, the
    /// first convolution's bands are repeated in turn and scaled; for other classes, the head begins afresh.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Most epochs. [default: 30]
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Most patches of a step. [default: 64]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Optimiser: adamw or sgd (momentum 0.9). [default: adamw]
    #[arg(long, value_name = "NAME")]
    pub optimiser: Option<OptimiserKind>,
    /// Learning rate after the warm-up; it falls as a cosine to 0. [default: 0.002]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Epochs over which the learning rate rises. [default: 1]
    #[arg(long, value_name = "N")]
    pub warmup_epochs: Option<f64>,
    /// Weight decay. [default: 0.01]
    #[arg(long, value_name = "DECAY")]
    pub weight_decay: Option<f64>,
    /// Longest gradient, over all weights together. [default: 5]
    #[arg(long, value_name = "NORM")]
    pub clip_norm: Option<f64>,
    /// Loss: cross-entropy, focal, focal(GAMMA), focal(GAMMA,ALPHA) for classes; mse, huber(DELTA) for values.
    /// [default: cross-entropy, mse]
    #[arg(long, value_name = "LOSS")]
    pub loss: Option<Loss>,
    /// How much each class counts in the loss: none, inverse, sqrt-inverse or effective(BETA). [default: none]
    #[arg(long, value_name = "WEIGHTS")]
    pub class_weights: Option<ClassWeights>,
    /// How patches are drawn: shuffled (each once) or balanced (as many of each class). [default: shuffled]
    #[arg(long, value_name = "NAME")]
    pub sampler: Option<Sampler>,
    /// Vary training patches by the eight flips and rotations. [default: true]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub flips: Option<bool>,
    /// Vary the brightness of training patches by up to so many standard deviations. [default: 0.1]
    #[arg(long, value_name = "DEVIATIONS")]
    pub brightness: Option<f32>,
    /// Noise on observed pixels of training patches, in standard deviations. [default: 0.02]
    #[arg(long, value_name = "DEVIATIONS")]
    pub noise: Option<f32>,
    /// Epochs without a better validation macro-F1 (RMSE for values) after which training stops. [default: 10]
    #[arg(long, value_name = "N")]
    pub patience: Option<usize>,
    /// Seed of every random choice. [default: 0]
    #[arg(long, value_name = "SEED")]
    pub seed: Option<u64>,
    /// Where the network runs; `areal devices` lists what there is. [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<DeviceChoice>,
    /// Licence of the data and labels, for the model card.
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    /// Replace --out if it exists.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub overwrite: Option<bool>,
    /// Discard the checkpoint of an interrupted run.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub restart: Option<bool>,
    /// Print the result as JSON: every epoch and the final measures.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub json: Option<bool>,
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        [&self.store, &self.weights].into_iter().flatten().cloned().collect()
    }

    fn output(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let path = self.store.clone().ok_or_else(|| missing("--store", "the patch store to train on"))?;
        let out = self.out.clone().ok_or_else(|| missing("--out", "the bundle to write"))?;
        let settings = self.settings();
        let store = PatchStore::open(&path)?;
        let (overwrite, restart) = (self.overwrite.unwrap_or(false), self.restart.unwrap_or(false));
        let report = areal_train::train(&store, &settings, &out, overwrite, restart, context.job())?;
        if self.json.unwrap_or(false) {
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
    fn settings(&self) -> TrainSettings {
        let d = TrainSettings::default();
        TrainSettings {
            architecture: self.architecture.unwrap_or(d.architecture),
            padding: self.padding.unwrap_or(d.padding),
            weights: self.weights.clone(),
            epochs: self.epochs.unwrap_or(d.epochs),
            batch_size: self.batch_size.unwrap_or(d.batch_size),
            optimiser: self.optimiser.unwrap_or(d.optimiser),
            learning_rate: self.learning_rate.unwrap_or(d.learning_rate),
            warmup_epochs: self.warmup_epochs.unwrap_or(d.warmup_epochs),
            weight_decay: self.weight_decay.unwrap_or(d.weight_decay),
            clip_norm: self.clip_norm.or(d.clip_norm),
            loss: self.loss,
            class_weights: self.class_weights.unwrap_or_default(),
            sampler: self.sampler.unwrap_or(d.sampler),
            augmentation: Augmentation {
                flips: self.flips.unwrap_or(d.augmentation.flips),
                brightness: self.brightness.unwrap_or(d.augmentation.brightness),
                noise: self.noise.unwrap_or(d.augmentation.noise),
            },
            patience: self.patience.unwrap_or(d.patience),
            seed: self.seed.unwrap_or(d.seed),
            device: self.device.unwrap_or_default(),
            licence: self.licence.clone(),
        }
    }
}

pub fn missing(flag: &str, what: &str) -> CliError {
    CliError::new(Exit::Usage, format!("{what} is not given")).help(format!("pass {flag}"))
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
