//! Makes prediction folders for the tests of commands that read them.

use std::path::Path;

use areal_formats::{PredictionMeta, Provenance, Resampling, SceneSettings, StateCounts};
use areal_grid::{Class, PixelGrid, PixelState, PixelType, Pixels, Target};
use areal_job::hash_bytes;
use areal_raster::{CogBand, CogSpec, CogWriter, Prediction};

/// Writes a prediction of classes: a code and a state for each cell, `[row, col]`; probabilities by class.
pub fn write_classes(
    folder: &Path,
    grid: &PixelGrid,
    legend: &[Class],
    states: &[PixelState],
    codes: &[u8],
    probabilities: &[Vec<f32>],
) {
    write_meta(folder, grid, Target::Classes { classes: legend.to_vec() }, states);
    let spec = CogSpec {
        pixel_type: PixelType::U8,
        nodata: Some(255.0),
        bands: vec![CogBand { description: "class".into(), legend: legend.to_vec() }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    write_raster(&folder.join(Prediction::CLASSES), grid, &spec, &[Pixels::U8(codes.to_vec())]);
    let names: Vec<&str> = legend.iter().map(|c| c.name.as_str()).collect();
    write_numbers(&folder.join(Prediction::PROBABILITIES), grid, &names, probabilities);
}

/// Writes a prediction of a value: a number and a state for each cell, `[row, col]`.
pub fn write_value(folder: &Path, grid: &PixelGrid, (name, unit): (&str, &str), states: &[PixelState], value: &[f32]) {
    write_meta(folder, grid, Target::Value { name: name.into(), unit: unit.into() }, states);
    write_numbers(&folder.join(Prediction::VALUE), grid, &["value"], &[value.to_vec()]);
}

/// Writes only `states.tif`.
pub fn write_states(folder: &Path, grid: &PixelGrid, states: &[PixelState]) {
    let codes = Pixels::U8(states.iter().map(|s| *s as u8).collect());
    write_raster(&folder.join(Prediction::STATES), grid, &Prediction::states_spec(), &[codes]);
}

/// Writes only `shares.tif`: observed, nodata, masked, outside.
pub fn write_shares(folder: &Path, grid: &PixelGrid, shares: &[Vec<f32>; 4]) {
    let planes: Vec<Pixels> = shares.iter().map(|plane| Pixels::F32(plane.clone())).collect();
    write_raster(&folder.join(Prediction::SHARES), grid, &Prediction::shares_spec(), &planes);
}

fn write_numbers(path: &Path, grid: &PixelGrid, names: &[&str], bands: &[Vec<f32>]) {
    let band = |name: &&str| CogBand { description: (*name).into(), legend: Vec::new() };
    let spec = CogSpec {
        pixel_type: PixelType::F32,
        nodata: Some(f64::NAN),
        bands: names.iter().map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    };
    write_raster(path, grid, &spec, &bands.iter().map(|b| Pixels::F32(b.clone())).collect::<Vec<_>>());
}

fn write_raster(path: &Path, grid: &PixelGrid, spec: &CogSpec, bands: &[Pixels]) {
    let mut writer = CogWriter::create(path, grid, spec).unwrap();
    for (k, pixels) in bands.iter().enumerate() {
        writer.write(k, &grid.window(), pixels).unwrap();
    }
    writer.finish().unwrap();
}

fn write_meta(folder: &Path, grid: &PixelGrid, target: Target, states: &[PixelState]) {
    std::fs::create_dir(folder).unwrap();
    write_states(folder, grid, states);
    let count = |state: PixelState| states.iter().filter(|s| **s == state).count() as u64;
    let classes = target.classes().len();
    PredictionMeta {
        mode: areal_formats::PredictMode::Patch,
        agreement: None,
        format: PredictionMeta::FORMAT.into(),
        target,
        grid: grid.clone(),
        training_class_shares: Vec::new(),
        patch_size: 64,
        stride: 64,
        min_valid: 0.5,
        scene: SceneSettings::new("scene", Vec::new()),
        bundle_sha256: hash_bytes(b"bundle"),
        counts: StateCounts {
            predicted: count(PixelState::Observed),
            nodata: count(PixelState::Nodata),
            masked: count(PixelState::Masked),
            outside: count(PixelState::Outside),
        },
        training_prior: vec![1.0 / classes as f64; classes],
        provenance: Provenance {
            made_by: "areal test".into(),
            command: "predict".into(),
            inputs: Vec::new(),
            settings: serde_json::Value::Null,
            seed: Some(1),
        },
    }
    .write(folder)
    .unwrap();
}
