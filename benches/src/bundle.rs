//! Bundles with random weights: as fast as trained ones.

use std::error::Error;
use std::path::Path;

use areal_formats::{Architecture, BUNDLE_FORMAT, Calibration, ModelSpec, Normalisation, Padding, Provenance};
use areal_grid::{Class, Target, default_colour};
use areal_job::{StagedDir, hash_bytes};
use areal_model::{Bundle, DeviceChoice, Network, NetworkConfig};
use areal_raster::Scene;

const CLASSES: usize = 6;
const PATCH: usize = 64;

/// Writes a bundle with random weights for scenes like this one: six classes, patches of 64 pixels, pixel values
/// about 1700.
///
/// # Errors
/// When the bundle cannot be written.
pub fn random_bundle(folder: &Path, scene: &Scene, architecture: Architecture) -> Result<(), Box<dyn Error>> {
    let bands = scene.bands().len();
    let class = |k: usize| Class { code: k as u8 + 1, name: format!("class {k}"), colour: default_colour(k) };
    let spec = ModelSpec {
        format: BUNDLE_FORMAT.into(),
        architecture,
        padding: Padding::Same,
        bands: scene.bands().iter().map(|b| b.description.clone()).collect(),
        pixel_type: scene.pixel_type(),
        masked_by: None,
        scaling: None,
        normalisation: Normalisation { mean: vec![1700.0; bands], std: vec![700.0; bands] },
        band_quantiles: Vec::new(),
        target: Target::Classes { classes: (0..CLASSES).map(class).collect() },
        value_scale: None,
        patch_size: PATCH,
        ground_resolution: Some(scene.ground_resolution()),
        calibration: Calibration { temperature: 1.0 },
        training_prior: vec![1.0 / CLASSES as f64; CLASSES],
        class_counts: vec![1; CLASSES],
        initial_weights: None,
        weights_sha256: hash_bytes(b""),
        provenance: Provenance {
            made_by: "a benchmark".into(),
            command: "train".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(1),
        },
    };
    let network = Network::new(&NetworkConfig::of(&spec), 1, &DeviceChoice::Cpu.open()?)?;
    let staged = StagedDir::new(folder, true)?;
    Bundle { spec, network }.save(&staged)?;
    staged.commit()?;
    Ok(())
}
