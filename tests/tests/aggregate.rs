//! `areal aggregate` as its users run it: zones that are wrong, real districts, and an independent implementation.

use std::path::{Path, PathBuf};
use std::process::Command;

use areal_grid::Pixels;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::maps::{grid, raster, square};
use crate::common::stars::{stars, write_zones};
use crate::common::{ProgramRun, areal};

/// A map of one degree square near Kuala Lumpur, all of class 1, and a zone file beside it.
struct Case {
    folder: TempDir,
    zones: PathBuf,
}

impl Case {
    fn new(name: &str, zones: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let grid = grid("EPSG:4326", [101.0, 4.0], [0.01, 0.01], 100, 100);
        raster(&folder.path().join("map.tif"), &grid, &Pixels::U8(vec![1; 10_000]), 255.0);
        let path = folder.path().join(name);
        std::fs::write(&path, zones).unwrap();
        Self { folder, zones: path }
    }

    fn geojson(features: &[Value]) -> Self {
        Self::new("zones.geojson", &json!({ "type": "FeatureCollection", "features": features }).to_string())
    }

    fn run(&self, flags: &[&str]) -> ProgramRun {
        let map = self.folder.path().join("map.tif");
        let mut command: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into(), map.into()];
        command.extend(["--zones".into(), self.zones.clone().into()]);
        command.extend(["--out".into(), self.folder.path().join("areas").into()]);
        command.extend(flags.iter().map(Into::into));
        areal(command)
    }

    /// The program refuses these zones in these words, and leaves nothing.
    #[track_caller]
    fn refused(&self, flags: &[&str], code: i32, words: &[&str]) {
        self.run(flags).expect(code).says(words).says(&["help:"]);
        let mut names: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.retain(|n| *n != "map.tif" && Some(n.as_os_str()) != self.zones.file_name());
        assert!(names.is_empty(), "{names:?}");
    }
}

fn feature(properties: &Value, ring: &[[f64; 2]]) -> Value {
    let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
    json!({ "type": "Feature", "properties": properties, "geometry": geometry })
}

#[test]
fn zones_of_another_place_are_refused_with_both_extents() {
    let case = Case::geojson(&[feature(&json!({ "id": "a" }), &square(10.0, 50.0, 1.0))]);
    case.refused(&[], 3, &["no zone overlaps the map", "[10.0000, 50.0000, 11.0000, 51.0000]", "[101.0000, 3.0000"]);
}

#[test]
fn a_self_intersecting_zone_is_repaired_with_a_warning_or_refused() {
    // Two triangles that meet in the middle, 0.2 degrees wide and high: each has a quarter of the square's area.
    let bow = [[101.2, 3.2], [101.4, 3.4], [101.4, 3.2], [101.2, 3.4], [101.2, 3.2]];
    let case = Case::geojson(&[
        feature(&json!({ "id": "bow" }), &bow),
        feature(&json!({ "id": "square" }), &square(101.2, 3.2, 0.2)),
    ]);
    case.refused(&["--invalid", "refuse"], 3, &["zone \"bow\"", "invalid", "--invalid repair", "101.3"]);
    let run = case.run(&["--json"]).expect(0).says(&["zone \"bow\" was repaired"]);
    let zones = run.json()["zones"].clone();
    let share = zones[0]["observed_area_km2"].as_f64().unwrap() / zones[1]["observed_area_km2"].as_f64().unwrap();
    assert!((share - 0.5).abs() < 1e-6, "{share}");
    let meta: Value =
        serde_json::from_slice(&std::fs::read(case.folder.path().join("areas/areas.json")).unwrap()).unwrap();
    assert_eq!(meta["repairs"][0]["zone_id"], "bow");
}

