//! Labelled units that lie in patches that the model was trained on.

use std::path::Path;

use areal_formats::{Provenance, STORE_FORMAT, StoreCounts, StoreMeta};
use areal_grid::{PixelType, Target};
use areal_raster::{Feature, Field, FieldKind, FieldValue, VectorLayer, write_layer};
use areal_store::{Footprint, Label, PatchRecord, RecordTable, Split};

use crate::common::survey_world::{grid, world};
use crate::common::{Row, number, rows};

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
    w.estimate("x", &["--store", &path]).expect(0).says(&["1 unit lies in patches", "independently", "elsewhere"]);
    let found = rows(&w.path("x/accuracy.csv"));
    assert_eq!((found[1]["measure"].as_str(), found[1]["n"].as_str()), ("overall-in-training", "1"));
    assert_eq!((found[2]["measure"].as_str(), found[2]["n"].as_str()), ("overall-elsewhere", "299"));
    // The interval of 299 units was shorter than that of all 300: it came from their standard error.
    let width = |row: &Row| number(row, "high") - number(row, "low");
    assert!(width(&found[2]) > 0.98 * width(&found[0]), "{:?} {:?}", found[0], found[2]);
    assert!(width(&found[1]) > width(&found[0]), "{:?}", found[1]);
}

/// Writes `store.json` and `patches.csv` of a store whose patches of the training split are `train`, and those of the test
/// split `test`.
fn write_records(store: &Path, train: &[Footprint], test: &[Footprint]) {
    let target = Target::Value { name: "wealth".into(), unit: String::new() };
    let meta = StoreMeta {
        format: STORE_FORMAT.into(),
        bands: vec!["red".into()],
        pixel_type: PixelType::U8,
        scaling: None,
        crs: Some(grid().crs),
        ground_resolution: None,
        patch_size: 8,
        target: target.clone(),
        scenes: Vec::new(),
        counts: StoreCounts::default(),
        provenance: Provenance::new("tile", Vec::new(), serde_json::Value::Null, None),
    };
    areal_job::write_json(&store.join("store.json"), &meta).unwrap();
    let mut table = RecordTable::create(&store.join("patches.csv"), &target).unwrap();
    let all = train.iter().map(|f| (Split::Train, f)).chain(test.iter().map(|f| (Split::Test, f)));
    for (patch_id, (split, footprint)) in (0..).zip(all) {
        let record = PatchRecord {
            patch_id,
            scene: "a".into(),
            row: 0,
            col: 0,
            label: Label::Value(1.0),
            label_fraction: 1.0,
            valid_fraction: 1.0,
            split,
            block: -1,
            group: None,
        };
        table.push(&record, Some(footprint)).unwrap();
    }
    table.finish().unwrap();
}

#[test]
fn training_patches_are_read_from_the_table_of_records() {
    let w = world();
    w.sample(&["--size", "300"]).expect(0);
    w.label("sample", "sample.csv", "labelled.csv");
    let unit = &rows(&w.path("sample/units.csv"))[7];
    let square = |(x, y): (f64, f64), half: f64| Footprint {
        corners: [[x - half, y + half], [x + half, y + half], [x + half, y - half], [x - half, y - half]],
    };
    let store = w.path("store");
    std::fs::create_dir(&store).unwrap();
    let patch = square((number(unit, "lon"), number(unit, "lat")), 0.004);
    write_records(&store, &[patch], &[square((103.5, 17.5), 1.5)]);
    let path = store.display().to_string();
    w.estimate("x", &["--store", &path]).expect(0).says(&["1 unit lies in patches"]);
    assert_eq!(rows(&w.path("x/accuracy.csv"))[2]["n"], "299");
    // A table that is damaged is not passed over for the layer.
    std::fs::write(store.join("patches.csv"), "patch_id\n").unwrap();
    w.estimate("y", &["--store", &path]).expect(3).says(&["patches.csv", "its columns are patch_id"]);
}
