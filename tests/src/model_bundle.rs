//! Bundles with random weights, made for a scene: predictions that mean nothing, by a pipeline that must work.

use std::path::Path;

use areal_formats::{ModelSpec, Normalisation, ValueScale};
use areal_grid::{Class, Target, default_colour};
use areal_job::StagedDir;
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
    let names = scene.bands().iter().map(|b| b.description.clone()).collect();
    let plain = ModelSpec::untrained(names, target, patch_size);
    ModelSpec {
        pixel_type: scene.pixel_type(),
        scaling: Some(scene.scaling()),
        normalisation: Normalisation { mean: vec![1000.0; bands], std: vec![1000.0; bands] },
        value_scale: plain.value_scale.map(|_| ValueScale { mean: 50.0, std: 10.0 }),
        ground_resolution: Some(scene.ground_resolution()),
        ..plain
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
