//! Every refusal and warning of `areal estimate` through the program, with its words: see also the module `estimate`,
//! which has a sample without a design, units in training patches, another map, a stratum with one unit, units without a
//! label.

use std::collections::HashMap;

use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, read_layer, write_layer};

use crate::common::{Row, areal, number, rows};
use crate::estimate::{NODATA_ROWS, SIDE, World, cell_areas, grid, world};
use crate::prediction_folder::write_shares;

/// Keeps the labelled units that pass, with their rows of `units.csv`.
fn keep(w: &World, pass: impl Fn(&Row) -> bool) {
    let units: HashMap<String, Row> =
        rows(&w.path("sample/units.csv")).into_iter().map(|u| (u["unit_id"].clone(), u)).collect();
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let kept = |line: &&str| units.get(line.split(',').next().unwrap_or_default()).is_none_or(&pass);
    std::fs::write(w.path("labelled.csv"), text.lines().filter(kept).collect::<Vec<_>>().join("\n") + "\n").unwrap();
}

#[test]
fn units_on_nodata_are_set_aside_and_strata_that_do_not_add_up_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    // A map of the same place with a larger hole: rows 20 to 60 are empty.
    let mut holed = w.map.clone();
    holed[..60 * SIDE].fill(255);
    w.write_prediction("holed", &holed);
    let lost: Vec<_> = rows(&w.path("sample/units.csv"))
        .into_iter()
        .filter(|u| u["row"].parse::<usize>().unwrap() < 60)
        .map(|u| u["unit_id"].clone())
        .collect();
    let names = ["holed", "sample", "labelled.csv", "x"].map(|n| w.text(n));
    let [prediction, design, labelled, out] = names.each_ref();
    let base = ["estimate", "--prediction", prediction, "--design", design, "--sample", labelled, "--out", out];
    let run = |flags: &[&'static str]| areal(base.iter().chain(flags));
    run(&["--accept", "other-map"]).expect(3).says(&[
        "the strata hold",
        "km2 but the map holds",
        "the weights would be wrong",
        "--accept strata-sum",
    ]);
    assert!(!w.path("x").exists());
    let said = run(&["--accept", "other-map,strata-sum"]).expect(0);
    let count = format!("{} units (the first is", lost.len());
    let said = said.says(&[&count, "lie on cells without a prediction", "left out", "the weights would be wrong"]);
    assert!(!said.stderr.contains("have no label"), "{}", said.stderr);
    let found = rows(&w.path("x/estimates.csv"));
    assert_eq!(number(&found[0], "n") as usize, 300 - lost.len());
    // Without a design, by their positions.
    let bare = ["estimate", "--prediction", prediction, "--sample", labelled, "--out", out, "--overwrite"];
    areal(bare.iter().chain(&["--accept", "no-design"])).expect(0).says(&[&count, "lie on cells without a prediction"]);
}

