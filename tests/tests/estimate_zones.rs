//! `areal estimate` in zones: strata of zones, raking, suppression, zones that leave ground out or share it.

use areal_raster::{Feature, FieldValue, VectorLayer, read_layer, write_layer};

use crate::common::survey_world::{SIDE, cell_areas, world};
use crate::common::{Row, areal, number, rows};

#[test]
fn zones_may_be_strata_and_small_numbers_are_left_out() {
    let w = world();
    let zones = w.text("zones.gpkg");
    w.sample(&["--strata", "both", "--zones", &zones, "--zone-id", "id", "--size", "400"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let with_zones = ["--zones", &zones, "--zone-id", "id"];
    w.estimate("x", &[]).expect(2).says(&["strata by zones require a zone file", "--zones"]);
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

/// Zones that leave much of the map out, as districts of a scene do.
#[test]
fn zones_that_do_not_cover_the_map_have_a_total_of_their_own() {
    let w = world();
    let rect = |x: f64| [x, 16.2, x + 0.81, 18.003];
    let zones = w.write_rectangles("part.gpkg", &[("A", rect(102.2)), ("B", rect(103.4))]);
    w.sample(&["--size", "1200", "--strata", "whole"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
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
    // The flag of a number bounds its CV, so that one that is left out has none.
    w.estimate("plain", &flags).expect(0);
    let plain = rows(&w.path("plain/estimates.csv"));
    assert!(plain.iter().all(|r| r["suppressed"].is_empty() != r["quality"].is_empty()));
    w.estimate("raked", &[&flags[..], &["--benchmark"]].concat()).expect(0);
    assert!(!hidden("plain").is_empty());
    assert_eq!(hidden("plain"), hidden("raked"));
    let names = ["prediction", "labelled.csv", "bare"].map(|n| w.text(n));
    let [prediction, labelled, out] = names.each_ref();
    let bare = ["estimate", "--prediction", prediction, "--sample", labelled, "--out", out, "--accept", "no-design"];
    areal(bare.iter().chain(&flags)).expect(0);
    assert!(!hidden("bare").is_empty());
}

/// Zones by the map's corrected sums, and all zones together by the sample: their difference, and a --suppress-below without effect, were not said.
#[test]
fn what_does_not_add_up_and_what_has_no_effect_is_said() {
    let w = world();
    w.sample(&["--size", "300", "--show-map"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let zones = w.text("zones.gpkg");
    let flags = ["--zones", &zones, "--zone-id", "id", "--zone-method", "corrected-map", "--suppress-below", "2"];
    w.estimate("x", &flags)
        .expect(0)
        .says(&["do not add up to all zones together, most of all", "nothing is suppressed"]);
    let report = std::fs::read_to_string(w.path("x/quality.md")).unwrap();
    for words in ["3 estimates for the map, 3 estimates for all zones", "with the map class shown"] {
        assert!(report.contains(words), "{words}: {report}");
    }
    assert!(!report.contains("without seeing the map"));
    let raked = w.estimate("y", &[&flags[..], &["--benchmark"]].concat()).expect(0);
    assert!(!raked.stderr.contains("do not add up"), "{}", raked.stderr);
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
    let write = |name: &str, border: f64| {
        w.write_rectangles(name, &[("W", [102.0, 16.0, border, 19.0]), ("E", [border, 16.0, 105.0, 19.0])])
    };
    let other = write("other.gpkg", 103.5);
    w.estimate("x", &["--zones", &other, "--zone-id", "id"])
        .expect(3)
        .says(&["stratum Z0 of the design does not exist on the map", "zones or strata raster"]);
    let first = write("halves.gpkg", 103.5);
    w.sample(&["--strata", "zones", "--zones", &first, "--zone-id", "id", "--size", "200", "--overwrite"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let moved = write("moved.gpkg", 103.7);
    w.estimate("x", &["--zones", &moved, "--zone-id", "id"])
        .expect(3)
        .says(&["the strata hold", "--accept strata-sum"]);
    w.estimate("x", &["--zones", &moved, "--zone-id", "id", "--accept", "strata-sum"]).expect(0);
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
    w.estimate("y", &["--zones", &zones, "--zone-id", "id", "--benchmark"]).expect(3).says(&[
        "the areas of the zones add up to",
        "zones that overlap cannot be raked",
        "leave out --benchmark",
    ]);
    w.estimate("y", &["--zones", &zones, "--zone-id", "id"])
        .expect(0)
        .says(&["the zones overlap: their areas add up to"]);
}

/// Two zones over the same half of a column of cells counted as the whole column, and raking gave them twice the area.
#[test]
fn ground_that_zones_share_counts_once() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let areas = cell_areas();
    // By hand, on the ellipsoid: the fraction of each column that a zone covers.
    let mapped = |code: u8, covered: &dyn Fn(usize) -> f64| -> f64 {
        (0..SIDE * SIDE).filter(|&k| w.map[k] == code).map(|k| areas[k] * covered(k % SIDE)).sum()
    };
    // The eastern half of column 20 alone, and with the whole columns 21 to 120.
    let half = |c: usize| if c == 20 { 0.5 } else { 0.0 };
    let wide = |c: usize| if (21..=120).contains(&c) { 1.0 } else { half(c) };
    for (name, east, covered) in [("half", 102.21, &half as &dyn Fn(usize) -> f64), ("wide", 103.21, &wide)] {
        let ground = [102.205, 16.0, east, 19.0];
        let twice = w.write_rectangles(&format!("{name}.gpkg"), &[("A", ground), ("B", ground)]);
        let flags = ["--zones", &twice, "--zone-id", "id", "--zone-method", "synthetic"];
        w.estimate(name, &flags).expect(0);
        let found = rows(&w.path(name).join("estimates.csv"));
        let in_zones: Vec<&Row> = found.iter().filter(|r| r["population"].starts_with("zone")).collect();
        // Each zone has this ground, and so have both together.
        for row in &in_zones {
            let expected = mapped(row["class_code"].parse().unwrap(), covered);
            assert!((number(row, "mapped") / expected - 1.0).abs() < 1e-6, "{name}: {expected} {row:?}");
        }
        let together = in_zones.iter().filter(|r| r["population"] == "zones").count();
        assert!(in_zones.len() - together == 6 && (together == 3 || name == "half"), "{in_zones:?}");
        w.estimate("raked", &[&flags[..], &["--benchmark"]].concat()).expect(3).says(&[
            "the areas of the zones add up to",
            "zones that overlap cannot be raked",
            "leave out --benchmark",
        ]);
    }
}