#[test]
fn fault_21_features_without_polygons_are_left_out_and_counted() {
    let at = |west: f64| json!({ "type": "Polygon", "coordinates": [square(west, 3.2, 0.1)] });
    let line = json!({ "type": "LineString", "coordinates": [[101.1, 3.2], [101.2, 3.3]] });
    let point = json!({ "type": "Point", "coordinates": [101.1, 3.2] });
    let mixed = json!({ "type": "GeometryCollection", "geometries": [at(101.5), line, point] });
    let feature =
        |id: &str, geometry: Value| json!({ "type": "Feature", "properties": { "id": id }, "geometry": geometry });
    let case = Case::geojson(&[
        feature("a", at(101.2)),
        feature("hollow", Value::Null),
        feature("mixed", mixed),
        feature("line", line.clone()),
    ]);
    let words = [
        "2 features have no polygon and are skipped",
        "\"hollow\", no geometry",
        "\"line\", a line",
        "2 lines and points",
    ];
    let zones = case.run(&["--json"]).expect(0).says(&words).json()["zones"].clone();
    assert_eq!(zones.as_array().map(Vec::len), Some(2));
    assert_eq!(zones[1]["zone_id"], "mixed");
    // Two squares of the same latitudes.
    let km2 = |k: usize| zones[k]["class_1_area_km2"].as_f64().unwrap();
    assert!((km2(0) / km2(1) - 1.0).abs() < 1e-9, "{} {}", km2(0), km2(1));
    let meta: Value =
        serde_json::from_slice(&std::fs::read(case.folder.path().join("areas/areas.json")).unwrap()).unwrap();
    assert_eq!((&meta["skipped"][0]["zone_id"], &meta["other_parts"]), (&json!("hollow"), &json!(2)));
    // Where nothing is left, what there is instead is told.
    Case::geojson(&[feature("hollow", Value::Null)]).refused(&[], 3, &["has only 1 feature without a geometry"]);
}

#[test]
fn fault_21_features_that_share_an_id_are_one_zone_with_dissolve() {
    // Two squares side by side, one that overlaps the first by half, one apart; and another zone.
    let part = |id: &str, name: &str, west: f64, south: f64| {
        feature(&json!({ "id": id, "name": name }), &square(west, south, 0.1))
    };
    let case = Case::geojson(&[
        part("a", "", 101.2, 3.2),
        part("b", "B", 101.8, 3.2),
        part("a", "A", 101.3, 3.2),
        part("a", "A", 101.25, 3.2),
        part("a", "A", 101.6, 3.2),
    ]);
    case.refused(&["--zone-id", "id"], 3, &["both have id \"a\"", "--dissolve"]);
    let run = case.run(&["--zone-id", "id", "--zone-name", "name", "--dissolve", "--json"]).expect(0);
    let zones = run.says(&["5 features were merged into 2 zones"]).json()["zones"].clone();
    assert_eq!((&zones[0]["zone_id"], &zones[0]["zone_name"]), (&json!("a"), &json!("A")));
    // 101.2 to 101.4 and 101.6 to 101.7: three squares.
    let km2 = |k: usize, column: &str| zones[k][column].as_f64().unwrap();
    for column in ["zone_area_km2", "class_1_area_km2"] {
        assert!((km2(0, column) / km2(1, column) - 3.0).abs() < 1e-6, "{} {}", km2(0, column), km2(1, column));
    }
}

#[test]
fn neighbours_of_a_repaired_feature_are_not_lost_with_dissolve() {
    // A square with an edge that runs back over itself, a neighbour wound the other way round, and a square for comparison.
    let spike = json!({ "type": "Polygon", "coordinates": [[
        [101.2, 3.2], [101.3, 3.2], [101.3, 3.3], [101.3, 3.35], [101.3, 3.3], [101.2, 3.3], [101.2, 3.2]]] });
    let turned = json!({ "type": "Polygon", "coordinates": [[
        [101.3, 3.2], [101.3, 3.3], [101.4, 3.3], [101.4, 3.2], [101.3, 3.2]]] });
    let alone = json!({ "type": "Polygon", "coordinates": [square(101.6, 3.2, 0.1)] });
    let at = |id: &str, polygon: &Value| json!({ "type": "Feature", "properties": { "id": id }, "geometry": polygon });
    for parts in [[&spike, &turned], [&turned, &spike]] {
        let case = Case::geojson(&[at("a", parts[0]), at("a", parts[1]), at("b", &alone)]);
        let run = case.run(&["--zone-id", "id", "--dissolve", "--json"]).expect(0).says(&["overlaps itself"]);
        let km2 = |k: usize| run.json()["zones"][k]["class_1_area_km2"].as_f64().unwrap();
        assert!((km2(0) / km2(1) - 2.0).abs() < 1e-6, "{} {}", km2(0), km2(1));
    }
}

