//! `--band-scale` and `--band-offset`, the warning that names them, and bands by other names than the model's.

use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_grid::{Pixels, ToLonLat};
use areal_raster::{Projection, Scene};
use gdal::Metadata;
use tempfile::TempDir;

use crate::common::bench::Bench;
use crate::common::maps::{grid, raster};
use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::scenes::same_bytes;
use crate::common::{JOB, ProgramRun, areal, rows};

const READ: [&str; 6] = ["--bands", "blue,green,red,nir,swir", "--quality-band", "cloud", "--quality-values", "2,3"];

/// The scene with the observed values of its first five bands changed, and with other names of bands; the sixth is the cloud mask.
fn changed(source: &Path, out: &Path, change: impl Fn(u16) -> u16, names: Option<[&str; 6]>) {
    let from = gdal::Dataset::open(source).unwrap();
    let to = from.create_copy(&from.driver(), out, &gdal::raster::RasterCreationOptions::default()).unwrap();
    for k in 1..=6 {
        let mut band = to.rasterband(k).unwrap();
        if let Some(names) = names {
            band.set_description(names[k - 1]).unwrap();
        }
        if k < 6 {
            let mut buffer = band.read_band_as::<u16>().unwrap();
            buffer.data_mut().iter_mut().filter(|value| **value > 0).for_each(|value| *value = change(*value));
            band.write((0, 0), buffer.shape(), &mut buffer).unwrap();
        }
    }
}

/// The western scene of the demo, and a folder to work in.
struct Case {
    folder: TempDir,
    west: PathBuf,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), west: JOB.demo().join("scene_west.tif") }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command on a scene with the bundle of the demo.
    fn run(&self, command: &str, scene: &Path, out: &str, more: &[&str]) -> ProgramRun {
        let (bundle, out) = (JOB.out().join("bundle"), self.at(out));
        let [scene, bundle, out] = [scene, &bundle, &out].map(|path| path.to_str().unwrap());
        areal([command, scene, "--bundle", bundle, "--out", out].into_iter().chain(more.iter().copied()))
    }

    fn predict(&self, scene: &Path, out: &str, more: &[&str]) -> ProgramRun {
        self.run("predict", scene, out, &[&READ[..], more].concat()).expect(0)
    }
}

