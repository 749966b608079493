//! `areal sample` and `areal estimate` on the ellipsoid of `areal aggregate`.

use std::path::Path;

use areal_grid::{Affine, Class, PixelGrid, PixelState};
use areal_raster::crs_from_text;
use serde_json::{Value, json};

use crate::common::prediction_folder::write_classes;
use crate::common::{areal, number, rows};

/// Rows and columns of the map.
const SIDE: usize = 270;

/// A map of two classes in stripes, from the equator and the prime meridian on, in cells of 5 km.
fn map(folder: &Path, crs: &str) {
    let grid = PixelGrid {
        crs: crs_from_text(crs).unwrap(),
        transform: Affine::north_up([0.0, 1_350_000.0], [5000.0, 5000.0]),
        height: SIDE,
        width: SIDE,
    };
    let class = |(code, name): (u8, &str)| Class { code, name: name.into(), colour: [code * 40, 90, 200] };
    let codes: Vec<u8> = (0..SIDE * SIDE).map(|k| 1 + u8::from(k % 7 < 3)).collect();
    let probability = |band: u8| codes.iter().map(|c| if *c == band { 0.9 } else { 0.1 }).collect();
    let states = vec![PixelState::Observed; SIDE * SIDE];
    let (classes, probabilities) = ([(1, "forest"), (2, "water")].map(class), [probability(1), probability(2)]);
    write_classes(&folder.join("prediction"), &grid, &classes, &states, &codes, &probabilities);
}

/// The zone of 2 to 8 degrees east and north on the datum of an EPSG code.
fn zone(folder: &Path, name: &str, code: u32) -> String {
    let ring = [[2.0, 2.0], [8.0, 2.0], [8.0, 8.0], [2.0, 8.0], [2.0, 2.0]];
    let layer: Value = json!({
        "type": "FeatureCollection",
        "crs": { "type": "name", "properties": { "name": format!("urn:ogc:def:crs:EPSG::{code}") } },
        "features": [{
            "type": "Feature",
            "properties": { "id": "z" },
            "geometry": { "type": "Polygon", "coordinates": [ring] },
        }],
    });
    let path = folder.join(name);
    std::fs::write(&path, layer.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Draws with some flags, labels all units as mapped, estimates with others; the mapped area of the zone in km2.
fn zone_km2(folder: &Path, name: &str, sample: &[&str], estimate: &[&str]) -> f64 {
    let at = |part: &str| folder.join(format!("{name}{part}")).to_str().unwrap().to_owned();
    let (drawn, labelled, out) = (at("-sample"), at("-labelled.csv"), at("-estimate"));
    let prediction = folder.join("prediction").to_str().unwrap().to_owned();
    let from_map = ["--prediction", &prediction];
    let flags = ["--strata", "classes", "--size", "60", "--show-map", "--out", &drawn];
    areal(["sample"].iter().chain(&from_map).chain(&flags).chain(sample)).expect(0);
    let units = rows(&folder.join(format!("{name}-sample/units.csv")));
    let mut text = "unit_id,label\n".to_owned();
    for unit in units {
        let k = unit["row"].parse::<usize>().unwrap() * SIDE + unit["col"].parse::<usize>().unwrap();
        text += &format!("{},{}\n", unit["unit_id"], if k % 7 < 3 { "water" } else { "forest" });
    }
    std::fs::write(&labelled, text).unwrap();
    let flags = ["--design", &drawn, "--sample", &labelled, "--out", &out];
    areal(["estimate"].iter().chain(&from_map).chain(&flags).chain(estimate)).expect(0);
    let found = rows(&folder.join(format!("{name}-estimate/estimates.csv")));
    found.iter().filter(|row| row["population"] == "zone").map(|row| number(row, "mapped")).sum()
}

/// 2-8 E, 2-8 N on WGS 84 and on Bessel 1841: `Geodesic` areas are of geodesics; this is of parallels (Snyder 1987, eq. 3-12).
fn km2(ellipsoid: areal_grid::Ellipsoid) -> f64 {
    6f64.to_radians() * (ellipsoid.area_to_latitude(8.0) - ellipsoid.area_to_latitude(2.0)) / 1e6
}

#[test]
fn fault_5_estimates_on_a_sphere_are_on_the_ellipsoid_of_the_zones() {
    let folder = tempfile::tempdir().unwrap();
    // The grid of MODIS. Before, the zone had 443,219.8 km2.
    map(folder.path(), "+proj=sinu +R=6371007.181 +units=m +no_defs");
    let wgs84 = zone(folder.path(), "wgs84.geojson", 4326);
    assert!((km2(areal_grid::Ellipsoid::WGS84) - 441_288.8).abs() < 0.1);
    let with_zones = ["--zones", &wgs84, "--zone-id", "id"];
    // With the zones known at the draw, or not.
    for (name, sample) in [("both", &with_zones[..]), ("late", &[])] {
        let found = zone_km2(folder.path(), name, sample, &with_zones);
        assert!((found / 441_288.8 - 1.0).abs() < 2e-5, "{name}: {found}");
    }
}

#[test]
fn a_sample_drawn_without_zones_is_estimated_on_the_datum_of_the_zones() {
    let folder = tempfile::tempdir().unwrap();
    map(folder.path(), "EPSG:6933");
    // MGI, on Bessel 1841: semi-major axis 6,377,397.155 m, inverse flattening 299.1528128.
    let bessel = areal_grid::Ellipsoid { semi_major: 6_377_397.155, flattening: 1.0 / 299.152_812_8 };
    let mgi = zone(folder.path(), "mgi.geojson", 4312);
    let with_zones = ["--zones", &mgi, "--zone-id", "id"];
    let expected = km2(bessel);
    // 0.02 % less than on WGS 84.
    assert!((expected / 441_288.8 - 1.0).abs() > 1e-4);
    for (name, sample) in [("both", &with_zones[..]), ("late", &[])] {
        let found = zone_km2(folder.path(), name, sample, &with_zones);
        assert!((found / expected - 1.0).abs() < 3e-5, "{name}: {found} {expected}");
    }
}
