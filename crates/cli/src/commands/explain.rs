//! `areal explain`: saliency maps and their faithfulness measures.

use std::path::{Path, PathBuf};

use areal_explain::{
    DEFAULT_TOP, ExplainSettings, Method, PatchSelection, SaliencyRow, Subject, explain, of_places, of_prediction,
    of_store, pixels_of_places,
};
use areal_formats::{BandRef, counted, input_file};
use areal_model::{Bundle, DataKind, DeviceChoice};
use areal_patches::open_store;
use areal_predict::PredictError;
use areal_raster::{Prediction, Scene};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::predict::{check_scene, planned_model, warn_unmasked};
use crate::columns::cell;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, DEVICE, OVERWRITE, name_of};
use crate::recipe::{Planned, no_class};
use crate::scene_options::SceneOptions;

/// Explain single predictions: which pixels support a class, and how reliable the explanation is
///
/// Computes Grad-CAM, HiResCAM and occlusion for patches of a store, places in a scene, or the most certain patches of
/// each class in a prediction. Each patch gives a GeoTIFF aligned with its scene (one band per method, in units of the
/// logit), an image beside the true colours, and a row of measures: areas under the deletion and insertion curves,
/// completeness, and rank correlation with the saliency map of a network with random weights ("-" if either map has
/// one value everywhere).
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(
    after_help = "Examples:\n  areal explain scene.tif --bundle bundle --prediction prediction --top 3 --out saliency\n  \
                  areal explain scene.tif --bundle bundle --at 103.42,4.87 --out saliency\n  \
                  areal explain --bundle bundle --store patches --patch 12,40 --out saliency"
)]
pub struct Options {
    /// Rasters of the scene; not needed for patches of a store.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Bundle of a trained model.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// Folder to write: saliency.csv, explain.json, one GeoTIFF per patch and one PNG per patch and method.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// Patch store that --patch chooses from.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Patches of the store, by number: --patch 12,40.
    #[arg(long, value_delimiter = ',', requires = "store", value_name = "ID")]
    pub patch: Vec<u64>,
    /// Place in the scene, in degrees: --at 103.42,4.87. Repeatable.
    #[arg(long, allow_hyphen_values = true, value_name = "LON,LAT")]
    pub at: Vec<String>,
    /// Prediction of the scene, to choose the most certain patches of each class, or the highest values.
    #[arg(long, value_name = "FOLDER")]
    pub prediction: Option<PathBuf>,
    #[arg(long, requires = "prediction", value_name = "NUMBER",
        help = format!("Number of most certain patches of each class, or of highest values [default: {DEFAULT_TOP} with --prediction]"))]
    pub top: Option<usize>,
    /// Methods: grad-cam, hires-cam, occlusion [default: all]
    #[arg(long, value_delimiter = ',', value_name = "METHOD", value_parser = name_of::<Method>())]
    pub methods: Vec<Method>,
    /// Class to explain, by name [default: the class that the patch was chosen for, otherwise its predicted class]
    #[arg(long, value_name = "NAME")]
    pub class: Option<String>,
    /// Side of the square that occlusion hides [default: an eighth of the patch]
    #[arg(long, value_name = "PIXELS")]
    pub window: Option<usize>,
    /// Steps of the deletion and insertion curves.
    #[arg(long, value_name = "NUMBER", default_value_t = ExplainSettings::default().steps)]
    pub steps: usize,
    /// Bands of the model to show as red, green and blue: --rgb 3,2,1 [default: by description]
    #[arg(long, value_delimiter = ',', value_name = "BAND")]
    pub rgb: Vec<BandRef>,
    /// Seed of the random weights used for comparison.
    #[arg(long, value_name = "NUMBER", default_value_t = ExplainSettings::default().seed)]
    pub seed: u64,
    #[arg(long, value_name = "DEVICE", help = DEVICE, default_value_t = ExplainSettings::default().device)]
    pub device: DeviceChoice,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Print the rows as JSON.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub scene: SceneOptions,
}

impl Options {
    fn settings(&self) -> Result<ExplainSettings, CliError> {
        let default = ExplainSettings::default();
        let has_scene = !self.files.is_empty();
        let chosen = PatchSelection {
            patches: self.patch.clone(),
            places: self.places()?,
            top: self.prediction.as_ref().filter(|_| has_scene).map(|_| self.top()),
            scene: has_scene.then(|| self.scene.settings("scene", self.files.clone())).transpose()?,
        };
        Ok(ExplainSettings {
            methods: if self.methods.is_empty() { default.methods } else { self.methods.clone() },
            class: self.class.clone(),
            window: self.window,
            steps: self.steps,
            rgb: self.rgb.clone(),
            chosen,
            seed: self.seed,
            device: self.device,
            overwrite: self.overwrite,
        })
    }