/// Sentinel-2 scenes of baseline 04.00 were one class, without a warning; the advice was another program.
#[test]
fn the_flag_that_the_warning_of_an_offset_names_gives_the_map_without_it() {
    let case = Case::new();
    let high = case.at("high.tif");
    changed(&case.west, &high, |value| value + 1000, None);
    assert!(!case.predict(&case.west, "west", &[]).stderr.contains("unlike"));
    let advice = "pass --band-offset=-1000";
    case.predict(&high, "high", &[]).says(&[
        "unlike the training scenes",
        "about 1000 higher",
        "baseline 04.00",
        advice,
    ]);
    let mended = case.predict(&high, "mended", &["--band-offset=-1000"]);
    assert!(!mended.stderr.contains("unlike"), "{}", mended.stderr);
    same_bytes(&case.at("west"), &case.at("mended"));
    let document = std::fs::read_to_string(case.at("mended/prediction.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["scene"]["band_offset"], serde_json::json!([-1000.0]));
    assert_eq!(document["provenance"]["settings"]["scene"]["band_offset"], serde_json::json!([-1000.0]));

    // `explain` looks at the scene in the same way.
    let scene = Scene::open(&SceneSettings::new("scene", vec![high.clone()])).unwrap();
    let mut place = [scene.grid().centre(scene.grid().height / 2, scene.grid().width / 2)];
    Projection::to_lonlat(&scene.grid().crs).unwrap().to_lonlat(&mut place).unwrap();
    let at = format!("--at={},{}", place[0][0], place[0][1]);
    let explain = |out: &str, more: &[&str]| {
        let flags = [&READ[..], &[&at, "--methods", "grad-cam", "--steps", "4"], more].concat();
        case.run("explain", &high, out, &flags).expect(0)
    };
    explain("saliency", &[]).says(&["unlike the training scenes", advice]);
    assert!(!explain("saliency-mended", &["--band-offset=-1000"]).stderr.contains("unlike"));
}

/// The scene in tenths of its stored values is a tenth of the training, with another type: both are mended by one flag.
#[test]
fn a_scale_is_named_with_the_flag_that_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let grid = grid("EPSG:32648", [200_000.0, 500_000.0], [10.0, 10.0], 64, 64);
    let stored = |k: usize| (500 + (k * 37) % 4000) as u16;
    let whole: Vec<u16> = (0..64 * 64).map(stored).collect();
    let fractions: Vec<f32> = whole.iter().map(|value| (f64::from(*value) / 10_000.0) as f32).collect();
    raster(&at("whole.tif"), &grid, &Pixels::U16(whole), 0.0);
    raster(&at("fractions.tif"), &grid, &Pixels::F32(fractions), f64::NAN);
    let scene = Scene::open(&SceneSettings::new("s", vec![at("fractions.tif")])).unwrap();
    let mut spec = spec_for(&scene, classes(), 16);
    // 500 + 4000 q, in ten-thousandths.
    let q = |share: f64| (500.0 + 4000.0 * share) / 10_000.0;
    let [p05, p25, p50, p75, p95] = [0.05, 0.25, 0.5, 0.75, 0.95].map(q);
    spec.band_quantiles = vec![areal_formats::BandQuantiles { p05, p25, p50, p75, p95 }];
    spec.normalisation = areal_formats::Normalisation { mean: vec![0.25], std: vec![0.1] };
    write(&at("bundle"), spec);
    let predict = |scene: &str, out: &str, more: &[&str]| {
        let [scene, bundle, out] = [scene, "bundle", out].map(|name| at(name).to_str().unwrap().to_owned());
        areal(["predict", &scene, "--bundle", &bundle, "--out", &out].into_iter().chain(more.iter().copied()))
    };
    let refused = predict("whole.tif", "refused", &[]).expect(3);
    refused.says(&["trained on f32 pixels, but the data are u16", "10000 times as large", "pass --band-scale=0.0001"]);
    // The advice for values that are in the unit of the model already does not hide that these are not.
    predict("whole.tif", "too-large", &["--band-scale=1"]).expect(0).says(&["pass --band-scale=0.0001"]);
    let mended = predict("whole.tif", "mended", &["--band-scale=0.0001"]).expect(0);
    assert!(!mended.stderr.contains("unlike"), "{}", mended.stderr);
    predict("fractions.tif", "fractions", &[]).expect(0);
    same_bytes(&at("fractions"), &at("mended"));
}

#[test]
fn a_store_of_scenes_unlike_the_training_is_said_to_be_when_it_is_measured() {
    let case = Case::new();
    let high = case.at("high.tif");
    changed(&case.west, &high, |value| value + 1000, None);
    let labels = JOB.demo().join("labels.gpkg");
    let classes = "1=water,2=forest,3=rubber,4=oil palm,5=paddy,6=built-up";
    let tile = |out: &str, more: &[&str]| {
        let fixed = ["tile", high.to_str().unwrap(), "--labels", labels.to_str().unwrap(), "--label-field", "class"];
        let store = case.at(out);
        let size = ["--patch-size", "16", "--classes", classes, "--out", store.to_str().unwrap()];
        areal([&fixed[..], &size, &READ, more].concat()).expect(0);
    };
    let bundle = JOB.out().join("bundle");
    let evaluate = |store: &str| {
        let store = case.at(store);
        areal([
            "evaluate",
            "--bundle",
            bundle.to_str().unwrap(),
            "--store",
            store.to_str().unwrap(),
            "--split",
            "train",
        ])
    };
    tile("high", &[]);
    evaluate("high")
        .expect(0)
        .says(&["patches of the store are unlike the training scenes", "`areal tile` with --band-offset=-1000"]);
    tile("mended", &["--band-offset", "-1000"]);
    let store = std::fs::read_to_string(case.at("mended/store.json")).unwrap();
    assert!(store.contains("\"band_offset\""), "{store}");
    assert!(!evaluate("mended").expect(0).stderr.contains("unlike"));
}

#[test]
fn values_that_are_aggregated_take_a_scale_and_an_offset_in_place_of_those_of_the_file() {
    let bench = Bench::new();
    let mean = |file: &str, flags: &[&str]| -> String {
        bench.aggregate(file, &[&["--content", "values"], flags].concat()).expect(0);
        rows(&bench.path("areas/areas.csv"))
            .into_iter()
            .find(|row| row["measure"] == "mean" && row["zone_id"] == "z")
            .map(|row| row["value"].clone())
            .unwrap()
    };
    // The mean of the row is 1500.
    let plain = bench.raster("plain.tif", &[&[1000.0, 2000.0]], &["-ot", "UInt16"]);
    let declared = bench.raster("declared.tif", &[&[1000.0, 2000.0]], &["-ot", "UInt16", "-a_scale", "0.001"]);
    let is = |text: String, expected: f64| {
        let found: f64 = text.parse().unwrap();
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    };
    is(mean(&plain, &["--band-scale", "0.0001", "--band-offset=-0.1"]), 0.05);
    is(mean(&declared, &[]), 1.5);
    is(mean(&declared, &["--band-offset", "-1000"]), 500.0);
    bench
        .aggregate(&declared, &["--content", "values", "--band-offset=-1000"])
        .expect(0)
        .says(&["as given, in place of x 0.001 + 0, as the file says"]);
    let wrong = |flags: &[&str], says: &[&str]| {
        let run = bench.aggregate(&plain, &[&["--content", "values"], flags].concat());
        run.expect(2).says(says);
    };
    wrong(&["--band-scale=1,2"], &["2 numbers are given as band scale, but the number of bands read is 1", "--bands"]);
    wrong(&["--band-scale=0"], &["0 is not possible as band scale"]);
    wrong(&["--band-offset=nan"], &["it must be a number from -1e30 to 1e30"]);
    wrong(&["--band-scale=1e305"], &["it must be a number from -1e30 to 1e30"]);
    bench
        .aggregate(&plain, &["--content", "classes", "--band-scale=2"])
        .expect(2)
        .says(&["the cells hold class codes", "--content values"]);
}

#[test]
fn codes_that_a_scale_would_change_are_said() {
    let bench = Bench::new();
    let file = bench.raster("codes.tif", &[&[1.0, 2.0]], &["-ot", "Byte"]);
    let dataset = gdal::Dataset::open_ex(
        &file,
        gdal::DatasetOptions { open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE, ..Default::default() },
    )
    .unwrap();
    let mut colours = gdal::raster::ColorTable::new(gdal::raster::PaletteInterpretation::Rgba);
    let red = gdal::raster::ColorEntry::Rgba(gdal::raster::RgbaEntry { r: 255, g: 0, b: 0, a: 255 });
    colours.set_color_entry(1, &red);
    dataset.rasterband(1).unwrap().set_color_table(&colours);
    dataset.close().unwrap();
    let said = "band 1 has a colour table or names of categories, so its pixels are likely codes";
    let inspected = areal(["inspect", &file, "--band-scale=2"]).expect(0);
    assert_eq!(inspected.stderr.matches(said).count(), 1, "it is said once: {}", inspected.stderr);
    bench.aggregate(&file, &["--content", "values", "--band-scale=2"]).expect(0).says(&[said]);
    for plain in [&["inspect", &file][..], &["inspect", &file, "--band-scale=1"]] {
        assert!(!areal(plain).expect(0).stderr.contains(said));
    }
}

/// Only the first was told, and each new run named the next.
#[test]
fn all_that_a_scene_lacks_for_a_model_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let made = |name: &str, pixel: f64, pixels: &Pixels| {
        raster(&at(name), &grid("EPSG:32648", [200_000.0, 500_000.0], [pixel, pixel], 64, 64), pixels, 0.0);
    };
    made("trained.tif", 10.0, &Pixels::U16(vec![700; 64 * 64]));
    made("other.tif", 20.0, &Pixels::F32(vec![0.07; 64 * 64]));
    let trained = Scene::open(&SceneSettings::new("s", vec![at("trained.tif")])).unwrap();
    let mut spec = spec_for(&trained, classes(), 16);
    let [p05, p25, p50, p75, p95] = [500.0, 600.0, 700.0, 800.0, 900.0];
    spec.band_quantiles = vec![areal_formats::BandQuantiles { p05, p25, p50, p75, p95 }];
    write(&at("bundle"), spec);
    let predict = |out: &str, more: &[&str]| {
        let [scene, bundle, out] = ["other.tif", "bundle", out].map(|name| at(name).to_str().unwrap().to_owned());
        areal(["predict", &scene, "--bundle", &bundle, "--out", &out].into_iter().chain(more.iter().copied()))
    };
    predict("refused", &[]).expect(3).says(&[
        "0.0001 times as large",
        "pass --band-scale=10000",
        "trained on u16 pixels, but the data are f32; the model was trained at",
        "1. pass --band-scale=1",
        "2. pass --resolution and --resampling",
    ]);
    predict("mended", &["--band-scale=10000", "--resolution=10", "--resampling=nearest"]).expect(0);
}

