//! `areal aggregate` where map projections end, at the poles, across the antimeridian and on spheres: areas against closed
//! forms on the ellipsoid.

use std::path::PathBuf;

use areal_grid::{Ellipsoid, Pixels};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::maps::{grid, raster};
use crate::common::{ProgramRun, areal};

/// A map of one class, with nodata where `is_nodata` says so, and zones beside it.
struct Case {
    folder: TempDir,
    zones: PathBuf,
}

impl Case {
    fn new(crs: &str, north_west: [f64; 2], cell: f64, [height, width]: [usize; 2]) -> Self {
        Self::with(crs, north_west, cell, [height, width], |_, _| 1)
    }

    fn with(
        crs: &str,
        north_west: [f64; 2],
        cell: f64,
        [height, width]: [usize; 2],
        code: impl Fn(usize, usize) -> u8,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let codes = (0..height * width).map(|k| code(k / width, k % width)).collect();
        let grid = grid(crs, north_west, [cell, cell], height, width);
        raster(&folder.path().join("map.tif"), &grid, &Pixels::U8(codes), 255.0);
        let zones = folder.path().join("zones.geojson");
        Self { folder, zones }
    }

    /// Writes zones as GeoJSON: in longitude and latitude, or in the CRS of this code.
    fn zones(self, code: Option<u32>, zones: &[(&str, Value)]) -> Self {
        let feature = |(id, geometry): &(&str, Value)| json!({ "type": "Feature", "properties": { "id": id }, "geometry": geometry });
        let features: Vec<Value> = zones.iter().map(feature).collect();
        let mut layer = json!({ "type": "FeatureCollection", "features": features });
        if let Some(code) = code {
            layer["crs"] = json!({ "type": "name", "properties": { "name": format!("urn:ogc:def:crs:EPSG::{code}") } });
        }
        std::fs::write(&self.zones, layer.to_string()).unwrap();
        self
    }

    fn run(&self, flags: &[&str]) -> ProgramRun {
        let at = |name: &str| self.folder.path().join(name).into_os_string();
        let mut command: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into(), at("map.tif")];
        command.extend(["--zones".into(), self.zones.clone().into(), "--out".into(), at("areas"), "--json".into()]);
        command.extend(flags.iter().map(Into::into));
        areal(command)
    }
}

fn polygon(points: &[[f64; 2]]) -> Value {
    let ring: Vec<[f64; 2]> = points.iter().copied().chain([points[0]]).collect();
    json!({ "type": "Polygon", "coordinates": [ring] })
}

fn rectangle([west, east]: [f64; 2], [south, north]: [f64; 2]) -> Value {
    polygon(&[[west, south], [east, south], [east, north], [west, north]])
}

fn circle(centre: [f64; 2], radius: f64, corners: u32) -> Value {
    let turn = |k: u32| f64::from(k) / f64::from(corners) * std::f64::consts::TAU;
    polygon(
        &(0..corners)
            .map(|k| [centre[0] + radius * turn(k).cos(), centre[1] + radius * turn(k).sin()])
            .collect::<Vec<_>>(),
    )
}

/// Area in km2 of a box of longitudes and latitudes on WGS 84 (Snyder 1987, eq. 3-12).
fn box_km2([west, east]: [f64; 2], [south, north]: [f64; 2]) -> f64 {
    let e = Ellipsoid::WGS84;
    (east - west).to_radians() * (e.area_to_latitude(north) - e.area_to_latitude(south)) / 1e6
}

/// The disc of 2,000 km in EPSG:3031, as a polygon of 3600 corners.
fn disc_km2() -> f64 {
    let t = std::f64::consts::TAU / 3600.0;
    box_km2([-180.0, 180.0], [-90.0, -71.742_511_938_129_44]) * t.sin() / t
}

#[track_caller]
fn near(found: &Value, expected: f64, relative: f64) {
    let found = found.as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < relative, "{found} km2, expected {expected}");
}

