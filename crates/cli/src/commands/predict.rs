//! `areal predict`: from a scene and a bundle to a map.

use std::path::{Path, PathBuf};

use areal_formats::{DenseAgreement, ModelSpec, PredictMode, SceneSettings, counted, counted_do};
use areal_model::{Bundle, DataKind, DeviceChoice, Precision};
use areal_predict::{
    MAX_BATCH_SIZE, MAX_DEFAULT_THREADS, MAX_THREADS, PredictError, PredictReport, PredictSettings, data_kind, predict,
};
use areal_raster::Scene;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::columns::cell;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, DEVICE, OVERWRITE, name_of};
use crate::precision;
use crate::recipe::{Planned, Training};
use crate::scene_options::SceneOptions;

/// Predict a scene with a bundle: a map of classes with their probabilities, or of a value
///
/// The scene is read in strips, so memory use does not depend on its size. Each cell of the map is one stride wide. If
/// the stride is smaller than the patch, a cell is the mean of the patches that cover it. A patch or a cell with too
/// few observed pixels is not predicted. An interrupted run keeps its finished strips next to the output, and the
/// same command continues it. With other inputs or settings it is an error, unless --overwrite deletes these strips.
///
/// With --mode dense, the network runs over the whole scene instead of patch by patch, and the features in each patch
/// are averaged. With strides smaller than the patch, this takes a fraction of the time. A network trained with
/// --padding valid gives the same map in both modes, up to rounding. A network trained with the usual zero padding saw
/// zeros around every patch; in dense mode it sees the surrounding pixels, so its map differs, most for patches that
/// are small for the network. The difference is measured on up to 256 patches of the scene, printed, and written to
/// prediction.json. In this mode an area without data takes as long as any other. Feature maps and a row of decoded
/// blocks use at most three quarters of --memory. If they do not fit, the scene is cut into panels of columns.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  areal predict scene.tif --bundle bundle --out prediction\n  \
                  areal predict west.tif east.tif --bundle bundle --out prediction --stride 16 --quality-band qa \
                  --quality-bits 3,4")]
pub struct Options {
    /// Rasters of the scene; several files are read as one.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Bundle of a trained model.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// Folder to write: classes.tif and probabilities.tif, or value.tif; states.tif (state of each cell: observed,
    /// nodata, masked, outside) and shares.tif (fraction of the cell in each state); prediction.json.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Pixels from one patch to the next, and the size of a cell. It must divide the patch size [default: the patch
    /// size]
    #[arg(long, value_name = "PIXELS")]
    pub stride: Option<usize>,
    /// How the network is run: patch (patch by patch) or dense (over the whole scene, so that overlapping patches are
    /// not computed again; --device cpu only).
    #[arg(long, value_name = "MODE", default_value_t = PredictSettings::default().mode, value_parser = name_of::<PredictMode>())]
    pub mode: PredictMode,
    /// Minimum fraction of observed pixels for a patch or a cell to be predicted.
    #[arg(long, value_name = "FRACTION", default_value_t = PredictSettings::default().min_valid)]
    pub min_valid: f64,
    #[arg(long, value_name = "NUMBER", default_value_t = PredictSettings::default().batch_size,
        help = format!("Number of patches in one pass through the network, at most {MAX_BATCH_SIZE}"))]
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
    /// Precision of the network: f32, bf16 or int8. bf16 and int8 are faster on processors with instructions for them,
    /// and may change the class of a few patches.
    #[arg(long, value_name = "PRECISION", default_value_t = PredictSettings::default().precision, value_parser = name_of::<Precision>())]
    pub precision: Precision,
    /// Patch store that the model was trained on. int8 measures its ranges on the training patches; bf16 and int8
    /// measure their effect on the test and validation patches
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Never delete the finished strips of an interrupted run: if it had other inputs or settings, it is an error even with
    /// --overwrite. A run with the same ones is continued in any case.
    #[arg(long)]
    pub resume: bool,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Print the counts as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub scene: SceneOptions,
}

