//! `areal aggregate --statistics`: quantiles, majority and others, beside exactextract and by hand; several rasters at once.

use std::path::{Path, PathBuf};
use std::process::Command;

use areal_grid::Pixels;
use areal_raster::{FieldValue, read_layer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::maps::{grid, raster, square};
use crate::common::stars::{geojson, stars, write_zones};
use crate::common::{ProgramRun, areal, oracle, rows};

/// A folder with rasters and zones.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// Squares in degrees as zones.
    fn zones(&self, squares: &[(&str, [f64; 3])]) {
        let feature = |(id, [west, south, side]): &(&str, [f64; 3])| {
            let ring = square(*west, *south, *side);
            json!({ "type": "Feature", "properties": { "id": id },
                    "geometry": { "type": "Polygon", "coordinates": [ring] } })
        };
        let features: Vec<Value> = squares.iter().map(feature).collect();
        let text = json!({ "type": "FeatureCollection", "features": features }).to_string();
        std::fs::write(self.at("zones.geojson"), text).unwrap();
    }

    fn run(&self, rasters: &[&str], zones: &str, flags: &[&str]) -> ProgramRun {
        let mut args: Vec<String> = vec!["aggregate".into()];
        for raster in rasters {
            let named = raster.split_once('=').map(|(name, file)| format!("{name}={}", self.text(file)));
            args.extend(["--raster".into(), named.unwrap_or_else(|| self.text(raster))]);
        }
        args.extend(["--zones".into(), self.text(zones), "--out".into(), self.text("areas"), "--overwrite".into()]);
        args.extend(flags.iter().map(|flag| (*flag).to_owned()));
        areal(args)
    }

    /// Up to so many different values on cells of 90 m in a CRS that keeps areas, so that shares of cells are shares of true area; weights on the same
    /// cells; 40 stars as zones.
    fn stars(&self, different: usize) -> [f64; 4] {
        let (height, width, side) = (223, 223, 90.0);
        let north = side * height as f64;
        let grid = grid("EPSG:6933", [0.0, north], [side, side], height, width);
        let noise = |k: usize| (k as u32).wrapping_mul(2_654_435_761) >> 24;
        let value = |k: usize| match noise(k) % 11 {
            0 => f32::NAN,
            _ => ((noise(k + 1) * noise(k + 2)) as usize * (1 + different / 100 * k) % different) as f32 / 4.0,
        };
        let values: Vec<f32> = (0..height * width).map(value).collect();
        let weights: Vec<f32> = (0..height * width).map(|k| (noise(k + 3) % 7) as f32).collect();
        for (name, pixels) in [("v", &values), ("w", &weights)] {
            let array = ndarray::Array2::from_shape_vec((height, width), pixels.clone()).unwrap();
            ndarray_npy::write_npy(self.at(&format!("{name}.npy")), &array).unwrap();
            raster(&self.at(&format!("{name}.tif")), &grid, &Pixels::F32(pixels.clone()), f64::NAN);
        }
        let zones = stars(40);
        write_zones(&self.at("stars.gpkg"), &zones);
        let json: Vec<Value> = zones.iter().enumerate().map(|(k, z)| geojson(k, z)).collect();
        std::fs::write(self.at("stars.json"), Value::Array(json).to_string()).unwrap();
        [0.0, 0.0, side * width as f64, north]
    }
}

/// Columns of areal, and what exactextract calls them.
const SAME: [(&str, &str); 14] = [
    ("v_observed_cells", "count"),
    ("v_sum", "sum"),
    ("v_mean", "mean"),
    ("v_min", "min"),
    ("v_max", "max"),
    ("v_variance", "variance"),
    ("v_standard_deviation", "stdev"),
    ("v_majority", "mode"),
    ("v_minority", "minority"),
    ("v_variety", "variety"),
    ("v_weighted_sum", "weighted_sum"),
    ("v_weighted_mean", "weighted_mean"),
    ("v_weighted_variance", "weighted_variance"),
    ("v_weighted_standard_deviation", "weighted_stdev"),
];
/// The same for quantiles: numpy's of the cells that exactextract finds.
const QUANTILES: [(&str, &str); 8] = [
    ("v_q0", "quantile_0"),
    ("v_q5", "quantile_5"),
    ("v_median", "quantile_50"),
    ("v_q62_5", "quantile_62.5"),
    ("v_q100", "quantile_100"),
    ("v_weighted_q5", "weighted_quantile_5"),
    ("v_weighted_median", "weighted_quantile_50"),
    ("v_weighted_q62_5", "weighted_quantile_62.5"),
];
const ALL: &str =
    "cells,sum,mean,min,max,range,variance,standard-deviation,median,majority,minority,variety,q0,q5,q62.5,q100";

