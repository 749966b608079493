//! `areal aggregate` beside independent figures: geodesic areas of real districts, and exactextract.

use std::path::Path;
use std::process::Command;

use areal_grid::Pixels;
use geo::{LineString, MultiPolygon};
use geographiclib_rs::{Geodesic, PolygonArea, Winding};
use serde_json::Value;

use crate::common::maps::{grid, raster};
use crate::common::stars::{geojson, stars, write_zones};
use crate::common::{areal, data, oracle};

/// Area on the ellipsoid in km2 of polygons in degrees whose edges are geodesics.
fn geodesic_area(polygons: &MultiPolygon<f64>) -> f64 {
    let geodesic = Geodesic::wgs84();
    let ring = |ring: &LineString<f64>| {
        let mut area = PolygonArea::new(&geodesic, Winding::CounterClockwise);
        for c in &ring.0[..ring.0.len() - 1] {
            area.add_point(c.y, c.x);
        }
        area.compute(true).1.abs()
    };
    polygons.iter().map(|p| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>()).sum::<f64>() / 1e6
}

/// A map of three classes in stripes, aggregated over the 160 districts of Malaysia.
fn districts_on(crs: &str, north_west: [f64; 2], cell: [f64; 2], height: usize, width: usize) {
    let Some(folder) = data("malaysia_districts") else { return };
    let file = folder.join("administrative_2_district.geojson");
    let layer = areal_raster::read_layer(&file, None).unwrap();
    let id = layer.field_index("code_state_district").unwrap();
    let districts: Vec<(String, MultiPolygon<f64>)> = layer
        .features
        .iter()
        .map(|f| {
            let outline = match f.geometry.clone().unwrap() {
                geo::Geometry::Polygon(p) => MultiPolygon::new(vec![p]),
                geo::Geometry::MultiPolygon(m) => m,
                other => panic!("{other:?}"),
            };
            (f.values[id].to_string(), outline)
        })
        .collect();
    assert_eq!(districts.len(), 160);

    let out = tempfile::tempdir().unwrap();
    let map = out.path().join("map.tif");
    let codes = (0..height * width).map(|k| ((k / width + 3 * (k % width)) / 7 % 3) as u8 + 1).collect();
    raster(&map, &grid(crs, north_west, cell, height, width), &Pixels::U8(codes), 255.0);
    let mut args: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into(), map.into(), "--zones".into()];
    args.push(file.into());
    args.extend(["--zone-id", "code_state_district", "--zone-name", "district", "--json", "--out"].map(Into::into));
    args.push(out.path().join("areas").into());
    let found = areal(args).expect(0).says(&["zones overlap"]).json();

    let zones = found["zones"].as_array().unwrap();
    assert_eq!(zones.len(), 160);
    let km2 = |sums: &Value, column: &str| sums[column].as_f64().unwrap();
    let classes = |sums: &Value| (1..=3).map(|c| km2(sums, &format!("class_{c}_area_km2"))).sum::<f64>();
    for (zone, (id, outline)) in zones.iter().zip(&districts) {
        assert_eq!(zone["zone_id"], **id);
        assert_eq!(zone["zone_state"], "inside", "{id}");
        let expected = geodesic_area(outline);
        for area in [km2(zone, "zone_area_km2"), km2(zone, "observed_area_km2"), classes(zone)] {
            assert!((area / expected - 1.0).abs() < 1e-3, "{id}: {area} km2, geodesic {expected}");
        }
    }

    // The source's districts overlap a little: what is counted twice is told, and the rest is their union.
    let sum: f64 = zones.iter().map(classes).sum();
    let twice = classes(&found["totals"]["in several zones"]);
    let outlines: Vec<&MultiPolygon<f64>> = districts.iter().map(|(_, outline)| outline).collect();
    let union = geodesic_area(&geo::unary_union(outlines));
    eprintln!("{crs}: districts {sum:.4} km2, counted twice {twice:.4}, union {union:.4}");
    assert!(twice > 1.0 && ((sum - twice) / union - 1.0).abs() < 1e-6, "{sum} {twice} {union}");
    // The map's own total, summed without any zone.
    let rest = classes(&found["totals"]["outside all zones"]);
    let whole = classes(&found["totals"]["map"]);
    assert!(((sum - twice + rest) / whole - 1.0).abs() < 1e-9);
}

#[test]
fn the_districts_of_malaysia_on_a_map_in_degrees() {
    districts_on("EPSG:4326", [99.5, 7.5], [0.02, 0.02], 350, 1000);
}

#[test]
fn the_districts_of_malaysia_on_a_projected_map() {
    // UTM zone 48, of which most districts lie far outside: an area taken from the grid would be some per cent off.
    districts_on("EPSG:32648", [-100_000.0, 850_000.0], [2000.0, 2000.0], 420, 1240);
}

/// States, and the geodesic area in km2 of the union of their districts, by shapely (each made valid first) and pyproj. The districts
/// overlap a little: those of Johor add up to 19,201.0 km2.
const STATES: [(&str, f64); 4] =
    [("Johor", 19_198.703), ("Pulau Pinang", 1_044.721), ("Sabah", 74_125.651), ("Sarawak", 123_974.176)];

