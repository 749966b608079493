//! `areal aggregate` of zones that leave a map and reach the rim of the Earth on it, and of maps whose middle is nowhere.

use areal_grid::Pixels;
use serde_json::Value;

use crate::common::areal;
use crate::common::maps::{band_km2, layer};
use crate::common::maps::{grid, raster};

/// Zones on a map of one class, as JSON.
fn zones(crs: &str, north_west: [f64; 2], cell: f64, [height, width]: [usize; 2], layer: &Value) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).into_os_string();
    let cells = grid(crs, north_west, [cell, cell], height, width);
    raster(&folder.path().join("map.tif"), &cells, &Pixels::U8(vec![1; height * width]), 255.0);
    std::fs::write(at("zones.geojson"), layer.to_string()).unwrap();
    let mut command: Vec<std::ffi::OsString> = vec!["aggregate".into(), "--raster".into(), at("map.tif")];
    command.extend(["--zones".into(), at("zones.geojson"), "--out".into(), at("areas"), "--json".into()]);
    areal(command).expect(0).json()["zones"].clone()
}

#[test]
fn a_zone_that_leaves_the_map_and_touches_the_rim_is_not_called_inside() {
    // Mollweide, 50 km cells north of the equator only: the zone goes .02 degrees further south, which is 88,500 km2.
    let zones = zones(
        "ESRI:54009",
        [-18_050_000.0, 9_050_000.0],
        50_000.0,
        [181, 722],
        &layer(4326, [-180.0, -0.02, 180.0, 60.0]),
    );
    let km2 = |column: &str| zones[0][column].as_f64().unwrap();
    let beyond = band_km2(-0.02, 0.0);
    assert!((beyond - 88_505.0).abs() < 500.0, "{beyond}");
    assert_eq!(zones[0]["zone_state"], "partial");
    assert!((km2("class_1_area_km2") / band_km2(0.0, 60.0) - 1.0).abs() < 1e-5);
    assert!((km2("outside_area_km2") / beyond - 1.0).abs() < 0.05, "{}", km2("outside_area_km2"));
}

#[test]
fn a_map_on_another_datum_whose_middle_is_nowhere_is_measured() {
    // Cells of 100 km in the Mollweide projection on Clarke 1866; the middle of the map is beyond the rim in its upper left
    // corner. Zones are on WGS 84.
    let crs = "+proj=moll +ellps=clrk66 +units=m +no_defs";
    let zones =
        zones(crs, [-30_000_000.0, 15_000_000.0], 100_000.0, [160, 260], &layer(4326, [-120.0, 20.0, -100.0, 40.0]));
    let expected = band_km2(20.0, 40.0) / 18.0;
    let found = zones[0]["class_1_area_km2"].as_f64().unwrap();
    assert!((found / expected - 1.0).abs() < 1e-4, "{found} {expected}");
}
