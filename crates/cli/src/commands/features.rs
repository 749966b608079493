//! `areal features`: the pooled features of a network, of a patch store or a scene.

use std::path::{Path, PathBuf};

use areal_formats::{Architecture, FeaturesMeta, FeaturesOf, Padding, Provenance};
use areal_kernels::Isa;
use areal_model::{Bundle, BurnInference, DeviceChoice, Freeze, Inference, MissingBand, Precision, WeightsKind};
use areal_patches::open_store;
use areal_plan::{PlanError, PlanInference};
use areal_predict::{MAX_BATCH_SIZE, MAX_DEFAULT_THREADS, MAX_THREADS, PredictSettings, SceneFeatures, scene_features};
use areal_raster::{Scene, input_file_with_companions};
use areal_train::{NormalisationFrom, TrainSettings, untrained, write_features};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Stage;
use super::predict::warn_unmasked;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, DEVICE, OVERWRITE, name_of};
use crate::recipe::Planned;
use crate::scene_options::SceneOptions;

/// Compute the features that a network's head reads: 96 numbers for each patch (compact), 512 or
/// 2048 (the others).
///
/// Of a patch store (--store), writes features.npy: an array [patches, features] in single precision, in the order of the
/// store's patches.csv. Of a scene (FILES), writes features.tif: a Cloud Optimized GeoTIFF with one band for each feature and
/// one cell for each stride. If the stride is smaller than the patch, a cell is the mean of the patches that cover it. A cell
/// with too few observed pixels is NaN. The scene is read in strips, and the same command continues an interrupted run. Both
/// write features.json: the network, its bands, and where the features come from.
///
/// The network is that of a bundle, or one with weights of another training (--weights), for a store only.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal features --store patches --bundle bundle --out features\n  \
    areal features scene.tif --bundle bundle --out features --stride 16\n  \
    areal features --store patches --weights resnet50-0676ba61.pth --architecture resnet50 --out features")]
pub struct Options {
    /// Rasters of a scene; several files are read as one.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Patch store, in place of a scene.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Bundle of a trained model.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// Weights of another training, in place of a bundle; see `areal train --help`.
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// What the weights are: torchvision, torchgeo:NAME, bundle or same-bands. [default: by the name of a published file]
    #[arg(long, value_name = "KIND")]
    pub weights_kind: Option<WeightsKind>,
    /// What the publisher of the weights calls each band of the store. [default: the store's names]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', allow_hyphen_values = true)]
    pub weights_bands: Vec<String>,
    /// Rule for a band that the weights have and the store lacks: zero, mean or drop. [default: an error]
    #[arg(long, value_name = "RULE", value_parser = name_of::<MissingBand>())]
    pub missing_band: Option<MissingBand>,
    #[arg(long, value_name = "SOURCE", value_parser = name_of::<NormalisationFrom>(),
        help = format!("Normalisation of the input, with --weights: weights (as their input was, where that is known) or store [default: {}]",
            TrainSettings::default().normalisation))]
    pub normalisation: Option<NormalisationFrom>,
    /// Network of the weights: compact, resnet18, resnet34 or resnet50. [default: compact]
    #[arg(long, value_name = "NAME", value_parser = name_of::<Architecture>())]
    pub architecture: Option<Architecture>,
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Pixels of a scene from one patch to the next, and the size of a cell. It must divide the patch size [default: the
    /// patch size]
    #[arg(long, value_name = "PIXELS")]
    pub stride: Option<usize>,
    /// Minimum fraction of observed pixels for a patch of a scene, or a cell, to have features.
    #[arg(long, value_name = "FRACTION", default_value_t = PredictSettings::default().min_valid)]
    pub min_valid: f64,
    #[arg(long, value_name = "NUMBER", default_value_t = PredictSettings::default().batch_size,
        help = format!("Number of patches of a scene in one pass through the network, at most {MAX_BATCH_SIZE}"))]
    pub batch_size: usize,
    #[arg(long, value_name = "NUMBER", default_value_t = PredictSettings::default().threads, hide_default_value = true,
        help = format!("Number of threads that read the scene, at most {MAX_THREADS}. It does not change the result [default: the \
            number of processors, at most {MAX_DEFAULT_THREADS}]"))]
    pub threads: usize,
    /// Memory limit in MiB, for each of: decoded pixels, one batch, the cells being computed.
    #[arg(long, value_name = "MIB", default_value_t = PredictSettings::default().memory)]
    pub memory: u64,
    #[arg(long, value_name = "DEVICE", help = DEVICE, default_value_t = PredictSettings::default().device)]
    pub device: DeviceChoice,
    /// Never delete the finished strips of an interrupted run on a scene: if it had other inputs or settings, it is an error
    /// even with --overwrite. A run with the same ones is continued in any case.
    #[arg(long)]
    pub resume: bool,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Print the numbers of patches and features as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub scene: SceneOptions,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.store).chain(&self.bundle).chain(&self.weights).cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, _: &mut Planned) -> Result<(), CliError> {
        Ok(self.scene_settings().check()?)
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let out = options::required(self.out.as_ref(), "--out", "the output folder")?;
        match (&self.store, self.files.is_empty()) {
            (Some(store), true) => self.of_store(store, out, context),
            (None, false) => self.of_scene(out, context),
            (None, true) => Err(options::missing("--store, or the files of a scene", "what to compute features of")),
            (Some(_), false) => Err(CliError::new(Exit::Usage, "both a store and a scene are given")
                .help("pass --store, or the files of a scene; run the command twice for both")),
        }
    }
}

