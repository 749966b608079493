//! A partition of the Earth on maps of the Earth: the areas of its zones add up to that of the WGS 84 ellipsoid.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use areal_grid::PixelGrid;
use areal_zones::{AggregateSettings, Content};
use geo::MultiPolygon;
use support::{grid, near, open, rectangle, sum, write, zeros, zone_set};

/// Surface of the WGS 84 ellipsoid in square metres (Karney 2013, eq. 58 and 59).
const EARTH: f64 = 510_065_621_724_088.44;

/// Boxes of 30 x 45 degrees, from pole to pole; those over the antimeridian in one piece, beyond 180 degrees.
fn boxes() -> Vec<(String, MultiPolygon<f64>)> {
    let at = |i: i32, j: i32| (f64::from(i) * 30.0 - 90.0, f64::from(j) * 45.0 - 170.0);
    let cells = (0..6).flat_map(|i| (0..8).map(move |j| at(i, j)));
    cells.map(|(s, w)| (format!("{s}:{w}"), rectangle(w, s, w + 45.0, s + 30.0))).collect()
}

/// On this map the zones' own areas and those of their cells add up to the Earth, within a share of it.
fn adds_up(map: &PixelGrid, tolerance: f64) {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder.path().join("m.tif"), map, &[zeros(map.height * map.width)], None);
    let zones = boxes();
    let list: Vec<(&str, MultiPolygon<f64>)> = zones.iter().map(|(id, z)| (id.as_str(), z.clone())).collect();
    let areas =
        sum(&open(&path, Content::Classes), &zone_set("EPSG:4326", &list), &AggregateSettings::default()).unwrap();
    let name = &map.crs.name;
    near(areas.zones.iter().map(|z| z.area).sum(), EARTH, 1e-12);
    let found: f64 = areas.zones.iter().map(|z| z.tally.classified_area()).sum();
    eprintln!(
        "{name}: {found:e}, off by {:.1e}; the map off by {:.1e}",
        found / EARTH - 1.0,
        areas.map.area / EARTH - 1.0
    );
    near(found, EARTH, tolerance);
    near(areas.map.area, EARTH, tolerance);
    assert!(areas.overlap.area < tolerance * EARTH, "{name}: {} m2 in several zones", areas.overlap.area);
    assert!(areas.outside.area < tolerance * EARTH, "{name}: {} m2 in none", areas.outside.area);
    for (zone, sums) in zones.iter().zip(&areas.zones) {
        // The share of a cell in a zone is not quite that of its area; cells are 100 km wide.
        near(sums.tally.classified_area(), sums.area, 2e-3);
        assert!(sums.tally.cells > 0.0, "{name}: {}", zone.0);
    }
}

#[test]
fn a_partition_of_the_sphere_is_the_sphere_on_any_map_of_the_earth() {
    adds_up(&grid("EPSG:4326", [-180.0, 90.0], [1.0, 1.0], 180, 360), 1e-12);
    adds_up(&grid("EPSG:4326", [0.0, 90.0], [1.0, 1.0], 180, 360), 1e-12);
    // Mollweide, sinusoidal, Equal Earth, Robinson, Eckert IV, on the ellipsoid or on its equator's sphere; MODIS.
    for crs in ["ESRI:54009", "ESRI:54008", "EPSG:8857", "ESRI:54030", "ESRI:54012"] {
        adds_up(&grid(crs, [-20_100_000.0, 10_100_000.0], [100_000.0, 100_000.0], 202, 402), 5e-6);
    }
    let modis = "+proj=sinu +R=6371007.181 +units=m +no_defs";
    adds_up(&grid(modis, [-20_100_000.0, 10_100_000.0], [100_000.0, 100_000.0], 202, 402), 5e-6);
    // Cylindrical and equal-area, from pole to pole: y = 7,342,230.1365 m by pyproj.
    adds_up(&grid("EPSG:6933", [-17_367_530.445, 7_342_230.136_5], [86_837.652_225, 73_422.301_365], 200, 400), 5e-6);
}
