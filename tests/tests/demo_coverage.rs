//! How often the intervals of `estimate` hold the truth on the map of the demo: the figures of the front page.

use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{Row, areal, rows};

const SAMPLES: usize = 100;

/// Minutes: `cargo test --workspace --test main demo_coverage -- --ignored --nocapture`.
#[test]
#[ignore = "the figures of the README, from the full landscape"]
fn intervals_hold_the_truth_on_the_map_of_the_demo() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (demo, prediction) = (path("demo"), path("demo/out/predictions/landscape"));
    areal(["demo", "--out", &demo]).expect(0);
    areal(["run", &path("demo/recipe.toml"), "--quiet"]).expect(0);
    let draw_and_label = |out: &str, options: &[&str]| {
        let args = ["sample", "--prediction", &prediction, "--out", out, "--quiet", "--overwrite"];
        areal(args.iter().chain(options)).expect(0);
        let file = format!("{out}/sample.csv");
        areal(["demo", "--out", &demo, "--label", &file, "--overwrite", "--quiet"]).expect(0);
        // Named after the folder of the sample.
        let name = Path::new(out).file_name().unwrap().to_str().unwrap();
        path(&format!("demo/labels/{name}.csv"))
    };
    // Every cell, to know the truth of what is mapped.
    let every = path("every");
    let labelled = draw_and_label(
        &every,
        &["--strata", "whole", "--size", &cells(&prediction, &path("one")), "--second-look", "0"],
    );
    let truth = areas_of_labels(Path::new(&every), Path::new(&labelled));
    for options in [vec!["--size", "300"], vec!["--size", "300", "--strata", "classes", "--min-per-stratum", "30"]] {
        let mut held: BTreeMap<String, usize> = BTreeMap::new();
        let (mut good, mut good_missed) = (0, 0);
        for seed in 0..SAMPLES {
            let (sample, out, seed) = (path("sample"), path("estimates"), seed.to_string());
            let options: Vec<&str> = options.iter().copied().chain(["--seed", &seed]).collect();
            let labelled = draw_and_label(&sample, &options);
            let args = ["estimate", "--prediction", &prediction, "--design", &sample, "--sample", &labelled];
            areal(args.into_iter().chain(["--out", &out, "--overwrite", "--quiet"])).expect(0);
            for row in rows(&Path::new(&out).join("estimates.csv")).iter().filter(|r| r["population"] == "map") {
                let number = |key: &str| row[key].parse::<f64>().unwrap();
                let holds = (number("low")..=number("high")).contains(&truth[&row["class_name"]]);
                *held.entry(row["class_name"].clone()).or_default() += usize::from(holds);
                good += usize::from(row["quality"] == "good");
                good_missed += usize::from(row["quality"] == "good" && !holds);
            }
        }
        println!("{options:?}: of {SAMPLES} intervals hold the truth {held:?}; {good_missed} of {good} good ones miss");
        assert!(held.values().all(|n| *n >= 92 * SAMPLES / 100), "{held:?}");
        assert!(good_missed * 20 <= good, "{good_missed} of {good}");
    }
}

/// Number of predicted cells.
fn cells(prediction: &str, out: &str) -> String {
    areal(["sample", "--prediction", prediction, "--strata", "whole", "--size", "2", "--out", out]).expect(0);
    let text = std::fs::read_to_string(Path::new(out).join("design.json")).unwrap();
    let design: serde_json::Value = serde_json::from_str(&text).unwrap();
    design["strata"][0]["population"].to_string()
}

/// True area of each class: the areas of the cells that are labelled so.
fn areas_of_labels(sample: &Path, labelled: &Path) -> BTreeMap<String, f64> {
    let area: BTreeMap<String, f64> = rows(&sample.join("units.csv"))
        .iter()
        .map(|u| (u["unit_id"].clone(), u["area_km2"].parse().unwrap()))
        .collect();
    let mut areas = BTreeMap::new();
    let each = |row: &Row| (row["label"].clone(), area[&row["unit_id"]]);
    rows(labelled).iter().map(each).for_each(|(class, area)| *areas.entry(class).or_insert(0.0) += area);
    areas
}
