//! `areal demo`: a landscape to try areal on.

use crate::common::{JOB, areal};

#[test]
fn a_landscape_stands_whole_and_is_not_overwritten_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let args = ["demo", "--size", "small", "--seed", "5", "--out", out.to_str().unwrap()];
    let run = areal(args).expect(0);
    for class in ["water", "forest", "rubber", "oil palm", "paddy", "built-up"] {
        assert!(run.stdout.contains(class), "{}", run.stdout);
    }
    assert!(run.stdout.contains("16 districts, 120 survey clusters"), "{}", run.stdout);
    let mut names: Vec<String> =
        std::fs::read_dir(&out).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let expected = [
        "areal-manifest.json",
        "clusters.gpkg",
        "districts.gpkg",
        "labels.gpkg",
        "population.tif",
        "recipe.toml",
        "scene_east.tif",
        "scene_west.tif",
        "truth.csv",
        "truth.qml",
        "truth.tif",
        "truth.tif.aux.xml",
        "truth_wealth.csv",
        "wealth.tif",
        "wealth.toml",
    ];
    assert_eq!(names, expected);
    areal(args).expect(4).says(&["already exists", "--overwrite"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// It was labelled with land use.
#[test]
fn a_sample_of_a_value_is_not_labelled_with_land_use() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = JOB.out().join("samples/landscape");
    let read = |name: &str| std::fs::read_to_string(drawn.join(name)).unwrap();
    let mut design: serde_json::Value = serde_json::from_str(&read("design.json")).unwrap();
    design["map"] = "out/predictions/landscape/value.tif".into();
    std::fs::write(folder.path().join("design.json"), design.to_string()).unwrap();
    let sample = folder.path().join("sample.csv");
    std::fs::write(&sample, read("sample.csv")).unwrap();
    let demo = JOB.demo();
    let args = ["demo", "--out", demo.to_str().unwrap(), "--label", sample.to_str().unwrap()];
    areal(args).expect(3).says(&["sample.csv is a sample of a value", "wealth.tif"]);
}
