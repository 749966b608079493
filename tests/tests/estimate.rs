//! From a map and its truth to estimates: sample, label, estimate, compare.

use std::collections::HashMap;
use std::path::PathBuf;

use areal_grid::{Affine, Class, PixelGrid, PixelState};
use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, crs_from_text, write_layer};
use tempfile::TempDir;

use crate::common::{Row, Run, areal, number, rows};
use crate::prediction_folder;

pub const SIDE: usize = 300;
pub const NODATA_ROWS: usize = 20;

/// A map of three classes and its truth, in degrees: cells shrink to the north.
pub struct World {
    pub folder: TempDir,
    pub truth: Vec<u8>,
    pub map: Vec<u8>,
}

pub fn grid() -> PixelGrid {
    PixelGrid {
        crs: crs_from_text("EPSG:4326").unwrap(),
        transform: Affine::north_up([102.0, 19.0], [0.01, 0.01]),
        height: SIDE,
        width: SIDE,
    }
}

/// True area of each cell in km2, on the ellipsoid.
pub fn cell_areas() -> Vec<f64> {
    struct Degrees;
    impl areal_grid::ToLonLat for Degrees {
        fn to_lonlat(&self, _: &mut [[f64; 2]]) -> Result<(), areal_grid::ProjectionError> {
            Ok(())
        }
    }
    let areas = areal_grid::CellAreas::new(&grid(), &Degrees).unwrap();
    (0..SIDE * SIDE).map(|k| areas.at(k / SIDE, k % SIDE) / 1e6).collect()
}

