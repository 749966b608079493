//! `areal train`: from a patch store to a bundle.

use std::fmt::Write as _;
use std::path::PathBuf;

use areal_model::{Architecture, ClassWeights, DeviceChoice, Loss, Padding};
use areal_patches::open_store;
use areal_train::{Augmentation, OptimiserKind, Sampler, TrainReport, TrainSettings};
use clap::{ArgAction, Args};
use serde::{Deserialize, Serialize};

use super::Stage;
use super::metrics_text::metrics_text;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options;

/// Train a network on a patch store and write a bundle: the model and all that is needed to use it.
///
/// The defaults suit a CPU: a compact network of about 230,000 parameters. Progress goes to stderr, an epoch a line;
/// the measures on the validation split go to stdout. A checkpoint stands beside --out (.NAME.checkpoint) after each
/// epoch: an interrupted run that is started again with the same settings and data continues from it, to the same
/// bytes. The bundle holds weights.safetensors, model.json, metrics.csv (by epoch), confusion.csv, evaluation.json,
/// learning-curve.svg and card.md.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
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
    /// Network: compact, resnet18, resnet34 or resnet50.
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().architecture)]
    pub architecture: Architecture,
    /// What convolutions see past the border of a patch: same (zeros) or valid (nothing). With valid, prediction in dense
    /// mode is exact; patches must be at least 47 px (compact), 435 px (resnet18), 899 px (resnet34) or 427 px (resnet50).
    #[arg(long, value_name = "PADDING", default_value_t = TrainSettings::default().padding)]
    pub padding: Padding,
    /// Weights to begin from: a safetensors or PyTorch (.pth) file of the same architecture. For other bands, the
    /// first convolution's bands are repeated in turn and scaled; for other classes, the head begins afresh.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Most epochs.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().epochs)]
    pub epochs: usize,
    /// Most patches of a step.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().batch_size)]
    pub batch_size: usize,
    /// Optimiser: adamw or sgd (momentum 0.9).
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().optimiser)]
    pub optimiser: OptimiserKind,
    /// Learning rate after the warm-up; it falls as a cosine to 0.
    #[arg(long, value_name = "RATE", default_value_t = TrainSettings::default().learning_rate)]
    pub learning_rate: f64,
    /// Epochs over which the learning rate rises.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().warmup_epochs)]
    pub warmup_epochs: f64,
    /// Weight decay.
    #[arg(long, value_name = "DECAY", default_value_t = TrainSettings::default().weight_decay)]
    pub weight_decay: f64,
    /// Longest gradient, over all weights together.
    #[arg(long, value_name = "NORM", default_value_t = TrainSettings::default().clip_norm.expect("the default clips"))]
    pub clip_norm: f64,
    /// Loss: cross-entropy, focal, focal(GAMMA), focal(GAMMA,ALPHA) for classes; mse, huber(DELTA) for values.
    /// [default: cross-entropy, mse]
    #[arg(long, value_name = "LOSS")]
    pub loss: Option<Loss>,
    /// How much each class counts in the loss: none, inverse, sqrt-inverse or effective(BETA).
    #[arg(long, value_name = "WEIGHTS", default_value_t = TrainSettings::default().class_weights)]
    pub class_weights: ClassWeights,
    /// How patches are drawn: shuffled (each once) or balanced (as many of each class).
    #[arg(long, value_name = "NAME", default_value_t = TrainSettings::default().sampler)]
    pub sampler: Sampler,
    /// Vary training patches by the eight flips and rotations.
    #[arg(long, action = ArgAction::Set, default_value_t = Augmentation::default().flips, value_name = "BOOL")]
    pub flips: bool,
    /// Vary the brightness of training patches by up to so many standard deviations.
    #[arg(long, value_name = "DEVIATIONS", default_value_t = Augmentation::default().brightness)]
    pub brightness: f32,
    /// Noise on observed pixels of training patches, in standard deviations.
    #[arg(long, value_name = "DEVIATIONS", default_value_t = Augmentation::default().noise)]
    pub noise: f32,
    /// Epochs without a better validation macro-F1 (RMSE for values) after which training stops.
    #[arg(long, value_name = "N", default_value_t = TrainSettings::default().patience)]
    pub patience: usize,
    /// Seed of every random choice.
    #[arg(long, value_name = "SEED", default_value_t = TrainSettings::default().seed)]
    pub seed: u64,
    /// Where the network runs; `areal devices` lists what there is.
    #[arg(long, value_name = "DEVICE", default_value_t = TrainSettings::default().device)]
    pub device: DeviceChoice,
    /// Licence of the data and labels, for the model card.
    #[arg(long, value_name = "TEXT")]
    pub licence: Option<String>,
    /// Replace --out if it exists.
    #[arg(long)]
    pub overwrite: bool,
    /// Discard the checkpoint of an interrupted run.
    #[arg(long)]
    pub restart: bool,
    /// Print the result as JSON: every epoch and the final measures.
    #[arg(long)]
    pub json: bool,
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

    fn output(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
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
    fn settings(&self) -> TrainSettings {
        TrainSettings {
            architecture: self.architecture,
            padding: self.padding,
            weights: self.weights.clone(),
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
            augmentation: Augmentation { flips: self.flips, brightness: self.brightness, noise: self.noise },
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
