//! From a map and its truth to estimates: sample, label, estimate, compare.

use crate::common::survey_world::{SIDE, World, world};
use crate::common::{Row, areal, number, rows};

#[test]
fn a_sample_has_blind_files_and_a_design() {
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
    assert_eq!(design["format"], "areal-design/2");
    assert_eq!(design["seed"], 4);
    let (first, h) = (&design["strata"][0], design["strata"].as_array().unwrap());
    let p = first["sample"].as_f64().unwrap() / first["population"].as_f64().unwrap();
    assert_eq!(first["inclusion_probability"].as_f64().unwrap(), p);
    assert_eq!(h.iter().map(|s| s["sample"].as_u64().unwrap()).sum::<u64>(), 900);
}

/// Draws and labels 900 units, with zones and a second look; returns the flags of an estimate.
fn labelled(w: &World) -> Vec<String> {
    w.sample(&["--size", "900", "--second-look", "0.2"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.label("sample", "second_look.csv", "second.csv");
    let (zones, second) = (w.text("zones.gpkg"), w.text("second.csv"));
    ["--zones", &zones, "--zone-id", "id", "--zone-name", "name", "--second-look", &second, "--benchmark"]
        .map(str::to_owned)
        .to_vec()
}

fn estimate(w: &World, out: &str, flags: &[String], extra: &[&str]) {
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(extra.iter().copied()).collect();
    w.estimate(out, &flags).expect(0);
}

#[test]
fn estimates_hold_the_truth_and_zones_add_up() {
    let w = world();
    let flags = labelled(&w);
    estimate(&w, "estimates", &flags, &[]);
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
    estimate(&w, "regression", &flags, &["--estimator", "regression"]);
    let regressed = rows(&w.path("regression/estimates.csv"));
    for class in ["rubber", "forest", "paddy"] {
        let sum = |population: &str| -> f64 {
            let of = |r: &&Row| r["population"] == population && r["class_name"] == class;
            regressed.iter().filter(of).map(|r| number(r, "estimate")).sum()
        };
        assert!((sum("zone") / sum("zones") - 1.0).abs() < 1e-6, "{class}: {} {}", sum("zone"), sum("zones"));
    }
}

#[test]
fn estimates_have_an_account_of_their_quality_and_can_be_compared() {
    let w = world();
    let flags = labelled(&w);
    estimate(&w, "estimates", &flags, &[]);
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
        "900 units in 3 strata by risk, balanced draw, neyman allocation, seed 4",
        "900 units were labelled by hand, 180 of them twice",
        "units drawn without strata or map",
        "Fewer than 15 units or no interval: never good.",
        ", relative error ",
    ] {
        assert!(report.contains(words), "{words}: {report}");
    }
    let matrix = rows(&w.path("estimates/error_matrix.csv"));
    assert!((matrix.iter().map(|r| number(r, "share")).sum::<f64>() - 1.0).abs() < 1e-9);

    // The same vintage twice: nothing changed. Zones have intervals where they are direct; by default these are the map's corrected sums,
    // whose errors are smaller.
    estimate(&w, "direct", &flags, &["--zone-method", "direct", "--reference-period", "2025"]);
    let same = w.text("direct");
    let run = areal(["compare", &same, &same, "--out", &w.text("revisions.csv")]).expect(0);
    assert!(run.stdout.contains("(map)") && run.stdout.contains("(zones)"));
    // One sample counts once: that its errors are correlated was not said.
    assert!(run.stderr.contains("estimated from the same labelled sample"), "{}", run.stderr);
    let told = areal(["compare", &same, &same, "--correlation", "1"]).expect(0);
    assert!(!told.stderr.contains("same labelled sample"), "{}", told.stderr);
    let revised = rows(&w.path("revisions.csv"));
    assert!(revised.iter().any(|r| r["zone_name"] == "Zone 4"));
    // Both errors, both numbers of units, the code and the periods.
    assert!(run.stdout.contains("old (2025)"), "{}", run.stdout);
    let estimated = rows(&w.path("direct/estimates.csv"));
    for column in ["standard_error", "n"] {
        assert_eq!(revised[0][&format!("old_{column}")], estimated[0][column]);
        assert_eq!(revised[0][&format!("new_{column}")], estimated[0][column]);
    }
    assert_eq!((revised[0]["class_code"].as_str(), revised[0]["new_period"].as_str()), ("1", "2025"));
    // A table of its own was not recognised as one, so it could not be replaced.
    areal(["compare", &same, &same, "--out", &w.text("revisions.csv"), "--overwrite"]).expect(0);
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
    w.sample(&["--size", "200"]).expect(4).says(&["already exists", "--overwrite"]);
    w.sample(&["--size", "200", "--overwrite"]).expect(0);
    assert_eq!(std::fs::read(w.path("sample/units.csv")).unwrap(), first);
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
    let awaited = "estimate north: waiting for labels/north.csv: label the units of out/samples/north/sample.csv";
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
        .says(&["sample north: the sample is kept as drawn", "to draw a new one"]);
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
    run(&[]).expect(2).says(&["[estimate] names one sample, but 2 scenes are predicted", "labels/SCENE.csv"]);
}

#[test]
fn a_sample_says_what_it_is_and_how_to_label_it() {
    let w = world();
    // Three strata of at least ten: the map is as sure of every cell of a class.
    w.sample(&["--size", "20"]).expect(0).says(&["30 units are drawn, not the 20 of --size", "--min-per-stratum"]);
    let design: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(w.path("sample/design.json")).unwrap()).unwrap();
    let settings = &design["provenance"]["settings"];
    for (key, value) in
        [("min-per-stratum", "10"), ("draw", "\"balanced\""), ("allocation", "\"neyman\""), ("seed", "4")]
    {
        assert_eq!(settings[key].to_string(), value);
    }
    assert!(!settings.to_string().contains("null"), "{settings}");
    let guide = std::fs::read_to_string(w.path("sample/labelling.md")).unwrap();
    for word in ["`rubber` (`1`)", "covers most of the cell;", "confidence", "Do not look at the map"] {
        assert!(guide.contains(word), "{word}: {guide}");
    }
    assert!(number(&rows(&w.path("sample/sample.csv"))[0], "cell_side_m") > 1000.0);
    w.sample(&["--size", "200", "--strata", "whole", "--overwrite"]).expect(0);

    // A spreadsheet's semicolons are read.
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    std::fs::write(w.path("labelled.csv"), text.replace(',', ";")).unwrap();
    w.estimate("x", &[]).expect(0);
}

