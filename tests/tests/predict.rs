//! `areal predict` as its users run it.

use std::path::PathBuf;

use areal_formats::SceneSettings;
use areal_grid::{PixelState, PixelType};
use areal_raster::{Prediction, RasterFile, Scene};
use tempfile::TempDir;

use crate::common::model_bundle::{classes, spec_for, value, write};
use crate::common::scenes::{args, made, names, read, same_bytes, scene};
use crate::common::{areal, data, interrupt_when_work_is_kept};

const LANDSAT: &str = "landsat7_chiapas";

/// One file of the Landsat pair, with a bundle of three classes made for it.
fn landsat(patch_size: usize) -> Option<(PathBuf, TempDir)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(data(LANDSAT)?)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "tif" || e == "gtif"))
        .filter(|p| Scene::open(&SceneSettings::new("s", vec![p.clone()])).is_ok_and(|s| s.bands().len() == 8))
        .collect();
    files.sort();
    let file = files.into_iter().next()?;
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), patch_size));
    Some((file, folder))
}

#[test]
fn real_imagery_gives_a_whole_prediction_and_the_same_bytes_with_any_number_of_threads() {
    let Some((file, folder)) = landsat(32) else { return };
    let flags = ["--stride", "16", "--json", "--threads"];
    let run = areal(args(&file, &folder, "one", &[&flags[..], &["1"]].concat())).expect(0);
    areal(args(&file, &folder, "three", &[&flags[..], &["3"]].concat())).expect(0);
    same_bytes(&folder.path().join("one"), &folder.path().join("three"));

    let prediction = Prediction::open(&folder.path().join("one")).unwrap();
    let meta = prediction.meta();
    // 250 pixels in cells of 16: 16 each way.
    assert_eq!((meta.grid.height, meta.grid.width, meta.stride, meta.patch_size), (16, 16, 16, 32));
    assert_eq!(meta.counts.total(), 256);
    let counts = run.json();
    let pixels: u64 =
        ["observed", "nodata", "masked", "outside"].iter().map(|k| counts["pixels"][k].as_u64().unwrap()).sum();
    assert_eq!(pixels, 250 * 250);
    assert_eq!(names(prediction.folder()).iter().filter(|n| n.starts_with('.')).count(), 0);

    // What became of each cell, with names and colours.
    let kinds = read(&prediction.states_path(), 1).0;
    let of = |state: PixelState| (0..256).filter(|k| kinds.get(*k) == f64::from(state as u8)).count() as u64;
    let counted = [meta.counts.predicted, meta.counts.nodata, meta.counts.masked, meta.counts.outside];
    assert_eq!(PixelState::ALL.map(of), counted);
    let legend = RasterFile::open(&prediction.states_path()).unwrap();
    assert_eq!(legend.category_names(1).unwrap()[..4], ["observed", "nodata", "masked", "outside"]);
    assert!(legend.colour_table(1).unwrap().len() >= 4);

    let (codes, states) = read(&prediction.classes_path().unwrap(), 1);
    let bands: Vec<_> = (1..=3).map(|b| read(&prediction.probabilities_path().unwrap(), b).0).collect();
    for (k, state) in states.iter().enumerate() {
        assert_eq!(kinds.get(k) == 0.0, *state == PixelState::Observed);
    }
    let predicted = states.iter().filter(|s| **s == PixelState::Observed).count();
    assert!(predicted > 0 && predicted as u64 == meta.counts.predicted);
    for cell in (0..256).filter(|c| states[*c] == PixelState::Observed) {
        let p: Vec<f64> = bands.iter().map(|b| b.get(cell)).collect();
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-5);
        let best = (0..3).max_by(|a, b| p[*a].total_cmp(&p[*b])).unwrap();
        assert_eq!(codes.get(cell), [1.0, 11.0, 21.0][best]);
    }
    let classes = RasterFile::open(&prediction.classes_path().unwrap()).unwrap();
    assert_eq!(classes.category_names(1).unwrap()[11], "water");
    assert!(!classes.colour_table(1).unwrap().is_empty());
}

#[test]
fn a_value_has_its_spread_where_patches_overlap() {
    let Some((file, folder)) = landsat(32) else { return };
    write(&folder.path().join("bundle"), spec_for(&scene(&file), value(), 32));
    areal(args(&file, &folder, "apart", &[])).expect(0);
    areal(args(&file, &folder, "overlap", &["--stride", "8"])).expect(0);
    let bands = |name: &str| RasterFile::open(&folder.path().join(name).join("value.tif")).unwrap().bands().len();
    assert_eq!((bands("apart"), bands("overlap")), (1, 2));
    let (spread, states) = read(&folder.path().join("overlap/value.tif"), 2);
    assert!((0..states.len()).any(|c| states[c] == PixelState::Observed && spread.get(c) > 0.0));
}