#[test]
fn zones_that_are_no_polygons_are_refused() {
    let point = json!({ "type": "Point", "coordinates": [101.3, 3.3] });
    let case = Case::geojson(&[json!({ "type": "Feature", "properties": { "id": "p" }, "geometry": point })]);
    case.refused(&[], 3, &["zones must be polygons", "has only 1 point"]);
    Case::geojson(&[]).refused(&[], 3, &["zones.geojson"]);
}

#[test]
fn ids_that_are_missing_or_shared_are_refused_and_the_fields_named() {
    let at = |properties: Value, west: f64| feature(&properties, &square(west, 3.2, 0.1));
    let case = Case::geojson(&[
        at(json!({ "code": "a", "state": 1, "name": "x" }), 101.1),
        at(json!({ "code": "b", "state": 1, "name": null }), 101.3),
    ]);
    case.refused(&["--zone-id", "district"], 2, &["no field \"district\"", "code, state, name", "--zone-id"]);
    case.refused(&["--zone-id", "code", "--zone-name", "label"], 2, &["no field \"label\"", "--zone-name"]);
    case.refused(&["--zone-id", "state"], 3, &["both have state \"1\"", "--zone-id"]);
    case.refused(&["--zone-id", "name"], 3, &["\"name\" is empty", "--zone-id"]);
    // Without a name the one field that can be it is taken, and said.
    case.run(&[]).expect(0).says(&["identified by \"code\""]);

    let case = Case::geojson(&[at(json!({ "a": 1, "b": 2 }), 101.1), at(json!({ "a": 3, "b": 4 }), 101.3)]);
    case.refused(&[], 2, &["the zone id field is ambiguous", "a, b", "--zone-id"]);
}

#[test]
fn zones_without_a_crs_are_refused_with_a_command_that_gives_them_one() {
    let case = Case::new("zones.csv", "WKT,id\n\"POLYGON ((101.2 3.2,101.4 3.2,101.4 3.4,101.2 3.2))\",a\n");
    case.refused(&["--zone-id", "id"], 3, &["no coordinate reference system", "ogr2ogr -a_srs"]);
}

#[test]
fn files_that_are_missing_or_no_layer_are_refused() {
    let mut case = Case::new("zones.geojson", "{ \"type\": \"FeatureColl");
    case.refused(&[], 3, &["zones.geojson"]);
    case.zones = case.folder.path().join("other.geojson");
    std::fs::remove_file(case.folder.path().join("zones.geojson")).unwrap();
    case.refused(&[], 3, &["other.geojson"]);
    let out = case.folder.path().join("areas");
    let none = case.folder.path().join("none");
    let args = |map: &str| -> Vec<std::ffi::OsString> {
        let zones = case.zones.clone().into();
        vec![
            "aggregate".into(),
            map.into(),
            none.clone().into(),
            "--zones".into(),
            zones,
            "--out".into(),
            out.clone().into(),
        ]
    };
    areal(args("--raster")).expect(3).says(&["none", "help:"]);
    areal(args("--prediction")).expect(3).says(&["none", "help:"]);
    assert!(!out.exists());
}

#[test]
fn an_output_that_stands_is_kept_unless_it_may_be_replaced() {
    let case = Case::geojson(&[feature(&json!({ "id": "a" }), &square(101.2, 3.2, 0.2))]);
    case.run(&[]).expect(0);
    let table = case.folder.path().join("areas/areas.csv");
    std::fs::write(&table, "mine").unwrap();
    case.run(&[]).expect(4).says(&["already exists", "--overwrite"]);
    assert_eq!(std::fs::read_to_string(&table).unwrap(), "mine");
    case.run(&["--overwrite"]).expect(0);
    assert_ne!(std::fs::read_to_string(&table).unwrap(), "mine");
}

