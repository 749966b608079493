//! `areal features` of stores and scenes, and trainings in which layers are frozen.

use std::path::{Path, PathBuf};

use areal_formats::{Architecture, ModelSpec};
use areal_grid::{PixelState, Pixels, Window};
use areal_model::{BurnInference, DeviceChoice, Inference, Network, NetworkConfig, PatchBatch, StateDict};
use areal_raster::RasterFile;
use areal_store::PatchStore;
use ndarray::Array2;

use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::scenes::{amazon_scene, made, read, same_bytes, scene};
use crate::common::stores::{COUNTS, store};
use crate::common::{areal, interrupt_when_work_is_kept};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A compact bundle trained on a made-up store.
fn trained(folder: &Path) -> (PathBuf, PathBuf) {
    let (store, bundle) = (store(folder, "store", COUNTS), folder.join("bundle"));
    areal(["train", "--store", text(&store), "--out", text(&bundle), "--epochs", "2", "--batch-size", "16"]).expect(0);
    (store, bundle)
}

/// Pooled features of all patches of a store by Burn.
fn by_burn(bundle: &Path, store: &Path) -> Array2<f32> {
    let store = PatchStore::open(store).unwrap();
    let [n, c, h, w] = store.shape();
    let mut pixels = Pixels::zeros(store.meta().pixel_type, n * c * h * w);
    let mut states = vec![PixelState::Outside; n * h * w];
    for (i, states) in states.chunks_exact_mut(h * w).enumerate() {
        store.read_into(i, &mut pixels, i * c * h * w, states).unwrap();
    }
    let mut burn = BurnInference::load(bundle, DeviceChoice::Cpu).unwrap();
    burn.features(&PatchBatch { shape: [n, c, h, w], pixels, states }).unwrap()
}

#[test]
fn features_of_a_store_are_those_of_burn_in_the_order_of_its_patches() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bundle) = trained(folder.path());
    let out = folder.path().join("features");
    let args = ["features", "--store", text(&store), "--bundle", text(&bundle), "--out", text(&out)];
    let run = areal(args).expect(0);
    assert!(run.stdout.contains("76 patches, 96 features"), "{}", run.stdout);
    let found: Array2<f32> = ndarray_npy::read_npy(out.join("features.npy")).unwrap();
    let expected = by_burn(&bundle, &store);
    assert_eq!(found.dim(), (76, 96));
    let furthest = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    assert!(furthest < 1e-5, "{furthest}");
    let about = json(&out.join("features.json"));
    assert_eq!((&about["format"], &about["features"]), (&"areal-features/1".into(), &96.into()));
    assert_eq!(about["of"], serde_json::json!({ "kind": "store", "patches": 76 }));
    assert_eq!(about["provenance"]["inputs"].as_array().unwrap().len(), 2);
    areal(["verify", text(&out)]).expect(0);
    areal(args).expect(4).says(&["--overwrite"]);
}

#[test]
fn features_with_weights_of_another_training_need_no_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path(), "store", COUNTS);
    let config = NetworkConfig {
        architecture: Architecture::Resnet18,
        padding: areal_formats::Padding::Same,
        bands: 2,
        outputs: 9,
    };
    let weights = folder.path().join("weights.safetensors");
    let device = DeviceChoice::Cpu.open().unwrap();
    StateDict::of(&Network::new(&config, 3, &device).unwrap()).write(&weights).unwrap();
    let out = folder.path().join("features");
    let args = ["features", "--store", text(&store), "--weights", text(&weights), "--out", text(&out)];
    let more = ["--architecture", "resnet18", "--weights-kind", "same-bands"];
    areal(args.into_iter().chain(more)).expect(0);
    let found: Array2<f32> = ndarray_npy::read_npy(out.join("features.npy")).unwrap();
    assert_eq!(found.dim(), (76, 512));
    assert_eq!(json(&out.join("features.json"))["provenance"]["settings"]["weights_kind"], "same-bands");
    // The bundle of a linear probe on the same weights has the same backbone, and so the same features.
    let bundle = folder.path().join("bundle");
    let train = ["train", "--store", text(&store), "--out", text(&bundle), "--weights", text(&weights)];
    areal(train.into_iter().chain(more).chain(["--freeze", "backbone", "--epochs", "2"])).expect(0);
    let expected = by_burn(&bundle, &store);
    let furthest = found.iter().zip(&expected).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
    assert!(furthest < 1e-5, "{furthest}");
}

