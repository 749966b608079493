//! Weights whose longitudes begin elsewhere than the map's, and where the map ends or is cut.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use areal_grid::Pixels;
use areal_zones::{AggregateSettings, Content};
use support::{Summed, grid, near, open, rectangle, sum, write, zone_set};

/// Amounts of 1 on cells of 10 degrees from a longitude on, over a map of ones.
fn ones(map_crs: &str, origin: [f64; 2], cell: f64, size: [usize; 2], west: f64) -> Summed {
    let folder = tempfile::tempdir().unwrap();
    let g = grid(map_crs, origin, [cell, cell], size[0], size[1]);
    let path = write(&folder.path().join("v.tif"), &g, &[Pixels::F32(vec![1.0; size[0] * size[1]])], None);
    let degrees = grid("EPSG:4326", [west, 90.0], [10.0, 10.0], 18, 36);
    let people = write(&folder.path().join("p.tif"), &degrees, &[Pixels::F32(vec![1.0; 18 * 36])], None);
    let settings = AggregateSettings { weights: Some(people), window_cells: 3000, ..AggregateSettings::default() };
    let zones = [("west", rectangle(-90.0, 0.0, -60.0, 30.0)), ("east", rectangle(100.0, -20.0, 120.0, 20.0))];
    sum(&open(&path, Content::Values), &zone_set("EPSG:4326", &zones), &settings).unwrap()
}

#[test]
fn weights_from_0_to_360_degrees_reach_the_west_of_a_map_from_180_degrees() {
    // 3 x 3 cells of 10 degrees in the west, 2 x 4 in the east; 648 on the whole Earth. West = -175 cuts cells in two at the
    // map's edge.
    for west in [-180.0, 0.0, -175.0, 95.0] {
        let areas = ones("EPSG:4326", [-180.0, 90.0], 5.0, [36, 72], west);
        near(areas.zones[0].tally.values[0].all_weight, 9.0, 1e-9);
        near(areas.zones[1].tally.values[0].all_weight, 8.0, 1e-9);
        near(areas.map.values[0].all_weight, 648.0, 1e-9);
        assert!(areas.map.values[0].unweighted < 1.0, "{}", areas.map.values[0].unweighted);
    }
}

#[test]
fn weights_where_a_map_leaves_the_earth_are_no_error() {
    // Mollweide with 200 km cells: its corners are nowhere on the Earth. Cells that its cut at 180 degrees divides cannot be
    // spread: 18 of those that begin at 175 degrees. The quadrilaterals of the others are straight: some per cent at most.
    for (west, all) in [(-180.0, 648.0), (0.0, 648.0), (-175.0, 630.0)] {
        let areas = ones("ESRI:54009", [-18_200_000.0, 9_200_000.0], 200_000.0, [92, 182], west);
        near(areas.map.values[0].all_weight, all, 1e-3);
        near(areas.zones[1].tally.values[0].all_weight, 8.0, 0.03);
    }
}