#[test]
fn zones_outside_the_map_are_reported_and_stay_in_the_table() {
    let case = Case::geojson(&[
        feature(&json!({ "id": "in" }), &square(101.2, 3.2, 0.2)),
        feature(&json!({ "id": "half" }), &square(100.9, 3.2, 0.2)),
        feature(&json!({ "id": "out" }), &square(110.0, 3.2, 0.2)),
    ]);
    let run = case.run(&["--json"]).expect(0).says(&["of 3 zones, 1 partly and 1 completely outside the map"]);
    let zones = run.json()["zones"].clone();
    let states: Vec<&str> = (0..3).map(|k| zones[k]["zone_state"].as_str().unwrap()).collect();
    assert_eq!(states, ["inside", "partial", "outside"]);
    let km2 = |k: usize, column: &str| zones[k][column].as_f64().unwrap();
    assert!((km2(1, "outside_area_km2") / km2(1, "zone_area_km2") - 0.5).abs() < 1e-6);
    assert_eq!((km2(2, "observed_area_km2"), km2(2, "outside_area_km2")), (0.0, km2(2, "zone_area_km2")));
}

/// Names and contents of the files in a folder.
fn contents(folder: &Path) -> std::collections::BTreeMap<std::ffi::OsString, Vec<u8>> {
    let read = |e: std::fs::DirEntry| (e.file_name(), std::fs::read(e.path()).unwrap());
    std::fs::read_dir(folder).unwrap().map(|e| read(e.unwrap())).collect()
}

#[test]
fn the_removed_coverage_flag_changes_nothing_and_says_so() {
    let case = Case::geojson(&[feature(&json!({ "id": "a" }), &square(101.2, 3.2, 0.203))]);
    case.run(&[]).expect(0);
    let out = case.folder.path().join("areas");
    let without = contents(&out);
    let kept = case.folder.path().join("kept");
    case.run(&["--overwrite", "--coverage", kept.to_str().unwrap()])
        .expect(0)
        .says(&["--coverage no longer has any effect"]);
    assert_eq!(contents(&out), without);
    assert!(!kept.exists());
}

/// Most memory that a run of the program held, in MB.
fn peak(args: &[&std::ffi::OsStr]) -> f64 {
    let mut command = Command::new(crate::common::binary());
    let mut child =
        command.args(args).env("RAYON_NUM_THREADS", "2").stdout(std::process::Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0.0f64;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
        let kb = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<f64>().ok());
        most = most.max(kb.unwrap_or(0.0) / 1024.0);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success());
    most
}

#[test]
fn memory_does_not_grow_with_the_map() {
    if !Path::new("/proc/self/status").exists() {
        crate::common::skipped("there is no /proc");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let of = |height: usize| {
        let map = folder.path().join(format!("{height}.tif"));
        let codes = (0..height * 2000).map(|k| (k / 700 % 3) as u8).collect();
        raster(&map, &grid("EPSG:6933", [0.0, 20_000.0], [10.0, 10.0], height, 2000), &Pixels::U8(codes), 255.0);
        let zones = folder.path().join("zones.gpkg");
        write_zones(&zones, &stars(40));
        let out = folder.path().join("areas");
        let words = ["aggregate", "--window-cells", "60000", "--overwrite", "--raster"].map(std::ffi::OsStr::new);
        let paths = [map.as_os_str(), "--zones".as_ref(), zones.as_os_str(), "--out".as_ref(), out.as_os_str()];
        peak(&[&words[..], &paths[..]].concat())
    };
    let (small, large) = (of(1000), of(30_000));
    eprintln!("2 and 60 million cells: {small:?} and {large:?} MB");
    // GDAL keeps up to 64 MB of decoded blocks; 60 MB of states, 120 MB of classes by number, 480 MB of areas and
    // whatever else goes with the number of cells is not held.
    assert!(large < small + 64.0 + 15.0, "{small} and {large} MB");
}
