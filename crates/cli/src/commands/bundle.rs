//! `areal bundle verify`: does a bundle still hold and compute what it did when it was written?

use std::path::{Path, PathBuf};

use areal_job::{Verified, VerifyError, verify};
use areal_model::{BurnInference, DeviceChoice, Inference, Precision, StoredProbe};
use areal_plan::tolerance;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::check_names;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Check bundles.
#[derive(Debug, Clone, Args)]
pub struct Options {
    #[command(subcommand)]
    pub command: BundleCommand,
}

#[derive(Debug, Clone, Subcommand)]
pub enum BundleCommand {
    Verify(VerifyOptions),
}

/// Check that a bundle is as it was written, and computes the same on this machine
///
/// Compares each file with the bundle's manifest and the weights with the digest in model.json. Then computes the logits of a
/// fixed batch by Burn and by the compiled plan, and compares them with those in probe.json, which were computed when the
/// bundle was written. Exit code 0 if all agree, otherwise 3.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  areal bundle verify bundle")]
pub struct VerifyOptions {
    /// Folder of a bundle.
    #[arg(value_name = "BUNDLE")]
    pub bundle: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// The document of `--json`.
#[derive(Serialize)]
struct Document {
    format: &'static str,
    /// Files of the bundle; none where it has no manifest.
    files: Option<Vec<Verified>>,
    /// Logits beside those of the training; none where the bundle keeps none.
    logits: Option<Vec<Compared>>,
}

#[derive(Serialize)]
struct Compared {
    inference: String,
    /// Greatest difference, as a fraction of the greatest logit.
    difference: f32,
    tolerance: f32,
}

impl Compared {
    fn is_fault(&self) -> bool {
        self.difference.is_nan() || self.difference > self.tolerance
    }
}

pub fn run(options: &Options, context: &Context) -> Result<(), CliError> {
    let BundleCommand::Verify(options) = &options.command;
    let folder = options.bundle.as_path();
    check_names([&options.bundle])?;
    areal_job::recover_input(folder)?;
    let document =
        Document { format: "areal-bundle-verification/1", files: files(folder, context)?, logits: logits(folder)? };
    if options.json {
        let text = serde_json::to_string_pretty(&document).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
        outln!("{text}");
    } else {
        print(&document);
    }
    let changed = document.files.iter().flatten().filter(|file| file.state.is_fault()).count();
    if changed > 0 {
        return Err(CliError::new(
            Exit::Input,
            format!("{changed} files of {} are changed or missing", folder.display()),
        )
        .help("copy the bundle again from an intact copy, or train it again"));
    }
    if document.logits.iter().flatten().any(Compared::is_fault) {
        return Err(CliError::new(Exit::Input, format!("{} does not compute what it did when it was written", folder.display()))
            .help("copy the bundle again from an intact copy; if that one fails too, this machine or this version computes something else"));
    }
    Ok(())
}

/// Files of the bundle beside its manifest.
fn files(folder: &Path, context: &Context) -> Result<Option<Vec<Verified>>, CliError> {
    match verify(folder, false, context.job()) {
        Ok(files) => Ok(Some(files)),
        Err(VerifyError::NoManifest { .. }) => {
            tracing::warn!("{} has no manifest: only the weights are compared with a digest", folder.display());
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Logits of the stored batch; loading compares the weights with their digest.
fn logits(folder: &Path) -> Result<Option<Vec<Compared>>, CliError> {
    let mut burn = BurnInference::load(folder, DeviceChoice::Cpu)?;
    let Some(stored) = StoredProbe::read(folder)? else {
        tracing::warn!(
            "{} has no {}: what it computed when it was written is not known",
            folder.display(),
            StoredProbe::FILE
        );
        return Ok(None);
    };
    let mut plan = areal_plan::load(folder, DeviceChoice::Cpu, Precision::F32, None)?;
    let inferences: [&mut dyn Inference; 2] = [&mut burn, plan.as_mut()];
    let compare = |inference: &mut dyn Inference| -> Result<Compared, CliError> {
        let difference = stored.compare(inference)?.difference;
        Ok(Compared { inference: inference.kind(), difference, tolerance: tolerance(Precision::F32) })
    };
    inferences.into_iter().map(compare).collect::<Result<_, _>>().map(Some)
}

fn print(document: &Document) {
    for file in document.files.iter().flatten() {
        let how = file.how.as_ref().map(|how| format!(": {how}")).unwrap_or_default();
        outln!("{:<8} {}{how}", file.state.to_string(), file.path.display());
    }
    for compared in document.logits.iter().flatten() {
        let state = if compared.is_fault() { "changed" } else { "ok" };
        let Compared { inference, difference, tolerance } = compared;
        outln!(
            "{state:<8} logits by {inference}: {difference:.1e} from those of the training, {tolerance:.0e} allowed"
        );
    }
}
