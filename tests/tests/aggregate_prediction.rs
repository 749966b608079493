//! `areal aggregate --prediction`: a folder of eight cells whose sums are done by hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use areal_grid::{Affine, Class, PixelGrid, PixelState};
use areal_raster::{FieldValue, VectorLayer, crs_from_text, read_layer};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::prediction_folder::{write_classes, write_shares, write_states, write_value};
use crate::common::{ProgramRun, Row, areal, number, rows};

use PixelState::{Masked, Nodata, Observed, Outside};

/// Two rows of four cells of 1 km in a CRS that keeps areas.
fn grid() -> PixelGrid {
    PixelGrid {
        crs: crs_from_text("EPSG:6933").unwrap(),
        transform: Affine::north_up([0.0, 2000.0], [1000.0, 1000.0]),
        height: 2,
        width: 4,
    }
}

const STATES: [PixelState; 8] = [Observed, Observed, Nodata, Masked, Observed, Observed, Outside, Observed];
const NAN: f32 = f32::NAN;

/// A prediction, and two zones that split it in the middle of its third column.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rectangle = |west: f64, east: f64| geo::Rect::new((west, 0.0), (east, 2000.0)).to_polygon();
        let feature = |fid: i64, id: &str, name: FieldValue, west: f64, east: f64| areal_raster::Feature {
            fid,
            geometry: Some(rectangle(west, east).into()),
            values: vec![FieldValue::Text(id.into()), name],
        };
        let field = |name: &str| areal_raster::Field { name: name.into(), kind: areal_raster::FieldKind::Text };
        let layer = VectorLayer {
            name: "zones".into(),
            crs: Some(grid().crs),
            fields: vec![field("id"), field("name")],
            features: vec![
                feature(1, "a", FieldValue::Text("West".into()), 0.0, 2500.0),
                feature(2, "b", FieldValue::Null, 2500.0, 4000.0),
            ],
        };
        areal_raster::write_layer(&folder.path().join("zones.gpkg"), &layer).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn classes(self) -> Self {
        let class = |code: u8, name: &str| Class { code, name: name.into(), colour: [code, 90, 200] };
        let codes = [1, 2, 255, 255, 1, 1, 255, 2];
        let rubber = vec![0.9, 0.2, NAN, NAN, 0.8, 0.7, NAN, 0.4];
        let forest = rubber.iter().map(|p| 1.0 - p).collect();
        let legend = [class(1, "rubber"), class(2, "forest")];
        write_classes(&self.path("prediction"), &grid(), &legend, &STATES, &codes, &[rubber, forest]);
        self
    }

    fn run(&self, flags: &[&str]) -> ProgramRun {
        let mut args: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--prediction".into()];
        args.extend([self.path("prediction").into(), "--zones".into(), self.path("zones.gpkg").into()]);
        args.extend(["--zone-id", "id", "--zone-name", "name", "--out"].map(Into::into));
        args.push(self.path("areas").into());
        args.extend(flags.iter().map(Into::into));
        areal(args)
    }

    /// `areas.csv`: value by zone, measure and class.
    fn table(&self) -> HashMap<(String, String, String), f64> {
        let key = |r: &Row| (r["zone_id"].clone(), r["measure"].clone(), r["class_name"].clone());
        let rows = rows(&self.path("areas/areas.csv"));
        rows.iter().filter(|r| !r["value"].is_empty()).map(|r| (key(r), number(r, "value"))).collect()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(name)).unwrap()).unwrap()
    }
}

#[track_caller]
fn check(table: &HashMap<(String, String, String), f64>, measure: &str, class: &str, expected: [f64; 2]) {
    for (zone, expected) in ["a", "b"].into_iter().zip(expected) {
        let found = table[&(zone.to_owned(), measure.to_owned(), class.to_owned())];
        assert!((found - expected).abs() < 1e-6, "{zone} {measure} {class}: {found}, by hand {expected}");
    }
}

