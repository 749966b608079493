//! Coverage that is kept: the same sums to the last bit, used again for another map, and never taken for another's.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::{Path, PathBuf};

use areal_grid::{PixelGrid, Pixels};
use areal_zones::{AggregateSettings, Areas, Content, ZoneSet, ZonesError};
use geo::{MultiPolygon, Polygon};
use support::{grid, open, polygon, rectangle, ring, sum, write, zone_set};

const SIDE: usize = 90;

fn utm() -> PixelGrid {
    grid("EPSG:32648", [500_000.0, 400_000.0], [100.0, 100.0], SIDE, SIDE)
}

/// Slanted borders in degrees; one with a hole, one in two parts, one smaller than a cell, two that overlap, one partly
/// and one wholly off the map.
fn zones() -> ZoneSet {
    let mut holed = rectangle(105.002, 3.545, 105.03, 3.57);
    holed.0[0].interiors_push(ring(&[(105.01, 3.55), (105.02, 3.551), (105.015, 3.56)]));
    let mut parts = polygon(&[(105.04, 3.55), (105.06, 3.556), (105.05, 3.58)]);
    parts.0.push(Polygon::new(ring(&[(105.065, 3.6), (105.07, 3.6), (105.07, 3.61)]), Vec::new()));
    let zones: [(&str, MultiPolygon<f64>); 7] = [
        ("holed", holed),
        ("parts", parts),
        ("tiny", rectangle(105.0331, 3.5802, 105.0334, 3.5804)),
        ("one", polygon(&[(105.01, 3.58), (105.03, 3.581), (105.02, 3.61)])),
        ("other", polygon(&[(105.02, 3.585), (105.04, 3.59), (105.025, 3.612)])),
        ("edge", rectangle(105.07, 3.54, 105.2, 3.56)),
        ("away", rectangle(106.0, 3.0, 106.1, 3.1)),
    ];
    zone_set("EPSG:4326", &zones)
}

fn noise(k: usize) -> u32 {
    (k as u32).wrapping_mul(2_654_435_761) >> 16
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn classes(&self, name: &str, salt: usize) -> PathBuf {
        let codes = (0..SIDE * SIDE).map(|k| (noise(k + salt) % 5) as u8).collect();
        write(&self.folder.path().join(name), &utm(), &[Pixels::U8(codes)], Some(4.0))
    }

    fn kept(&self) -> PathBuf {
        self.folder.path().join("kept")
    }

    fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.kept()).unwrap().map(|e| e.unwrap().path()).collect()
    }

    fn sum(&self, map: &Path, set: &ZoneSet, window_cells: usize, kept: bool) -> Result<Areas, ZonesError> {
        let settings =
            AggregateSettings { window_cells, coverage: kept.then(|| self.kept()), ..AggregateSettings::default() };
        sum(&open(map, Content::Classes), set, &settings)
    }
}

#[test]
fn sums_are_the_same_to_the_last_bit() {
    let case = Case::new();
    let (map, set) = (case.classes("a.tif", 0), zones());
    // Rows at once, some rows, parts of rows.
    for window_cells in [1 << 21, 700, 40] {
        let without = case.sum(&map, &set, window_cells, false).unwrap();
        let making = case.sum(&map, &set, window_cells, true).unwrap();
        let using = case.sum(&map, &set, window_cells, true).unwrap();
        assert_eq!(making, without, "{window_cells}");
        assert_eq!(using, without, "{window_cells}");
        assert!(without.overlap.area > 0.0 && without.outside.area > 0.0);
        std::fs::remove_dir_all(case.kept()).unwrap();
    }
    // Values of several bands.
    let bands = [0, 7].map(|salt| Pixels::F32((0..SIDE * SIDE).map(|k| noise(k + salt) as f32 / 31.0).collect()));
    let values = write(&case.folder.path().join("v.tif"), &utm(), &bands, None);
    let of = |coverage| {
        let settings = AggregateSettings { window_cells: 500, coverage, ..AggregateSettings::default() };
        sum(&open(&values, Content::Values), &set, &settings).unwrap()
    };
    let without = of(None);
    assert_eq!(of(Some(case.kept())), without);
    assert_eq!(of(Some(case.kept())), without);
}

#[test]
fn a_zone_over_the_antimeridian_is_kept_with_all_its_copies() {
    let folder = tempfile::tempdir().unwrap();
    let world = grid("EPSG:4326", [-180.0, -10.0], [1.0, 1.0], 20, 360);
    let map = write(&folder.path().join("w.tif"), &world, &[support::zeros(20 * 360)], None);
    let set = zone_set("EPSG:4326", &[("fiji", rectangle(177.5, -19.25, 182.0, -16.0))]);
    let of = |coverage| {
        let settings = AggregateSettings { coverage, ..AggregateSettings::default() };
        sum(&open(&map, Content::Classes), &set, &settings).unwrap()
    };
    let without = of(None);
    assert!((without.zones[0].tally.cells - 14.625).abs() < 1e-9);
    let kept = Some(folder.path().join("kept"));
    assert_eq!(of(kept.clone()), without);
    assert_eq!(of(kept), without);
}