#[test]
fn fault_1_an_edge_round_the_earth_is_followed() {
    // EPSG:3413, north polar stereographic, 25 km cells out to 3850 km: all ground north of 60 degrees is on it.
    let case = Case::new("EPSG:3413", [-3_850_000.0, 3_850_000.0], 25_000.0, [308, 308]).zones(
        None,
        &[
            ("four", rectangle([-180.0, 180.0], [60.0, 90.0])),
            ("more", polygon(&[[-180.0, 60.0], [0.0, 60.0], [180.0, 60.0], [180.0, 90.0], [-180.0, 90.0]])),
            ("half", rectangle([0.0, 180.0], [60.0, 90.0])),
            ("high", rectangle([-180.0, 180.0], [89.8, 90.0])),
        ],
    );
    let zones = case.run(&[]).expect(0).json()["zones"].clone();
    // 34,415,851 km2 between 60 degrees and the pole.
    let expected = box_km2([-180.0, 180.0], [60.0, 90.0]);
    assert!((expected - 34_415_851.0).abs() < 1.0, "{expected}");
    for (k, expected) in [(0, expected), (1, expected), (2, 0.5 * expected)] {
        near(&zones[k]["zone_area_km2"], expected, 1e-9);
        near(&zones[k]["class_1_area_km2"], expected, 1e-5);
        assert_eq!(zones[k]["zone_state"], "inside");
    }
    // Fault 2: the pole is a corner of four cells.
    let expected = box_km2([-180.0, 180.0], [89.8, 90.0]);
    assert!((expected - 1_567.72).abs() < 0.01, "{expected}");
    near(&zones[3]["class_1_area_km2"], expected, 1e-5);
    near(&zones[3]["zone_area_km2"], expected, 1e-9);
}

#[test]
fn fault_2_cells_of_an_equal_area_grid_have_their_nominal_area_at_the_pole() {
    // EPSG:6931, Lambert azimuthal equal-area at the north pole, 25 km cells with the pole in a corner or in a cell.
    for [height, width] in [[40, 40], [41, 41]] {
        let origin = [-0.5 * 25_000.0 * width as f64, 0.5 * 25_000.0 * height as f64];
        let all = [[origin[0], -origin[0]], [-origin[1], origin[1]]];
        let case = Case::new("EPSG:6931", origin, 25_000.0, [height, width])
            .zones(Some(6931), &[("all", rectangle(all[0], all[1]))]);
        let zones = case.run(&[]).expect(0).json()["zones"].clone();
        let nominal = 625.0 * (height * width) as f64;
        near(&zones[0]["class_1_area_km2"], nominal, 1e-7);
        near(&zones[0]["zone_area_km2"], nominal, 1e-9);
    }
}

#[test]
fn fault_3_a_zone_round_the_pole_in_the_maps_own_crs() {
    // A disc of 2,000 km in EPSG:3031 is the cap beyond latitude -71.74251193812944 (pyproj 3.7.2), 12,945,649 km2 (Snyder
    // 1987, eq. 3-12); with 3600 straight sides, by sin(t)/t with t = 2 pi / 3600 less, but for 1e-7.
    let case = Case::new("EPSG:3031", [-3_000_000.0, 3_000_000.0], 20_000.0, [300, 300])
        .zones(Some(3031), &[("disc", circle([0.0, 0.0], 2e6, 3600)), ("half", rectangle([0.0, 1.5e6], [-1e6, 1e6]))]);
    let zones = case.run(&[]).expect(0).json()["zones"].clone();
    near(&zones[0]["zone_area_km2"], disc_km2(), 1e-7);
    near(&zones[0]["class_1_area_km2"], zones[0]["zone_area_km2"].as_f64().unwrap(), 1e-5);
    near(&zones[1]["class_1_area_km2"], zones[1]["zone_area_km2"].as_f64().unwrap(), 1e-5);
}

#[test]
fn fault_3_polar_zones_on_a_map_in_degrees() {
    // The same disc, a quarter of it and a ring round it, on a map of the world.
    let ring = {
        let outer = circle([0.0, 0.0], 2e6, 3600)["coordinates"][0].clone();
        json!({ "type": "Polygon", "coordinates": [outer, circle([0.0, 0.0], 1e6, 3600)["coordinates"][0]] })
    };
    let quarter = rectangle([0.0, 1e6], [0.0, 1e6]);
    let case = Case::new("EPSG:4326", [-180.0, 90.0], 0.25, [720, 1440])
        .zones(Some(3031), &[("disc", circle([0.0, 0.0], 2e6, 3600)), ("quarter", quarter), ("ring", ring)]);
    let zones = case.run(&[]).expect(0).json()["zones"].clone();
    for k in 0..3 {
        // Within a row the share of a cell is not quite that of its area.
        near(&zones[k]["class_1_area_km2"], zones[k]["zone_area_km2"].as_f64().unwrap(), 2e-4);
        assert_eq!(zones[k]["zone_state"], "inside", "{k}");
    }
    near(&zones[0]["zone_area_km2"], disc_km2(), 1e-7);
}

/// Global Mollweide as in GHSL: cells of 50 km, nodata in the corners that are off the Earth.
const MOLLWEIDE: &str = "ESRI:54009";