#[test]
fn features_of_a_real_scene_are_those_of_burn_in_each_cell() {
    let Some((file, scene)) = amazon_scene() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (bundle, out) = (folder.path().join("bundle"), folder.path().join("features"));
    write(&bundle, ModelSpec { architecture: Architecture::Resnet18, ..spec_for(&scene, classes(), 32) });
    areal(["features", text(&file), "--bundle", text(&bundle), "--out", text(&out)]).expect(0);
    let raster = RasterFile::open(&out.join("features.tif")).unwrap();
    let (grid, whole) = (raster.grid().clone(), scene.grid().coarsen(32));
    assert_eq!(
        (&grid.transform, &grid.crs, grid.height, grid.width),
        (&whole.transform, &whole.crs, whole.height, whole.width)
    );
    let about = json(&out.join("features.json"));
    let observed = about["of"]["counts"]["predicted"].as_u64().unwrap();

    let mut burn = BurnInference::load(&bundle, DeviceChoice::Cpu).unwrap();
    let mut reader = scene.reader().unwrap();
    let bands: Vec<(Pixels, Vec<PixelState>)> =
        [1, 2, 200, 512].into_iter().map(|band| read(&out.join("features.tif"), band)).collect();
    let is_known = |state: &&PixelState| **state == PixelState::Observed;
    assert_eq!(bands[0].1.iter().filter(is_known).count() as u64, observed);
    let mut compared = 0;
    for cell in (0..grid.height * grid.width).step_by(7) {
        let window = Window::new(cell / grid.width * 32, cell % grid.width * 32, 32, 32);
        if bands[0].1[cell] != PixelState::Observed || !scene.grid().window().contains(&window) {
            continue;
        }
        let block = reader.read(&window).unwrap();
        let shape = [1, scene.bands().len(), 32, 32];
        let expected = burn.features(&PatchBatch { shape, pixels: block.pixels, states: block.states }).unwrap();
        for ((values, _), feature) in bands.iter().zip([0, 1, 199, 511]) {
            let (found, expected) = (values.get(cell), f64::from(expected[[0, feature]]));
            assert!((found - expected).abs() < 1e-5 * expected.abs().max(1.0), "{found} {expected}");
        }
        compared += 1;
    }
    println!("{compared} of {observed} cells of {} compared", file.display());
    assert!(compared >= 5, "{compared}");
}

#[test]
fn a_scene_that_is_interrupted_goes_on_to_the_same_bytes_and_unobserved_cells_are_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.tif");
    // The left half is nodata.
    made(&file, 600, 400, |i| if i % 400 < 200 { 0 } else { 500 + (i * 7919 % 1500) as u16 });
    let bundle = folder.path().join("bundle");
    write(&bundle, spec_for(&scene(&file), classes(), 8));
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let args = |out: &Path| {
        ["features", text(&file), "--bundle", text(&bundle), "--memory", "4", "--out", text(out)].map(str::to_owned)
    };
    areal(args(&whole)).expect(0);
    let about = json(&whole.join("features.json"));
    assert_eq!(
        about["of"]["counts"],
        serde_json::json!({ "predicted": 1875, "nodata": 1875, "masked": 0, "outside": 0 })
    );
    let (_, states) = read(&whole.join("features.tif"), 3);
    // 75 rows of 50 cells, 25 of them empty.
    assert!(states.iter().enumerate().all(|(cell, state)| (*state == PixelState::Nodata) == (cell % 50 < 25)));
    interrupt_when_work_is_kept(folder.path(), args(&parts), &folder.path().join(".parts.resume"));
    areal(args(&parts).into_iter().chain(["--resume".to_owned()])).expect(0);
    same_bytes(&whole, &parts);
}