#[test]
fn statistics_are_those_of_exactextract() {
    let Some(python) = oracle("numpy, exactextract") else { return };
    let case = Case::new();
    let bounds = case.stars(97);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/oracles/exactextract_statistics.py");
    let mut command = Command::new(python);
    command.arg(script).args(["v.npy", "w.npy", "stars.json"].map(|name| case.at(name)));
    command.args(bounds.map(|b| b.to_string())).args(SAME.map(|(_, theirs)| theirs));
    let output = command.args(QUANTILES.map(|(_, theirs)| theirs)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: Value = serde_json::from_slice(&output.stdout).unwrap();
    let weights = case.text("w.tif");
    let found =
        case.run(&["v.tif"], "stars.gpkg", &["--statistics", ALL, "--weights", &weights, "--json"]).expect(0).json();
    let zones = found["zones"].as_array().unwrap();
    assert_eq!(zones.len(), 40);
    for (k, zone) in zones.iter().enumerate() {
        let oracle = &expected[format!("z{k}")];
        for (ours, theirs) in SAME.into_iter().chain(QUANTILES) {
            let (a, b) =
                (zone[ours].as_f64().unwrap(), oracle[theirs].as_f64().unwrap_or_else(|| panic!("{theirs}: {oracle}")));
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "zone {k}, {ours}: {a}, exactextract {b}");
        }
        assert_eq!(
            zone["v_range"].as_f64().unwrap(),
            zone["v_max"].as_f64().unwrap() - zone["v_min"].as_f64().unwrap()
        );
    }
}

#[test]
fn values_in_temporary_files_give_the_same_statistics() {
    let case = Case::new();
    case.stars(1_000_000);
    let weights = case.text("w.tif");
    let of = |memory: &str| {
        let flags = ["--statistics", "median,q90,majority,minority,variety", "--weights", &weights, "--json"];
        let run = case.run(
            &["v.tif"],
            "stars.gpkg",
            &[&flags[..], &["--window-cells", "500", "--table-memory", memory]].concat(),
        );
        let run = run.expect(0);
        (run.json(), run.stderr.contains("temporary files"))
    };
    let ((small, on_disk), (large, in_memory)) = (of("0"), of("64"));
    assert!(on_disk && !in_memory);
    for (a, b) in small["zones"].as_array().unwrap().iter().zip(large["zones"].as_array().unwrap()) {
        for (name, value) in a.as_object().unwrap() {
            match (value.as_f64(), b[name].as_f64()) {
                (Some(x), Some(y)) => assert!((x - y).abs() <= 1e-9 * y.abs(), "{name}: {x} {y}"),
                _ => assert_eq!(*value, b[name], "{name}"),
            }
        }
    }
}

