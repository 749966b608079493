//! Exported models beside ONNX Runtime and torchvision.

use std::path::{Path, PathBuf};
use std::process::Command;

use areal_formats::{Architecture, ModelSpec, Padding};
use areal_grid::{PixelState, Pixels, Target, Window};
use areal_model::{BurnInference, DeviceChoice, Inference, PatchBatch, StateDict, probabilities};
use areal_raster::Prediction;
use ndarray::{Array2, Array4};

use crate::common::model_bundle::{classes, spec_for, value, write};
use crate::common::scenes::{amazon_scene, made, read, scene};
use crate::common::{areal, oracle, workspace};

/// A bundle for a made-up scene, and the scene's file.
fn bundle(folder: &Path, target: Target, change: impl FnOnce(ModelSpec) -> ModelSpec) -> (PathBuf, PathBuf) {
    let file = folder.join("scene.tif");
    made(&file, 64, 64, |i| 500 + (i * 7919 % 1500) as u16);
    let spec = change(spec_for(&scene(&file), target, 16));
    let path = folder.join("bundle");
    write(&path, spec);
    (path, file)
}

fn export(bundle: &Path, out: &Path, more: &[&str]) {
    let args = ["export", bundle.to_str().unwrap(), "--out", out.to_str().unwrap(), "--overwrite"];
    areal(args.into_iter().chain(more.iter().copied())).expect(0);
}

/// Runs a script of the oracles on patches; gives what it saved, and what it printed as JSON where it did.
fn by_oracle(
    python: &Path,
    script: &str,
    before: &[&str],
    patches: &Array4<f32>,
    folder: &Path,
) -> (Array2<f64>, serde_json::Value) {
    let (input, output) = (folder.join("input.npy"), folder.join("output.npy"));
    ndarray_npy::write_npy(&input, patches).unwrap();
    let script = workspace().join("tests/oracles").join(script);
    let run = Command::new(python).arg(script).args(before).args([&input, &output]).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let found: ndarray::ArrayD<f64> = ndarray_npy::read_npy(&output).unwrap();
    let rows = found.shape()[0];
    let found = found.to_shape((rows, found.len() / rows)).unwrap().to_owned();
    (found, serde_json::from_slice(&run.stdout).unwrap_or_default())
}

/// Pseudo-random stored numbers about 0 to 2,000, in the type of the pixels.
fn random(patches: usize, bands: usize, side: usize) -> Array4<f32> {
    let number = |k: usize| (k.wrapping_mul(2_654_435_761) >> 7) % 2000;
    Array4::from_shape_fn((patches, bands, side, side), |(n, c, h, w)| {
        number(((n * bands + c) * side + h) * side + w) as f32
    })
}

/// What areal's network gives for patches of which all pixels are observed, but those that are NaN.
fn by_areal(bundle: &Path, patches: &Array4<f32>) -> Array2<f32> {
    let mut inference = BurnInference::load(bundle, DeviceChoice::Cpu).unwrap();
    let (n, c, h, w) = patches.dim();
    let states = (0..n * h * w).map(|at| {
        let (n, pixel) = (at / (h * w), at % (h * w));
        if patches[[n, 0, pixel / w, pixel % w]].is_nan() { PixelState::Nodata } else { PixelState::Observed }
    });
    let batch = PatchBatch {
        shape: [n, c, h, w],
        pixels: Pixels::F32(patches.iter().copied().collect()),
        states: states.collect(),
    };
    let logits = inference.infer(&batch).unwrap();
    probabilities(inference.spec(), logits.view())
}

fn furthest(found: &Array2<f64>, expected: &Array2<f32>) -> f64 {
    assert_eq!(found.dim(), expected.dim());
    found.iter().zip(expected).map(|(f, e)| (f - f64::from(*e)).abs()).fold(0.0, f64::max)
}

#[test]
fn onnx_runtime_gives_the_probabilities_of_areal_for_every_architecture() {
    let Some(python) = oracle("onnx, onnxruntime, numpy") else { return };
    for (architecture, padding, side) in [
        (Architecture::Compact, Padding::Same, 16),
        (Architecture::Compact, Padding::Valid, 64),
        (Architecture::Resnet18, Padding::Same, 32),
        (Architecture::Resnet34, Padding::Same, 33),
        (Architecture::Resnet50, Padding::Same, 32),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let change = |spec| ModelSpec {
            architecture,
            padding,
            patch_size: side,
            calibration: areal_formats::Calibration { temperature: 1.7 },
            ..spec
        };
        let (bundle, _) = bundle(folder.path(), classes(), change);
        let out = folder.path().join("model.onnx");
        export(&bundle, &out, &["--format", "onnx"]);
        let mut patches = random(5, 1, side);
        patches[[2, 0, 3, 4]] = f32::NAN;
        let (found, about) = by_oracle(&python, "onnx_outputs.py", &[out.to_str().unwrap()], &patches, folder.path());
        let far = furthest(&found, &by_areal(&bundle, &patches));
        println!("{architecture} {padding} {side} px: {far:.1e} from ONNX Runtime");
        assert!(far < 1e-5, "{architecture}: {far}");
        assert_eq!(about["opset"], serde_json::json!([["", 15]]));
        assert_eq!(about["input"], serde_json::json!(["input", "tensor(float)", ["batch", 1, side, side]]));
        assert_eq!(about["output"], serde_json::json!(["probabilities", "tensor(float)", ["batch", 3]]));
    }
}