#[test]
fn it_is_used_again_for_another_map_of_the_grid_and_for_nothing_else() {
    let case = Case::new();
    let set = zones();
    let (first, second) = (case.classes("a.tif", 0), case.classes("b.tif", 99));
    case.sum(&first, &set, 4000, true).unwrap();
    let files = case.files();
    assert_eq!(files.len(), 1);
    let made = std::fs::metadata(&files[0]).unwrap().modified().unwrap();
    let found = case.sum(&second, &set, 4000, true).unwrap();
    assert_eq!(found, case.sum(&second, &set, 4000, false).unwrap());
    assert_ne!(found, case.sum(&first, &set, 4000, false).unwrap());
    assert_eq!(case.files(), files);
    assert_eq!(std::fs::metadata(&files[0]).unwrap().modified().unwrap(), made);

    // A corner moved by a hair, a zone more, a grid moved by half a cell: each has its own file.
    let mut moved = set.clone();
    moved.zones[1].outline.0[0].exterior_mut(|ring| ring.0[1].x += 1e-9);
    let mut more = set.clone();
    more.zones.push(set.zones[0].clone());
    for (k, other) in [moved, more].iter().enumerate() {
        let found = case.sum(&first, other, 4000, true).unwrap();
        assert_eq!(found, case.sum(&first, other, 4000, false).unwrap());
        assert_eq!(case.files().len(), k + 2);
    }
    let half = grid("EPSG:32648", [500_050.0, 400_000.0], [100.0, 100.0], SIDE, SIDE);
    let map = write(&case.folder.path().join("h.tif"), &half, &[support::zeros(SIDE * SIDE)], None);
    assert_eq!(case.sum(&map, &set, 4000, true).unwrap(), case.sum(&map, &set, 4000, false).unwrap());
    assert_eq!(case.files().len(), 4);
}

#[test]
fn a_damaged_file_is_made_anew_or_refused_and_never_believed() {
    let case = Case::new();
    let (map, set) = (case.classes("a.tif", 0), zones());
    let without = case.sum(&map, &set, 4000, false).unwrap();
    case.sum(&map, &set, 4000, true).unwrap();
    let path = case.files()[0].clone();
    let whole = std::fs::read(&path).unwrap();
    let rows = whole.iter().position(|b| *b == b'\n').unwrap() + 1;
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 16;
        std::fs::write(&path, &bytes).unwrap();
        match case.sum(&map, &set, 4000, true) {
            Ok(found) => assert_eq!(found, without, "byte {at}"),
            // Only while the rows are read is there no way back.
            Err(ZonesError::Coverage { reason, .. }) => {
                assert!(reason.contains("row") && at >= rows, "byte {at}: {reason}");
            }
            Err(other) => panic!("byte {at}: {other}"),
        }
    }
    for len in [0, 10, rows, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&path, &whole[..len]).unwrap();
        assert_eq!(case.sum(&map, &set, 4000, true).unwrap(), without, "cut to {len} bytes");
        assert_eq!(std::fs::read(&path).unwrap(), whole, "cut to {len} bytes, then made anew");
    }
}

#[test]
fn zones_that_miss_the_map_leave_no_file() {
    let case = Case::new();
    let map = case.classes("a.tif", 0);
    let away = zone_set("EPSG:4326", &[("away", rectangle(10.0, 3.0, 11.0, 4.0))]);
    assert!(matches!(case.sum(&map, &away, 4000, true), Err(ZonesError::NoOverlap(_))));
    assert!(!case.kept().exists());
}

/// 100,000 zones of some nine cells: with what was kept as without, and the parts add up.
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
    let of = |coverage| {
        let settings = AggregateSettings { coverage, ..AggregateSettings::default() };
        sum(&open(&map, Content::Classes), &set, &settings).unwrap()
    };
    let without = of(None);
    assert!(without.outside.area <= 1e-9 * without.map.area && without.overlap.area <= 1e-9 * without.map.area);
    for (k, (zone, sums)) in list.iter().zip(&without.zones).enumerate() {
        let cells = geo::Area::unsigned_area(&zone.1) / 1e4;
        assert!((sums.tally.cells - cells).abs() < 1e-9 * cells.max(1.0), "zone {k}: {} {cells}", sums.tally.cells);
    }
    let kept = Some(folder.path().join("kept"));
    assert_eq!(of(kept.clone()), without);
    assert_eq!(of(kept), without);
}
