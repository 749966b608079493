//! The whole job on the small generated landscape, through one recipe: every stage, against known truth.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use areal_grid::PixelState;
use areal_raster::RasterFile;

use crate::common::long_commands::long_commands;
use crate::common::{JOB, Row, areal, binary, interrupt_after_lines, interruptible, number, rows, run};

#[test]
fn every_stage_leaves_its_outputs() {
    let out = JOB.out();
    for file in [
        "patches/pixels.npy",
        "patches/states.npy",
        "patches/patches.csv",
        "patches/patches.gpkg",
        "patches/store.json",
        "bundle/weights.safetensors",
        "bundle/model.json",
        "bundle/metrics.csv",
        "bundle/confusion.csv",
        "bundle/card.md",
        "predictions/landscape/classes.tif",
        "predictions/landscape/probabilities.tif",
        "predictions/landscape/states.tif",
        "predictions/landscape/shares.tif",
        "predictions/landscape/prediction.json",
        "saliency/landscape/saliency.csv",
        "areas/landscape/areas.csv",
        "areas/landscape/areas.csv-metadata.json",
        "areas/landscape/areas.gpkg",
        "samples/landscape/sample.gpkg",
        "estimates/landscape/estimates.csv",
        "estimates/landscape/quality.md",
        "report.html",
    ] {
        assert!(out.join(file).is_file(), "{file} is missing");
    }
    for entry in fs::read_dir(&out).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(!name.contains("partial"), "{name} was left behind");
    }
}

#[test]
fn a_second_run_skips_every_stage() {
    let recipe = JOB.demo().join("recipe.toml");
    let again = areal(["run", recipe.to_str().unwrap()]).expect(0);
    for stage in
        ["tile", "train", "evaluate", "predict landscape", "explain landscape", "aggregate landscape", "report"]
    {
        assert!(again.stderr.contains(&format!("{stage}: inputs and settings unchanged, skipped")), "{}", again.stderr);
    }
}

#[test]
fn a_changed_setting_runs_its_stage_and_those_after_it() {
    let recipe = JOB.demo().join("recipe.toml");
    let dry = areal(["run", recipe.to_str().unwrap(), "--dry-run", "--set", "aggregate.invalid=refuse"]).expect(0);
    assert!(dry.stdout.starts_with("aggregate landscape: would run (settings changed)"), "{}", dry.stdout);
}

#[test]
fn mapped_areas_are_near_the_truth() {
    // True km2 by class, from the landscape's own functions; mapped km2 from the areas. The demo's rarest classes are a
    // few per cent of the land, so what is asked is that most of the land gets its class right by district.
    let truth: BTreeMap<(String, String), f64> = rows(&JOB.demo().join("truth.csv"))
        .iter()
        .filter(|r| r.contains_key("class_name"))
        .map(|r| ((r["district_id"].clone(), r["class_name"].clone()), number(r, "area_km2")))
        .collect();
    assert!(truth.len() > 20, "{truth:?}");
    let mapped: BTreeMap<(String, String), f64> = rows(&JOB.out().join("areas/landscape/areas.csv"))
        .iter()
        .filter(|r| r["measure"] == "class_area")
        .map(|r| ((r["zone_id"].clone(), r["class_name"].clone()), number(r, "value")))
        .collect();
    let (mut wrong, mut all) = (0.0, 0.0);
    for (key, area) in &truth {
        wrong += (area - mapped.get(key).copied().unwrap_or(0.0)).abs();
        all += area;
    }
    // Each square kilometre put in the wrong class counts twice, unobserved ground once. 0.19 is measured. A map
    // whose classes or districts are exchanged does not pass: oil palm for rubber gives 0.63, a district for the next 0.87.
    assert!(wrong / all < 0.25, "{wrong} of {all} km2 misplaced: {mapped:?}");
}

