//! `areal evaluate`: measures of a bundle on one split of a patch store.

use std::path::PathBuf;

use areal_formats::{Provenance, counted};
use areal_job::{StagedDir, write_json};
use areal_model::{Bundle, BurnInference, DeviceChoice, Inference, Precision};
use areal_patches::open_store;
use areal_raster::input_file_with_companions;
use areal_store::Split;
use areal_train::{Evaluation, Metrics, write_confusion, write_evaluation};
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::metrics_text::metrics_text;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, DEVICE, OVERWRITE, name_of};
use crate::precision;
use crate::recipe::Planned;

/// Measure a bundle on one split of a patch store.
///
/// Prints accuracy, balanced accuracy, macro-F1, Matthews correlation, kappa, log loss, calibration error, precision
/// and recall of each class and the confusion matrix; for a value RMSE, MAE, bias and both kinds of R2. With --out,
/// writes them as evaluation.json, metrics.csv and confusion.csv. The measures describe the patches of the store, not
/// the accuracy of a map. For the accuracy of a map, draw a probability sample.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Example:\n  areal evaluate --bundle bundle --store patches --split test --out evaluation")]
pub struct Options {
    /// Bundle to measure: a folder made by `areal train`.
    #[arg(long, value_name = "FOLDER")]
    pub bundle: Option<PathBuf>,
    /// Patch store to measure it on.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    /// Split to measure: train, validation or test.
    #[arg(long, value_name = "SPLIT", default_value_t = Split::Test, value_parser = name_of::<Split>())]
    pub split: Split,
    #[arg(long, value_name = "DEVICE", help = DEVICE, default_value_t = DeviceChoice::default())]
    pub device: DeviceChoice,
    /// Precision of the network: f32, bf16 or int8.
    #[arg(long, value_name = "PRECISION", default_value_t = Precision::default(), value_parser = name_of::<Precision>())]
    pub precision: Precision,
    /// Folder to write. [default: print only]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Print the measures as JSON.
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
        [&self.bundle, &self.store].into_iter().flatten().cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        if !planned.is_made {
            self.device.open()?;
        }
        if let Some(bundle) = planned.ready(self.bundle.as_deref()) {
            Bundle::load_spec(bundle)?;
        }
        if let Some(store) = planned.ready(self.store.as_deref()) {
            open_store(store)?;
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let bundle = options::required(self.bundle.as_ref(), "--bundle", "the bundle to measure")?;
        let path = options::required(self.store.as_ref(), "--store", "the patch store to measure it on")?;
        let split = self.split;
        let staged = match &self.out {
            Some(out) => Some(StagedDir::new(out, self.overwrite)?),
            None => None,
        };
        let store = open_store(path)?;
        let (device, precision) = (self.device, self.precision);
        let mut inference: Box<dyn Inference> = if precision == Precision::F32 {
            Box::new(BurnInference::load(bundle, device)?)
        } else {
            precision::load(bundle, device, precision, Some(path), context)?.inference
        };
        let metrics = areal_train::evaluate(inference.as_mut(), &store, split, context.job())?;
        let evaluation = Evaluation {
            format: areal_formats::EVALUATION_FORMAT.to_owned(),
            split,
            patches: store.indices(split).len() as u64,
            metrics,
            provenance: Provenance {
                made_by: areal_formats::MADE_BY.to_owned(),
                command: "evaluate".to_owned(),
                inputs: self.inputs().iter().map(|p| input_file_with_companions(p)).collect::<Result<_, _>>()?,
                settings: serde_json::json!({ "split": split, "device": device, "precision": precision }),
                seed: None,
            },
        };
        if let Some(staged) = staged {
            write_json(&staged.file("evaluation.json"), &evaluation)?;
            write_evaluation(&staged.file("metrics.csv"), &evaluation.metrics)?;
            if let Metrics::Classes(m) = &evaluation.metrics {
                write_confusion(&staged.file("confusion.csv"), inference.spec().target.classes(), &m.confusion)?;
            }
            staged.commit()?;
        }
        if self.json {
            let text =
                serde_json::to_string_pretty(&evaluation).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
            outln!("{text}");
        } else {
            outln!("{split} split, {}", counted(evaluation.patches, "patch"));
            out!("{}", metrics_text(&evaluation.metrics));
        }
        Ok(())
    }
}