/// A number from 0 to 1 that looks random.
pub fn noise(k: usize) -> f64 {
    ((k as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64
        / (1u64 << 53) as f64
}

fn classes() -> Vec<Class> {
    [(1, "rubber"), (2, "forest"), (3, "paddy")]
        .map(|(code, name)| Class { code, name: name.into(), colour: [code * 40, 90, 200] })
        .to_vec()
}

pub fn world() -> World {
    let mut truth = vec![255u8; SIDE * SIDE];
    let mut map = truth.clone();
    for k in NODATA_ROWS * SIDE..SIDE * SIDE {
        let (r, c) = (k / SIDE, k % SIDE);
        truth[k] = match ((r / 25) + (c / 20)) % 8 {
            0 => 1,
            1 | 4 | 6 => 3,
            _ => 2,
        };
        // The map misses three in ten rubber cells and sees forest there.
        map[k] = if truth[k] == 1 && noise(k) < 0.3 || truth[k] == 3 && noise(k) < 0.08 { 2 } else { truth[k] };
    }
    let folder = tempfile::tempdir().unwrap();
    let world = World { folder, truth, map };
    world.write_prediction("prediction", &world.map);
    world.write_zones();
    world
}

impl World {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub fn write_prediction(&self, name: &str, map: &[u8]) {
        let state = |m: &u8| if *m == 255 { PixelState::Nodata } else { PixelState::Observed };
        let states: Vec<PixelState> = map.iter().map(state).collect();
        let probability = |band: u8| {
            let p = move |m: &u8| match *m {
                255 => f32::NAN,
                m if m == band + 1 => 0.8,
                _ => 0.1,
            };
            map.iter().map(p).collect()
        };
        let probabilities: Vec<Vec<f32>> = (0..3).map(probability).collect();
        prediction_folder::write_classes(&self.path(name), &grid(), &classes(), &states, map, &probabilities);
    }

    /// Nine zones that split the map; their inner borders cut through cells.
    fn write_zones(&self) {
        let edge = [102.0, 103.004, 104.003, 105.0];
        let side = [16.0, 17.006, 18.002, 19.0];
        let features = (0..9).map(|k| {
            let (i, j) = (k / 3, k % 3);
            let rect = geo::Rect::new((edge[j], side[i]), (edge[j + 1], side[i + 1]));
            let values = vec![FieldValue::Text(format!("Z{k}")), FieldValue::Text(format!("Zone {k}"))];
            Feature { fid: -1, geometry: Some(geo::Geometry::Polygon(rect.to_polygon())), values }
        });
        let layer = VectorLayer {
            name: "zones".into(),
            crs: Some(grid().crs),
            fields: ["id", "name"].map(|n| Field { name: n.into(), kind: FieldKind::Text }).to_vec(),
            features: features.collect(),
        };
        write_layer(&self.path("zones.gpkg"), &layer).unwrap();
    }

    /// Fills the label of every unit of a sample folder in, from the truth.
    pub fn label(&self, sample: &str, file: &str, out: &str) {
        let units = rows(&self.path(sample).join("units.csv"));
        let truth: HashMap<String, u8> = units
            .iter()
            .map(|u| {
                let at = |f: &str| u[f].parse::<usize>().unwrap();
                (u["unit_id"].clone(), self.truth[at("row") * SIDE + at("col")])
            })
            .collect();
        let mut writer = csv::Writer::from_path(self.path(out)).unwrap();
        writer.write_record(["unit_id", "lon", "lat", "label"]).unwrap();
        for row in rows(&self.path(sample).join(file)) {
            let name = &classes()[usize::from(truth[&row["unit_id"]]) - 1].name;
            writer.write_record([&row["unit_id"], &row["lon"], &row["lat"], name]).unwrap();
        }
        writer.flush().unwrap();
    }

    /// True area of a class in km2, on the ellipsoid.
    pub fn true_area(&self, code: u8) -> f64 {
        let areas = cell_areas();
        self.truth.iter().zip(&areas).filter(|(t, _)| **t == code).map(|(_, a)| a).sum()
    }

    pub fn sample(&self, extra: &[&str]) -> Run {
        let (prediction, out) = (self.text("prediction"), self.text("sample"));
        areal(["sample", "--prediction", &prediction, "--out", &out, "--seed", "4"].iter().chain(extra))
    }

    pub fn estimate(&self, out: &str, extra: &[&str]) -> Run {
        let names = ["prediction", "sample", "labelled.csv", out].map(|n| self.text(n));
        let [prediction, design, labelled, out] = names.each_ref();
        let base = ["estimate", "--prediction", prediction, "--design", design, "--sample", labelled, "--out", out];
        areal(base.iter().chain(extra))
    }
}

#[test]
fn from_a_map_to_defended_numbers() {
    let w = world();
    w.sample(&["--size", "900", "--second-look", "0.2"]).expect(0);
    let folder = w.path("sample");
    let files = [
        "sample.gpkg",
        "sample.csv",
        "labelling.md",
        "second_look.gpkg",
        "second_look.csv",
        "design.json",
        "units.csv",
    ];
    for file in files {
        assert!(folder.join(file).is_file(), "{file}");
    }
    let blind = rows(&folder.join("sample.csv"));
    assert_eq!(blind.len(), 900);
    assert!(!blind[0].contains_key("map_class") && !blind[0].contains_key("stratum") && blind[0]["label"].is_empty());
    assert_eq!(rows(&folder.join("second_look.csv")).len(), 180);
    let design: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("design.json")).unwrap()).unwrap();
    assert_eq!(design["format"], "areal-design/1");
    assert_eq!(design["seed"], 4);
    let (first, h) = (&design["strata"][0], design["strata"].as_array().unwrap());
    let p = first["sample"].as_f64().unwrap() / first["population"].as_f64().unwrap();
    assert_eq!(first["inclusion_probability"].as_f64().unwrap(), p);
    assert_eq!(h.iter().map(|s| s["sample"].as_u64().unwrap()).sum::<u64>(), 900);

    w.label("sample", "sample.csv", "labelled.csv");
    w.label("sample", "second_look.csv", "second.csv");
    let (zones, second) = (w.text("zones.gpkg"), w.text("second.csv"));
    let extra = ["--zones", &zones, "--zone-id", "id", "--zone-name", "name", "--second-look", &second];
    w.estimate("estimates", &[&extra[..], &["--benchmark"]].concat()).expect(0);
    let found = rows(&w.path("estimates/estimates.csv"));
    assert_eq!(found.len(), 3 + 3 + 9 * 3);
    for (row, code) in found.iter().take(3).zip([1, 2, 3]) {
        let truth = w.true_area(code);
        let (low, high) = (number(row, "low"), number(row, "high"));
        assert!(low <= truth && truth <= high, "{truth} {row:?}");
        assert!(row["method"] == "stratified" && number(row, "effective_n") > 0.0);
    }
    // Pixel counting is a quarter low for rubber; the estimate is not.
    let rubber = &found[0];
    assert!(number(rubber, "mapped") < 0.75 * w.true_area(1));
    assert!((number(rubber, "estimate") / w.true_area(1) - 1.0).abs() < 0.15);
    // Raked zones add up to the whole map.
    let zones: Vec<_> = found.iter().filter(|r| r["population"] == "zone").collect();
    let sum: f64 = zones.iter().filter(|r| r["class_name"] == "rubber").map(|r| number(r, "estimate")).sum();
    assert!((sum / number(rubber, "estimate") - 1.0).abs() < 1e-3, "{sum}");
    assert!(zones.iter().all(|r| r["method"].ends_with(", raked")));
    // By an estimator whose classes add up but nearly, too: the published total of all zones is what they were raked to.
    w.estimate("regression", &[&extra[..], &["--benchmark", "--estimator", "regression"]].concat()).expect(0);
    let regressed = rows(&w.path("regression/estimates.csv"));
    for class in ["rubber", "forest", "paddy"] {
        let sum = |population: &str| -> f64 {
            let of = |r: &&Row| r["population"] == population && r["class_name"] == class;
            regressed.iter().filter(of).map(|r| number(r, "estimate")).sum()
        };
        assert!((sum("zone") / sum("zones") - 1.0).abs() < 1e-6, "{class}: {} {}", sum("zone"), sum("zones"));
    }
    let meta = std::fs::read_to_string(w.path("estimates/estimates.csv-metadata.json")).unwrap();
    assert!(meta.contains("\"effective_n\"") && meta.contains("http://www.w3.org/ns/csvw"));
    let summary: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(w.path("estimates/estimates.json")).unwrap()).unwrap();
    assert_eq!(summary["agreement"]["kappa"], 1.0);
    let report = std::fs::read_to_string(w.path("estimates/quality.md")).unwrap();
    for words in [
        "## Cost effectiveness",
        "kappa 1.000",
        "- classes: rubber, forest, paddy",
        "rubber is mapped as forest on",
        "900 units in 3 strata by classes, balanced draw, proportional allocation, seed 4",
        "900 units were labelled by hand, 180 of them twice",
        "units drawn without strata or map",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let matrix = rows(&w.path("estimates/error_matrix.csv"));
    assert!((matrix.iter().map(|r| number(r, "share")).sum::<f64>() - 1.0).abs() < 1e-9);

    // The same vintage twice: nothing changed.
    let same = w.text("estimates");
    let run = areal(["compare", &same, &same, "--out", &w.text("revisions.csv")]).expect(0);
    assert!(run.stdout.contains("(map)") && run.stdout.contains("(zones)"));
    let revised = rows(&w.path("revisions.csv"));
    assert!(revised.iter().any(|r| r["zone_name"] == "Zone 4"));
    assert!(revised.iter().all(|r| r["significant"] == "false" && r["p_value"] == "1.0" && r["unit"] == "km2"));
    let meta: serde_json::Value =
        serde_json::from_slice(&std::fs::read(w.path("revisions.csv-metadata.json")).unwrap()).unwrap();
    assert_eq!(meta["url"], "revisions.csv");
    let described: Vec<&str> =
        meta["tableSchema"]["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let text = std::fs::read_to_string(w.path("revisions.csv")).unwrap();
    assert_eq!(text.lines().next().unwrap(), described.join(","));
}

#[test]
fn a_draw_repeats_byte_by_byte() {
    let w = world();
    w.sample(&["--size", "200"]).expect(0);
    let first = std::fs::read(w.path("sample/units.csv")).unwrap();
    w.sample(&["--size", "200"]).expect(4).says(&["exists already", "--overwrite"]);
    w.sample(&["--size", "200", "--overwrite"]).expect(0);
    assert_eq!(std::fs::read(w.path("sample/units.csv")).unwrap(), first);
}

#[test]
fn zones_may_be_strata_and_small_numbers_are_left_out() {
    let w = world();
    let zones = w.text("zones.gpkg");
    w.sample(&["--strata", "both", "--zones", &zones, "--zone-id", "id", "--size", "400"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let with_zones = ["--zones", &zones, "--zone-id", "id"];
    w.estimate("x", &[]).expect(2).says(&["strata by zones need the zones", "--zones"]);
    w.estimate("direct", &[&with_zones[..], &["--zone-method", "direct", "--suppress-below", "42"]].concat()).expect(0);
    let found = rows(&w.path("direct/estimates.csv"));
    let hidden: Vec<_> = found.iter().filter(|r| !r["suppressed"].is_empty()).collect();
    assert!(!hidden.is_empty() && hidden.iter().all(|r| r["estimate"].is_empty() && r["low"].is_empty()));
    // No class shows exactly one hidden zone.
    for class in ["rubber", "forest", "paddy"] {
        assert_ne!(hidden.iter().filter(|r| r["class_name"] == class).count(), 1);
    }
    for estimator in ["difference", "regression", "prediction-powered"] {
        w.estimate(estimator, &[&with_zones[..], &["--estimator", estimator]].concat()).expect(0);
        let rubber = &rows(&w.path(estimator).join("estimates.csv"))[0];
        assert_eq!(rubber["method"], estimator);
        assert!((number(rubber, "estimate") / w.true_area(1) - 1.0).abs() < 0.3, "{rubber:?}");
    }
}

#[test]
fn flawed_samples_are_refused_with_the_reason() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let (prediction, labelled) = (w.text("prediction"), w.text("labelled.csv"));

    // No design: no interval, unless accepted, and then without any error.
    let bare = ["estimate", "--prediction", &prediction, "--sample", &labelled];
    let out = w.text("bare");
    areal(bare.iter().chain(&["--out", &out])).expect(3).says(&["no standard error and no interval", "areal sample"]);
    assert!(!w.path("bare").exists());
    areal(bare.iter().chain(&["--out", &out, "--accept", "no-design"])).expect(0).says(&["no standard error"]);
    let found = rows(&w.path("bare/estimates.csv"));
    assert!(
        found
            .iter()
            .all(|r| r["standard_error"].is_empty() && r["low"].is_empty() && r["method"].starts_with("no-design, "))
    );

    // Another map.
    let mut other = w.map.clone();
    other[SIDE * SIDE - 1] = 3;
    other[SIDE * SIDE - 2] = 1;
    w.write_prediction("other", &other);
    let (design, name) = (w.text("sample"), w.text("other"));
    let on_other = ["estimate", "--prediction", &name, "--design", &design, "--sample", &labelled, "--out"];
    let out = w.text("on_other");
    areal(on_other.iter().chain(&[out.as_str()]))
        .expect(3)
        .says(&["is not the one the sample was drawn from", "other-map"]);
    areal(on_other.iter().chain(&[out.as_str(), "--accept", "other-map"])).expect(0);

    // A label that is no class; a stratum left with one unit; units without a label.
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let write = |name: &str, text: String| std::fs::write(w.path(name), text).unwrap();
    write("labelled.csv", text.replacen(",forest", ",forrest", 1).replacen(",rubber", ",Rubber", 1));
    w.estimate("y", &[]).expect(3).says(&[
        "2 labels are not classes of the map",
        "\"forrest\"",
        "\"Rubber\"",
        "rubber (1), forest (2), paddy (3)",
    ]);
    let units = rows(&w.path("sample/units.csv"));
    let mut kept = 0;
    let few: Vec<&str> = text
        .lines()
        .filter(|line| {
            let id = line.split(',').next().unwrap_or_default();
            let rubber = units.iter().any(|u| u["unit_id"] == id && u["stratum"] == "rubber");
            kept += usize::from(rubber);
            !rubber || kept <= 1
        })
        .collect();
    write("labelled.csv", few.join("\n") + "\n");
    w.estimate("y", &[]).expect(3).says(&["stratum rubber has 1 labelled units", "at least 2"]);
    write("labelled.csv", text.lines().take(250).collect::<Vec<_>>().join("\n") + "\n");
    w.estimate("z", &[]).expect(0).says(&["51 of 300 units have no label"]);
}

#[test]
fn units_in_training_patches_are_found() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let unit = &rows(&w.path("sample/units.csv"))[7];
    let (x, y) = (number(unit, "lon"), number(unit, "lat"));
    let store = w.path("store");
    std::fs::create_dir(&store).unwrap();
    let patch = geo::Rect::new((x - 0.004, y - 0.004), (x + 0.004, y + 0.004)).to_polygon();
    let feature = |split: &str, geometry: geo::Polygon<f64>| Feature {
        fid: -1,
        geometry: Some(geo::Geometry::Polygon(geometry)),
        values: vec![FieldValue::Text(split.into())],
    };
    let far = geo::Rect::new((102.0, 16.0), (105.0, 19.0)).to_polygon();
    let layer = VectorLayer {
        name: "patches".into(),
        crs: Some(grid().crs),
        fields: vec![Field { name: "split".into(), kind: FieldKind::Text }],
        features: vec![feature("train", patch), feature("test", far)],
    };
    write_layer(&store.join("patches.gpkg"), &layer).unwrap();
    let path = store.display().to_string();
    // A probability sample over the whole map has no bias for this map: no refusal, but both accuracies.
    w.estimate("x", &["--store", &path]).expect(0).says(&["1 units lie in patches", "independently", "elsewhere"]);
    let found = rows(&w.path("x/accuracy.csv"));
    assert_eq!((found[1]["measure"].as_str(), found[1]["n"].as_str()), ("overall-in-training", "1"));
    assert_eq!((found[2]["measure"].as_str(), found[2]["n"].as_str()), ("overall-elsewhere", "299"));
}

#[test]
fn without_a_sample_the_numbers_are_called_the_models() {
    let w = world();
    let (prediction, out) = (w.text("prediction"), w.text("quantified"));
    let run = areal(["estimate", "--prediction", &prediction, "--quantify", "emq", "--out", &out]).expect(0);
    assert!(run.stderr.contains("there is no sample"), "{}", run.stderr);
    let found = rows(&w.path("quantified/estimates.csv"));
    assert!(found.iter().all(|r| r["method"] == "model-based, emq" && r["standard_error"].is_empty()));
    let report = std::fs::read_to_string(w.path("quantified/quality.md")).unwrap();
    assert!(report.contains("not design-based") && !report.contains(" are design-based"), "{report}");
    // By hand: rates .7 for rubber (30 % go to forest), .92 for paddy; the adjusted count undoes exactly these.
    let confusion = "reference_code,reference_name,predicted_code,predicted_name,patches\n\
                     1,rubber,1,rubber,70\n1,rubber,2,forest,30\n2,forest,2,forest,100\n3,paddy,3,paddy,92\n3,paddy,2,forest,8\n";
    std::fs::write(w.path("confusion.csv"), confusion).unwrap();
    let (confusion, out) = (w.text("confusion.csv"), w.text("counted"));
    areal([
        "estimate",
        "--prediction",
        &prediction,
        "--quantify",
        "adjusted-count",
        "--confusion",
        &confusion,
        "--out",
        &out,
    ])
    .expect(0);
    let rubber = &rows(&w.path("counted/estimates.csv"))[0];
    assert!((number(rubber, "estimate") / w.true_area(1) - 1.0).abs() < 0.02, "{rubber:?}");
}

#[test]
fn a_recipe_draws_once_awaits_the_labels_and_then_estimates() {
    let w = world();
    std::fs::create_dir_all(w.path("out/predictions")).unwrap();
    std::fs::rename(w.path("prediction"), w.path("out/predictions/north")).unwrap();
    let text = "format = \"areal-recipe/1\"\nseed = 4\n[scenes]\nnorth = [\"none.tif\"]\n\
                [aggregate]\nzones = \"zones.gpkg\"\nzone-id = \"id\"\n\
                [sample]\nsize = 300\n[estimate]\nzones = \"zones.gpkg\"\nzone-id = \"id\"\n[report]\n";
    let recipe = w.path("recipe.toml");
    std::fs::write(&recipe, text).unwrap();
    let run = |flags: &[&str]| areal([&["run", recipe.to_str().unwrap()], flags].concat());
    let awaited = "estimate north: awaits labels/north.csv: label the units of out/samples/north/sample.csv";
    run(&[]).expect(0).says(&["sample north: not made yet, running", awaited]);
    let dry = run(&["--dry-run"]).expect(0);
    assert!(dry.stdout.contains(awaited), "{}", dry.stdout);
    let report = || std::fs::read_to_string(w.path("out/report.html")).unwrap();
    assert!(report().contains("No estimates from a labelled sample were given"));

    // What people write into the sample is never replaced.
    let blind = w.path("out/samples/north/sample.csv");
    std::fs::write(&blind, std::fs::read_to_string(&blind).unwrap().replacen(",,,", ",forest,,", 1)).unwrap();
    let mine = std::fs::read(&blind).unwrap();
    run(&["--force", "--set", "sample.size=400"])
        .expect(0)
        .says(&["sample north: kept as it was drawn", "to draw anew"]);
    assert_eq!(std::fs::read(&blind).unwrap(), mine);

    std::fs::create_dir(w.path("labels")).unwrap();
    w.label("out/samples/north", "sample.csv", "labels/north.csv");
    run(&[]).expect(0).says(&["estimate north: not made yet, running"]);
    let found = rows(&w.path("out/estimates/north/estimates.csv"));
    assert_eq!((found.len(), found[0]["method"].as_str()), (33, "stratified"));
    // The report, with a dot for each class and its interval, the zones, and how it was made.
    let html = report();
    assert_eq!(
        (
            html.matches("<circle class=\"estimate\" cx=\"17\"").count(),
            html.matches("<line class=\"interval\"").count()
        ),
        (1, 4)
    );
    for part in
        ["rubber: estimated ", "<th scope=\"row\">(zones)</th>", "<th scope=\"row\">Z4</th>", "overall accuracy"]
    {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(html.contains("<strong>estimate</strong>") && !html.contains("made from another prediction"));
    run(&[]).expect(0).says(&["estimate north: inputs and settings unchanged, skipped"]);

    // One file of labels for two scenes.
    let two = text
        .replace("[scenes]\n", "[scenes]\nsouth = [\"none.tif\"]\n")
        .replace("[estimate]\n", "[estimate]\nsample = \"x.csv\"\n");
    std::fs::write(&recipe, two).unwrap();
    run(&[]).expect(2).says(&["[estimate] names one sample, and 2 scenes are predicted", "labels/SCENE.csv"]);
}

/// Unit numbers are the same in every draw: labels of one draw with the design of another gave numbers called good.
#[test]
fn labels_of_another_draw_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    let (prediction, other) = (w.text("prediction"), w.text("other"));
    areal(["sample", "--prediction", &prediction, "--out", &other, "--seed", "5", "--size", "300"]).expect(0);
    // By position, where only unit_id, lon, lat and label are left.
    w.label("other", "sample.csv", "labelled.csv");
    w.estimate("x", &[]).expect(3).says(&["another draw (unit 1 lies at", "(seed 4)", "--design"]);
    // By the name of the draw.
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let design = rows(&w.path("other/sample.csv"))[0]["design_id"].clone();
    let with_design = |design: &str| {
        let lines: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(k, line)| {
                let mut fields: Vec<&str> = line.split(',').collect();
                (fields[1], fields[2]) = if k == 0 { ("x", "y") } else { ("", "") };
                format!("{},{}", fields.join(","), if k == 0 { "design_id" } else { design })
            })
            .collect();
        std::fs::write(w.path("labelled.csv"), lines.join("\n") + "\n").unwrap();
    };
    with_design(&design);
    w.estimate("x", &[]).expect(3).says(&[&format!("is of draw {design}"), "(seed 4)"]);
    assert!(!w.path("x").exists());
    with_design(&rows(&w.path("sample/sample.csv"))[0]["design_id"]);
    w.estimate("x", &[]).expect(0);
    // Without either nothing can be checked, and that is said.
    with_design("");
    w.estimate("y", &[]).expect(0).says(&["cannot be checked"]);
}