impl Options {
    fn scene_settings(&self) -> PredictSettings {
        PredictSettings {
            stride: self.stride,
            batch_size: self.batch_size,
            min_valid: self.min_valid,
            memory: self.memory,
            device: self.device,
            threads: self.threads,
            resume: self.resume,
            overwrite: self.overwrite,
            ..PredictSettings::default()
        }
    }

    fn of_store(&self, path: &Path, out: &Path, context: &Context) -> Result<(), CliError> {
        self.check_store_flags()?;
        let store = open_store(path)?;
        let (mut inference, settings) = match (&self.bundle, &self.weights) {
            (Some(bundle), None) => {
                self.check_bundle_flags()?;
                (areal_plan::load(bundle, self.device, Precision::F32, None)?, json!({ "device": self.device }))
            }
            (None, Some(_)) => {
                let settings = self.weights_settings();
                let device = self.device.open()?;
                let bundle = untrained(&store, &settings, &device, context.job())?;
                let record = json!({
                    "device": self.device,
                    "architecture": settings.architecture,
                    "weights_kind": bundle.spec.initial_weights.as_ref().map(|weights| &weights.kind),
                    "weights_notes": bundle.spec.initial_weights.as_ref().map(|weights| &weights.notes),
                });
                (compiled(bundle, self.device)?, record)
            }
            _ => return Err(neither_or_both(self.bundle.is_some())),
        };
        let inputs = [Some(path), self.bundle.as_deref(), self.weights.as_deref()].into_iter().flatten();
        let inputs = inputs.map(input_file_with_companions).collect::<Result<_, _>>()?;
        let provenance = Provenance::new("features", inputs, settings, None);
        let meta = write_features(inference.as_mut(), &store, (out, self.overwrite), provenance, context.job())?;
        self.say_store(&meta, out);
        Ok(())
    }

    fn say_store(&self, meta: &FeaturesMeta, out: &Path) {
        let FeaturesOf::Store { patches } = meta.of else { return };
        if self.json {
            outln!("{}", json!({ "patches": patches, "features": meta.features, "out": out }));
        } else {
            outln!("{patches} patches, {} features", meta.features);
        }
        tracing::info!("features.npy and features.json are in {}", out.display());
    }

