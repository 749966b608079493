//! `areal estimate` of a continuous value: wealth, measured in a sample of cells and predicted in all.

use std::path::Path;

use areal_grid::PixelState;

use crate::common::prediction_folder;
use crate::common::survey_world::{NODATA_ROWS, SIDE, World, cell_areas, grid, noise, world};
use crate::common::{ProgramRun, Row, areal, number, rows};

/// Wealth in each cell, and what a map says of it that shrinks to the mean and is too rich by 2.
struct Wealth {
    world: World,
    truth: Vec<f64>,
    map: Vec<f64>,
}

fn wealth() -> Wealth {
    let truth: Vec<f64> = (0..SIDE * SIDE)
        .map(|k| {
            let (r, c) = ((k / SIDE) as f64, (k % SIDE) as f64);
            50.0 + 10.0 * (r / 31.0).sin() + 8.0 * (c / 43.0).cos() + 6.0 * (noise(k) - 0.5)
        })
        .collect();
    let map: Vec<f64> =
        truth.iter().enumerate().map(|(k, t)| 52.0 + 0.7 * (t - 50.0) + 4.0 * (noise(k + 1_000_000) - 0.5)).collect();
    let world = world();
    let seen = |k: usize| k >= NODATA_ROWS * SIDE;
    let states: Vec<PixelState> =
        (0..SIDE * SIDE).map(|k| if seen(k) { PixelState::Observed } else { PixelState::Nodata }).collect();
    let stored: Vec<f32> = map.iter().enumerate().map(|(k, v)| if seen(k) { *v as f32 } else { f32::NAN }).collect();
    prediction_folder::write_value(&world.path("wealth"), &grid(), ("wealth", "index"), &states, &stored);
    // What the estimator sees is what the file holds.
    Wealth { world, truth, map: stored.iter().map(|v| f64::from(*v)).collect() }
}

impl Wealth {
    fn sample(&self, flags: &[&str]) -> ProgramRun {
        let (prediction, out) = (self.world.text("wealth"), self.world.text("sample"));
        areal(["sample", "--prediction", &prediction, "--out", &out, "--seed", "5"].iter().chain(flags))
    }

    fn estimate(&self, out: &str, flags: &[&str]) -> ProgramRun {
        let names = ["wealth", "sample", "labelled.csv", out].map(|n| self.world.text(n));
        let [prediction, design, labelled, out] = names.each_ref();
        let base = ["estimate", "--prediction", prediction, "--design", design, "--sample", labelled, "--out", out];
        areal(base.iter().chain(flags))
    }

    /// Cells of the units, in the order of `units.csv`.
    fn cells(&self) -> Vec<usize> {
        let at = |u: &Row, f: &str| u[f].parse::<usize>().unwrap();
        rows(&self.world.path("sample/units.csv")).iter().map(|u| at(u, "row") * SIDE + at(u, "col")).collect()
    }

    fn label(&self) {
        let mut writer = csv::Writer::from_path(self.world.path("labelled.csv")).unwrap();
        writer.write_record(["unit_id", "label"]).unwrap();
        for (unit, cell) in rows(&self.world.path("sample/units.csv")).iter().zip(self.cells()) {
            writer.write_record([&unit["unit_id"], &self.truth[cell].to_string()]).unwrap();
        }
        writer.flush().unwrap();
    }
}

/// Area-weighted mean over some cells.
fn mean(values: &[f64], cells: impl Iterator<Item = usize> + Clone, areas: &[f64]) -> f64 {
    let weight: f64 = cells.clone().map(|k| areas[k]).sum();
    cells.map(|k| areas[k] * values[k]).sum::<f64>() / weight
}

