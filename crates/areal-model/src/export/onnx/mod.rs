//! Models as ONNX files, from stored numbers to probabilities.

mod graph;
mod metadata;
mod network;
mod proto;

use std::path::Path;

use areal_formats::{ModelSpec, NamedChoice, UnknownName};
use areal_grid::Target;
use areal_job::FileError;
use prost::Message;
use strum::{Display, EnumString, VariantNames};

use self::graph::{GraphBuilder, Value, of_patches};
use self::network::Layers;
use self::proto::{Model, OperatorSet};
use crate::{Bundle, ModelError, StateDict};

/// Version of ONNX's operators that files use.
pub const OPSET: i64 = 15;
/// Version of the file format that came with it (ONNX 1.10).
const IR_VERSION: i64 = 8;

/// What the output of a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Display, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum OnnxOutput {
    /// One result for each patch: `[batch, K]`.
    #[default]
    Patch,
    /// The same at each pixel of the patch, `[batch, K, S, S]`, as programs need that know segmenters only.
    Pixel,
}

impl NamedChoice for OnnxOutput {
    const WHAT: &'static str = "ONNX output";
}

/// Writes a bundle as an ONNX file ([`OPSET`]).
///
/// Input `input`: stored numbers of a patch as single precision, `[batch, bands, S, S]`; NaN is a pixel that is not observed.
/// Normalisation, temperature and softmax are in the graph. Output `probabilities` of each class in the order of the legend, or
/// `value` in its own units. `metadata_props` are those of Deepness.
///
/// # Errors
/// When the network has a layer that cannot be written, or the file cannot be written.
pub fn write_onnx(bundle: &Bundle, output: OnnxOutput, path: &Path) -> Result<(), ModelError> {
    let spec = &bundle.spec;
    let weights = StateDict::of(&bundle.network);
    let mut graph = GraphBuilder::default();
    let image = normalised(&mut graph, spec);
    let logits = Layers { graph: &mut graph, weights: &weights }.logits(&bundle.network, &image)?;
    let (name, result) = result(&mut graph, spec, &logits);
    let size = spec.patch_size;
    let outputs = spec.target.outputs();
    let shape = if output == OnnxOutput::Pixel {
        at_each_pixel(&mut graph, &result, name, size);
        vec![outputs, size, size]
    } else {
        graph.node("Identity", name, &[&result], Vec::new());
        vec![outputs]
    };
    let input = of_patches("input", &[spec.bands.len(), size, size], about_input(spec));
    let output_info = of_patches(name, &shape, about_output(spec));
    let model = Model {
        ir_version: IR_VERSION,
        producer_name: "areal".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!("{}. {}.", about_input(spec), about_output(spec)),
        graph: Some(graph.finish("areal", input, output_info)),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata::metadata(spec, output),
    };
    std::fs::write(path, model.encode_to_vec()).map_err(FileError::io("write", path))?;
    Ok(())
}

/// The input less each band's mean, over its deviation; 0 where a number is NaN.
fn normalised(graph: &mut GraphBuilder, spec: &ModelSpec) -> String {
    let shape = [1, spec.bands.len(), 1, 1];
    let mean = graph.floats("normalisation.mean", &shape, &spec.normalisation.mean);
    let scales: Vec<f32> = spec.normalisation.std.iter().map(|std| 1.0 / std).collect();
    let scale = graph.floats("normalisation.scale", &shape, &scales);
    let zero = graph.floats("normalisation.unobserved", &[], &[0.0]);
    let centred = graph.node("Sub", "centred", &["input", &mean], Vec::new());
    let scaled = graph.node("Mul", "scaled", &[&centred, &scale], Vec::new());
    let missing = graph.node("IsNaN", "unobserved", &["input"], Vec::new());
    graph.node("Where", "normalised", &[&missing, &zero, &scaled], Vec::new())
}

/// The name of the output, and what it is made of: probabilities, or a value in its own units.
fn result(graph: &mut GraphBuilder, spec: &ModelSpec, logits: &str) -> (&'static str, String) {
    if let Some(scale) = spec.value_scale {
        let std = graph.floats("value.std", &[], &[scale.std as f32]);
        let mean = graph.floats("value.mean", &[], &[scale.mean as f32]);
        let spread = graph.node("Mul", "spread", &[logits, &std], Vec::new());
        return ("value", graph.node("Add", "in_units", &[&spread, &mean], Vec::new()));
    }
    let temperature = graph.floats("temperature", &[], &[spec.calibration.temperature as f32]);
    let tempered = graph.node("Div", "calibrated", &[logits, &temperature], Vec::new());
    ("probabilities", graph.node("Softmax", "softmax", &[&tempered], vec![("axis", Value::Int(1))]))
}

/// A result `[batch, K]` at each pixel, `[batch, K, S, S]`.
fn at_each_pixel(graph: &mut GraphBuilder, result: &str, name: &str, size: usize) {
    let axes = graph.ints("pixel.axes", &[2, 3]);
    let shape = graph.ints("pixel.shape", &[1, 1, size as i64, size as i64]);
    let one = graph.node("Unsqueeze", "one_pixel", &[result, &axes], Vec::new());
    graph.node("Expand", name, &[&one, &shape], Vec::new());
}

fn about_input(spec: &ModelSpec) -> String {
    format!("input: stored numbers of the bands {} as single precision, NaN where not observed", spec.bands.join(", "))
}

fn about_output(spec: &ModelSpec) -> String {
    match &spec.target {
        Target::Classes { classes } => {
            let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
            format!("output: probabilities of {}", names.join(", "))
        }
        Target::Value { name, unit } if unit.is_empty() => format!("output: {name}"),
        Target::Value { name, unit } => format!("output: {name} in {unit}"),
    }
}