/// 16.5 for 16.5 % made every number good.
#[test]
fn percents_for_shares_are_refused() {
    let w = world();
    w.sample(&["--target-cv", "10", "--class", "rubber"]).expect(2).says(&["--target-cv 10", "0.1 is 10 %"]);
    w.sample(&["--target-se", "1"]).expect(2).says(&["--target-se 1", "0.01 is 1 %"]);
    w.sample(&["--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &["--cv-limits", "16.5,33.3"]).expect(2).says(&["--cv-limits 16.5", "0.165 is 16.5 %"]);
    w.estimate("x", &["--max-cv", "33"]).expect(2).says(&["0.33 is 33 %"]);
}

#[test]
fn a_sample_says_what_it_is_and_how_to_label_it() {
    let w = world();
    // Three strata of at least fifty.
    w.sample(&["--size", "20"]).expect(0).says(&["150 units are drawn, not the 20 of --size", "--min-per-stratum"]);
    let design: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(w.path("sample/design.json")).unwrap()).unwrap();
    let settings = &design["provenance"]["settings"];
    for (key, value) in [("min-per-stratum", "50"), ("draw", "\"balanced\""), ("allocation", "\"proportional\""), ("seed", "4")] {
        assert_eq!(settings[key].to_string(), value);
    }
    assert!(!settings.to_string().contains("null"), "{settings}");
    let guide = std::fs::read_to_string(w.path("sample/labelling.md")).unwrap();
    for word in ["`rubber` (`1`)", "covers most of the cell's area", "confidence", "Do not look at the map"] {
        assert!(guide.contains(word), "{word}: {guide}");
    }
    assert!(number(&rows(&w.path("sample/sample.csv"))[0], "cell_side_m") > 1000.0);
    w.sample(&["--size", "200", "--strata", "whole", "--overwrite"]).expect(0);

    // A spreadsheet's semicolons are named.
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    std::fs::write(w.path("labelled.csv"), text.replace(',', ";")).unwrap();
    w.estimate("x", &[]).expect(3).says(&["separated by semicolons"]);
}

/// Zones that leave much of the map out, as districts of a scene do.
#[test]
fn zones_that_do_not_cover_the_map_have_a_total_of_their_own() {
    let w = world();
    let rect = |x: f64| geo::Geometry::Polygon(geo::Rect::new((x, 16.2), (x + 0.81, 18.003)).to_polygon());
    let feature = |(id, x)| Feature { fid: -1, geometry: Some(rect(x)), values: vec![FieldValue::Text(id)] };
    let layer = VectorLayer {
        name: "zones".into(),
        crs: Some(grid().crs),
        fields: vec![Field { name: "id".into(), kind: FieldKind::Text }],
        features: [("A".to_owned(), 102.2), ("B".to_owned(), 103.4)].map(feature).to_vec(),
    };
    write_layer(&w.path("part.gpkg"), &layer).unwrap();
    w.sample(&["--size", "1200", "--strata", "whole"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = w.text("part.gpkg");
    let extra = ["--zones", &zones, "--zone-id", "id", "--benchmark", "--zone-method", "fay-herriot"];
    // Two zones are too few for Fay-Herriot's model.
    w.estimate("x", &extra).expect(3);
    w.estimate("part", &[&extra[..5], &["--round", "1"]].concat()).expect(0);
    let found = rows(&w.path("part/estimates.csv"));
    let of = |population: &str, field: &str| -> Vec<f64> {
        found.iter().filter(|r| r["population"] == population).map(|r| number(r, field)).collect()
    };
    assert_eq!((of("map", "n"), of("zone", "n").len()), (vec![1200.0; 3], 6));
    for population in ["map", "zones"] {
        // Errors survive the rounding; estimates are whole.
        assert!(of(population, "standard_error").iter().all(|e| *e > 1.0));
        assert!(of(population, "estimate").iter().all(|e| e.fract() == 0.0));
    }
    // Classes add up to each zone's observed area, and zones to all of them, but for the rounding.
    let sum = |population: &str, field: &str| of(population, field).iter().sum::<f64>();
    assert!((sum("zones", "mapped") - sum("zone", "mapped")).abs() <= 6.0);
    for zone in ["A", "B"] {
        let total =
            |field: &str| -> f64 { found.iter().filter(|r| r["zone_id"] == zone).map(|r| number(r, field)).sum() };
        assert!((total("estimate") - total("mapped")).abs() <= 3.0, "{zone}");
    }
    for (all, code) in of("zones", "estimate").iter().zip(["1", "2", "3"]) {
        let parts: f64 = found
            .iter()
            .filter(|r| r["population"] == "zone" && r["class_code"] == code)
            .map(|r| number(r, "estimate"))
            .sum();
        assert!((parts - all).abs() <= 3.0, "class {code}: {parts} of {all}");
    }
    let report = std::fs::read_to_string(w.path("part/quality.md")).unwrap();
    assert!(
        report.contains("Sampling design ") && report.contains("seed 4") && report.contains("without a prediction")
    );
}