/// The truth is known in every cell: what the sample says is to hold it, and does for most classes.
#[test]
fn estimates_from_a_labelled_sample_hold_the_truth_of_the_mapped_ground() {
    let mut truth = RasterFile::open(&JOB.demo().join("truth.tif")).unwrap();
    let prediction = JOB.out().join("predictions/landscape");
    let mut map = RasterFile::open(&prediction.join("classes.tif")).unwrap();
    let mut shares = RasterFile::open(&prediction.join("shares.tif")).unwrap();
    let window = map.grid().window();
    let factor = truth.grid().width / map.grid().width;
    assert_eq!((map.grid().height * factor, map.grid().width * factor), (truth.grid().height, truth.grid().width));
    let (_, states) = map.read_band(1, &window).unwrap();
    let (observed, _) = shares.read_band(1, &window).unwrap();
    let everything = truth.grid().window();
    let (codes, _) = truth.read_band(1, &everything).unwrap();
    // Observed ground by the class that covers most of each cell, as a share of all: what the units are labelled with.
    let (mut area, mut all) = (vec![0.0; 256], 0.0);
    for k in (0..window.len()).filter(|k| states[*k] == PixelState::Observed) {
        let (row, col) = (k / window.width * factor, k % window.width * factor);
        let mut counts = [0; 256];
        for r in 0..factor {
            for c in 0..factor {
                counts[codes.get((row + r) * window.width * factor + col + c) as usize] += 1;
            }
        }
        let most = (0..256).max_by_key(|code| counts[*code]).unwrap();
        area[most] += observed.get(k);
        all += observed.get(k);
    }
    let found = rows(&JOB.out().join("estimates/landscape/estimates.csv"));
    let whole: Vec<&Row> = found.iter().filter(|r| r["population"] == "map").collect();
    let total: f64 = whole.iter().map(|r| number(r, "mapped")).sum();
    let mut held = 0;
    for row in &whole {
        let truth = area[number(row, "class_code") as usize] / all * total;
        held += usize::from((number(row, "low")..=number(row, "high")).contains(&truth));
    }
    assert!(whole.len() >= 5 && held + 1 >= whole.len(), "{held} of {} intervals hold the truth", whole.len());
    let html = fs::read_to_string(JOB.out().join("report.html")).unwrap();
    assert!(html.contains("rubber: estimated") && html.contains("overall accuracy"));
}

#[test]
fn gdal_reads_the_map_with_its_names_and_colours() {
    let map = JOB.out().join("predictions/landscape/classes.tif");
    if !crate::common::has_tool("gdalinfo") {
        crate::common::skipped("gdalinfo is not installed");
        return;
    }
    let info = run(Command::new("gdalinfo").arg(map)).expect(0);
    for word in ["LAYOUT=COG", "rubber", "Color Table", "NoData Value=255"] {
        assert!(info.stdout.contains(word), "{word} is not in:\n{}", info.stdout);
    }
}

#[test]
fn the_same_recipe_and_seed_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = JOB.demo().join("recipe.toml");
    let second = folder.path().join("second");
    areal(["run", recipe.to_str().unwrap(), "--workdir", second.to_str().unwrap()]).expect(0);
    for file in [
        "patches/pixels.npy",
        "bundle/weights.safetensors",
        "predictions/landscape/classes.tif",
        "predictions/landscape/probabilities.tif",
        "predictions/landscape/states.tif",
        "areas/landscape/areas.csv",
    ] {
        let (a, b) = (fs::read(JOB.out().join(file)).unwrap(), fs::read(second.join(file)).unwrap());
        assert!(a == b, "{file} differs between two runs");
    }
}

