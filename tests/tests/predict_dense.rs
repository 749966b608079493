//! `areal predict --mode dense` as its users run it.

use std::path::{Path, PathBuf};

use areal_formats::{Padding, PredictMode};
use areal_grid::Pixels;
use areal_raster::Prediction;
use tempfile::TempDir;

use crate::common::model_bundle::{classes, spec_for, value, write};
use crate::common::scenes::{args, made, read, same_bytes, scene};
use crate::common::{areal, interrupt_when_work_is_kept};

/// A scene of one band with holes, and a compact bundle for patches of 48 pixels.
fn scene_and_bundle(height: usize, width: usize, padding: Padding) -> (PathBuf, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scene.tif");
    let random = |k: usize| (k as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    // Holes are whole runs of 64 pixels, a tenth of the scene, and its lower left corner.
    let hole = |k: usize| random(k / 64) % 10 == 0 || (k / width > height / 2 && k % width < 70);
    made(&file, height, width, |k| if hole(k) { 0 } else { (random(k) % 3000) as u16 + 1 });
    let mut spec = spec_for(&scene(&file), classes(), 48);
    spec.padding = padding;
    write(&folder.path().join("bundle"), spec);
    (file, folder)
}

fn values(path: &Path, band: usize) -> Pixels {
    read(path, band).0
}

#[test]
fn without_padding_both_modes_give_the_same_map() {
    let (file, folder) = scene_and_bundle(210, 333, Padding::Valid);
    for stride in ["48", "16", "12"] {
        let (patch, dense) = (format!("patch{stride}"), format!("dense{stride}"));
        let one = areal(args(&file, &folder, &patch, &["--stride", stride, "--json"])).expect(0).json();
        let flags = ["--mode", "dense", "--stride", stride, "--json"];
        let other = areal(args(&file, &folder, &dense, &flags)).expect(0).says(&["have the same class"]).json();
        for key in ["cells", "counts", "pixels", "patches"] {
            assert_eq!(one[key], other[key], "{key}");
        }
        assert_eq!((one["mode"].as_str(), other["mode"].as_str()), (Some("patch"), Some("dense")));
        assert!(one["agreement"].is_null());
        assert_eq!(other["agreement"]["same_class"], 1.0);
        assert!(other["agreement"]["greatest_difference"].as_f64().unwrap() < 1e-4, "{}", other["agreement"]);
        let open = |name: &str| Prediction::open(&folder.path().join(name)).unwrap();
        let (patch, dense) = (open(&patch), open(&dense));
        assert_eq!((patch.meta().mode, patch.meta().agreement), (PredictMode::Patch, None));
        assert_eq!(dense.meta().mode, PredictMode::Dense);
        assert!(dense.meta().agreement.unwrap().patches > 0);
        assert_eq!(dense.meta().provenance.settings["mode"], "dense");
        assert_eq!(values(&patch.states_path(), 1), values(&dense.states_path(), 1));
        for band in 1..=3 {
            let path = |p: &Prediction| p.probabilities_path().unwrap();
            let (a, b) = (values(&path(&patch), band), values(&path(&dense), band));
            for cell in 0..a.len() {
                let (a, b) = (a.get(cell), b.get(cell));
                assert!(a.is_nan() && b.is_nan() || (a - b).abs() < 1e-4, "stride {stride}, cell {cell}: {a} {b}");
            }
        }
    }
}

#[test]
fn with_padding_the_difference_is_told() {
    let (file, folder) = scene_and_bundle(200, 200, Padding::Same);
    let flags = ["--mode", "dense", "--stride", "8"];
    let run = areal(args(&file, &folder, "out", &flags)).expect(0);
    run.says(&["also predicted one by one", "probabilities differ by"]);
    let agreement = Prediction::open(&folder.path().join("out")).unwrap().meta().agreement.unwrap();
    // 20 rows of patches, of which 4 do not overlap, 16 of each.
    assert!((30..=64).contains(&agreement.patches), "{agreement:?}");
    assert!(agreement.greatest_difference > 1e-4 && agreement.greatest_difference < 0.5, "{agreement:?}");
    assert!(agreement.mean_difference <= agreement.greatest_difference);

    write(&folder.path().join("bundle"), spec_for(&scene(&file), value(), 48));
    areal(args(&file, &folder, "value", &flags)).expect(0).says(&["values differ by"]);
    let meta = Prediction::open(&folder.path().join("value")).unwrap().meta().clone();
    assert_eq!(meta.agreement.unwrap().same_class, None);
}

#[test]
fn memory_cuts_a_scene_into_panels_and_threads_change_nothing() {
    let (file, folder) = scene_and_bundle(200, 2400, Padding::Same);
    let flags = ["--mode", "dense", "--stride", "16", "--batch-size", "16"];
    areal(args(&file, &folder, "whole", &flags)).expect(0);
    // Maps of about 6 KiB a column of pixels: 14 MiB in all, 4 MiB at a time.
    let panels = areal(args(&file, &folder, "panels", &[&flags[..], &["--memory", "6", "--threads", "1"]].concat()));
    panels.expect(0).says(&["panels of columns", "MiB would allow one panel"]);
    same_bytes(&folder.path().join("whole"), &folder.path().join("panels"));
    let meta = |name: &str| Prediction::open(&folder.path().join(name)).unwrap().meta().clone();
    assert_eq!(meta("whole").counts, meta("panels").counts);
    // Patch by patch, the sample goes through the network in other batches: the last bits differ.
    let agreement = |name: &str| meta(name).agreement.unwrap();
    assert_eq!(agreement("whole").patches, agreement("panels").patches);
    assert!((agreement("whole").mean_difference - agreement("panels").mean_difference).abs() < 1e-6);
    areal(args(&file, &folder, "none", &[&flags[..], &["--memory", "4"]].concat())).expect(2).says(&[
        "dense mode over one column of cells",
        "4 MiB",
        "--memory",
        "--mode patch",
    ]);
}

#[test]
fn an_interrupted_job_in_dense_mode_resumes_to_the_same_bytes() {
    let (file, folder) = scene_and_bundle(3000, 96, Padding::Same);
    let flags = ["--mode", "dense", "--stride", "4"];
    areal(args(&file, &folder, "whole", &flags)).expect(0);
    interrupt_when_work_is_kept(folder.path(), args(&file, &folder, "out", &flags), &folder.path().join(".out.resume"));

    areal(args(&file, &folder, "out", &["--stride", "4", "--resume"]))
        .expect(2)
        .says(&["mode was \"dense\", is \"patch\""]);
    let run = areal(args(&file, &folder, "out", &[&flags[..], &["--resume", "--json"]].concat())).expect(0);
    assert!(run.json()["resumed_patches"].as_u64().unwrap() > 0);
    same_bytes(&folder.path().join("whole"), &folder.path().join("out"));
    let meta = |name: &str| Prediction::open(&folder.path().join(name)).unwrap().meta().clone();
    assert_eq!(meta("whole").agreement, meta("out").agreement);
}

#[test]
fn a_mode_that_is_none_is_refused() {
    let (file, folder) = scene_and_bundle(64, 64, Padding::Same);
    areal(args(&file, &folder, "out", &["--mode", "sparse"])).expect(2).says(&["possible values: patch, dense"]);
    // Smaller than a patch: one patch all the same.
    areal(args(&file, &folder, "out", &["--mode", "dense", "--min-valid", "0.1"])).expect(0);
}
