//! Means weighted by a raster of amounts.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use areal_grid::Pixels;
use areal_zones::{AggregateSettings, Content, ZonesError};
use support::{grid, near, open, rectangle, sum, write, zone_set};

#[test]
fn weights_on_another_grid_and_crs_keep_their_sum() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:32648", [500_000.0, 400_000.0], [1000.0, 1000.0], 60, 60);
    let values: Vec<f32> = (0..3600u16).map(|k| f32::from(k % 60)).collect();
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(values)], None);
    // 0.01 degrees, wholly inside the map: 105.1 to 105.4 E, 3.2 to 3.5 N.
    let degrees = grid("EPSG:4326", [105.1, 3.5], [0.01, 0.01], 30, 30);
    let amounts: Vec<f32> = (0..900u16).map(|k| f32::from(k % 7)).collect();
    let total: f32 = amounts.iter().sum();
    let people = write(&folder.path().join("p.tif"), &degrees, &[Pixels::F32(amounts)], None);
    let set = zone_set("EPSG:32648", &[("all", rectangle(500_000.0, 340_000.0, 560_000.0, 400_000.0))]);
    for window_cells in [1 << 20, 700] {
        let settings =
            AggregateSettings { weights: Some(people.clone()), window_cells, ..AggregateSettings::default() };
        let areas = sum(&open(&path, Content::Values), &set, &settings).unwrap();
        near(areas.zones[0].tally.values[0].all_weight, f64::from(total), 1e-6);
    }
}

#[test]
fn where_weights_end_is_told_by_zone_and_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 300.0], [100.0, 100.0], 3, 4);
    let mut values = vec![1.0f32; 12];
    values[0] = f32::NAN;
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(values)], Some(f64::NAN));
    // Two cells of 150 x 200 m from the upper left corner: below them, and east of them, is nothing. A cell without people
    // is known, too.
    let coarse = grid("EPSG:6933", [0.0, 300.0], [150.0, 200.0], 1, 2);
    let people = write(&folder.path().join("p.tif"), &coarse, &[Pixels::F32(vec![6.0, 0.0])], Some(-1.0));
    let set = zone_set(
        "EPSG:6933",
        &[("west", rectangle(0.0, 0.0, 200.0, 300.0)), ("east", rectangle(200.0, 0.0, 400.0, 300.0))],
    );
    let settings = AggregateSettings { weights: Some(people), ..AggregateSettings::default() };
    let areas = sum(&open(&path, Content::Values), &set, &settings).unwrap();
    let of = |zone: usize| areas.zones[zone].tally.values[0];
    // West: rows 0 and 1 are covered, row 2 (2 cells) is not; the cell that is not observed does not count.
    near(of(0).unweighted, 20_000.0, 1e-6);
    // East: column 2 is covered in rows 0 and 1, column 3 nowhere: 1 + 3 cells of 6.
    near(of(1).unweighted, 40_000.0, 1e-6);
    // 6 people on 150 x 200 m: 2 a cell, of which one cell is not observed.
    near(of(0).all_weight, 6.0, 1e-9);
    near(of(0).weight, 4.0, 1e-9);
    near(of(1).all_weight, 0.0, 1e-9);
    let total = areas.reconciliation.iter().find(|r| r.what == "observed area without weights, band 1").unwrap();
    near(total.map, 60_000.0, 1e-6);
    assert!(total.relative_difference < 1e-12);
}

#[test]
fn weights_of_many_bands_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 100.0], [100.0, 100.0], 1, 1);
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(vec![1.0])], None);
    let bands = [Pixels::F32(vec![2.0]), Pixels::F32(vec![5.0])];
    let weights = Some(write(&folder.path().join("p.tif"), &g, &bands, None));
    let set = zone_set("EPSG:6933", &[("all", rectangle(0.0, 0.0, 100.0, 100.0))]);
    let settings = AggregateSettings { weights, ..AggregateSettings::default() };
    let error = sum(&open(&path, Content::Values), &set, &settings).unwrap_err();
    assert!(matches!(error, ZonesError::WeightBands { bands: 2, .. }), "{error}");
}

#[test]
fn negative_weights_are_refused_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let g = grid("EPSG:6933", [0.0, 200.0], [100.0, 100.0], 2, 2);
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(vec![1.0; 4])], None);
    let people = write(&folder.path().join("p.tif"), &g, &[Pixels::F32(vec![1.0, 1.0, -3.0, 1.0])], None);
    let set = zone_set("EPSG:6933", &[("all", rectangle(0.0, 0.0, 200.0, 200.0))]);
    let settings = AggregateSettings { weights: Some(people), ..AggregateSettings::default() };
    match sum(&open(&path, Content::Values), &set, &settings) {
        Err(ZonesError::NegativeWeight { row: 1, col: 0, value, .. }) => assert_eq!(value, -3.0),
        other => panic!("{other:?}"),
    }
}
