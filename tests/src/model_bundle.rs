//! Bundles with random weights, made for a scene: predictions that mean nothing, by a pipeline that must work.

use std::path::Path;

use areal_formats::{
    Architecture, BUNDLE_FORMAT, Calibration, ModelSpec, Normalisation, Padding, Provenance, ValueScale,
};
use areal_grid::{Class, Target, default_colour};
use areal_job::{StagedDir, hash_bytes};
use areal_model::{Bundle, DeviceChoice, Network, NetworkConfig};
use areal_raster::Scene;

/// Three classes.
pub fn classes() -> Target {
    let class =
        |(k, name): (usize, &str)| Class { code: k as u8 * 10 + 1, name: name.into(), colour: default_colour(k) };
    Target::Classes { classes: ["forest", "water", "urban"].into_iter().enumerate().map(class).collect() }
}

/// A value.
pub fn value() -> Target {
    Target::Value { name: "wealth".into(), unit: String::new() }
}

/// What a model trained on this scene would say of itself; pixels are taken to lie about 0 to 10,000.
pub fn spec_for(scene: &Scene, target: Target, patch_size: usize) -> ModelSpec {
    let bands = scene.bands().len();
    let classes = target.classes().len();
    let is_value = classes == 0;
    ModelSpec {
        format: BUNDLE_FORMAT.into(),
        architecture: Architecture::Compact,
        padding: Padding::Same,
        bands: scene.bands().iter().map(|b| b.description.clone()).collect(),
        pixel_type: scene.pixel_type(),
        masked_by: None,
        scaling: Some(scene.scaling()),
        normalisation: Normalisation { mean: vec![1000.0; bands], std: vec![1000.0; bands] },
        band_quantiles: Vec::new(),
        target,
        value_scale: is_value.then_some(ValueScale { mean: 50.0, std: 10.0 }),
        patch_size,
        ground_resolution: Some(scene.ground_resolution()),
        calibration: Calibration { temperature: 1.0 },
        training_prior: vec![1.0 / classes.max(1) as f64; classes],
        class_counts: vec![1; classes],
        initial_weights: None,
        weights_sha256: hash_bytes(b""),
        provenance: Provenance {
            made_by: "a test".into(),
            command: "train".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(1),
        },
    }
}

/// Writes a bundle with random weights.
pub fn write(folder: &Path, spec: ModelSpec) {
    let device = DeviceChoice::Cpu.open().unwrap();
    let network = Network::new(&NetworkConfig::of(&spec), 1, &device).unwrap();
    let staged = StagedDir::new(folder, true).unwrap();
    Bundle { spec, network }.save(&staged).unwrap();
    staged.commit().unwrap();
}
