//! `areal inspect BUNDLE`: what a trained model is, what it reads and gives, and where it comes from.

use std::fmt::Write as _;
use std::path::Path;

use areal_formats::{EVALUATION_FORMAT, InputRef, ModelSpec, input_file};
use areal_grid::{Scaling, Target};
use areal_job::{Sha256, read_json};
use areal_model::{Bundle, DeviceChoice, StateDict};
use areal_train::Evaluation;
use serde::Serialize;

use super::metrics_text::metrics_text;
use crate::columns::{aligned, printable};
use crate::errors::{CliError, Exit};

/// The document of `--json`.
#[derive(Serialize)]
struct Document {
    format: &'static str,
    /// Digest of the folder.
    sha256: Sha256,
    /// Numbers that are learnt.
    parameters: usize,
    model: ModelSpec,
    /// Its measures on the validation split; none where the bundle has none.
    evaluation: Option<Evaluation>,
}

/// True for a folder with the description of a model.
pub fn is_bundle(path: &Path) -> bool {
    path.join("model.json").is_file()
}

/// Prints what a bundle is; its weights are compared with their digest.
pub fn run(folder: &Path, json: bool) -> Result<(), CliError> {
    let bundle = Bundle::load(folder, &DeviceChoice::Cpu.open()?)?;
    let weights = StateDict::of(&bundle.network);
    let learnt = weights.tensors.iter().filter(|(name, _)| !name.contains(".running_"));
    let evaluation = folder.join("evaluation.json");
    let evaluation = evaluation.exists().then(|| read_json(&evaluation, EVALUATION_FORMAT)).transpose()?;
    let document = Document {
        format: "areal-bundle-inspection/1",
        sha256: input_file(folder)?.sha256,
        parameters: learnt.map(|(_, tensor)| tensor.values.len()).sum(),
        model: bundle.spec,
        evaluation,
    };
    if json {
        let text = serde_json::to_string_pretty(&document).map_err(|e| CliError::from_source(Exit::Failure, &e))?;
        outln!("{text}");
    } else {
        out!("{}", text(folder, &document));
    }
    Ok(())
}

fn line(out: &mut String, name: &str, text: &str) {
    let _ = writeln!(out, "{}", format!("{name:<16}{}", printable(text)).trim_end());
}

fn text(folder: &Path, document: &Document) -> String {
    let (mut out, model) = (String::new(), &document.model);
    line(&mut out, &folder.display().to_string(), "");
    let (name, padding, parameters) = (model.architecture, model.padding, document.parameters);
    line(&mut out, "  network", &format!("{name}, padding {padding}, {parameters} parameters"));
    line(&mut out, "  digest", document.sha256.as_str());
    line(&mut out, "  weights", model.weights_sha256.as_str());
    if folder.join("card.md").is_file() {
        line(&mut out, "  card", &folder.join("card.md").display().to_string());
    }
    input(&mut out, model);
    result(&mut out, model);
    lineage(&mut out, model);
    if let Some(evaluation) = &document.evaluation {
        let _ = writeln!(out, "\n{} split, {} patches", evaluation.split, evaluation.patches);
        out.push_str(&metrics_text(&evaluation.metrics));
    }
    out
}

/// What the model reads.
fn input(out: &mut String, model: &ModelSpec) {
    let size = model.patch_size;
    let ground = model.ground_resolution.map_or("not known".to_owned(), |g| format!("{:.3} m a pixel", g.mean()));
    line(out, "  input", &format!("patches of {size} x {size} px, {}; ground resolution {ground}", model.pixel_type));
    if let Some(masked) = &model.masked_by {
        line(out, "  masked by", masked);
    }
    let header = ["band", "description", "mean", "deviation", "meaning"].map(str::to_owned).to_vec();
    let scaling = |band: usize| model.scaling.as_ref().and_then(|all| all.get(band));
    let meaning = |s: &Scaling| format!("stored x {} + {}", s.scale, s.offset);
    let row = |(band, description): (usize, &String)| {
        vec![
            (band + 1).to_string(),
            description.clone(),
            model.normalisation.mean[band].to_string(),
            model.normalisation.std[band].to_string(),
            scaling(band).map_or("stored numbers".to_owned(), meaning),
        ]
    };
    let rows: Vec<Vec<String>> = std::iter::once(header).chain(model.bands.iter().enumerate().map(row)).collect();
    for row in aligned(&rows, |column| [0, 2, 3].contains(&column)) {
        line(out, "", &row);
    }
}

/// What the model gives.
fn result(out: &mut String, model: &ModelSpec) {
    match &model.target {
        Target::Value { name, unit } => {
            let scale = model.value_scale.map_or(String::new(), |s| format!("; mean {}, deviation {}", s.mean, s.std));
            line(out, "  output", &format!("{name} {unit}{scale}"));
        }
        Target::Classes { classes } => {
            let temperature = model.calibration.temperature;
            line(out, "  output", &format!("probabilities of {} classes, temperature {temperature:.3}", classes.len()));
            let header = ["code", "class", "training patches", "prior"].map(str::to_owned).to_vec();
            let rows = classes.iter().zip(&model.class_counts).zip(&model.training_prior).map(|((class, n), prior)| {
                vec![class.code.to_string(), class.name.clone(), n.to_string(), format!("{prior:.4}")]
            });
            let rows: Vec<Vec<String>> = std::iter::once(header).chain(rows).collect();
            for row in aligned(&rows, |column| column != 1) {
                line(out, "", &row);
            }
        }
    }
}

/// Where the model comes from.
fn lineage(out: &mut String, model: &ModelSpec) {
    let made = &model.provenance;
    line(out, "  made by", &format!("{}, areal {}", made.made_by, made.command));
    if let Some(seed) = made.seed {
        line(out, "  seed", &seed.to_string());
    }
    for input in &made.inputs {
        let (kind, value) = InputRef::identity(input);
        line(out, "  from", &format!("{}, {kind} {value}", input.name()));
    }
    if let Some(first) = &model.initial_weights {
        line(out, "  begun with", &first.kind);
        first.notes.iter().for_each(|note| line(out, "", note));
    }
}