    fn places(&self) -> Result<Vec<[f64; 2]>, CliError> {
        self.at.iter().map(|text| lonlat(text)).collect()
    }

    fn top(&self) -> usize {
        self.top.unwrap_or(DEFAULT_TOP)
    }

    /// The requested patches: from the store, at positions, and by certainty.
    fn subjects(&self, bundle: &Path, context: &Context) -> Result<Vec<Subject>, CliError> {
        let spec = Bundle::load_spec(bundle).map_err(PredictError::from)?;
        let mut subjects = Vec::new();
        if let Some(store) = &self.store {
            let store = open_store(store)?;
            let meta = store.meta();
            DataKind::of_model(&spec).check(&DataKind::of_store(meta))?;
            areal_train::warn_if_unlike(&spec, &store)?;
            subjects.extend(of_store(&store, &self.patch)?);
        }
        if self.files.is_empty() {
            return Ok(subjects);
        }
        let scene = Scene::open(&self.scene.settings("scene", self.files.clone())?)?;
        // Places are checked before anything is read of the scene.
        let places = self.places()?;
        pixels_of_places(&scene, &places)?;
        areal_predict::check_scene(&scene, &spec)?;
        warn_unmasked(&spec, &scene);
        subjects.extend(of_places(&scene, &places, spec.patch_size)?);
        if let Some(prediction) = &self.prediction {
            let prediction = Prediction::open(prediction)?;
            let digest = input_file(bundle)?.sha256;
            subjects.extend(of_prediction(&scene, &prediction, &spec, &digest, self.top(), &context.job())?);
        }
        Ok(subjects)
    }
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.files.iter().chain(&self.bundle).chain(&self.store).chain(&self.prediction).cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        let settings = self.settings()?;
        if !planned.is_made {
            settings.device.open().map_err(PredictError::from)?;
        }
        let model = planned_model(self.bundle.as_deref(), planned)?;
        if let Some(model) = &model {
            settings.check(model.patch_size)?;
        }
        if let (Some(class), Some(target)) = (&self.class, model.as_ref().and_then(|model| model.target.as_ref()))
            && target.classes().iter().all(|known| known.name != *class)
        {
            return Err(no_class(class, target));
        }
        settings.chosen.scene.map_or(Ok(()), |scene| check_scene(&scene, model.as_ref()))
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let missing =
            |flag: &str| CliError::new(Exit::Usage, format!("{flag} is missing")).help("see `areal explain --help`");
        let bundle = self.bundle.as_deref().ok_or_else(|| missing("--bundle"))?;
        let out = self.out.as_deref().ok_or_else(|| missing("--out"))?;
        if !self.at.is_empty() && self.files.is_empty() {
            return Err(missing("the scene's FILE for --at"));
        }
        let settings = self.settings()?;
        let subjects = self.subjects(bundle, context)?;
        let rows = explain(&subjects, bundle, &self.inputs(), &settings, out, &context.job())?;
        if self.json {
            let text = serde_json::to_string_pretty(&rows).map_err(|e| CliError::new(Exit::Failure, e.to_string()))?;
            outln!("{text}");
        } else {
            print_table(&rows);
        }
        tracing::info!("{} explained; {}", counted(subjects.len(), "patch"), out.display());
        Ok(())
    }
}

fn lonlat(text: &str) -> Result<[f64; 2], CliError> {
    let numbers: Vec<f64> = text.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    match numbers[..] {
        [lon, lat] if lon.abs() <= 360.0 && lat.abs() <= 90.0 && text.split(',').count() == 2 => Ok([lon, lat]),
        _ => Err(CliError::new(Exit::Usage, format!("--at \"{text}\" is not a position"))
            .help("give longitude and latitude in degrees: --at 103.42,4.87")),
    }
}

fn correlation(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.3}"))
}

fn print_table(rows: &[SaliencyRow]) {
    outln!(
        "{:<20} {:<10} {:<16} {:>8} {:>9} {:>9} {:>12} {:>12}",
        "patch",
        "method",
        "class",
        "result",
        "deletion",
        "insertion",
        "random head",
        "random all"
    );
    for row in rows {
        outln!(
            "{:<20} {:<10} {:<16} {:>8.4} {:>9.4} {:>9.4} {:>12} {:>12}",
            row.id,
            &row.method.to_string(),
            cell(row.class_name.as_deref().unwrap_or("")),
            row.result,
            row.deletion_auc,
            row.insertion_auc,
            correlation(row.random_head_correlation),
            correlation(row.random_all_correlation)
        );
    }
    if rows.iter().any(|row| row.random_head_correlation.is_none() || row.random_all_correlation.is_none()) {
        tracing::info!(
            "-: one of the two maps, with the trained and with random weights, has the same value at every pixel, so they have no \
             rank correlation (empty in saliency.csv). This is common for random weights"
        );
    }
}