/// Where clouds hid half of the newer map, forest was called lost (p 0.0000).
#[test]
fn ground_that_one_vintage_does_not_predict_is_no_change() {
    let w = world();
    w.sample(&["--size", "600"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = w.text("zones.gpkg");
    let flags = ["--zones", &zones, "--zone-id", "id", "--zone-method", "direct"];
    w.estimate("clear", &flags).expect(0).says(&["quality: good where the relative error is below 16.5 %"]);
    // Clouds over the north: zones Z3 to Z8 in part or whole.
    let clouded: Vec<u8> = (0..SIDE * SIDE).map(|k| if k / SIDE < 120 { 255 } else { w.map[k] }).collect();
    w.write_prediction("clouded", &clouded);
    let [prediction, other, labelled, out] = ["clouded", "sample2", "labelled2.csv", "cloudy"].map(|n| w.text(n));
    areal(["sample", "--prediction", &prediction, "--out", &other, "--size", "600"]).expect(0);
    w.label("sample2", "sample.csv", "labelled2.csv");
    let estimate = ["estimate", "--prediction", &prediction, "--design", &other, "--sample", &labelled, "--out", &out];
    areal(estimate.into_iter().chain(flags)).expect(0);
    let clear = w.text("clear");
    let run = areal(["compare", &clear, &out, "--out", &w.text("revisions.csv")]).expect(0);
    run.says(&["(map): not compared, because the older estimates cover", "Z5: not compared"]);
    let zones: std::collections::BTreeSet<String> =
        rows(&w.path("revisions.csv")).iter().map(|r| r["zone_id"].clone()).collect();
    assert_eq!(zones.into_iter().collect::<Vec<_>>(), ["Z0", "Z1", "Z2"]);
    // Without zones nothing is left.
    w.estimate("bare", &[]).expect(0);
    let (first, second) = (w.text("bare"), w.text("bare2"));
    areal(estimate[..8].iter().copied().chain([second.as_str()])).expect(0);
    areal(["compare", &first, &second]).expect(3).says(&[
        "do not refer to the same ground: the older predicts",
        "--zones",
        "--zone-method direct",
    ]);
}
