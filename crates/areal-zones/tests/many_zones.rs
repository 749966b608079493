//! Many small zones on one map.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use areal_grid::Pixels;
use areal_zones::{AggregateSettings, Content};
use geo::MultiPolygon;
use support::{grid, open, polygon, sum, write, zone_set};

fn noise(k: usize) -> u32 {
    (k as u32).wrapping_mul(2_654_435_761) >> 16
}

/// 100,000 zones of about nine cells each: every zone has its own area, and the parts add up.
#[test]
fn a_hundred_thousand_zones() {
    let folder = tempfile::tempdir().unwrap();
    let (height, width) = (750usize, 1200usize);
    let g = grid("EPSG:6933", [0.0, 75_000.0], [100.0, 100.0], height, width);
    let codes = (0..height * width).map(|k| (noise(k) % 3) as u8).collect();
    let map = write(&folder.path().join("c.tif"), &g, &[Pixels::U8(codes)], None);
    // Slanted: corner (i, j) of 251 x 401 is moved by up to a cell.
    let at = |i: usize, j: usize| {
        let (inner_x, inner_y) = (f64::from(j > 0 && j < 400), f64::from(i > 0 && i < 250));
        let (dx, dy) = (f64::from(noise(i * 401 + j) % 100), f64::from(noise(i * 401 + j + 7_777_777) % 100));
        (300.0 * j as f64 + inner_x * dx, 300.0 * i as f64 + inner_y * dy)
    };
    let corner = |k: usize| (k / 400, k % 400);
    let outline = |k: usize| {
        let (i, j) = corner(k);
        polygon(&[at(i, j), at(i, j + 1), at(i + 1, j + 1), at(i + 1, j)])
    };
    let names: Vec<String> = (0..100_000).map(|k| k.to_string()).collect();
    let list: Vec<(&str, MultiPolygon<f64>)> =
        names.iter().enumerate().map(|(k, n)| (n.as_str(), outline(k))).collect();
    let set = zone_set("EPSG:6933", &list);
    let areas = sum(&open(&map, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    assert!(areas.outside.area <= 1e-9 * areas.map.area && areas.overlap.area <= 1e-9 * areas.map.area);
    for (k, (zone, sums)) in list.iter().zip(&areas.zones).enumerate() {
        let cells = geo::Area::unsigned_area(&zone.1) / 1e4;
        assert!((sums.tally.cells - cells).abs() < 1e-9 * cells.max(1.0), "zone {k}: {} {cells}", sums.tally.cells);
    }
}
