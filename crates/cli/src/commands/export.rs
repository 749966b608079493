//! `areal export`: a bundle as a file that other programs read.

use std::path::PathBuf;

use areal_formats::{Architecture, NamedChoice, Padding, UnknownName};
use areal_job::StagedFile;
use areal_model::{Bundle, DeviceChoice, OPSET, OnnxOutput, write_onnx, write_safetensors};
use clap::Args;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use super::Stage;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, OVERWRITE, name_of};
use crate::recipe::Planned;

/// Format of an exported model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Display, EnumString, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Format {
    #[default]
    Onnx,
    Safetensors,
}

impl NamedChoice for Format {
    const WHAT: &'static str = "export format";
}

impl Format {
    /// What every such file of areal's has near its beginning.
    fn mark(self) -> &'static str {
        match self {
            Self::Onnx => "areal",
            Self::Safetensors => r#"{"__metadata__":{"format":"pt"}"#,
        }
    }
}

/// Export a bundle as a file for other programs.
///
/// onnx: the whole model from stored numbers to results, for ONNX Runtime and QGIS (Deepness). The input is a patch of stored
/// numbers as float32, [batch, bands, S, S], NaN where a pixel is not observed. Normalisation, temperature and softmax are in
/// the file. The output is the probability of each class, [batch, classes], or the value in its units, [batch, 1]. With
/// --onnx-output pixel it is repeated at each pixel, [batch, classes, S, S], for programs that read segmenters only, such as
/// Deepness. The metadata have the keys that it reads: classes, ground resolution, tile size, overlap, no threshold.
///
/// safetensors: the weights. Those of a ResNet have the names and shapes of torchvision and load there with strict=True.
/// Normalise the input as model.json says. Those of compact have areal's own names.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:\n  \
    areal export bundle --format onnx --out model.onnx\n  \
    areal export bundle --format onnx --onnx-output pixel --out deepness.onnx\n  \
    areal export bundle --format safetensors --out model.safetensors")]
pub struct Options {
    /// Bundle of a trained model.
    #[arg(value_name = "BUNDLE")]
    pub bundle: Option<PathBuf>,
    /// Format: onnx or safetensors.
    #[arg(long, value_name = "FORMAT", default_value_t = Format::default(), value_parser = name_of::<Format>())]
    pub format: Format,
    /// Output of an ONNX file: patch (one result for each patch) or pixel (the same at each of its pixels). [default: patch]
    #[arg(long, value_name = "OUTPUT", value_parser = name_of::<OnnxOutput>())]
    #[serde(skip)]
    pub onnx_output: Option<OnnxOutput>,
    /// File to write.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.bundle.iter().cloned().collect()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        if let Some(bundle) = planned.ready(self.bundle.as_deref()) {
            Bundle::load_spec(bundle)?;
        }
        Ok(())
    }

    fn run(self, _: &Context) -> Result<(), CliError> {
        let folder = options::required(self.bundle.as_ref(), "the folder of a bundle", "the bundle to export")?;
        let out = options::required(self.out.as_ref(), "--out", "the file to write")?;
        if self.format == Format::Safetensors && self.onnx_output.is_some() {
            return Err(CliError::new(Exit::Usage, "--onnx-output has no effect with --format safetensors")
                .help("remove --onnx-output, or pass --format onnx"));
        }
        let staged = StagedFile::replacing(out, self.overwrite, self.format.mark())?;
        let bundle = Bundle::load(folder, &DeviceChoice::Cpu.open()?)?;
        match self.format {
            Format::Onnx => write_onnx(&bundle, self.onnx_output.unwrap_or_default(), staged.path())?,
            Format::Safetensors => write_safetensors(&bundle, staged.path())?,
        }
        staged.commit()?;
        say(&bundle, self.format);
        tracing::info!("the model is in {}", out.display());
        Ok(())
    }
}

/// What to know of the file.
fn say(bundle: &Bundle, format: Format) {
    let (spec, bands) = (&bundle.spec, bundle.spec.bands.len());
    if format == Format::Onnx {
        tracing::info!("ONNX, operators of version {OPSET}; input [batch, {bands}, {0}, {0}]", spec.patch_size);
        return;
    }
    if spec.architecture == Architecture::Compact {
        tracing::info!("compact is areal's own network: its tensors have areal's names");
        return;
    }
    let (name, outputs) = (spec.architecture, spec.target.outputs());
    let stem = if bands == 3 { String::new() } else { format!(", after conv1 is replaced by one of {bands} bands") };
    tracing::info!("loads into torchvision.models.{name}(num_classes={outputs}){stem}");
    if spec.padding == Padding::Valid {
        tracing::warn!(
            "the network has padding = valid; torchvision's pads, and gives other results with these weights"
        );
    }
}
