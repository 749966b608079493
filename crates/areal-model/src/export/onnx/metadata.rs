//! What a file says of its model: for Deepness, which expects each value as JSON, and for people.

use areal_formats::ModelSpec;
use areal_grid::Target;
use serde_json::{Map, Value, json};

use super::OnnxOutput;
use super::proto::Entry;

/// Entries of `metadata_props`, the keys that Deepness reads, and `areal`, which has the rest of the model's description. `GeoDeep` knows most of these keys, but scales
/// stored numbers by their type before it, so that the model would be wrong there.
///
/// A threshold of 0 keeps the most probable class where none reaches one half: Deepness takes the first class there. No median filter
/// removes areas of the size of a patch.
///
/// Deepness divides stored values by 255, subtracts the mean and divides by the deviation, whatever their type: means of 0 and
/// deviations of 1/255 undo that, because the graph normalises by itself.
pub fn metadata(spec: &ModelSpec, output: OnnxOutput) -> Vec<Entry> {
    let bands = spec.bands.len();
    let mut all = Map::new();
    if output == OnnxOutput::Pixel {
        let kind = if spec.target.classes().is_empty() { "Regressor" } else { "Segmentor" };
        all.insert("model_type".to_owned(), json!(kind));
    }
    let numbered = spec.target.classes().iter().enumerate();
    let names: Map<String, Value> = numbered.map(|(k, class)| (k.to_string(), json!(class.name))).collect();
    if names.is_empty() {
        all.insert("reg_output_scaling".to_owned(), json!(1.0));
    } else {
        all.insert("class_names".to_owned(), Value::Object(names));
    }
    if let Some(resolution) = spec.ground_resolution {
        // Centimetres, to the hundredth.
        all.insert("resolution".to_owned(), json!((resolution.mean() * 1e4).round() / 100.0));
    }
    for key in ["tile_size", "tiles_size"] {
        all.insert(key.to_owned(), json!(spec.patch_size));
    }
    all.insert("tiles_overlap".to_owned(), json!(0));
    if !spec.target.classes().is_empty() {
        all.insert("seg_thresh".to_owned(), json!(0));
        all.insert("seg_small_segment".to_owned(), json!(0));
    }
    all.insert("standardization_mean".to_owned(), json!(vec![0.0; bands]));
    all.insert("standardization_std".to_owned(), json!(vec![1.0 / 255.0; bands]));
    all.insert("areal".to_owned(), own(spec));
    all.into_iter().map(|(key, value)| Entry { key, value: value.to_string() }).collect()
}

/// What else is needed to use the model, and where it comes from.
fn own(spec: &ModelSpec) -> Value {
    let codes: Vec<u8> = spec.target.classes().iter().map(|class| class.code).collect();
    let value = if let Target::Value { name, unit } = &spec.target { Some(json!([name, unit])) } else { None };
    json!({
        "bands": spec.bands,
        "pixel_type": spec.pixel_type,
        "scaling": spec.scaling,
        "class_codes": codes,
        "value": value,
        "training_prior": spec.training_prior,
        "architecture": spec.architecture,
        "weights_sha256": spec.weights_sha256,
        "made_by": spec.provenance.made_by,
    })
}
