//! Zones that share ground: what is counted more than once, against the union of their outlines.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::time::Instant;

use areal_zones::{AggregateSettings, Content, ZoneSet, ZoneState};
use geo::{Area, MultiPolygon};
use support::{grid, near, open, polygon, sum, write, zeros, zone_set};

/// So many random self-crossing polygons of so many corners, all over a square of this side.
fn scribbles(count: usize, corners: usize, side: f64) -> ZoneSet {
    let mut seed = 35u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        side * (seed >> 33) as f64 / (1u64 << 31) as f64
    };
    let names: Vec<String> = (0..count).map(|k| k.to_string()).collect();
    let outlines: Vec<MultiPolygon<f64>> =
        names.iter().map(|_| polygon(&(0..corners).map(|_| (next(), next())).collect::<Vec<_>>())).collect();
    let list: Vec<(&str, MultiPolygon<f64>)> = names.iter().map(String::as_str).zip(outlines).collect();
    zone_set("EPSG:6933", &list)
}

#[test]
fn fault_35_what_self_crossing_zones_share_is_their_sum_less_their_union() {
    let folder = tempfile::tempdir().unwrap();
    // The same ground in cells of three sizes: many cells with few edges, and one cell with all of them.
    for cells in [100usize, 7, 1] {
        let set = scribbles(8, 30, 10_000.0);
        let side = 10_000.0 / cells as f64;
        let g = grid("EPSG:6933", [0.0, 10_000.0], [side, side], cells, cells);
        let path = write(&folder.path().join(format!("{cells}.tif")), &g, &[zeros(cells * cells)], None);
        let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
        // EPSG:6933 keeps areas, so those of the plane are true.
        let outlines: Vec<MultiPolygon<f64>> = set.zones.iter().map(|zone| zone.unwrap().outline).collect();
        let outlines: Vec<&MultiPolygon<f64>> = outlines.iter().collect();
        let together: f64 = outlines.iter().map(|o| o.unsigned_area()).sum();
        let union = geo::unary_union(outlines).unsigned_area();
        assert!(areas.zones.iter().all(|z| z.state == ZoneState::Inside));
        near(areas.overlap.area, together - union, 1e-6);
        near(areas.outside.area, 1e8 - union, 1e-6);
    }
}

#[test]
fn fault_35_twenty_overlapping_zones_of_a_hundred_crossing_edges_take_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let set = scribbles(20, 100, 30_000.0);
    let g = grid("EPSG:6933", [0.0, 30_000.0], [100.0, 100.0], 300, 300);
    let path = write(&folder.path().join("m.tif"), &g, &[zeros(90_000)], None);
    let start = Instant::now();
    let areas = sum(&open(&path, Content::Classes), &set, &AggregateSettings::default()).unwrap();
    eprintln!("{:.2} s", start.elapsed().as_secs_f64());
    // Six minutes of CPU time were not enough.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    let in_zones: f64 = areas.zones.iter().map(|z| z.tally.area).sum();
    near(in_zones - areas.overlap.area + areas.outside.area, areas.map.area, 1e-9);
    assert!(areas.overlap.area > 0.0 && areas.outside.area >= 0.0);
}