#[test]
fn what_is_not_observed_is_told_by_its_reason_and_adds_up() {
    let case = Case::new().classes();
    case.run(&[]).expect(0).says(&["prediction has no shares.tif", "fully observed or not at all"]);
    let table = case.table();
    // Zone a: two columns and half the third, which is nodata above and in no file below. Zone b: the rest.
    check(&table, "zone_area", "", [5.0, 3.0]);
    check(&table, "observed_area", "", [4.0, 1.0]);
    check(&table, "unobserved_area", "", [1.0, 2.0]);
    check(&table, "nodata_area", "", [0.5, 0.5]);
    check(&table, "masked_area", "", [0.0, 1.0]);
    check(&table, "not_covered_area", "", [0.5, 0.5]);
    check(&table, "class_area", "rubber", [3.0, 0.0]);
    check(&table, "class_area", "forest", [1.0, 1.0]);
    check(&table, "class_share", "rubber", [0.75, 0.0]);
    // (0.9 + 0.2 + 0.8 + 0.7) / 4.
    check(&table, "mean_probability", "rubber", [0.65, 0.4]);
    check(&table, "mean_probability", "forest", [0.35, 0.6]);
    check(&table, "probability_area", "rubber", [2.6, 0.4]);
    check(&table, "probability_area", "forest", [1.4, 0.6]);

    let meta = case.json("areas/areas.json");
    let total = |what: &str| {
        let all = meta["reconciliation"].as_array().unwrap();
        all.iter().find(|r| r["what"] == what).unwrap_or_else(|| panic!("no {what}"))["map"].as_f64().unwrap()
    };
    for (what, km2) in [("observed area", 5.0), ("nodata area", 1.0), ("masked area", 1.0), ("not covered area", 1.0)] {
        assert!((total(what) / 1e6 - km2).abs() < 1e-6, "{what}");
    }
    let columns = case.json("areas/areas.csv-metadata.json").to_string();
    for measure in ["nodata_area", "masked_area", "not_covered_area"] {
        assert!(columns.contains(measure), "{measure} is not described");
    }
}

#[test]
fn the_layer_holds_what_the_table_holds_and_the_zones_as_they_were() {
    let case = Case::new().classes();
    case.run(&[]).expect(0);
    let layer = read_layer(&case.path("areas/areas.gpkg"), None).unwrap();
    assert_eq!((layer.name.as_str(), layer.features.len()), ("areas", 2));
    assert!(areal_raster::same_crs(layer.crs.as_ref().unwrap(), &grid().crs));
    let value = |zone: usize, field: &str| &layer.features[zone].values[layer.field_index(field).expect(field)];
    let text = |zone: usize, field: &str| value(zone, field).to_string();
    assert_eq!((text(0, "zone_id"), text(0, "zone_name")), ("a".to_owned(), "West".to_owned()));
    assert_eq!((text(1, "zone_id"), value(1, "zone_name")), ("b".to_owned(), &FieldValue::Null));
    assert_eq!(text(1, "zone_state"), "inside");

    let table = case.table();
    let fields = [
        ("zone_area_km2", "zone_area", ""),
        ("observed_area_km2", "observed_area", ""),
        ("unobserved_area_km2", "unobserved_area", ""),
        ("nodata_area_km2", "nodata_area", ""),
        ("masked_area_km2", "masked_area", ""),
        ("not_covered_area_km2", "not_covered_area", ""),
        ("rubber_area_km2", "class_area", "rubber"),
        ("forest_share", "class_share", "forest"),
        ("rubber_mean_probability", "mean_probability", "rubber"),
        ("forest_probability_area_km2", "probability_area", "forest"),
    ];
    for (zone, id) in ["a", "b"].into_iter().enumerate() {
        for (field, measure, class) in fields {
            let expected = table[&(id.to_owned(), measure.to_owned(), class.to_owned())];
            assert_eq!(value(zone, field), &FieldValue::Real(expected), "{id} {field}");
        }
    }
    let zones = read_layer(&case.path("zones.gpkg"), None).unwrap();
    for (a, b) in layer.features.iter().zip(&zones.features) {
        use geo::Area;
        let area = |f: &areal_raster::Feature| f.geometry.as_ref().unwrap().unsigned_area();
        assert_eq!(area(a), area(b));
    }
}