/// What is not observed of a predicted cell is no part of the population, and is counted as such; it was not counted once.
#[test]
fn ground_that_is_not_observed_is_no_part_of_the_population() {
    let w = world();
    // Rows 20 to 59 are observed by half, the rest of what the map shows wholly.
    let share = |k: usize| match k / SIDE {
        r if r < NODATA_ROWS => 0.0,
        r if r < 60 => 0.5,
        _ => 1.0,
    };
    let observed: Vec<f32> = (0..SIDE * SIDE).map(share).collect();
    let nodata = observed.iter().map(|s| 1.0 - s).collect();
    let none = || vec![0.0; SIDE * SIDE];
    write_shares(&w.path("prediction"), &grid(), &[observed, nodata, none(), none()]);
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("estimates", &[]).expect(0);
    let areas = cell_areas();
    let sum = |part: &dyn Fn(usize) -> f64| areas.iter().enumerate().map(|(k, a)| a * part(k)).sum::<f64>();
    let text = std::fs::read_to_string(w.path("estimates/estimates.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (field, km2) in
        [("population_km2", sum(&|k| share(k).into())), ("unobserved_km2", sum(&|k| (1.0 - share(k)).into()))]
    {
        let found = summary[field].as_f64().unwrap();
        assert!((found / km2 - 1.0).abs() < 1e-9, "{field}: {found}, {km2}");
    }
    let estimated: f64 = rows(&w.path("estimates/estimates.csv")).iter().map(|r| number(r, "estimate")).sum();
    assert!((estimated / sum(&|k| share(k).into()) - 1.0).abs() < 1e-9, "{estimated}");
}

/// Raked numbers and those of a sample without a design were called something else, and nothing of them was left out.
#[test]
fn raking_and_a_missing_design_do_not_undo_suppression() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = w.text("zones.gpkg");
    let flags = ["--zones", &zones, "--zone-id", "id", "--zone-method", "direct", "--suppress-below", "32"];
    let hidden = |out: &str| {
        let found = rows(&w.path(out).join("estimates.csv"));
        found.iter().filter(|r| r["suppressed"] == "primary").map(|r| r["zone_id"].clone()).collect::<Vec<_>>()
    };
    w.estimate("plain", &flags).expect(0);
    w.estimate("raked", &[&flags[..], &["--benchmark"]].concat()).expect(0);
    assert!(!hidden("plain").is_empty());
    assert_eq!(hidden("plain"), hidden("raked"));
    let names = ["prediction", "labelled.csv", "bare"].map(|n| w.text(n));
    let [prediction, labelled, out] = names.each_ref();
    let bare = ["estimate", "--prediction", prediction, "--sample", labelled, "--out", out, "--accept", "no-design"];
    areal(bare.iter().chain(&flags)).expect(0);
    assert!(!hidden("bare").is_empty());
}

/// A class without an error in the sample had a standard error of rounding, an interval without width, and was called good.
#[test]
fn a_sample_without_an_error_is_not_called_certain() {
    let w = world();
    w.sample(&["--size", "60", "--allocation", "equal", "--min-per-stratum", "2"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    // Every unit is what the map says.
    let units = rows(&w.path("sample/units.csv"));
    let lines: Vec<String> = units.iter().map(|u| format!("{},{}", u["unit_id"], u["map_class"])).collect();
    std::fs::write(w.path("labelled.csv"), format!("unit_id,label\n{}\n", lines.join("\n"))).unwrap();
    w.estimate("x", &[]).expect(0);
    for row in rows(&w.path("x/estimates.csv")) {
        assert!(number(&row, "high") - number(&row, "low") > 0.01 * number(&row, "estimate"), "{row:?}");
        assert_eq!((row["quality"].as_str(), row["interval"].as_str()), ("unreliable", "wilson"), "{row:?}");
    }
    let again = w.text("x");
    areal(["compare", &again, &again]).expect(3).says(&["no estimate with an error in common"]);
}

/// The ends of an interval were rounded finer than its number, which then lay outside; comparing such numbers found changes.
#[test]
fn rounded_numbers_lie_in_their_rounded_intervals_and_are_no_change() {
    let w = world();
    w.sample(&["--size", "900"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("exact", &[]).expect(0);
    w.estimate("rounded", &["--round", "5000"]).expect(0);
    for row in rows(&w.path("rounded/estimates.csv")) {
        let [low, value, high] = ["low", "estimate", "high"].map(|field| number(&row, field));
        assert!(low <= value && value <= high && low % 5000.0 == 0.0 && high % 5000.0 == 0.0, "{row:?}");
    }
    let (exact, rounded) = (w.text("exact"), w.text("rounded"));
    areal(["compare", &exact, &rounded, "--out", &w.text("revisions.csv")]).expect(0);
    assert!(rows(&w.path("revisions.csv")).iter().all(|r| number(r, "p_value") > 0.05));
}

#[test]
fn flags_without_effect_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &["--benchmark"]).expect(2).says(&["--benchmark has no effect without zones", "--zones"]);
    w.estimate("x", &["--confusion", "c.csv"]).expect(2).says(&["--confusion has no effect on a sample"]);
    let prediction = w.text("prediction");
    let quantify = ["estimate", "--prediction", &prediction, "--quantify", "emq", "--out", &w.text("q")];
    areal(quantify.iter().chain(&["--level", "0.9"])).expect(2).says(&["--level has no effect with --quantify"]);
    areal(quantify.iter().chain(&["--round", "1000"])).expect(0);
    assert!(rows(&w.path("q/estimates.csv")).iter().all(|r| number(r, "estimate") % 1000.0 == 0.0));
}

/// One zone has nothing to hide behind: what all zones have together is its own number.
#[test]
fn a_suppressed_number_that_the_totals_give_away_is_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = read_layer(&w.path("zones.gpkg"), None).unwrap();
    let features = vec![Feature { fid: -1, ..zones.features[4].clone() }];
    write_layer(&w.path("one.gpkg"), &VectorLayer { features, ..zones }).unwrap();
    let one = w.text("one.gpkg");
    let flags = ["--zones", &one, "--zone-id", "id", "--suppress-below", "100"];
    w.estimate("x", &flags).expect(3).says(&[
        "3 suppressed numbers follow from the published totals",
        "too few zones",
        "a smaller --suppress-below",
        "--accept disclosed",
    ]);
    assert!(!w.path("x").exists());
    w.estimate("x", &[&flags[..], &["--accept", "disclosed"]].concat())
        .expect(0)
        .says(&["3 suppressed numbers follow"]);
    let found = rows(&w.path("x/estimates.csv"));
    let zone: Vec<&Row> = found.iter().filter(|r| r["population"] == "zone").collect();
    assert!(zone.len() == 3 && zone.iter().all(|r| r["suppressed"] == "primary" && r["estimate"].is_empty()));
}

#[test]
fn zones_that_moved_since_the_draw_are_refused() {
    let w = world();
    let zones = w.text("zones.gpkg");
    w.sample(&["--strata", "zones", "--zones", &zones, "--zone-id", "id", "--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let write = |name: &str, ids: [&str; 2], border: f64| {
        let rect = |west: f64, east: f64| geo::Rect::new((west, 16.0), (east, 19.0)).to_polygon();
        let feature = |id: &str, west: f64, east: f64| Feature {
            fid: -1,
            geometry: Some(geo::Geometry::Polygon(rect(west, east))),
            values: vec![FieldValue::Text(id.into())],
        };
        let layer = VectorLayer {
            name: "zones".into(),
            crs: Some(grid().crs),
            fields: vec![Field { name: "id".into(), kind: FieldKind::Text }],
            features: vec![feature(ids[0], 102.0, border), feature(ids[1], border, 105.0)],
        };
        write_layer(&w.path(name), &layer).unwrap();
        w.text(name)
    };
    let other = write("other.gpkg", ["W", "E"], 103.5);
    w.estimate("x", &["--zones", &other, "--zone-id", "id"])
        .expect(3)
        .says(&["the design has a stratum Z0, which the map does not have", "zones or strata raster"]);
    let first = write("halves.gpkg", ["W", "E"], 103.5);
    w.sample(&["--strata", "zones", "--zones", &first, "--zone-id", "id", "--size", "200", "--overwrite"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let moved = write("moved.gpkg", ["W", "E"], 103.7);
    w.estimate("x", &["--zones", &moved, "--zone-id", "id"])
        .expect(3)
        .says(&["the strata hold", "--accept strata-sum"]);
    w.estimate("x", &["--zones", &moved, "--zone-id", "id", "--accept", "strata-sum"]).expect(0);
}

#[test]
fn few_units_get_another_interval_within_bounds_and_are_told() {
    let w = world();
    w.sample(&["--strata", "whole", "--size", "40"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &[]).expect(0).says(&["too few sample units of rubber", "Wilson's interval is given"]);
    let found = rows(&w.path("x/estimates.csv"));
    let whole: f64 = [1, 2, 3].iter().map(|c| w.true_area(*c)).sum();
    assert_eq!(found[0]["interval"], "wilson");
    for row in &found {
        assert!(0.0 <= number(row, "low") && number(row, "high") <= whole, "{row:?}");
        assert!(number(row, "low") < number(row, "high"));
    }
    // Omissions of a class that rest on a unit or two: all units of forest but few of those that are rubber.
    w.sample(&["--size", "400", "--overwrite"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let mut rubber = 0;
    let labels: HashMap<String, String> =
        rows(&w.path("labelled.csv")).into_iter().map(|r| (r["unit_id"].clone(), r["label"].clone())).collect();
    let units = rows(&w.path("sample/units.csv"));
    let dropped: Vec<&str> = units
        .iter()
        .filter(|u| u["stratum"] == "forest" && labels[&u["unit_id"]] == "rubber")
        .filter(|_| {
            rubber += 1;
            rubber > 2
        })
        .map(|u| u["unit_id"].as_str())
        .collect();
    keep(&w, |u| !dropped.contains(&u["unit_id"].as_str()));
    w.estimate("y", &[]).expect(0).says(&[
        "fewer than five units of rubber were found outside the area mapped so",
        "label more units where the class is missed",
    ]);
}

#[test]
fn a_map_class_without_a_unit_is_told() {
    let w = world();
    w.sample(&["--strata", "whole", "--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    keep(&w, |u| u["map_class"] != "1");
    w.estimate("x", &[]).expect(0).says(&["no unit lies on map class rubber", "its user's accuracy is unknown"]);
    let users = rows(&w.path("x/accuracy.csv"));
    let rubber = users.iter().find(|r| r["measure"] == "users" && r["class_name"] == "rubber").unwrap();
    assert!(rubber["estimate"].is_empty());
}

#[test]
fn a_sample_clustered_away_from_the_map_is_told_by_class_and_by_zone() {
    let w = world();
    w.sample(&["--strata", "whole", "--size", "500"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let whole = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let zones = w.text("zones.gpkg");
    let with_zones = ["--zones", &zones, "--zone-id", "id"];
    let even = w.estimate("even", &with_zones).expect(0);
    assert!(!even.stderr.contains("clustered"), "{}", even.stderr);
    // Only the south was visited.
    keep(&w, |u| number(u, "lat") < 17.0);
    w.estimate("south", &with_zones).expect(0).says(&[
        "the sample is clustered away from the mapped area",
        "zones are out of proportion",
        "% of the area but",
    ]);
    // Forest was hardly visited; told without any design, too.
    std::fs::write(w.path("labelled.csv"), whole).unwrap();
    keep(&w, |u| u["map_class"] != "2" || u["unit_id"].parse::<u64>().unwrap() % 10 == 0);
    let words = ["the sample is clustered away from the mapped area", "classes are out of proportion", "forest has"];
    w.estimate("classes", &[]).expect(0).says(&words);
    let (prediction, labelled, out) = (w.text("prediction"), w.text("labelled.csv"), w.text("bare"));
    let bare = ["estimate", "--prediction", &prediction, "--sample", &labelled, "--out", &out, "--accept", "no-design"];
    areal(bare).expect(0).says(&words);
}

#[test]
fn labels_that_fit_no_unit_are_refused_with_their_place() {
    let w = world();
    w.sample(&["--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let text = std::fs::read_to_string(w.path("labelled.csv")).unwrap();
    let line = text.lines().nth(1).unwrap().to_owned();
    let refused = |text: String, code: i32, words: &[&str]| {
        std::fs::write(w.path("labelled.csv"), text).unwrap();
        w.estimate("x", &[]).expect(code).says(words);
        assert!(!w.path("x").exists());
    };
    let id = line.split(',').next().unwrap();
    refused(format!("{text}{line}\n"), 3, &[&format!("has unit {id} twice"), "one row a unit"]);
    refused(text.replacen(&line, "9999,102,17,forest", 1), 3, &["unit 9999 has number 9999", "does not know"]);
    refused(text.replacen(&line, "first,102,17,forest", 1), 3, &["row 2: unit_id is \"first\"", "whole number"]);
    refused(text.replacen("label", "class", 1), 3, &["has no field \"label\"", "--label-field"]);
    refused("unit_id,lon,lat,label\n".to_owned(), 3, &["there is no labelled unit", "fill in the label field"]);
    std::fs::write(w.path("labelled.csv"), &text).unwrap();
    w.estimate("x", &["--level", "95"]).expect(2).says(&["--level 95 must be a fraction between 0 and 1"]);
    w.estimate("x", &["--cv-limits", "0.1"]).expect(2).says(&["--cv-limits takes exactly two values"]);
    w.estimate("x", &["--accept", "anything"]).expect(2).says(&["invalid value 'anything'", "other-design"]);
    // Without a design a unit without a position cannot be placed.
    std::fs::write(w.path("labelled.csv"), "unit_id,label\n1,forest\n").unwrap();
    let (prediction, labelled, out) = (w.text("prediction"), w.text("labelled.csv"), w.text("x"));
    let bare = ["estimate", "--prediction", &prediction, "--sample", &labelled, "--out", &out, "--accept", "no-design"];
    areal(bare).expect(3).says(&["unit 1 has no position", "lon and lat"]);
}

#[test]
fn zones_that_leave_out_a_part_are_raked_to_their_own_total_and_overlaps_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let layer = read_layer(&w.path("zones.gpkg"), None).unwrap();
    let fewer = VectorLayer { features: layer.features.into_iter().skip(1).collect(), ..layer };
    write_layer(&w.path("fewer.gpkg"), &fewer).unwrap();
    let zones = w.text("fewer.gpkg");
    w.estimate("x", &["--zones", &zones, "--zone-id", "id", "--benchmark"]).expect(0);
    let found = rows(&w.path("x/estimates.csv"));
    let sum = |population: &str| -> f64 {
        let of = |r: &&Row| r["population"] == population && r["class_name"] == "forest";
        found.iter().filter(of).map(|r| number(r, "estimate")).sum()
    };
    assert!((sum("zone") / sum("zones") - 1.0).abs() < 1e-6 && sum("zones") < 0.99 * sum("map"));
    let mut twice = fewer;
    twice.features.push(Feature {
        fid: -1,
        values: vec![FieldValue::Text("T".into()); 2],
        ..twice.features[0].clone()
    });
    write_layer(&w.path("twice.gpkg"), &twice).unwrap();
    let zones = w.text("twice.gpkg");
    w.estimate("y", &["--zones", &zones, "--zone-id", "id", "--benchmark"])
        .expect(3)
        .says(&["sum of the zones' areas (km2) of the benchmark", "zones that overlap"]);
}
