//! `areal predict` of awkward files, and of jobs that cannot be done.

use std::path::PathBuf;

use areal_formats::SceneSettings;
use areal_grid::PixelState;
use areal_raster::{Prediction, Scene};
use tempfile::TempDir;

use crate::awkward_files::observed;
use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::scenes::{args, made, names, read, same_bytes, scene};
use crate::common::{areal, data};

/// Cells of so many pixels a side of which at least half are observed, counted pixel by pixel.
fn half_observed_cells(scene: &Scene, side: usize) -> u64 {
    let grid = scene.grid();
    let block = scene.reader().unwrap().read(&grid.window()).unwrap();
    let mut observed = vec![0; grid.height.div_ceil(side) * grid.width.div_ceil(side)];
    for (k, state) in block.states.iter().enumerate() {
        let (row, col) = (k / grid.width, k % grid.width);
        observed[row / side * grid.width.div_ceil(side) + col / side] += usize::from(*state == PixelState::Observed);
    }
    observed.into_iter().filter(|n| 2 * n >= side * side).count() as u64
}

#[test]
fn every_awkward_file_is_predicted_or_refused() {
    let Some(variants) = data("geotiff_variants") else { return };
    let mut pending = vec![variants];
    let mut files = Vec::new();
    while let Some(folder) = pending.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    assert!(files.len() > 30, "{} files", files.len());
    let (mut predicted, mut refused) = (0, 0);
    for file in files {
        let folder = tempfile::tempdir().unwrap();
        let opened = Scene::open(&SceneSettings::new("s", vec![file.clone()]));
        let bundle = folder.path().join("bundle");
        match &opened {
            Ok(scene) => write(&bundle, spec_for(scene, classes(), 16)),
            // Never looked at: the scene is refused before.
            Err(_) => std::fs::create_dir(&bundle).unwrap(),
        }
        let run = areal(args(&file, &folder, "out", &["--json"]));
        assert!(!run.stderr.contains("panicked"), "{}: {}", file.display(), run.stderr);
        if run.code == 0 {
            let prediction = Prediction::open(&folder.path().join("out")).unwrap();
            let scene = scene(&file);
            let (height, width) = (scene.grid().height, scene.grid().width);
            let counts = prediction.meta().counts;
            assert_eq!(counts.total() as usize, height.div_ceil(16) * width.div_ceil(16));
            // Pixels as rasterio counted them.
            let pixels = run.json()["pixels"].clone();
            let name = file.file_name().unwrap().to_str().unwrap();
            let (all, percentage) = observed(name).unwrap();
            assert_eq!(pixels.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>(), all, "{name}");
            let share = 100.0 * pixels["observed"].as_f64().unwrap() / all as f64;
            assert!((share - percentage).abs() < 0.01, "{name}: {share} % observed, not {percentage} %");
            if height * width < 3_000_000 {
                assert_eq!(counts.predicted, half_observed_cells(&scene, 16), "{name}");
            }
            predicted += 1;
        } else {
            assert!([2, 3].contains(&run.code), "{}: code {}: {}", file.display(), run.code, run.stderr);
            assert!(run.stderr.contains("help:"), "{}: {}", file.display(), run.stderr);
            assert!(!folder.path().join("out").exists());
            refused += 1;
        }
    }
    eprintln!("{predicted} predicted, {refused} refused");
    assert!(predicted > 0 && refused > 0);
}

/// A bundle of three classes for a made scene in which the columns from 30 on are nodata.
fn half_empty(patch_size: usize) -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.tif");
    made(&file, 64, 64, |k| if k % 64 < 30 { k as u16 + 1 } else { 0 });
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), patch_size));
    (file, folder)
}

#[test]
fn a_cell_without_enough_observed_pixels_of_its_own_is_not_predicted_at_any_stride() {
    let (file, folder) = half_empty(16);
    let run = areal(args(&file, &folder, "out", &["--stride", "4", "--json"])).expect(0);
    // Cells of 4 pixels: columns 0 to 6 are observed, column 7 by half (28 and 29 of 28 to 31), 8 to 15 not at all,
    // though the patches of columns 20 to 35 cover column 8 and are observed well enough.
    assert_eq!(
        (run.json()["counts"]["predicted"].as_u64(), run.json()["counts"]["nodata"].as_u64()),
        (Some(128), Some(128))
    );
    let prediction = Prediction::open(&folder.path().join("out")).unwrap();
    for (_, states) in
        [read(&prediction.classes_path().unwrap(), 1), read(&prediction.probabilities_path().unwrap(), 1)]
    {
        assert!((0..256).all(|cell| (states[cell] == PixelState::Observed) == (cell % 16 < 8)));
    }
    // More than half of column 7 is asked for.
    let more = ["--stride", "4", "--min-valid", "0.51", "--json"];
    let run = areal(args(&file, &folder, "more", &more)).expect(0);
    assert_eq!(run.json()["counts"]["predicted"], 112);
    // No share at all still asks for one observed pixel.
    let none = ["--stride", "2", "--min-valid", "0", "--json"];
    let run = areal(args(&file, &folder, "none", &none)).expect(0);
    assert_eq!(run.json()["counts"]["predicted"], 15 * 32);
}

