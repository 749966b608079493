//! Reduced precisions through the program: a model that was trained, its store, a scene.

use std::path::{Path, PathBuf};

use areal_formats::Resampling;
use areal_grid::{Affine, PixelGrid, PixelType, Pixels};
use areal_raster::{CogBand, CogSpec, CogWriter, Prediction};

use crate::common::stores::store;
use crate::common::{ProgramRun, areal};

const SIDE: usize = 8;

/// A store, a model trained on it, and a scene of 16 x 16 patches of both classes.
struct Setting {
    folder: tempfile::TempDir,
    store: PathBuf,
    bundle: PathBuf,
    scene: PathBuf,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, bundle) =
            (store(folder.path(), "store", [[40, 40], [10, 10], [20, 20]]), folder.path().join("bundle"));
        let train = ["train", "--epochs", "4", "--seed", "7", "--store"].map(std::ffi::OsString::from);
        let paths = [store.clone().into(), "--out".into(), bundle.clone().into()];
        areal(train.into_iter().chain(paths)).expect(0);
        let scene = folder.path().join("scene.tif");
        write_scene(&scene, 0);
        Self { folder, store, bundle, scene }
    }

    fn predict(&self, out: &str, more: &[&str]) -> ProgramRun {
        self.predict_scene(&self.scene, out, more)
    }

    fn predict_scene(&self, scene: &Path, out: &str, more: &[&str]) -> ProgramRun {
        let paths = [scene, Path::new("--bundle"), &self.bundle, Path::new("--out"), &self.folder.path().join(out)];
        let paths = paths.map(|p| p.to_string_lossy().into_owned());
        areal(["predict".to_owned()].into_iter().chain(paths).chain(more.iter().map(|m| (*m).to_owned())))
    }

    fn classes(&self, out: &str) -> (Vec<u8>, Prediction) {
        let prediction = Prediction::open(&self.folder.path().join(out)).unwrap();
        let mut raster = areal_raster::RasterFile::open(&prediction.classes_path().unwrap()).unwrap();
        let window = raster.grid().window();
        let Pixels::U8(codes) = raster.read_band(1, &window).unwrap().0 else { panic!("codes are bytes") };
        (codes, prediction)
    }
}

/// Bands and brightness as in the store, and so much more; classes alternate from patch to patch.
fn write_scene(path: &Path, more: usize) {
    let crs = areal_raster::crs_from_text("EPSG:32648").unwrap();
    let size = 16 * SIDE;
    let grid = PixelGrid { crs, transform: Affine::north_up([5e5, 1e6], [10.0, 10.0]), height: size, width: size };
    let band = |name: &str| CogBand { description: name.into(), legend: Vec::new() };
    let spec = CogSpec {
        pixel_type: PixelType::U16,
        nodata: None,
        bands: vec![band("red"), band("nir")],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, &grid, &spec).unwrap();
    for b in 0..2 {
        let value = |i: usize| {
            let (row, col) = (i / size, i % size);
            (more + 1000 + 200 * ((row / SIDE + col / SIDE) % 2) + (i * 7919 + b * 31) % 150) as u16
        };
        writer.write(b, &grid.window(), &Pixels::U16((0..size * size).map(value).collect())).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn reduced_precisions_keep_the_labels_and_say_what_they_change() {
    let setting = Setting::new();
    let store = setting.store.to_str().unwrap();
    setting.predict("f32", &[]).expect(0);
    let (expected, single) = setting.classes("f32");
    assert_eq!(single.meta().provenance.settings["precision"], "f32");
    for precision in ["bf16", "int8"] {
        let run = setting.predict(precision, &["--precision", precision, "--store", store]).expect(0);
        run.says(&["test and validation patches", "accuracy", precision]);
        let (found, prediction) = setting.classes(precision);
        let changed = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert!(changed * 100 <= found.len(), "{precision}: {changed} of {} labels changed", found.len());
        let provenance = &prediction.meta().provenance;
        assert_eq!(provenance.settings["precision"], precision);
        let change = &provenance.settings["precision-change"]["labels"];
        assert_eq!(change["patches"], 60);
        assert!(change["accuracy"].as_f64().unwrap() >= change["accuracy_f32"].as_f64().unwrap() - 0.02, "{change}");
        assert!(
            provenance.inputs.iter().any(|input| input.local().is_some_and(|file| file.path == setting.store)),
            "the store's digest is kept"
        );
    }
    setting.predict("bf16 alone", &["--precision", "bf16"]).expect(0);
    assert_eq!(setting.classes("bf16 alone").0, setting.classes("bf16").0);
    setting.predict("again", &["--precision", "int8", "--store", store]).expect(0);
    let bytes = |out: &str| std::fs::read(setting.folder.path().join(out).join("probabilities.tif")).unwrap();
    assert!(bytes("again") == bytes("int8"), "the same inputs give the same bytes");

    let higher = setting.folder.path().join("higher.tif");
    write_scene(&higher, 1000);
    let flags = ["--precision", "int8", "--store", store, "--band-offset=-1000"];
    setting.predict_scene(&higher, "converted", &flags).expect(0);
    assert!(
        bytes("converted") == bytes("int8"),
        "values that are made from stored ones are predicted as the same values stored"
    );

    let evaluate = |precision: &str| {
        let paths = [setting.bundle.to_str().unwrap(), "--store", store, "--precision", precision, "--json"];
        areal(["evaluate", "--bundle"].into_iter().chain(paths)).expect(0).json()
    };
    for precision in ["f32", "bf16", "int8"] {
        let evaluation = evaluate(precision);
        assert_eq!(evaluation["provenance"]["settings"]["precision"], precision);
        assert_eq!(evaluation["patches"], 40);
    }

    let refused = |more: &[&str], said: &[&str]| {
        setting.predict("refused", more).expect(2).says(said);
        assert!(!setting.folder.path().join("refused").exists());
    };
    refused(&["--precision", "int8"], &["int8", "--store"]);
    refused(&["--store", store], &["--store", "--precision"]);
    refused(&["--precision", "bf16", "--mode", "dense"], &["bf16", "dense mode", "f32"]);
    refused(&["--precision", "fp16"], &["fp16", "f32, bf16"]);
    refused(&["--precision", "bf16", "--device", "gpu"], &["bf16", "gpu:0", "--precision"]);
}