#[test]
fn inspect_shows_the_values_that_flags_make() {
    let bench = Bench::new();
    let file = bench.raster("v.tif", &[&[1000.0, 3000.0]], &["-ot", "UInt16"]);
    let run = areal(["inspect", &file, "--band-offset=-1000", "--json"]).expect(0).json();
    assert_eq!(run["scene"]["statistics"]["bands"][0]["mean"], 1000.0);
    assert_eq!(run["files"][0]["statistics"]["bands"][0]["mean"], 2000.0);
    assert_eq!(run["scene"]["conversion"][0]["offset"], -1000.0);
    let text = areal(["inspect", &file, "--band-offset=-1000"]).expect(0).stdout;
    assert!(text.contains("stored value x 1 - 1000 in every band"), "{text}");
}

/// Two dates of one sensor: `Band 8` and `band 8`.
#[test]
fn bands_are_the_models_in_another_letter_case_or_by_number() {
    let case = Case::new();
    let plain = case.predict(&case.west, "plain", &[]);
    assert!(!plain.stderr.contains("bands of the scene are read as"), "{}", plain.stderr);
    let renamed = case.at("renamed.tif");
    changed(&case.west, &renamed, |value| value, Some(["Blue", "GREEN ", "red", "Nir", "swir", "cloud"]));
    let quality = ["--quality-band", "cloud", "--quality-values", "2,3"];
    let same = case.run("predict", &renamed, "case", &quality).expect(0);
    same.says(&["\"Blue\" as \"blue\"", "\"Nir\" as \"nir\"", "letter case"]);
    same_bytes(&case.at("plain"), &case.at("case"));

    let other = case.at("other.tif");
    changed(&case.west, &other, |value| value, Some(["B2", "B3", "B4", "B8", "B11", "cloud"]));
    let refused = case.run("predict", &other, "other", &quality).expect(3);
    refused.says(&["the model reads bands [blue, green, red, nir, swir], but the data have [B2, B3", "by number"]);
    let by_number = [&quality[..], &["--bands", "1,2,3,4,5"]].concat();
    case.run("predict", &other, "number", &by_number).expect(0).says(&["\"B2\" as \"blue\"", "chosen by number"]);
    same_bytes(&case.at("plain"), &case.at("number"));
    // The name of another band of the model is a contradiction, not a note.
    let swapped = [&quality[..], &["--bands", "3,2,1,4,5"]].concat();
    case.run("predict", &case.west, "swapped", &swapped).expect(3).says(&["[red, green, blue, nir, swir]"]);
}