#[test]
fn every_estimator_of_a_mean_holds_the_truth_and_the_map_saves_units() {
    let w = wealth();
    w.sample(&[]).expect(2).says(&["a sample of a value needs a number of units", "--size"]);
    w.sample(&["--size", "400"]).expect(0);
    w.label();
    let (areas, all) = (cell_areas(), NODATA_ROWS * SIDE..SIDE * SIDE);
    let truth = mean(&w.truth, all.clone(), &areas);
    let mapped = mean(&w.map, all, &areas);
    let cells = w.cells();
    let of_units = |values: &[f64]| mean(values, cells.iter().copied(), &areas);

    let mut errors = Vec::new();
    for estimator in ["stratified", "difference", "regression", "prediction-powered"] {
        w.estimate(estimator, &["--estimator", estimator, "--level", "0.999"]).expect(0);
        let found = &rows(&w.world.path(estimator).join("estimates.csv"))[0];
        assert_eq!((found["measure"].as_str(), found["class_name"].as_str()), ("mean", "wealth"));
        assert_eq!((found["unit"].as_str(), found["method"].as_str()), ("index", estimator));
        assert!((number(found, "mapped") - mapped).abs() < 1e-9);
        assert!((number(found, "low")..=number(found, "high")).contains(&truth), "{truth} {found:?}");
        // By hand, one stratum: the mean of the units; the map's mean and the units' mean error.
        match estimator {
            "stratified" => assert!((number(found, "estimate") - of_units(&w.truth)).abs() < 1e-9),
            "difference" => {
                let expected = mapped + of_units(&w.truth) - of_units(&w.map);
                assert!((number(found, "estimate") - expected).abs() < 1e-9);
            }
            _ => {}
        }
        errors.push(number(found, "standard_error"));
    }
    // The map is 2 too rich: pixel counting is off by many standard errors.
    let [alone, difference, regression, powered] = errors[..] else { panic!("{errors:?}") };
    assert!((mapped - truth).abs() > 5.0 * difference, "{mapped} {truth}");
    // The map explains most of the spread; a tuned coefficient is better than 1.
    assert!(difference < 0.5 * alone && regression < difference, "{errors:?}");
    assert!((powered / regression - 1.0).abs() < 0.02, "{errors:?}");
}

#[test]
fn commas_are_decimals_where_they_cannot_be_thousands() {
    let w = wealth();
    w.sample(&["--size", "40"]).expect(0);
    w.label();
    w.estimate("points", &[]).expect(0);
    let text = std::fs::read_to_string(w.world.path("labelled.csv")).unwrap();
    let write = |text: String| std::fs::write(w.world.path("labelled.csv"), text).unwrap();
    write(text.replace(',', ";").replace('.', ","));
    w.estimate("commas", &[]).expect(0).says(&["decimal commas"]);
    let of = |out: &str| number(&rows(&w.world.path(out).join("estimates.csv"))[0], "estimate");
    assert!((of("points") - of("commas")).abs() < 1e-12);
    let every = |label: &str| {
        text.lines().skip(1).fold("unit_id;label\n".to_owned(), |all, line| {
            all + &format!("{};{label}\n", line.split(',').next().unwrap())
        })
    };
    write(every("1,234"));
    w.estimate("x", &[]).expect(3).says(&["\"1,234\" may have a decimal comma or a thousands separator"]);
    write(every("1,234.5"));
    w.estimate("x", &[]).expect(3).says(&["\"1,234.5\" has a thousands separator", "such as 1234.5"]);
}

#[test]
fn a_mean_by_zone_is_model_based_where_units_are_few() {
    let w = wealth();
    w.sample(&["--size", "300"]).expect(0);
    w.label();
    let zones = w.world.text("zones.gpkg");
    w.estimate("x", &["--zones", &zones, "--zone-id", "id", "--min-units", "33", "--level", "0.999"]).expect(0);
    let found = rows(&w.world.path("x/estimates.csv"));
    assert_eq!(found.len(), 1 + 1 + 9);
    let methods: std::collections::BTreeSet<&str> = found.iter().skip(2).map(|r| r["method"].as_str()).collect();
    assert!(methods.contains("direct") && methods.len() > 1, "{methods:?}");
    assert!(found.iter().skip(2).all(|r| !r["mapped"].is_empty() && number(r, "estimate") > 30.0));
    assert!(w.world.path("x/quality.md").exists() && !w.world.path("x/accuracy.csv").exists());
}

