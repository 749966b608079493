//! Every refusal and warning of `areal estimate` through the program, with its words.

use std::collections::HashMap;

use crate::common::prediction_folder::write_shares;
use crate::common::survey_world::{NODATA_ROWS, SIDE, cell_areas, grid, world};
use crate::common::{areal, number, rows};

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
        "draw a new sample from this map",
        "--accept other-map,strata-sum",
    ]);
    // The advice for another map alone led to that error: only a new sample mends both.
    let both = run(&[]).expect(3).says(&["is not the one the sample was drawn from", "the weights would be wrong"]);
    let both = both.says(&["draw a new sample from this map", "--accept other-map,strata-sum"]);
    assert!(!both.stderr.contains("keep the strata of the design"), "{}", both.stderr);
    assert!(!w.path("x").exists());
    let said = run(&["--accept", "other-map,strata-sum"]).expect(0);
    let count = format!("{} units are on cells without a prediction (the first is", lost.len());
    let said = said.says(&[&count, "left out", "the weights would be wrong"]);
    assert!(!said.stderr.contains("have no label"), "{}", said.stderr);
    let found = rows(&w.path("x/estimates.csv"));
    assert_eq!(number(&found[0], "n") as usize, 300 - lost.len());
    // Without a design, by their positions.
    let bare = ["estimate", "--prediction", prediction, "--sample", labelled, "--out", out, "--overwrite"];
    areal(bare.iter().chain(&["--accept", "no-design"])).expect(0).says(&[&count, "are on cells without a prediction"]);
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
    w.estimate("x", &[])
        .expect(0)
        .says(&["no omission was found of", "rubber (among 40 units mapped as other classes; up to"]);
    for row in rows(&w.path("x/estimates.csv")) {
        let [low, value, high] = ["low", "estimate", "high"].map(|field| number(&row, field));
        assert!(high - low > 0.01 * value, "{row:?}");
        // Nor unreliable with a CV of zero: the interval decides.
        let side = (high - value).max(value - low) / value / 1.959_964;
        let quality = if side < 0.165 {
            "good"
        } else if side <= 0.333 {
            "caution"
        } else {
            "unreliable"
        };
        assert_eq!((row["quality"].as_str(), row["interval"].as_str()), (quality, "dirichlet"), "{row:?}");
    }
    let again = w.text("x");
    // Nor without an error to compare by: the interval is one.
    areal(["compare", &again, &again, "--out", &w.text("revisions.csv")]).expect(0);
    for row in rows(&w.path("revisions.csv")) {
        assert_eq!((number(&row, "standard_error"), row["significant"].as_str()), (0.0, "false"), "{row:?}");
        assert!(number(&row, "low") < 0.0 && number(&row, "high") > 0.0, "{row:?}");
    }
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
    let run = areal(["compare", &exact, &rounded, "--out", &w.text("revisions.csv")]).expect(0);
    // Numbers that are rounded to 5,000 km2 had four decimals in the table.
    let map: Vec<&str> = run.stdout.lines().filter(|l| l.starts_with("(map)")).collect();
    for line in map {
        let cells: Vec<&str> = line.split_whitespace().collect();
        // zone, code, class, old, error, n, new, error, n, change, low, high
        assert!([6, 9, 10, 11].iter().all(|&k| !cells[k].contains('.')) && cells[3].contains('.'), "{line}");
    }
    let report = std::fs::read_to_string(w.path("rounded/quality.md")).unwrap();
    assert!(report.contains("000 km2 (interval ") && !report.contains(".000 km2 (interval"), "{report}");
    assert!(rows(&w.path("revisions.csv")).iter().all(|r| number(r, "p_value") > 0.05));
}

#[test]
fn flags_without_effect_are_refused() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &["--benchmark"]).expect(2).says(&["--benchmark has no effect without zones", "--zones"]);
    w.estimate("x", &["--confusion", "c.csv"]).expect(2).says(&["--confusion has no effect without --quantify"]);
    let prediction = w.text("prediction");
    let quantify = ["estimate", "--prediction", &prediction, "--quantify", "emq", "--out", &w.text("q")];
    areal(quantify.iter().chain(&["--level", "0.9"])).expect(2).says(&["--level has no effect with --quantify"]);
    areal(quantify.iter().chain(&["--round", "1000"])).expect(0);
    assert!(rows(&w.path("q/estimates.csv")).iter().all(|r| number(r, "estimate") % 1000.0 == 0.0));
}