#[test]
fn statistics_of_four_cells_by_hand() {
    let case = Case::new();
    // On the equator, where cells are equal but for some millionths: 1, 2 above 2, 8. Three quarters of the zone's square:
    // all of the left column and half of the right.
    let cells = grid("EPSG:4326", [10.0, 0.01], [0.01, 0.01], 2, 2);
    raster(&case.at("v.tif"), &cells, &Pixels::I16(vec![1, 2, 2, 8]), -1.0);
    raster(&case.at("people.tif"), &cells, &Pixels::F32(vec![10.0, 0.0, 30.0, 40.0]), -1.0);
    let ring = [[10.0, -0.01], [10.015, -0.01], [10.015, 0.01], [10.0, 0.01], [10.0, -0.01]];
    let zone = json!({ "type": "Feature", "properties": { "id": "a" },
                       "geometry": { "type": "Polygon", "coordinates": [ring] } });
    let text = json!({ "type": "FeatureCollection", "features": [zone] }).to_string();
    std::fs::write(case.at("zones.geojson"), text).unwrap();
    let people = case.text("people.tif");
    let run = case.run(&["v.tif"], "zones.geojson", &["--statistics", ALL, "--weights", &people, "--json"]).expect(0);
    let zone = run.json()["zones"][0].clone();
    // Areas: 1 of the value 1, 1.5 of 2, .5 of 8. Mean (1 + 3 + 4) / 3 = 8/3; variance (25/9 + 1.5 * 4/9 + .5 * 256/9) / 3.
    // Up to 1 there is 1/3, up to 2 2.5/3: half and .625 are reached at 2.
    // People: 10 of 1, 30 of 2, 20 of 8 (half of 40). Mean (10 + 60 + 160) / 60; up to 1 there is 1/6, up to 2 2/3.
    // The smallest amount is that of 1.
    for (column, expected) in [
        ("v_observed_cells", 3.0),
        ("v_sum", 8.0),
        ("v_mean", 8.0 / 3.0),
        ("v_min", 1.0),
        ("v_max", 8.0),
        ("v_range", 7.0),
        ("v_variance", (25.0 / 9.0 + 1.5 * 4.0 / 9.0 + 0.5 * 256.0 / 9.0) / 3.0),
        ("v_median", 2.0),
        ("v_majority", 2.0),
        ("v_minority", 8.0),
        ("v_variety", 3.0),
        ("v_weighted_sum", 230.0),
        ("v_weighted_mean", 230.0 / 60.0),
        ("v_weighted_median", 2.0),
        ("v_q5", 1.0),
        ("v_q62_5", 2.0),
        ("v_weighted_q100", 8.0),
        ("v_weighted_majority", 2.0),
        ("v_weighted_minority", 1.0),
    ] {
        let found = zone[column].as_f64().unwrap_or_else(|| panic!("{column}: {zone}"));
        assert!((found - expected).abs() < 1e-6 * expected, "{column}: {found}, by hand {expected}");
    }
    let metadata: Value =
        serde_json::from_slice(&std::fs::read(case.at("areas/areas.csv-metadata.json")).unwrap()).unwrap();
    let columns = metadata["tableSchema"]["columns"].as_array().unwrap();
    let measure = columns.iter().find(|column| column["name"] == "measure").unwrap();
    let described = measure["dc:description"].as_str().unwrap();
    for name in ["median", "q62.5", "weighted_minority", "variety", "sum"] {
        assert!(described.contains(&format!("{name}: ")), "{name}: {described}");
    }
}

#[test]
fn several_rasters_make_one_table_with_class_names() {
    let case = Case::new();
    // Classes on a grid of .01 degrees, values on one of .02 that covers the western zone only.
    let of_classes = grid("EPSG:4326", [10.0, 0.02], [0.01, 0.01], 2, 4);
    raster(&case.at("cover.tif"), &of_classes, &Pixels::U8(vec![1, 1, 2, 2, 1, 2, 2, 3]), 255.0);
    let of_values = grid("EPSG:4326", [10.0, 0.02], [0.02, 0.02], 1, 1);
    raster(&case.at("mosaic.tif"), &of_values, &Pixels::F32(vec![7.0]), f64::NAN);
    case.zones(&[("west", [10.0, 0.0, 0.02]), ("east", [10.02, 0.0, 0.02])]);
    std::fs::write(case.at("legend.csv"), "code,name\n1,forest\n2,oil palm\n3,town\n").unwrap();
    let legend = case.text("legend.csv");
    let flags = ["--statistics", "median,majority,variety", "--legend", &legend];
    let run =
        case.run(&["cover.tif", "wet=mosaic.tif"], "zones.geojson", &[&flags[..], &["--json"]].concat()).expect(0);
    let zones = run.json()["zones"].clone();
    let (west, east) = (&zones[0], &zones[1]);
    assert_eq!((&west["zone_state"], &east["zone_state"]), (&json!("inside"), &json!("partial")));
    assert_eq!((&west["cover_majority"], &west["cover_majority_class"]), (&json!(1.0), &json!("forest")));
    assert_eq!((&east["cover_majority"], &east["cover_majority_class"]), (&json!(2.0), &json!("oil palm")));
    assert_eq!(
        (&west["wet_median"], &west["wet_majority"], &east["wet_median"]),
        (&json!(7.0), &json!(7.0), &Value::Null)
    );
    assert_eq!((&west["cover_variety"], &east["wet_variety"]), (&json!(2.0), &json!(0.0)));
    let share = west["cover_oil_palm_share"].as_f64().unwrap();
    assert!((share - 0.25).abs() < 1e-6, "{share}");

    let totals = run.json()["totals"]["map"].clone();
    assert_eq!((&totals["cover_majority"], &totals["cover_majority_class"]), (&json!(2.0), &json!("oil palm")));
    assert_eq!((&totals["wet_median"], &totals["cover_variety"]), (&Value::Null, &json!(3.0)));

    let run = case.run(&["cover.tif", "wet=mosaic.tif"], "zones.geojson", &flags).expect(0);
    let text = run.says(&["of the map have no quantiles"]).stdout;
    assert!(text.lines().nth(1).unwrap().contains("forest"), "{text}");
    assert!(text.lines().last().unwrap().contains("oil palm"), "{text}");
    let table = rows(&case.at("areas/areas.csv"));
    let row = |zone: &str, variable: &str, measure: &str| {
        let is_it =
            |r: &&crate::common::Row| r["zone_id"] == zone && r["variable"] == variable && r["measure"] == measure;
        table.iter().find(is_it).unwrap_or_else(|| panic!("{zone} {variable} {measure}")).clone()
    };
    let majority = row("east", "cover", "majority");
    assert_eq!((majority["class_code"].as_str(), majority["class_name"].as_str()), ("2", "oil palm"));
    assert_eq!(row("west", "wet", "median")["value"], "7");
    assert_eq!(row("east", "cover", "variety")["unit"], "classes");
    assert_eq!(table.iter().filter(|r| r["measure"] == "zone_area").count(), 2);
    let layer = read_layer(&case.at("areas/areas.gpkg"), None).unwrap();
    let at = layer.field_index("cover_majority_class").unwrap();
    assert_eq!(layer.features[1].values[at], FieldValue::Text("oil palm".into()));
    let meta: Value = serde_json::from_slice(&std::fs::read(case.at("areas/areas.json")).unwrap()).unwrap();
    assert_eq!((&meta["other_maps"][0]["name"], &meta["other_maps"][0]["cells"]), (&json!("wet"), &json!(1)));
    assert!(ends_with(&meta["map"], "cover.tif") && ends_with(&meta["other_maps"][0]["map"], "mosaic.tif"));
}