#[test]
fn a_scene_that_does_not_fit_the_bundle_is_refused_with_both_sides_and_the_flag() {
    let Some((file, folder)) = landsat(32) else { return };
    areal(args(&file, &folder, "out", &["--bands", "2,1,3,4,5,6,7,8"])).expect(3).says(&["--bands"]);
    areal(args(&file, &folder, "out", &["--bands", "1,2,3"])).expect(3).says(&["--bands"]);
    // Numbers below nothing follow their flags as they are.
    areal(args(&file, &folder, "out", &["--bounds", "-100,-3.5,-90,2"])).expect(2).says(&["no file overlaps it"]);
    let masked = ["--quality-band", "8", "--quality-values", "-32768,2", "--bands", "1,2"];
    areal(args(&file, &folder, "out", &masked)).expect(3).says(&["--bands"]);
    // The same file by another name.
    let link = folder.path().join("link.tif");
    std::os::unix::fs::symlink(file.canonicalize().unwrap(), &link).unwrap();
    areal(args(&file, &folder, "out", &[link.to_str().unwrap()])).expect(2).says(&["link.tif is given twice"]);
    std::fs::remove_file(&link).unwrap();
    areal(args(&file, &folder, "out", &["--stride", "20"])).expect(2).says(&["20", "32", "--stride"]);
    areal(args(&file, &folder, "out", &["--min-valid", "1.5"])).expect(2).says(&["1.5"]);
    areal(args(&file, &folder, "out", &["--resolution", "60", "--resampling", "average"])).expect(3).says(&[
        "30.0",
        "60.0",
        "--resolution",
    ]);
    let mut spec = spec_for(&scene(&file), classes(), 32);
    spec.pixel_type = PixelType::U8;
    write(&folder.path().join("bundle"), spec);
    areal(args(&file, &folder, "out", &[])).expect(3).says(&["u8", "i16", "gdal_translate -ot Byte IN OUT"]);
    assert_eq!(names(folder.path()), ["bundle"]);
}

#[test]
fn a_bundle_with_swapped_weights_is_refused() {
    let Some((file, folder)) = landsat(32) else { return };
    let weights = folder.path().join("bundle/weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&weights, &bytes).unwrap();
    areal(args(&file, &folder, "out", &[])).expect(3).says(&["weights.safetensors", "SHA-256"]);
    std::fs::remove_file(&weights).unwrap();
    areal(args(&file, &folder, "out", &[])).expect(3).says(&["weights.safetensors"]);
    assert_eq!(names(folder.path()), ["bundle"]);
}

#[test]
fn an_output_that_stands_is_kept_unless_it_may_be_replaced() {
    let Some((file, folder)) = landsat(32) else { return };
    areal(args(&file, &folder, "out", &[])).expect(0);
    let before = std::fs::read(folder.path().join("out/classes.tif")).unwrap();
    areal(args(&file, &folder, "out", &[])).expect(4).says(&["already exists", "--overwrite"]);
    assert!(std::fs::read(folder.path().join("out/classes.tif")).unwrap() == before);
    areal(args(&file, &folder, "out", &["--overwrite"])).expect(0);
}

/// A job in many strips: patches every 2 pixels, one at a time.
const SLOW: [&str; 5] = ["--stride", "2", "--batch-size", "2", "--threads=1"];

#[test]
fn an_interrupted_job_leaves_nothing_under_its_name_and_resumes_to_the_same_bytes() {
    let Some((file, folder)) = landsat(16) else { return };
    areal(args(&file, &folder, "whole", &SLOW)).expect(0);

    interrupt_when_work_is_kept(folder.path(), args(&file, &folder, "out", &SLOW), &folder.path().join(".out.resume"));
    assert_eq!(names(folder.path()), [".out.resume", "bundle", "whole"]);

    let mut other = SLOW;
    other[3] = "3";
    areal(args(&file, &folder, "out", &[&other[..], &["--resume"]].concat()))
        .expect(2)
        .says(&["batch-size was 2, is 3"]);
    let run = areal(args(&file, &folder, "out", &[&SLOW[..], &["--resume", "--json"]].concat())).expect(0);
    assert!(run.json()["resumed_patches"].as_u64().unwrap() > 0);
    same_bytes(&folder.path().join("whole"), &folder.path().join("out"));
    assert_eq!(names(folder.path()), ["bundle", "out", "whole"]);
}

#[test]
fn a_scene_smaller_than_a_patch_is_predicted_or_left_empty_by_its_valid_share() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.tif");
    made(&file, 20, 24, |k| k as u16 + 1);
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), 32));
    // 480 of the patch's 1024 pixels: below half.
    let run = areal(args(&file, &folder, "half", &["--json"])).expect(0).says(&["no cell is predicted", "--min-valid"]);
    assert_eq!(run.json()["counts"]["outside"], 1);
    let run = areal(args(&file, &folder, "less", &["--min-valid", "0.4", "--json"])).expect(0);
    assert_eq!(run.json()["counts"]["predicted"], 1);
}

#[test]
fn a_scene_without_observed_pixels_is_an_empty_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("empty.tif");
    made(&file, 70, 70, |_| 0);
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), 32));
    let run =
        areal(args(&file, &folder, "out", &["--min-valid", "0", "--json"])).expect(0).says(&["no cell is predicted"]);
    assert_eq!(run.json()["counts"]["nodata"], 9);
    assert_eq!(run.json()["pixels"]["nodata"], 4900);
    assert_eq!(run.json()["patches"], 0);
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_error() {
    let Some((file, folder)) = landsat(32) else { return };
    std::fs::write(folder.path().join("taken"), "a file").unwrap();
    areal(args(&file, &folder, "taken/out", &[])).expect(4).says(&["taken"]);
}