/// The unit-level model is near the truth in every zone, within its own errors.
#[test]
fn a_unit_level_model_gives_each_zone_its_mean() {
    let w = wealth();
    w.sample(&["--size", "300"]).expect(0);
    w.label();
    let zones = w.world.text("zones.gpkg");
    let with_zones = ["--zones", &zones, "--zone-id", "id", "--zone-method"];
    w.estimate("direct", &[&with_zones[..], &["direct"]].concat()).expect(0);
    w.estimate("unit-level", &[&with_zones[..], &["unit-level"]].concat()).expect(0);
    let table = |out: &str| rows(&w.world.path(out).join("estimates.csv"));
    let (direct, found) = (table("direct"), table("unit-level"));
    let areas = cell_areas();
    // Thirds of the map; the cells that their borders cut matter little.
    let truth = |zone: usize| {
        let (i, j) = (2 - zone / 3, zone % 3);
        let row = move |r: usize| (j * 100..(j + 1) * 100).map(move |c| r * SIDE + c);
        mean(&w.truth, (NODATA_ROWS.max(i * 100)..(i + 1) * 100).flat_map(row), &areas)
    };
    let is_zone = |r: &&Row| r["population"] == "zone";
    let mut errors = [0.0, 0.0];
    for (zone, (direct, found)) in direct.iter().filter(is_zone).zip(found.iter().filter(is_zone)).enumerate() {
        assert_eq!((found["method"].as_str(), found["zone_id"].as_str()), ("unit-level", format!("Z{zone}").as_str()));
        let error = number(found, "standard_error");
        assert!((number(found, "estimate") - truth(zone)).abs() < 4.0 * error, "{} {found:?}", truth(zone));
        errors[0] += number(direct, "standard_error");
        errors[1] += error;
    }
    assert!(errors[1] < 0.6 * errors[0], "{errors:?}");
    w.world.sample(&["--size", "300", "--overwrite"]).expect(0);
    w.world.label("sample", "sample.csv", "labelled.csv");
    let words = ["--zone-method unit-level applies only to values", "choose another"];
    w.world.estimate("x", &[&with_zones[..], &["unit-level"]].concat()).expect(2).says(&words);
}

#[test]
fn what_is_about_classes_is_refused_for_a_value() {
    let w = wealth();
    let (prediction, out) = (w.world.text("wealth"), w.world.text("x"));
    w.sample(&["--strata", "classes", "--size", "50"])
        .expect(2)
        .says(&["it has no classes for strata", "--strata zones"]);
    w.sample(&["--size", "50"]).expect(0);
    w.label();
    w.estimate("x", &["--estimator", "post-stratified"]).expect(3).says(&["no map class to post-stratify a value by"]);
    areal(["estimate", "--prediction", &prediction, "--quantify", "emq", "--out", &out])
        .expect(2)
        .says(&["--quantify applies only to classes", "--sample"]);
    let text = std::fs::read_to_string(w.world.path("labelled.csv")).unwrap();
    let line = text.lines().nth(1).unwrap();
    let id = line.split(',').next().unwrap();
    std::fs::write(w.world.path("labelled.csv"), text.replace(line, &format!("{id},rich"))).unwrap();
    w.estimate("x", &[]).expect(3).says(&[&format!("1 label is not a number: unit {id} \"rich\"")]);
    assert!(!Path::new(&out).exists());
}

/// Classes were told of, values were not.
#[test]
fn a_sample_of_a_value_that_leaves_half_the_map_out_is_told() {
    let w = wealth();
    w.sample(&["--size", "300"]).expect(0);
    w.label();
    let west: Vec<String> = rows(&w.world.path("sample/units.csv"))
        .iter()
        .filter(|u| number(u, "lon") < 103.5)
        .map(|u| {
            format!(
                "{},{}",
                u["unit_id"],
                w.truth[u["row"].parse::<usize>().unwrap() * SIDE + u["col"].parse::<usize>().unwrap()]
            )
        })
        .collect();
    std::fs::write(w.world.path("labelled.csv"), format!("unit_id,label\n{}\n", west.join("\n"))).unwrap();
    let zones = w.world.text("zones.gpkg");
    let with_zones = ["--zones", &zones, "--zone-id", "id"];
    w.estimate("x", &with_zones).expect(0).says(&["the sample is not spread like the mapped area", "have no label"]);
    w.estimate("y", &[&with_zones[..], &["--benchmark"]].concat())
        .expect(2)
        .says(&["--benchmark applies only to classes"]);
}