#[test]
fn a_value_has_its_states_too() {
    let case = Case::new();
    let value = [1.0, 2.0, NAN, NAN, 3.0, 6.0, NAN, 5.0];
    write_value(&case.path("prediction"), &grid(), ("wealth", "index"), &STATES, &value);
    case.run(&[]).expect(0);
    let table = case.table();
    check(&table, "observed_area", "", [4.0, 1.0]);
    check(&table, "unobserved_area", "", [1.0, 2.0]);
    check(&table, "nodata_area", "", [0.5, 0.5]);
    check(&table, "masked_area", "", [0.0, 1.0]);
    check(&table, "not_covered_area", "", [0.5, 0.5]);
    check(&table, "mean", "", [3.0, 5.0]);
    // Deviations -2, -1, 0, 3 of zone a: squares 14 over 4 cells.
    check(&table, "standard_deviation", "", [3.5f64.sqrt(), 0.0]);
}

#[test]
fn a_plain_raster_says_only_that_it_is_not_observed() {
    let case = Case::new().classes();
    let mut args: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into()];
    args.extend([case.path("prediction/classes.tif").into(), "--zones".into(), case.path("zones.gpkg").into()]);
    args.extend(["--zone-id".into(), "id".into(), "--out".into(), case.path("areas").into()]);
    areal(args).expect(0);
    let table = case.table();
    check(&table, "unobserved_area", "", [1.0, 2.0]);
    assert!(!table.keys().any(|(_, measure, _)| measure == "nodata_area" || measure == "mean_probability"));
}

/// Cells of which not all is observed, or which reach past the scene, counted whole once.
#[test]
fn of_a_cell_only_what_is_observed_counts() {
    let case = Case::new().classes();
    // By state; the last two columns of the second row reach past the scene by half.
    let observed = [1.0, 0.5, 0.0, 0.0, 0.75, 1.0, 0.0, 0.5];
    let nodata = [0.0, 0.25, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let masked = [0.0, 0.25, 0.0, 1.0, 0.25, 0.0, 0.0, 0.0];
    let outside = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.5];
    write_shares(&case.path("prediction"), &grid(), &[observed, nodata, masked, outside].map(Vec::from));
    case.run(&[]).expect(0);
    let table = case.table();
    // West: columns 0, 1 and half of 2; cells of 1 km2.
    check(&table, "observed_area", "", [1.0 + 0.5 + 0.75 + 1.0, 0.5]);
    check(&table, "nodata_area", "", [0.25 + 0.5, 0.5]);
    check(&table, "masked_area", "", [0.25 + 0.25, 1.0]);
    check(&table, "not_covered_area", "", [0.5, 0.5 + 0.5]);
    check(&table, "unobserved_area", "", [1.75, 2.5]);
    check(&table, "class_area", "rubber", [1.0 + 0.75 + 1.0, 0.0]);
    check(&table, "class_area", "forest", [0.5, 0.5]);
    check(&table, "probability_area", "rubber", [0.9 + 0.5 * 0.2 + 0.75 * 0.8 + 0.7, 0.5 * 0.4]);

    std::fs::remove_file(case.path("prediction/shares.tif")).unwrap();
    let none = [0.0; 8];
    write_shares(&case.path("prediction"), &grid(), &[observed, none, none, none].map(Vec::from));
    case.run(&["--overwrite"]).expect(3).says(&["shares.tif", "row 0, column 1", "add up to 1"]);
}