#[test]
fn few_units_get_another_interval_within_bounds_and_are_told() {
    let w = world();
    w.sample(&["--strata", "whole", "--size", "40"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &["--estimator", "difference"]).expect(0).says(&[
        "no omission was found of",
        "rubber (among 36 units mapped as other classes",
        "km2 may have been missed",
    ]);
    w.estimate("stratified", &[]).expect(0);
    let whole: f64 = [1, 2, 3].iter().map(|c| w.true_area(*c)).sum();
    for (out, interval) in [("x", "dirichlet"), ("stratified", "dirichlet")] {
        let found = rows(&w.path(&format!("{out}/estimates.csv")));
        assert_eq!(found[0]["interval"], interval);
        for row in &found {
            assert!(0.0 <= number(row, "low") && number(row, "high") <= whole, "{row:?}");
            assert!(number(row, "low") < number(row, "high"));
        }
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
    w.keep(|u| !dropped.contains(&u["unit_id"].as_str()));
    w.estimate("y", &[]).expect(0).says(&[
        "fewer than five omission errors (units of a class that the map shows as another) were sampled for",
        "rubber (2 of",
        "Label more units where they are missed",
    ]);
}

#[test]
fn a_map_class_without_a_unit_is_told() {
    let w = world();
    w.sample(&["--strata", "whole", "--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.keep(|u| u["map_class"] != "1");
    w.estimate("x", &[]).expect(0).says(&["map class rubber has no sample unit", "its user's accuracy is unknown"]);
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
    assert!(!even.stderr.contains("not spread like"), "{}", even.stderr);
    // Only the south was visited.
    w.keep(|u| number(u, "lat") < 17.0);
    w.estimate("south", &with_zones).expect(0).says(&[
        "the sample is not spread like the mapped area",
        "zones are out of proportion",
        "% of the area but",
    ]);
    // Forest was hardly visited; told without any design, too.
    std::fs::write(w.path("labelled.csv"), whole).unwrap();
    w.keep(|u| u["map_class"] != "2" || u["unit_id"].parse::<u64>().unwrap() % 10 == 0);
    let words = ["the sample is not spread like the mapped area", "classes are out of proportion", "forest has"];
    w.estimate("classes", &[]).expect(0).says(&words);
    let (prediction, labelled, out) = (w.text("prediction"), w.text("labelled.csv"), w.text("bare"));
    let bare = ["estimate", "--prediction", &prediction, "--sample", &labelled, "--out", &out, "--accept", "no-design"];
    areal(bare).expect(0).says(&words);
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
    areal(bare.iter().chain(&["--out", &out]))
        .expect(3)
        .says(&["there are no standard errors or intervals", "areal sample"]);
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
    write("labelled.csv", text.replacen(",forest", ",forrest", 1).replacen(",rubber", ",rubbber", 1));
    w.estimate("y", &[]).expect(3).says(&[
        "2 labels are not classes of the map",
        "\"forrest\"",
        "\"rubbber\"",
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
    w.estimate("y", &[]).expect(3).says(&["stratum rubber has 1 labelled unit;", "at least 2"]);
    write("labelled.csv", text.lines().take(250).collect::<Vec<_>>().join("\n") + "\n");
    w.estimate("z", &[]).expect(0).says(&["51 of 300 units have no label"]);
}

/// 16.5 for 16.5 % made every number good.
#[test]
fn percents_for_fractions_are_refused() {
    let w = world();
    w.sample(&["--target-cv", "10", "--class", "rubber"]).expect(2).says(&["--target-cv 10", "0.1 is 10 %"]);
    w.sample(&["--target-se", "1"]).expect(2).says(&["--target-se 1", "0.01 is 1 %"]);
    w.sample(&["--size", "200"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    w.estimate("x", &["--cv-limits", "16.5,33.3"]).expect(2).says(&["--cv-limits 16.5", "0.165 is 16.5 %"]);
    w.estimate("x", &["--max-cv", "33"]).expect(2).says(&["0.33 is 33 %"]);
}