#[test]
fn a_file_for_deepness_has_its_output_at_each_pixel_and_its_metadata() {
    let Some(python) = oracle("onnx, onnxruntime, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (bundle, _) = bundle(folder.path(), classes(), |spec| spec);
    let out = folder.path().join("model.onnx");
    export(&bundle, &out, &["--onnx-output", "pixel"]);
    let patches = random(2, 1, 16);
    let (found, about) = by_oracle(&python, "onnx_outputs.py", &[out.to_str().unwrap()], &patches, folder.path());
    let expected = by_areal(&bundle, &patches);
    // [2, 3, 16, 16] as two rows of 3 x 256.
    for (n, row) in found.rows().into_iter().enumerate() {
        assert!(row.iter().enumerate().all(|(i, p)| (p - f64::from(expected[[n, i / 256]])).abs() < 1e-5));
    }
    let metadata = &about["metadata"];
    assert_eq!(metadata["model_type"], "Segmentor");
    assert_eq!(metadata["class_names"], serde_json::json!({ "0": "forest", "1": "water", "2": "urban" }));
    // Pixels of 10 m on the map; the scale of the projection changes that by less than 0.1 %.
    assert!((metadata["resolution"].as_f64().unwrap() - 1000.0).abs() < 1.0, "{metadata}");
    // Deepness takes the first class where none reaches its own threshold of one half.
    assert_eq!((&metadata["seg_thresh"], &metadata["seg_small_segment"]), (&0.into(), &0.into()));
    assert_eq!((&metadata["tile_size"], &metadata["tiles_size"]), (&16.into(), &16.into()));
    assert_eq!(metadata["tiles_overlap"], 0);
    // Deepness feeds (stored / 255 - mean) / std: the stored number again.
    let (mean, std) = (&metadata["standardization_mean"][0], &metadata["standardization_std"][0]);
    assert!(((1234.0 / 255.0 - mean.as_f64().unwrap()) / std.as_f64().unwrap() - 1234.0).abs() < 1e-6);
    assert_eq!(metadata["areal"]["class_codes"], serde_json::json!([1, 11, 21]));
}

#[test]
fn a_value_comes_in_its_own_units() {
    let Some(python) = oracle("onnx, onnxruntime, numpy") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (bundle, _) = bundle(folder.path(), value(), |spec| spec);
    let out = folder.path().join("model.onnx");
    export(&bundle, &out, &[]);
    let patches = random(3, 1, 16);
    let (found, about) = by_oracle(&python, "onnx_outputs.py", &[out.to_str().unwrap()], &patches, folder.path());
    let far = furthest(&found, &by_areal(&bundle, &patches));
    // Values have mean 50 and deviation 10.
    assert!(far < 1e-4, "{far}");
    assert_eq!(about["output"][0], "value");
}

#[test]
fn real_patches_get_the_probabilities_of_the_map() {
    let Some(python) = oracle("onnx, onnxruntime, numpy") else { return };
    let Some((file, scene)) = amazon_scene() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (bundle, out) = (folder.path().join("bundle"), folder.path().join("model.onnx"));
    write(&bundle, ModelSpec { architecture: Architecture::Resnet18, ..spec_for(&scene, classes(), 32) });
    export(&bundle, &out, &[]);
    let map = folder.path().join("map");
    let (file, bundle, at) = (file.to_str().unwrap(), bundle.to_str().unwrap(), map.to_str().unwrap());
    areal(["predict", file, "--bundle", bundle, "--out", at]).expect(0);
    let prediction = Prediction::open(&map).unwrap();
    let cells = &prediction.meta().grid;
    let mut reader = scene.reader().unwrap();
    let (mut patches, mut expected) = (Vec::new(), Vec::new());
    let of_map: Vec<Pixels> = (1..=3).map(|band| read(&prediction.probabilities_path().unwrap(), band).0).collect();
    for cell in 0..cells.height.min(4) * cells.width {
        let (row, col) = (cell / cells.width, cell % cells.width);
        let window = Window::new(32 * row, 32 * col, 32, 32);
        if !scene.grid().window().contains(&window) {
            continue;
        }
        let block = reader.read(&window).unwrap();
        if block.states.iter().all(|state| *state == PixelState::Observed) {
            patches.extend((0..block.pixels.len()).map(|k| block.pixels.get(k) as f32));
            expected.extend(of_map.iter().map(|band| band.get(cell) as f32));
        }
    }
    let n = expected.len() / 3;
    assert!(n >= 4, "{n} patches of {file} are whole");
    let patches = Array4::from_shape_vec((n, scene.bands().len(), 32, 32), patches).unwrap();
    let (found, _) = by_oracle(&python, "onnx_outputs.py", &[out.to_str().unwrap()], &patches, folder.path());
    let far = furthest(&found, &Array2::from_shape_vec((n, 3), expected).unwrap());
    println!("{n} patches of {file}: {far:.1e} from ONNX Runtime");
    assert!(far < 1e-5, "{far}");
}

/// What torchvision's networks have beside areal's tensors is one count for each batch normalisation.
#[test]
fn weights_have_the_names_and_shapes_of_torchvision() {
    let folder = tempfile::tempdir().unwrap();
    let change = |spec| ModelSpec { architecture: Architecture::Resnet18, ..spec };
    let (bundle, _) = bundle(folder.path(), classes(), change);
    let out = folder.path().join("model.safetensors");
    export(&bundle, &out, &["--format", "safetensors"]);
    // The header: its length in 8 bytes, then JSON.
    let bytes = std::fs::read(&out).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let own = StateDict::read(&bundle.join("weights.safetensors")).unwrap();
    for (name, tensor) in &own.tensors {
        assert_eq!(header[name]["shape"], serde_json::json!(tensor.shape), "{name}");
    }
    // torchvision.models.resnet18().state_dict() has 122 tensors, 20 of them counts.
    let names: Vec<&String> = header.as_object().unwrap().keys().filter(|name| *name != "__metadata__").collect();
    let counts = names.iter().filter(|name| name.ends_with("num_batches_tracked")).count();
    assert_eq!((names.len(), counts), (122, 20));
    let count = &header["layer2.0.downsample.1.num_batches_tracked"];
    assert_eq!((&count["dtype"], &count["shape"]), (&"I64".into(), &serde_json::json!([])));
    for name in ["conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer4.1.bn2.bias", "fc.weight"] {
        assert!(!header[name].is_null(), "{name}");
    }
    assert_eq!(header["fc.weight"]["shape"], serde_json::json!([3, 512]));
}

#[test]
fn torchvision_loads_the_weights_strictly_and_gives_the_same_logits() {
    let Some(python) = oracle("torch, torchvision, safetensors, numpy") else { return };
    for (architecture, name) in [(Architecture::Resnet18, "resnet18"), (Architecture::Resnet50, "resnet50")] {
        let folder = tempfile::tempdir().unwrap();
        let (bundle, _) = bundle(folder.path(), classes(), |spec| ModelSpec { architecture, ..spec });
        let out = folder.path().join("model.safetensors");
        export(&bundle, &out, &["--format", "safetensors"]);
        // As normalised by mean 1000 and deviation 1000.
        let stored = random(3, 1, 32);
        let before = [name, out.to_str().unwrap(), "1", "3"];
        let normalised = stored.mapv(|v| (v - 1000.0) / 1000.0);
        let (logits, _) = by_oracle(&python, "torchvision_strict.py", &before, &normalised, folder.path());
        let expected = by_areal(&bundle, &stored);
        for (row, expected) in logits.rows().into_iter().zip(expected.rows()) {
            let sum: f64 = row.iter().map(|z| z.exp()).sum();
            assert!(row.iter().zip(expected).all(|(z, p)| (z.exp() / sum - f64::from(*p)).abs() < 1e-5), "{name}");
        }
    }
}

#[test]
fn exports_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (bundle, scene) = bundle(folder.path(), classes(), |spec| spec);
    let (bundle, out) = (bundle.to_str().unwrap(), folder.path().join("out"));
    let out = out.to_str().unwrap();
    areal(["export", bundle]).expect(2).says(&["--out"]);
    areal(["export", "--out", out]).expect(2).says(&["the bundle to export is not given"]);
    areal(["export", bundle, "--out", out, "--format", "tflite"]).expect(2).says(&["onnx", "safetensors"]);
    let both = ["--format", "safetensors", "--onnx-output", "pixel"];
    areal(["export", bundle, "--out", out].into_iter().chain(both)).expect(2).says(&["--onnx-output has no effect"]);
    areal(["export", scene.to_str().unwrap(), "--out", out]).expect(3).says(&["bundle"]);
    areal(["export", bundle, "--out", out]).expect(0);
    areal(["export", bundle, "--out", out]).expect(4).says(&["--overwrite"]);
    // A file of somebody else.
    std::fs::write(out, "a letter").unwrap();
    areal(["export", bundle, "--out", out, "--overwrite"]).expect(4);
    assert_eq!(std::fs::read_to_string(out).unwrap(), "a letter");
}