#[test]
fn numbers_beyond_any_machine_are_refused_with_the_flag_and_never_panic() {
    let (file, folder) = half_empty(16);
    let refused = |flags: &[&str], says: &[&str]| {
        let run = areal(args(&file, &folder, "out", flags)).expect(2).says(says);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    };
    for number in ["0", "100000000", "18446744073709551615"] {
        refused(&["--batch-size", number], &["batch size", number]);
    }
    for number in ["0", "100000", "18446744073709551615"] {
        refused(&["--threads", number], &["threads", number]);
    }
    refused(&["--memory", "18446744073709551615"], &["memory", "18446744073709551615"]);
    // 4096 patches of 16 x 16 pixels of 3 bytes are 3 MiB.
    refused(&["--batch-size", "4096", "--memory", "2"], &["3 MiB", "2 MiB", "--batch-size", "--memory"]);
    areal(args(&file, &folder, "out", &["--batch-size", "4096", "--memory", "3"])).expect(0);
}

#[test]
fn cells_that_do_not_fit_into_the_memory_are_refused_with_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wide.tif");
    made(&file, 64, 600, |_| 7);
    write(&folder.path().join("bundle"), spec_for(&scene(&file), classes(), 64));
    // 63 rows of 600 cells, each three sums of 8 bytes and a count of 4, held four times: 4.04 MiB; and a row of its own.
    let flags = ["--stride", "1", "--batch-size", "8", "--memory", "4"];
    areal(args(&file, &folder, "out", &flags)).expect(2).says(&["5 MiB", "4 MiB", "--memory", "--stride"]);
    assert_eq!(names(folder.path()), ["bundle", "wide.tif"]);
}

#[test]
fn a_bundle_of_patches_of_no_or_any_size_is_refused() {
    let (file, folder) = half_empty(16);
    let model = folder.path().join("bundle/model.json");
    let text = std::fs::read_to_string(&model).unwrap();
    for size in ["0", "4097", "1000000000"] {
        std::fs::write(&model, text.replace("\"patch_size\": 16", &format!("\"patch_size\": {size}"))).unwrap();
        let run = areal(args(&file, &folder, "out", &[])).expect(3).says(&["patch_size", size]);
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    }
}

#[test]
fn a_job_begun_on_another_device_is_not_continued() {
    let (file, folder) = half_empty(16);
    areal(args(&file, &folder, "whole", &[])).expect(0);
    let text = std::fs::read_to_string(folder.path().join("whole/prediction.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_str(&text).unwrap();
    let made = &meta["provenance"];
    assert_eq!(made["settings"]["device"], "cpu");
    assert!(made["settings"]["inference"].as_str().unwrap().starts_with("plan, "), "{}", made["settings"]);

    // The journal of the same job, as it stood before its first strip was done.
    let journal = folder.path().join(".out.resume");
    std::fs::create_dir(&journal).unwrap();
    let begin = |key: &str, value: &str| {
        let mut settings = made["settings"].clone();
        if !key.is_empty() {
            settings[key] = value.into();
        }
        let job = serde_json::json!({
            "format": "areal-journal/1", "made_by": made["made_by"], "inputs": made["inputs"], "settings": settings,
        });
        std::fs::write(journal.join("journal.json"), job.to_string()).unwrap();
    };
    begin("device", "gpu:0");
    areal(args(&file, &folder, "out", &["--resume"])).expect(2).says(&["device was \"gpu:0\", is \"cpu\""]);
    begin("inference", "burn");
    areal(args(&file, &folder, "out", &["--resume"])).expect(2).says(&["inference was \"burn\", is \"plan"]);
    begin("", "");
    areal(args(&file, &folder, "out", &["--resume"])).expect(0);
    same_bytes(&folder.path().join("whole"), &folder.path().join("out"));
}