impl Options {
    fn settings(&self) -> PredictSettings {
        PredictSettings {
            stride: self.stride,
            mode: self.mode,
            batch_size: self.batch_size,
            min_valid: self.min_valid,
            memory: self.memory,
            device: self.device,
            precision: self.precision,
            precision_change: None,
            store: self.store.clone(),
            threads: self.threads,
            resume: self.resume,
            overwrite: self.overwrite,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.bundle).chain(&self.store).cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        let settings = self.settings();
        settings.check()?;
        if !planned.is_made {
            settings.device.open().map_err(PredictError::from)?;
        }
        let model = planned_model(self.bundle.as_deref(), planned)?;
        if let Some(model) = &model {
            // Whether the stride divides the patch size does not depend on the scene.
            settings.layout((1, 1), model.patch_size)?;
        }
        check_scene(&self.scene.settings("scene", self.files.clone())?, model.as_ref())?;
        planned.mapped = model.and_then(|model| model.target);
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let bundle = options::required(self.bundle.as_ref(), "--bundle", "the bundle to predict with")?;
        let out = options::required(self.out.as_ref(), "--out", "the output folder")?;
        let mut settings = self.settings();
        settings.check()?;
        if settings.precision == Precision::F32 && settings.store.is_some() {
            return Err(CliError::new(Exit::Usage, "--store has no effect in single precision")
                .help("add --precision bf16 or int8, or remove --store"));
        }
        let scene = Scene::open(&self.scene.settings("scene", self.files.clone())?)?;
        let mut loaded =
            precision::load(bundle, settings.device, settings.precision, settings.store.as_deref(), context)?;
        warn_unmasked(loaded.inference.spec(), &scene);
        settings.precision_change = loaded.change;
        let report = predict(&scene, loaded.inference.as_mut(), bundle, &settings, out, &context.job())?;
        if self.json {
            outln!("{}", to_json(&report)?);
        } else {
            print_table(&report);
        }
        say(&report);
        Ok(())
    }
}

/// The training data of the bundle, which may exist already or be trained by the recipe. `None` if it is not known.
pub(super) fn planned_model(bundle: Option<&Path>, planned: &Planned) -> Result<Option<Training>, CliError> {
    let Some(bundle) = planned.ready(bundle) else { return Ok(planned.training.clone()) };
    let spec = Bundle::load_spec(bundle).map_err(PredictError::from)?;
    let kind = DataKind::of_model(&spec);
    Ok(Some(Training { kind, patch_size: spec.patch_size, target: Some(spec.target) }))
}

/// Checks that a scene can be read, and that it fits the model.
pub(super) fn check_scene(scene: &SceneSettings, model: Option<&Training>) -> Result<(), CliError> {
    let kind = data_kind(&Scene::open(scene)?);
    model.map_or(Ok(()), |model| Ok(model.kind.check(&kind).map_err(PredictError::from)?))
}

/// Warns if clouds in the scene would be mapped as classes because the model was trained without them.
pub fn warn_unmasked(spec: &ModelSpec, scene: &Scene) {
    if let (Some(masked), None) = (&spec.masked_by, &scene.settings().quality) {
        tracing::warn!(
            "the model was trained on scenes masked by {masked}; this scene is not masked, so clouds and shadows are \
             mapped as classes: pass its quality band as --quality-band with --quality-values or --quality-bits"
        );
    }
}

fn to_json(report: &PredictReport) -> Result<String, CliError> {
    serde_json::to_string_pretty(report).map_err(|e| CliError::new(Exit::Failure, e.to_string()))
}

fn print_table(report: &PredictReport) {
    let counts = report.counts;
    outln!("{:<20} {:>12}", "cells", counts.total());
    for (name, cells) in [
        ("predicted", counts.predicted),
        ("nodata", counts.nodata),
        ("masked", counts.masked),
        ("outside", counts.outside),
    ] {
        outln!("  {name:<18} {cells:>12}");
    }
    if !report.classes.is_empty() {
        outln!("\n{:<20} {:>12} {:>8}", "class", "mapped cells", "fraction");
    }
    for (class, share) in report.class_shares() {
        outln!("{:<20} {:>12} {:>7.2}%", cell(&class.name), class.cells, 100.0 * share);
    }
}

fn say(report: &PredictReport) {
    if report.counts.predicted == 0 {
        tracing::warn!("no cell is predicted: no patch has as many observed pixels as --min-valid requires");
    }
    if report.resumed_patches > 0 {
        tracing::info!(
            "{} kept from the interrupted run",
            counted_do(report.resumed_patches, "patch", ["was", "were"])
        );
    }
    if let Some(agreement) = report.agreement {
        say_agreement(&agreement);
    }
    tracing::info!(
        "{} with data in {:.1} s in all, {:.1} patches/s, {:.2} Mpix/s; {}",
        counted(report.patches, "patch"),
        report.seconds,
        report.patches_per_second(),
        report.megapixels_per_second(),
        report.out.display()
    );
    if !report.classes.is_empty() {
        tracing::info!("cell counts are not areas: `areal aggregate` gives true areas by zone");
    }
}

fn say_agreement(agreement: &DenseAgreement) {
    let apart = format!("{:.2e} on average, {:.2e} at most", agreement.mean_difference, agreement.greatest_difference);
    let patches = counted_do(agreement.patches, "patch", ["was", "were"]);
    if let Some(share) = agreement.same_class {
        let share = 100.0 * share;
        tracing::info!(
            "{patches} also predicted one by one: {share:.2} % have the same class, and probabilities \
             differ by {apart}"
        );
    } else {
        tracing::info!("{patches} also predicted one by one: values differ by {apart}");
    }
}