#[test]
fn features_of_nothing_or_of_two_things_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, bundle) = trained(folder.path());
    let out = folder.path().join("out");
    let (store, bundle, out) = (text(&store), text(&bundle), text(&out));
    areal(["features", "--bundle", bundle, "--out", out]).expect(2).says(&["what to compute features of is not given"]);
    areal(["features", "x.tif", "--store", store, "--bundle", bundle, "--out", out])
        .expect(2)
        .says(&["both a store and a scene"]);
    areal(["features", "--store", store, "--out", out]).expect(2).says(&["--bundle or --weights"]);
    // A stride that does not even divide the patch had no effect, and one got the normalisation of the bundle after asking for that of the store.
    let of_store = ["features", "--store", store, "--bundle", bundle, "--out", out];
    areal([&of_store[..], &["--stride", "3"]].concat()).expect(2).says(&["--stride has no effect with --store"]);
    areal([&of_store[..], &["--normalisation", "store"]].concat())
        .expect(2)
        .says(&["--normalisation has no effect with --bundle"]);
    areal(["features", "x.tif", "--weights", bundle, "--out", out])
        .expect(2)
        .says(&["--weights needs --store", "--freeze backbone"]);
    let beside = ["features", "--store", store, "--bundle", bundle, "--architecture", "resnet18", "--out", out];
    areal(beside).expect(2).says(&["--architecture has no effect with --bundle"]);
    let both = ["features", "--store", store, "--bundle", bundle, "--weights", bundle, "--out", out];
    areal(both).expect(2).says(&["both --bundle and --weights"]);
    assert!(!Path::new(out).exists());
}

#[test]
fn a_linear_probe_computes_features_once_and_flags_that_forbid_it_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (store, first) = trained(folder.path());
    let out = folder.path().join("probe");
    let train = |more: &[&str]| {
        let base = ["train", "--store", text(&store), "--out", text(&out), "--overwrite", "--weights", text(&first)];
        areal(base.into_iter().chain(["--epochs", "3", "--freeze", "backbone"]).chain(more.iter().copied()))
    };
    train(&[]).expect(0).says(&["features of 64 patches computed once", "only the head was trained"]);
    let settings = &json(&out.join("model.json"))["provenance"]["settings"];
    assert_eq!(settings["augmentation"], serde_json::json!({ "flips": false, "brightness": 0.0, "noise": 0.0 }));
    let backbone = |bundle: &Path| {
        let mut state = StateDict::read(&bundle.join("weights.safetensors")).unwrap();
        state.tensors.retain(|name, _| !name.starts_with("fc."));
        state
    };
    assert_eq!(backbone(&out), backbone(&first));
    train(&["--flips", "true"]).expect(0).says(&["features of 400 patches computed once", "8 flips and rotations"]);
    train(&["--noise", "0.1"]).expect(0).says(&["their features are computed in every epoch"]);
    train(&["--epochs-frozen", "1"]).expect(2).says(&["epochs-frozen is 1; it must be 0 with freeze = backbone"]);
    areal(["train", "--freeze", "stages(9)", "--store", text(&store), "--out", text(&out)])
        .expect(2)
        .says(&["freeze is stages(9); it must be at most stages(3)"]);
    areal(["train", "--freeze", "head"]).expect(2).says(&["none", "backbone", "stages(N)"]);
    let random = folder.path().join("random");
    areal(["train", "--store", text(&store), "--out", text(&random), "--epochs", "2", "--epochs-frozen", "1"])
        .expect(0)
        .says(&["no weights are given: these layers have random weights"]);
}