#[test]
fn an_interrupted_recipe_leaves_whole_outputs_only_and_goes_on_when_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = JOB.demo().join("recipe.toml");
    let arguments = ["run", recipe.to_str().unwrap(), "--workdir", folder.path().to_str().unwrap()];
    for lines in [1, 12] {
        let code = interrupt_after_lines(interruptible().args(arguments), lines);
        assert_eq!(code, Some(130), "after {lines} lines");
    }
    areal(arguments).expect(0);
    let file = "predictions/landscape/probabilities.tif";
    assert!(fs::read(JOB.out().join(file)).unwrap() == fs::read(folder.path().join(file)).unwrap());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("partial")), "{left:?}");
}

#[test]
fn an_interrupt_at_any_moment_leaves_nothing_under_a_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    for (k, arguments) in long_commands(folder.path()).iter().enumerate() {
        for lines in [0, 1, 2] {
            let mut command = interruptible();
            let code = interrupt_after_lines(command.args(arguments).arg("--out").arg(&out), lines);
            if out.exists() && code == Some(0) {
                // It was done before the signal came: whole, then.
                if out.is_dir() { fs::remove_dir_all(&out) } else { fs::remove_file(&out) }.unwrap();
                continue;
            }
            // Before its handler stands, the signal itself ends the program.
            assert!(code == Some(130) || code.is_none(), "command {k} after {lines} lines: {code:?}");
            assert!(!out.exists(), "command {k} left its output");
        }
    }
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    // A limit on the size of files stands in for a full disk: a write past it fails in the same way.
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let scene = JOB.demo().join("scene_west.tif");
    let labels = JOB.demo().join("labels.gpkg");
    let script = "ulimit -f 64; trap '' XFSZ; exec \"$@\"";
    let limited = |arguments: &[&str]| {
        let said = run(Command::new("bash").args(["-c", script, "bash"]).arg(binary()).args(arguments)).expect(4);
        assert!(!out.exists(), "an output was left: {}", said.stderr);
        said
    };
    let path = |p: &Path| p.to_str().unwrap().to_owned();
    limited(&[
        "tile",
        &path(&scene),
        "--labels",
        &path(&labels),
        "--label-field",
        "class",
        "--patch-size",
        "16",
        "--out",
        &path(&out),
    ]);
    let bundle = JOB.out().join("bundle");
    limited(&[
        "predict",
        &path(&scene),
        "--bands",
        "blue,green,red,nir,swir",
        "--bundle",
        &path(&bundle),
        "--stride",
        "4",
        "--out",
        &path(&out),
    ]);
}

#[test]
fn a_full_disk_is_said_by_every_command_that_writes() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let made = |name: &str| JOB.out().join(name).to_str().unwrap().to_owned();
    let zones = JOB.demo().join("districts.gpkg").to_str().unwrap().to_owned();
    let (store, bundle, map) = (made("patches"), made("bundle"), made("predictions/landscape"));
    for arguments in [
        vec!["train", "--store", &store, "--epochs", "1"],
        vec!["aggregate", "--prediction", &map, "--zones", &zones, "--zone-id", "district_id"],
        vec!["explain", "--store", &store, "--patch", "1", "--bundle", &bundle, "--steps", "2"],
        vec!["report", "--bundle", &bundle, "--prediction", &map],
        vec!["demo", "--size", "small"],
    ] {
        let mut command = Command::new("bash");
        command.args(["-c", "ulimit -f 16; trap '' XFSZ; exec \"$@\"", "bash"]).arg(binary()).args(&arguments);
        run(command.arg("--out").arg(&out)).expect(4).says(&["check the free disk space"]);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{} left {left:?}", arguments[0]);
    }
}

#[test]
fn an_output_that_cannot_be_made_is_said() {
    // Nobody may make files there, not even root.
    let areas = JOB.demo().join("districts.gpkg");
    let prediction = JOB.out().join("predictions/landscape");
    areal([
        "aggregate",
        "--prediction",
        prediction.to_str().unwrap(),
        "--zones",
        areas.to_str().unwrap(),
        "--zone-id",
        "district_id",
        "--out",
        "/proc/areal",
    ])
    .expect(4)
    .says(&["/proc/areal"]);
}
