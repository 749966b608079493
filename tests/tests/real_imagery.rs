//! The recipes of `models/` on the real scenes, as they stand.

use std::path::Path;

use crate::common::{Row, areal, data, rows, workspace};

/// Runs a recipe into a folder of its own and gives that folder.
fn run_recipe(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let recipe = workspace().join("models").join(name);
    areal(["run", recipe.to_str().unwrap(), "--workdir", folder.path().to_str().unwrap()]).expect(0);
    folder
}

/// Sum of one measure over all zones and classes.
fn total(areas: &[Row], measure: &str) -> f64 {
    areas.iter().filter(|r| r["measure"] == measure).map(|r| r["value"].parse::<f64>().unwrap()).sum()
}

/// Balanced accuracy on the test split.
fn balanced_accuracy(folder: &Path) -> f64 {
    let text = std::fs::read_to_string(folder.join("evaluation/evaluation.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    find(&json, "balanced_accuracy").expect("evaluation.json has balanced_accuracy")
}

fn find(value: &serde_json::Value, key: &str) -> Option<f64> {
    match value {
        serde_json::Value::Object(map) => {
            map.get(key).and_then(serde_json::Value::as_f64).or_else(|| map.values().find_map(|v| find(v, key)))
        }
        serde_json::Value::Array(items) => items.iter().find_map(|v| find(v, key)),
        _ => None,
    }
}

#[test]
fn landsat_from_polygons_to_areas_on_both_dates() {
    if data("landsat7_chiapas").is_none() {
        return;
    }
    let out = run_recipe("landsat7-chiapas.toml");
    for year in ["y1999", "y2002"] {
        let areas = rows(&out.path().join("areas").join(year).join("areas.csv"));
        // The quarters tile the scene: 250 x 250 pixels of 30 m are 56.25 km2 on the map; the scale of UTM changes that
        // by less than 0.1 %.
        let whole = total(&areas, "observed_area") + total(&areas, "unobserved_area");
        assert!((whole / 56.25 - 1.0).abs() < 1e-3, "{year}: {whole} km2");
        assert!(out.path().join("saliency").join(year).join("saliency.csv").is_file());
    }
    let accuracy = balanced_accuracy(out.path());
    // Five classes: chance is 0.2. Held-out polygons, no polygon in two splits; the one urban polygon left for testing is
    // all that a fifth of this figure rests on.
    assert!(accuracy > 0.4, "balanced accuracy {accuracy}");
    println!("landsat7_chiapas: balanced accuracy on held-out polygons {accuracy:.3}");
}

#[test]
fn sentinel_in_degrees_comes_out_in_true_square_kilometres() {
    if data("sentinel2_amazon").is_none() {
        return;
    }
    let out = run_recipe("sentinel2-amazon.toml");
    let areas = rows(&out.path().join("areas/scene/areas.csv"));
    let whole = total(&areas, "observed_area") + total(&areas, "unobserved_area");
    // 247 x 237 cells of 8.9831528412e-5 degrees around latitude -1.4693294: one degree of longitude is
    // 111.319491 km x cos(lat) / sqrt(1 - e2 sin2(lat)) = 111.28313 km, one of latitude 110.57511 km.
    let step = 8.983_152_841_2e-5;
    let expected = 247.0 * step * 111.283_13 * 237.0 * step * 110.575_11;
    assert!((whole / expected - 1.0).abs() < 1e-4, "{whole} km2, expected {expected}");
    let accuracy = balanced_accuracy(out.path());
    assert!(accuracy > 0.5, "balanced accuracy {accuracy}");
    println!("sentinel2_amazon: balanced accuracy on held-out polygons {accuracy:.3}");
}