/// Some districts overlap themselves; their repair must not lose their neighbours.
#[test]
fn dissolved_states_have_the_area_of_their_districts() {
    let Some(folder) = data("malaysia_districts") else { return };
    let out = tempfile::tempdir().unwrap();
    let map = out.path().join("map.tif");
    raster(&map, &grid("EPSG:4326", [99.0, 8.0], [0.1, 0.1], 80, 210), &Pixels::U8(vec![1; 80 * 210]), 255.0);
    let mut args: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into(), map.into(), "--zones".into()];
    args.push(folder.join("administrative_2_district.geojson").into());
    args.extend(["--zone-id", "state", "--dissolve", "--json", "--out"].map(Into::into));
    args.push(out.path().join("areas").into());
    let found = areal(args).expect(0).json();
    for (state, expected) in STATES {
        let zone = found["zones"].as_array().unwrap().iter().find(|zone| zone["zone_id"] == state).unwrap();
        for column in ["zone_area_km2", "class_1_area_km2"] {
            let area = zone[column].as_f64().unwrap();
            assert!((area / expected - 1.0).abs() < 2e-5, "{state}, {column}: {area} km2, not {expected}");
        }
    }
}

#[test]
fn shares_and_moments_are_those_of_exactextract() {
    let Some(python) = oracle("numpy, exactextract") else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Cells of 90 m in a CRS that keeps areas: there shares of cells are shares of true area.
    let (height, width, side) = (223, 223, 90.0);
    let north = side * height as f64;
    let grid = grid("EPSG:6933", [0.0, north], [side, side], height, width);
    let noise = |k: usize| (k as u32).wrapping_mul(2_654_435_761) >> 24;
    let codes: Vec<u8> = (0..height * width).map(|k| [1, 2, 3, 3, 5, 255][noise(k) as usize % 6]).collect();
    let value = |k: usize| if noise(k) % 11 == 0 { f32::NAN } else { 1e4 + (noise(k + 1) % 100) as f32 / 7.0 };
    let values: Vec<f32> = (0..height * width).map(value).collect();
    let shape = (height, width);
    ndarray_npy::write_npy(at("c.npy"), &ndarray::Array2::from_shape_vec(shape, codes.clone()).unwrap()).unwrap();
    ndarray_npy::write_npy(at("v.npy"), &ndarray::Array2::from_shape_vec(shape, values.clone()).unwrap()).unwrap();
    raster(&at("classes.tif"), &grid, &Pixels::U8(codes), 255.0);
    raster(&at("values.tif"), &grid, &Pixels::F32(values), f64::NAN);

    let zones = stars(40);
    write_zones(&at("zones.gpkg"), &zones);
    let json: Vec<Value> = zones.iter().enumerate().map(|(k, z)| geojson(k, z)).collect();
    std::fs::write(at("zones.json"), Value::Array(json).to_string()).unwrap();
    let expected = exactextract(&python, folder.path(), [0.0, 0.0, side * width as f64, north]);

    let areas = |file: &str, out: &str| {
        let paths = [at(file), at("zones.gpkg"), at(out)].map(std::ffi::OsString::from);
        let [file, zones, out] = &paths;
        areal([
            "aggregate".as_ref(),
            "--raster".as_ref(),
            file.as_os_str(),
            "--zones".as_ref(),
            zones,
            "--out".as_ref(),
            out,
            "--json".as_ref(),
        ])
        .expect(0)
        .json()
    };
    let (classes, values) = (areas("classes.tif", "c"), areas("values.tif", "v"));
    for k in 0..zones.len() {
        let (class, value, oracle) = (&classes["zones"][k], &values["zones"][k], &expected[format!("z{k}")]);
        assert_eq!(class["zone_id"], format!("z{k}"));
        for code in ["1", "2", "3", "5"] {
            let share = class[format!("class_{code}_share")].as_f64().unwrap();
            near(share, oracle["shares"][code].as_f64().unwrap_or(0.0), 1.0, &format!("zone {k}, share of {code}"));
        }
        for (column, theirs, scale) in
            [("v_mean", "mean", 1e4), ("v_standard_deviation", "stdev", 1.0), ("v_observed_cells", "count", 1.0)]
        {
            near(
                value[column].as_f64().unwrap(),
                oracle[theirs].as_f64().unwrap(),
                scale,
                &format!("zone {k}, {theirs}"),
            );
        }
    }
}

#[track_caller]
fn near(found: f64, expected: f64, scale: f64, what: &str) {
    assert!((found - expected).abs() <= 1e-6 * scale.max(expected.abs()), "{what}: {found}, exactextract {expected}");
}

/// What `tests/oracles/exactextract_zones.py` makes of the arrays and zones in a folder, by zone.
fn exactextract(python: &Path, folder: &Path, bounds: [f64; 4]) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/oracles/exactextract_zones.py");
    let files = ["c.npy", "v.npy", "zones.json"].map(|name| folder.join(name));
    let output = Command::new(python).arg(script).args(files).args(bounds.map(|b| b.to_string())).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