#[test]
fn fault_4_cells_off_the_earth_are_outside_and_stop_nothing() {
    let zone = rectangle([2.0, 8.0], [2.0, 8.0]);
    let world = rectangle([-180.0, 180.0], [-90.0, 90.0]);
    let zones = [("box", zone), ("world", world)];
    // 441,288.8 km2 in the box, and the whole Earth.
    let expected = [box_km2([2.0, 8.0], [2.0, 8.0]), box_km2([-180.0, 180.0], [-90.0, 90.0])];
    assert!((expected[0] - 441_288.8).abs() < 0.1 && (expected[1] - 510_065_621.7).abs() < 0.1, "{expected:?}");
    // The ellipse of the Earth has the half axes 18,040,096 m and 9,020,048 m.
    let inside = |row: usize, col: usize| {
        let [x, y] = [-18_050_000.0 + (col as f64 + 0.5) * 50_000.0, 9_050_000.0 - (row as f64 + 0.5) * 50_000.0];
        (x / 18_040_096.0).powi(2) + (y / 9_020_048.0).powi(2) < 1.0
    };
    let size = [362, 722];
    let case = |code: fn(bool) -> u8| {
        Case::with(MOLLWEIDE, [-18_050_000.0, 9_050_000.0], 50_000.0, size, |row, col| code(inside(row, col)))
            .zones(None, &zones)
    };
    let run = case(|inside| if inside { 1 } else { 255 }).run(&[]).expect(0);
    assert!(!run.stderr.contains("no place on the Earth"), "{}", run.stderr);
    let found = run.json();
    // Cells of 50 km at the rim whose middle is off the Earth are nodata here; their ground is in the zone.
    near(&found["zones"][0]["class_1_area_km2"], expected[0], 1e-5);
    let sum =
        |sums: &Value| sums["observed_area_km2"].as_f64().unwrap() + sums["unobserved_area_km2"].as_f64().unwrap();
    near(&json!(sum(&found["totals"]["map"])), expected[1], 1e-6);
    near(&found["zones"][1]["zone_area_km2"], expected[1], 1e-9);
    assert!(sum(&found["zones"][1]) / expected[1] > 0.9999, "{}", sum(&found["zones"][1]));
    // Data off the Earth are worth a word, with their number.
    let run = case(|_| 1).run(&[]).expect(0).says(&["with data outside the Earth", "map.tif"]);
    near(&run.json()["totals"]["map"]["class_1_area_km2"], expected[1], 1e-6);
}

#[test]
fn fault_4_a_zone_in_the_maps_own_crs_may_reach_off_the_earth() {
    let case = Case::new(MOLLWEIDE, [-18_050_000.0, 9_050_000.0], 50_000.0, [362, 722]);
    let all = rectangle([-18_050_000.0, 18_050_000.0], [-9_050_000.0, 9_050_000.0]);
    let name = json!({ "type": "name", "properties": { "name": MOLLWEIDE } });
    let feature = json!({ "type": "Feature", "properties": { "id": "all" }, "geometry": all });
    let layer = json!({ "type": "FeatureCollection", "crs": name, "features": [feature] });
    std::fs::write(&case.zones, layer.to_string()).unwrap();
    let zone = case.run(&[]).expect(0).json()["zones"][0].clone();
    let earth = box_km2([-180.0, 180.0], [-90.0, 90.0]);
    near(&zone["zone_area_km2"], earth, 1e-5);
    near(&zone["class_1_area_km2"], earth, 1e-6);
}

#[test]
fn fault_5_a_map_on_a_sphere_has_areas_on_wgs_84() {
    // MODIS: sinusoidal on a sphere of 6371007.181 m; its latitudes are those of WGS 84.
    let modis = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs";
    for south in [0.0, 2.0, 42.0, 72.0] {
        let (lons, lats) = ([2.0, 8.0], [south, south + 6.0]);
        // Degrees on the sphere are 6371.007181 pi / 180 = 111.1950 km.
        let north = 111_195.0 * (south + 7.0);
        let case = Case::new(modis, [0.0, north], 10_000.0, [90, 100]).zones(None, &[("box", rectangle(lons, lats))]);
        let zone = case.run(&[]).expect(0).json()["zones"][0].clone();
        near(&zone["zone_area_km2"], box_km2(lons, lats), 1e-9);
        near(&zone["class_1_area_km2"], box_km2(lons, lats), 2e-6);
        let meta: Value =
            serde_json::from_slice(&std::fs::read(case.folder.path().join("areas/areas.json")).unwrap()).unwrap();
        assert_eq!(meta["ellipsoid"]["name"], "WGS 84");
        assert_eq!(meta["ellipsoid"]["semi_major"], 6_378_137.0);
    }
}