/// Shares such as .7 and .3 add up to 1 but for their rounding; what was left was taken for observed ground where nothing was
/// predicted, and the areas did not reconcile.
#[test]
fn rounded_shares_of_cells_without_a_prediction_are_not_observed() {
    let case = Case::new().classes();
    let observed = [1.0, 0.7, 0.0, 0.0, 0.3, 1.0, 0.0, 0.9];
    let nodata = [0.0, 0.1, 0.7, 0.0, 0.0, 0.0, 0.1, 0.0];
    let masked = [0.0, 0.2, 0.0, 0.9, 0.7, 0.0, 0.2, 0.0];
    let outside = [0.0, 0.0, 0.3, 0.1, 0.0, 0.0, 0.7, 0.1];
    write_shares(&case.path("prediction"), &grid(), &[observed, nodata, masked, outside].map(Vec::from));
    case.run(&[]).expect(0);
    let table = case.table();
    // Columns 0, 1 and half of 2 in the west.
    check(&table, "observed_area", "", [1.0 + 0.7 + 0.3 + 1.0, 0.9]);
    check(&table, "nodata_area", "", [0.1 + 0.5 * (0.7 + 0.1), 0.5 * (0.7 + 0.1)]);
    check(&table, "class_area", "rubber", [1.0 + 0.3 + 1.0, 0.0]);
    check(&table, "class_area", "forest", [0.7, 0.9]);
}

/// Class weights make a rare class too probable; they were summed as they stood once.
#[test]
fn class_weights_are_undone_before_probabilities_are_summed() {
    let case = Case::new().classes();
    let mut meta = case.json("prediction/prediction.json");
    meta["training_prior"] = serde_json::json!([0.5, 0.5]);
    // The key and the format of this version, then those of 0.1.0.
    for (key, format) in [("training_class_shares", "areal-prediction/2"), ("class_shares", "areal-prediction/1")] {
        meta.as_object_mut().unwrap().remove("training_class_shares");
        meta[key] = serde_json::json!([0.1, 0.9]);
        meta["format"] = format.into();
        std::fs::write(case.path("prediction/prediction.json"), meta.to_string()).unwrap();
        case.run(&["--overwrite"]).expect(0);
        // Odds of rubber 9, 1/4, 4, 7/3 in the west and 2/3 in the east, each divided by 9.
        let share = |odds: f64| odds / 9.0 / (1.0 + odds / 9.0);
        let west = [9.0, 0.25, 4.0, 7.0 / 3.0].map(share).iter().sum::<f64>();
        check(&case.table(), "probability_area", "rubber", [west, share(2.0 / 3.0)]);
        check(&case.table(), "mean_probability", "rubber", [west / 4.0, share(2.0 / 3.0)]);
        check(&case.table(), "class_area", "rubber", [3.0, 0.0]);
    }
}

/// A hand that edits the grid would move every area.
#[test]
fn a_prediction_whose_rasters_lie_elsewhere_than_it_says_is_refused() {
    let case = Case::new().classes();
    let file = case.path("prediction/prediction.json");
    let mut meta = case.json("prediction/prediction.json");
    meta["grid"]["transform"]["origin"] = serde_json::json!([3000.0, 2000.0]);
    std::fs::write(&file, meta.to_string()).unwrap();
    case.run(&[]).expect(3).says(&["classes.tif has cells", "from (0, 2000)", "prediction.json says", "(3000, 2000)"]);
    assert!(!case.path("areas").exists());
}

#[test]
fn states_that_are_missing_or_of_another_run_are_refused() {
    let case = Case::new().classes();
    let states = case.path("prediction/states.tif");
    let none = |out: &Path| assert!(!out.exists());

    let mut other = STATES;
    other[6] = Observed;
    std::fs::remove_file(&states).unwrap();
    write_states(&case.path("prediction"), &grid(), &other);
    case.run(&[]).expect(3).says(&["states.tif", "row 1, column 2", "is empty", "areal predict"]);
    none(&case.path("areas"));

    std::fs::remove_file(&states).unwrap();
    let moved = PixelGrid { transform: Affine::north_up([500.0, 2000.0], [1000.0, 1000.0]), ..grid() };
    write_states(&case.path("prediction"), &moved, &STATES);
    case.run(&[]).expect(3).says(&["states.tif has cells", "from (500, 2000)", "prediction.json says"]);
    none(&case.path("areas"));

    std::fs::remove_file(&states).unwrap();
    case.run(&[]).expect(3).says(&["states.tif is missing", "areal predict"]);
    none(&case.path("areas"));
}