    fn of_scene(&self, out: &Path, context: &Context) -> Result<(), CliError> {
        if self.weights.is_some() {
            let help = "train a head on them first: areal train --weights ... --freeze backbone; then pass its folder as --bundle";
            return Err(
                CliError::new(Exit::Usage, "--weights needs --store: it states the bands and their numbers").help(help)
            );
        }
        let bundle = options::required(self.bundle.as_ref(), "--bundle", "the bundle whose features to compute")?;
        self.check_bundle_flags()?;
        let settings = self.scene_settings();
        settings.check()?;
        let scene = Scene::open(&self.scene.settings("scene", self.files.clone())?)?;
        let mut inference = areal_plan::load(bundle, settings.device, Precision::F32, None)?;
        warn_unmasked(inference.spec(), &scene);
        let report = scene_features(&scene, inference.as_mut(), bundle, &settings, out, &context.job())?;
        if report.counts.predicted == 0 {
            tracing::warn!("no cell has features: no patch has as many observed pixels as --min-valid requires");
        }
        if self.json {
            let text = serde_json::to_string_pretty(&report).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
            outln!("{text}");
        } else {
            print_scene(&report);
        }
        tracing::info!("features.tif and features.json are in {}", out.display());
        Ok(())
    }

    /// Refuses flags of a scene beside a store.
    fn check_store_flags(&self) -> Result<(), CliError> {
        let default = PredictSettings::default();
        let given = [
            ("--stride", self.stride.is_some()),
            ("--min-valid", self.min_valid != default.min_valid),
            ("--batch-size", self.batch_size != default.batch_size),
            ("--threads", self.threads != default.threads),
            ("--memory", self.memory != default.memory),
            ("--resume", self.resume),
            ("a flag that controls how a scene is read", self.scene != SceneOptions::default()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(CliError::new(Exit::Usage, format!("{flag} has no effect with --store"))
                .help("remove the flag, or pass the files of a scene in place of --store")),
            None => Ok(()),
        }
    }

    /// Refuses flags of weights beside a bundle.
    fn check_bundle_flags(&self) -> Result<(), CliError> {
        let given = [
            ("--weights-kind", self.weights_kind.is_some()),
            ("--weights-bands", !self.weights_bands.is_empty()),
            ("--missing-band", self.missing_band.is_some()),
            ("--architecture", self.architecture.is_some()),
            ("--normalisation", self.normalisation.is_some()),
        ];
        match given.into_iter().find(|(_, is_given)| *is_given) {
            Some((flag, _)) => Err(CliError::new(Exit::Usage, format!("{flag} has no effect with --bundle"))
                .help(format!("remove {flag}, or pass --weights in place of --bundle"))),
            None => Ok(()),
        }
    }

    /// What a training from the weights would begin with.
    fn weights_settings(&self) -> TrainSettings {
        TrainSettings {
            architecture: self.architecture.unwrap_or(TrainSettings::default().architecture),
            padding: Padding::Same,
            weights: self.weights.clone(),
            weights_kind: self.weights_kind,
            weights_bands: self.weights_bands.clone(),
            missing_band: self.missing_band,
            normalisation: self.normalisation.unwrap_or(TrainSettings::default().normalisation),
            freeze: Freeze::None,
            device: self.device,
            ..TrainSettings::default()
        }
    }
}

/// The inference of a bundle that lies in memory, on its device.
fn compiled(bundle: Bundle, device: DeviceChoice) -> Result<Box<dyn Inference>, CliError> {
    if device != DeviceChoice::Cpu {
        return Ok(Box::new(BurnInference::new(bundle, device.open()?)));
    }
    let isa = Isa::detect().map_err(PlanError::from)?;
    Ok(Box::new(PlanInference::from_bundle(bundle, isa, Precision::F32, None)?))
}

fn neither_or_both(both: bool) -> CliError {
    if both {
        return CliError::new(Exit::Usage, "both --bundle and --weights are given").help("pass one of the two");
    }
    options::missing("--bundle or --weights", "the network whose features to compute")
}

fn print_scene(report: &SceneFeatures) {
    let counts = report.counts;
    outln!("{:<20} {:>12}", "features", report.features);
    outln!("{:<20} {:>12}", "cells", counts.total());
    let rows = [
        ("with features", counts.predicted),
        ("nodata", counts.nodata),
        ("masked", counts.masked),
        ("outside", counts.outside),
    ];
    for (name, cells) in rows {
        outln!("  {name:<18} {cells:>12}");
    }
}