fn ends_with(path: &Value, name: &str) -> bool {
    Path::new(path.as_str().unwrap()).ends_with(name)
}

#[test]
fn statistics_without_meaning_are_refused() {
    let case = Case::new();
    let cells = grid("EPSG:4326", [10.0, 0.01], [0.01, 0.01], 1, 1);
    raster(&case.at("c.tif"), &cells, &Pixels::U8(vec![1]), 255.0);
    std::fs::create_dir(case.at("other")).unwrap();
    raster(&case.at("other/c.tif"), &cells, &Pixels::U8(vec![1]), 255.0);
    case.zones(&[("a", [10.0, 0.0, 0.01])]);
    let refused = |rasters: &[&str], flags: &[&str], words: &[&str]| {
        case.run(rasters, "zones.geojson", flags).expect(2).says(words);
        assert!(!case.at("areas").exists());
    };
    refused(&["c.tif"], &["--statistics", "mean,majority"], &["class codes", "mean", "--content values"]);
    refused(&["c.tif"], &["--statistics", "mode"], &["unknown statistic \"mode\"", "majority"]);
    refused(&["c.tif"], &["--statistics", "q101"], &["q101"]);
    refused(&["c.tif", "other/c.tif"], &[], &["two rasters have the name \"c\"", "NAME=FILE"]);
    case.run(&["c.tif", "d=other/c.tif"], "zones.geojson", &["--statistics", "majority"]).expect(0);
}

/// `mean,mean` made the columns `v_mean` and `v_mean_2`, and statistics without a meaning for classes were left out in silence.
#[test]
fn a_statistic_is_given_once_and_one_that_a_raster_has_not_is_said() {
    let case = Case::new();
    let cells = grid("EPSG:4326", [10.0, 0.01], [0.01, 0.01], 1, 2);
    raster(&case.at("v.tif"), &cells, &Pixels::F32(vec![1.0, 3.0]), f64::NAN);
    raster(&case.at("c.tif"), &cells, &Pixels::U8(vec![1, 1]), 255.0);
    case.zones(&[("a", [10.0, 0.0, 0.02])]);
    let flags = ["--statistics", "mean,q05,mean,q5,majority", "--json"];
    let run = case.run(&["v.tif", "c.tif"], "zones.geojson", &flags).expect(0);
    let zone = run.json()["zones"][0].clone();
    let names: Vec<&String> = zone.as_object().unwrap().keys().filter(|name| name.starts_with("v_")).collect();
    assert_eq!(names.iter().filter(|name| name.contains("mean") || name.contains("q5")).count(), 2, "{names:?}");
    assert_eq!(zone["c_majority"], 1.0);
    run.says(&["names mean, q5 more than once", "c.tif: class codes have no mean, q5;"]);
}
