//! `areal sample`: every kind of strata, the size for a wanted error, and what it refuses.

use std::collections::HashMap;
use std::path::Path;

use areal_formats::Resampling;
use areal_grid::{PixelGrid, PixelType, Pixels};
use areal_raster::{CogBand, CogSpec, CogWriter};

use crate::common::survey_world::{SIDE, World, grid, world};
use crate::common::{JOB, areal, number, rows};

fn raster(path: &Path, grid: &PixelGrid, pixels: &Pixels) {
    let spec = CogSpec {
        pixel_type: pixels.pixel_type(),
        nodata: None,
        bands: vec![CogBand { description: "stratum".into(), legend: Vec::new() }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, grid, &spec).unwrap();
    writer.write(0, &grid.window(), pixels).unwrap();
    writer.finish().unwrap();
}

fn design(w: &World) -> serde_json::Value {
    serde_json::from_str(&std::fs::read_to_string(w.path("sample/design.json")).unwrap()).unwrap()
}

fn strata(w: &World) -> Vec<serde_json::Value> {
    design(w)["strata"].as_array().unwrap().clone()
}

/// The 99.9 % interval of every class holds its true area.
#[track_caller]
fn holds_the_truth(w: &World, out: &str) {
    for (row, code) in rows(&w.path(out).join("estimates.csv")).iter().zip([1, 2, 3]) {
        let truth = w.true_area(code);
        assert!((number(row, "low")..=number(row, "high")).contains(&truth), "{truth} {row:?}");
    }
}

#[test]
fn strata_may_be_those_of_a_raster() {
    let w = world();
    // Thirds from west to east, numbered 3, 7 and 200.
    let codes = (0..SIDE * SIDE).map(|k| [3, 7, 200][k % SIDE / 100]).collect();
    raster(&w.path("thirds.tif"), &grid(), &Pixels::U8(codes));
    let thirds = w.text("thirds.tif");
    w.sample(&["--strata", "raster", "--size", "600"]).expect(2).says(&["require a strata raster", "--strata-raster"]);
    w.sample(&["--strata", "raster", "--strata-raster", &thirds, "--size", "600"]).expect(0);
    let names: Vec<_> = strata(&w).iter().map(|s| s["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["3", "7", "200"]);
    for unit in rows(&w.path("sample/units.csv")) {
        let expected = ["3", "7", "200"][unit["col"].parse::<usize>().unwrap() / 100];
        assert_eq!(unit["stratum"], expected);
    }
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("none", &[]).expect(2).says(&["require a strata raster", "--strata-raster"]);
    let fixed = ["--strata-raster", &thirds, "--level", "0.999"];
    let methods = |out: &str| {
        rows(&w.path(out).join("estimates.csv")).into_iter().map(|r| r["method"].clone()).collect::<Vec<_>>()
    };
    // The strata do not tell the classes apart, whose areas are known: the map's rows ignored them, and those of zones did not.
    w.estimate("x", &fixed)
        .expect(0)
        .says(&["estimator post-stratified: the strata do not tell the classes of the map apart"]);
    holds_the_truth(&w, "x");
    assert!(methods("x").iter().all(|m| m == "post-stratified"), "{:?}", methods("x"));
    w.estimate("y", &[&fixed[..], &["--estimator", "stratified"]].concat()).expect(0);
    holds_the_truth(&w, "y");
    assert!(methods("y").iter().all(|m| m == "stratified"), "{:?}", methods("y"));

    // Numbers that are no strata; another grid.
    let halves = (0..SIDE * SIDE).map(|k| (k % 2) as f32 / 2.0).collect();
    raster(&w.path("halves.tif"), &grid(), &Pixels::F32(halves));
    let halves = w.text("halves.tif");
    w.sample(&["--strata", "raster", "--strata-raster", &halves, "--size", "9", "--overwrite"])
        .expect(3)
        .says(&["has the value 0.5, which is not a stratum", "whole numbers from 0 to 255"]);
    let small = PixelGrid { height: 10, width: 10, ..grid() };
    raster(&w.path("small.tif"), &small, &Pixels::zeros(PixelType::U8, 100));
    let small = w.text("small.tif");
    w.sample(&["--strata", "raster", "--strata-raster", &small, "--size", "9", "--overwrite"])
        .expect(2)
        .says(&["the strata raster has 10 x 10 cells", "gdalwarp"]);
}

#[test]
fn strata_may_be_zones_or_the_whole_map() {
    let w = world();
    let zones = w.text("zones.gpkg");
    let with_zones = ["--zones", &zones, "--zone-id", "id"];
    w.sample(&[&with_zones[..], &["--strata", "zones", "--size", "600"]].concat()).expect(0);
    let names: Vec<_> = strata(&w).iter().map(|s| s["zone_id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, (0..9).map(|k| format!("Z{k}")).collect::<Vec<_>>());
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("zones", &[&with_zones[..], &["--level", "0.999"]].concat()).expect(0);
    holds_the_truth(&w, "zones");

    w.sample(&["--strata", "whole", "--size", "600", "--overwrite"]).expect(0);
    let only = &strata(&w)[0];
    assert_eq!(only["name"], "whole");
    assert_eq!(
        only["population"].as_u64().unwrap() + design(&w)["outside_population"].as_u64().unwrap(),
        (SIDE * SIDE) as u64
    );
    w.label("sample", "sample.csv", "labelled.csv");
    for estimator in ["stratified", "post-stratified"] {
        w.estimate(estimator, &["--estimator", estimator, "--level", "0.999"]).expect(0);
        holds_the_truth(&w, estimator);
    }
    // Knowing the map helps: the sample is worth more.
    let error = |out: &str| number(&rows(&w.path(out).join("estimates.csv"))[0], "standard_error");
    assert!(error("post-stratified") < 0.8 * error("stratified"));
    // Without a unit that is mapped as rubber its area cannot be used, which was not said.
    w.keep(|unit| unit["map_class"] != "1");
    w.estimate("few", &[])
        .expect(0)
        .says(&["estimator stratified", "because rubber has 0 labelled units, fewer than 2"]);
}

#[test]
fn a_wanted_cv_decides_the_size() {
    let w = world();
    let flags = [
        "--class",
        "rubber",
        "--users",
        "rubber=0.8,forest=0.9",
        "--min-per-stratum",
        "2",
        "--overwrite",
        "--target-cv",
    ];
    let units = |cv: &str| {
        w.sample(&[&flags[..], &[cv]].concat()).expect(0);
        rows(&w.path("sample/units.csv")).len()
    };
    let (many, few) = (units("0.05"), units("0.1"));
    // n goes with 1 / CV^2, but for the finite population.
    assert!((3.8..4.1).contains(&(many as f64 / few as f64)), "{many} {few}");
    // What was expected of the map is not far off, so the CV of the estimate is about what was asked for.
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &[]).expect(0);
    let cv = number(&rows(&w.path("x/estimates.csv"))[0], "cv");
    assert!((0.05..0.15).contains(&cv), "{cv}");

    w.sample(&["--target-cv", "0.1"]).expect(2).says(&["--class"]);
    w.sample(&["--target-cv", "0.1", "--class", "tea", "--overwrite"])
        .expect(2)
        .says(&["\"tea\" is not a class", "rubber"]);
    w.sample(&["--target-cv", "0.1", "--class", "rubber", "--strata", "whole", "--overwrite"])
        .expect(2)
        .says(&["--target-cv needs strata of classes", "--size"]);
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let w = world();
    let refused = |flags: &[&str], code: i32, words: &[&str]| {
        w.sample(flags).expect(code).says(words);
        assert!(!w.path("sample").exists(), "{flags:?}");
    };
    // It was "stratum all together has 84000 units, but the sample has 1000000 of them".
    refused(&["--size", "1000000"], 2, &["larger than the map: it has 84000 cells to draw from", "--size"]);
    // Without a target the class was ignored.
    refused(&["--class", "rubber"], 2, &["--class has no effect without --target-cv", "--target-cv 0.1"]);
    refused(&["--size", "0"], 3, &["number of units of the sample is 0, must be positive"]);
    refused(&["--size", "50", "--second-look", "2"], 2, &["--second-look 2 must be a fraction in (0, 1]"]);
    refused(&["--users", "rubber"], 2, &["--users \"rubber\" is not CLASS=FRACTION"]);
    refused(&["--users", "rubber=7"], 2, &["is not CLASS=FRACTION"]);
    refused(&["--strata", "zones", "--size", "50"], 2, &["strata by zones require a zone file", "--zones"]);
    refused(&["--size", "50", "--target-se", "0.1"], 2, &["--target-se"]);
    let out = w.text("sample");
    areal(["sample", "--out", &out])
        .expect(2)
        .says(&["the prediction to sample from is not given", "pass --prediction"]);
}

#[test]
fn the_map_class_is_shown_only_where_it_is_asked_for() {
    let w = world();
    w.sample(&["--size", "200", "--show-map"]).expect(0);
    let shown = rows(&w.path("sample/sample.csv"));
    let units = rows(&w.path("sample/units.csv"));
    assert!(shown.iter().zip(&units).all(|(a, b)| a["unit_id"] == b["unit_id"] && a["map_class"] == b["map_class"]));
    let layer = areal_raster::read_layer(&w.path("sample/sample.gpkg"), None).unwrap();
    assert!(layer.field_index("map_class").is_some());
}

/// Flags and recipe keys of earlier releases keep working, and name the new ones.
#[test]
fn old_names_of_flags_work_with_a_warning() {
    let w = world();
    w.sample(&["--size", "200", "--least", "60"]).expect(0).says(&["--least is deprecated", "use --min-per-stratum"]);
    assert!(strata(&w).iter().all(|s| s["sample"].as_u64().unwrap() >= 60));
    assert_eq!(design(&w)["provenance"]["settings"]["min-per-stratum"], 60);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = w.text("zones.gpkg");
    w.estimate(
        "x",
        &["--zones", &zones, "--zone-id", "id", "--least-units=9", "--greatest-cv", "0.5", "--accept=few-units"],
    )
    .expect(0)
    .says(&["--accept few-units has no effect"])
    .says(&["--least-units is deprecated", "use --min-units", "--greatest-cv is deprecated", "use --max-cv"]);
    std::fs::create_dir_all(w.path("out/predictions")).unwrap();
    std::fs::rename(w.path("prediction"), w.path("out/predictions/north")).unwrap();
    let recipe = w.path("recipe.toml");
    let text = "format = \"areal-recipe/1\"\n[scenes]\nnorth = [\"none.tif\"]\n[sample]\nsize = 200\nleast = 60\n";
    std::fs::write(&recipe, text).unwrap();
    let words = ["sample.least is deprecated", "use sample.min-per-stratum"];
    areal(["run", recipe.to_str().unwrap()]).expect(0).says(&words);
    let made = std::fs::read_to_string(w.path("out/samples/north/design.json")).unwrap();
    assert!(made.contains("\"min-per-stratum\": 60"), "{made}");
}

/// A design that cuts classes is found again on the map: with the map's own classes for labels its areas are the mapped ones.
#[test]
fn strata_of_risk_are_cut_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let prediction = JOB.demo().join("out/predictions/landscape").to_str().unwrap().to_owned();
    let sample = text("sample");
    let drawn = areal(["sample", "--prediction", &prediction, "--size", "300", "--out", &sample]).expect(0);
    for words in ["forest, confident", "forest, uncertain", "planned_cv_with_strata_of_classes"] {
        assert!(drawn.stdout.contains(words), "{words}: {}", drawn.stdout);
    }
    let design: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(text("sample/design.json")).unwrap()).unwrap();
    assert_eq!((design["strata_by"].as_str(), design["allocation"].as_str()), (Some("risk"), Some("neyman")));
    let strata = design["strata"].as_array().unwrap();
    let with = |key: &str| strata.iter().filter(|s| s[key].is_number()).count();
    assert!(with("min_probability") > 0 && with("min_probability") == with("below_probability"), "{strata:?}");
    let classes: HashMap<String, String> = rows(&folder.path().join("sample/units.csv"))
        .into_iter()
        .map(|mut unit| (unit.remove("unit_id").unwrap(), unit.remove("map_class").unwrap()))
        .collect();
    let mut labels = String::from("unit_id,design_id,label\n");
    for row in rows(&folder.path().join("sample/sample.csv")) {
        labels += &format!("{},{},{}\n", row["unit_id"], row["design_id"], classes[&row["unit_id"]]);
    }
    std::fs::write(text("labels.csv"), labels).unwrap();
    let args = ["estimate", "--prediction", &prediction, "--design", &sample, "--sample", &text("labels.csv")];
    areal(args.into_iter().chain(["--out", &text("estimates")])).expect(0);
    for row in rows(&folder.path().join("estimates/estimates.csv")) {
        let [mapped, estimate] = ["mapped", "estimate"].map(|field| number(&row, field));
        assert!((estimate / mapped - 1.0).abs() < 1e-9, "{row:?}");
        assert!(number(&row, "high") > estimate && row["interval"] == "dirichlet", "{row:?}");
    }
}

/// 300 units in six strata of classes were 50 each without a warning.
#[test]
fn the_least_number_of_units_that_decides_a_split_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let sample = folder.path().join("sample").to_str().unwrap().to_owned();
    let prediction = JOB.demo().join("out/predictions/landscape").to_str().unwrap().to_owned();
    let args = ["sample", "--prediction", &prediction, "--strata", "classes", "--out", &sample, "--size"];
    let words = ["strata were raised to the minimum of 50 units (--min-per-stratum); proportional allocation"];
    let run = areal(args.iter().chain(&["300"])).expect(0).says(&words);
    let text = std::fs::read_to_string(folder.path().join("sample/design.json")).unwrap();
    let design: serde_json::Value = serde_json::from_str(&text).unwrap();
    let strata = design["strata"].as_array().unwrap();
    let area: f64 = strata.iter().map(|s| s["area"].as_f64().unwrap()).sum();
    let mut raised = 0;
    for stratum in strata {
        // Proportional allocation, rounded to a whole unit.
        let by_area = 300.0 * stratum["area"].as_f64().unwrap() / area;
        let units = stratum["sample"].as_f64().unwrap();
        assert_eq!(stratum["allocated"].is_number(), by_area.round() < units && units <= 50.0, "{stratum}");
        if let Some(allocated) = stratum["allocated"].as_f64() {
            assert!((allocated - by_area).abs() <= 1.0, "{stratum}");
            raised += 1;
        }
    }
    assert!(run.stderr.contains(&format!("{raised} of {} strata were raised", strata.len())), "{}", run.stderr);
    // Where the allocation gives every stratum more, there is nothing to say.
    let run = areal(args.iter().chain(&["300", "--overwrite", "--min-per-stratum", "0"])).expect(0);
    assert!(!run.stderr.contains("were raised"), "{}", run.stderr);
}

/// Such cells counted as right, or as uncertain, without a warning.
#[test]
fn cells_without_usable_probabilities_are_counted_aloud() {
    let w = world();
    std::fs::remove_dir_all(w.path("prediction")).unwrap();
    w.write_prediction_without_probabilities_in("prediction", &w.map, 7);
    let words = ["7 predicted cells have class probabilities that are negative, all zero or not numbers"];
    w.sample(&["--size", "300"]).expect(0).says(&words);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("estimates", &[]).expect(0).says(&words);
}