#[test]
fn fault_5_a_map_on_another_datum_has_areas_on_the_ellipsoid_of_the_zones() {
    // NAD27 (Clarke 1866), which is 6e-5 smaller at the equator: areas of the zone are those of WGS 84.
    let (lons, lats) = ([-98.0, -96.0], [38.0, 40.0]);
    let case = Case::new("EPSG:4267", [-99.0, 41.0], 0.01, [400, 400]).zones(None, &[("box", rectangle(lons, lats))]);
    let zone = case.run(&[]).expect(0).json()["zones"][0].clone();
    near(&zone["zone_area_km2"], box_km2(lons, lats), 1e-9);
    near(&zone["class_1_area_km2"], box_km2(lons, lats), 3e-6);
}

#[test]
fn fault_6_edges_are_straight_in_degrees() {
    let wide = rectangle([-179.75, 179.75], [-20.0, 20.0]);
    let zones = [("wide", wide), ("fiji", rectangle([177.0, 182.0], [-19.0, -16.0]))];
    let case = || Case::new("EPSG:4326", [-180.0, 30.0], 0.25, [240, 1440]).zones(None, &zones);
    // 173,522,322 km2; the complement of the longitudes is 241,338.
    let expected = [box_km2([-179.75, 179.75], [-20.0, 20.0]), box_km2([0.0, 0.5], [-20.0, 20.0])];
    assert!((expected[0] - 173_522_322.0).abs() < 1.0 && (expected[1] - 241_338.0).abs() < 1.0, "{expected:?}");
    let said = ["zone \"wide\" has an edge over more than half of all longitudes", "straight in degrees"];
    let found = case().run(&[]).expect(0).says(&said).json()["zones"].clone();
    for column in ["zone_area_km2", "class_1_area_km2"] {
        near(&found[0][column], expected[0], 1e-9);
        near(&found[1][column], box_km2([177.0, 182.0], [-19.0, -16.0]), 1e-9);
    }
    let found =
        case().run(&["--antimeridian", "cross"]).expect(0).says(&["crossing the antimeridian"]).json()["zones"].clone();
    near(&found[0]["class_1_area_km2"], expected[1], 1e-9);
    // On a polar and on a Mercator map the same ground.
    for (crs, corner, cell, size, relative) in [
        ("EPSG:6933", [-17_367_530.0, 3_000_000.0], 25_000.0, [240, 1390], 1e-4),
        ("EPSG:3857", [-20_037_508.0, 3_000_000.0], 25_000.0, [240, 1604], 1e-4),
    ] {
        let case = Case::new(crs, corner, cell, size).zones(None, &zones);
        near(&case.run(&[]).expect(0).json()["zones"][0]["class_1_area_km2"], expected[0], relative);
    }
}

#[test]
fn fault_7_areas_of_zones_do_not_depend_on_where_the_first_one_begins() {
    // EPSG:4087, plate carree: 111,319.49 m a degree, with both poles drawn out to lines.
    let m = 20_037_508.342_789_244 / 180.0;
    let around = |lats: [f64; 2]| rectangle([-180.0 * m, 180.0 * m], lats.map(|lat| lat * m));
    let cap = polygon(&[[-180.0, -90.0], [180.0, -90.0], [180.0, -63.0], [-180.0, -63.0]].map(|p| p.map(|v| v * m)));
    let case = Case::new("EPSG:4087", [-180.0 * m, 90.0 * m], m, [180, 360]).zones(
        Some(4087),
        &[
            ("cap", cap),
            ("box", rectangle([0.0, 10.0 * m], [0.0, 10.0 * m])),
            ("field", rectangle([0.0, 150.0], [0.0, 150.0])),
            ("band", around([-80.0, 80.0])),
            ("south", around([-90.0, 60.0])),
            ("world", around([-90.0, 90.0])),
        ],
    );
    let zones = case.run(&[]).expect(0).json()["zones"].clone();

    let d = 150.0 / m;
    let all = [-180.0, 180.0];
    let expected = [
        box_km2(all, [-90.0, -63.0]),
        box_km2([0.0, 10.0], [0.0, 10.0]),
        box_km2([0.0, d], [0.0, d]),
        box_km2(all, [-80.0, 80.0]),
        box_km2(all, [-90.0, 60.0]),
        box_km2(all, [-90.0, 90.0]),
    ];
    for (zone, expected) in zones.as_array().unwrap().iter().zip(expected) {
        near(&zone["zone_area_km2"], expected, 1e-8);
    }
    // Web Mercator, a square of the world: 85.051 128 779 806 59 degrees (atan of sinh of pi) to both sides.
    let half = 20_037_508.342_789_244;
    let case = Case::new("EPSG:3857", [-half, half], half / 100.0, [200, 200])
        .zones(Some(3857), &[("world", rectangle([-half, half], [-half, half]))]);
    let zones = case.run(&[]).expect(0).json()["zones"].clone();
    let lat = std::f64::consts::PI.sinh().atan().to_degrees();
    near(&zones[0]["zone_area_km2"], box_km2(all, [-lat, lat]), 1e-7);
}
