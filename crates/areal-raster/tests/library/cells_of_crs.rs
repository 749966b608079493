//! True areas of cells in CRS of all kinds, against `pyproj` and its `GeographicLib` (`cells.py`, which wrote `cells.json`).

use areal_grid::{Affine, CellAreas, CrsKind, PixelGrid, Window};
use areal_raster::{EarthPositions, crs_from_text};
use serde_json::Value;

#[test]
fn cells_have_the_areas_of_pyproj_and_geographiclib() {
    let cases: Value = serde_json::from_str(include_str!("cells.json")).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for case in cases.as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let (rows, cols) = (number("rows") as usize, number("cols") as usize);
        let name = case["crs"].as_str().unwrap();
        names.insert(name);
        let crs = crs_from_text(name).unwrap();
        let origin = [0, 1].map(|k| case["origin"][k].as_f64().unwrap());
        let transform = Affine::north_up(origin, [number("side"); 2]);
        let grid = PixelGrid { crs, transform, height: rows, width: cols };
        let areas = CellAreas::new(&grid, grid.crs.ellipsoid.for_areas());
        let positions = EarthPositions::new(&grid.crs).unwrap();
        let near = |window: Window, expected: &str, tolerance: f64| {
            let (found, expected) = (areas.of(&window, &positions).total(), number(expected));
            assert!(
                (found / expected - 1.0).abs() < tolerance,
                "{name}, {window:?}: {found} m2, expected {expected} m2"
            );
        };
        near(grid.window(), "whole", 2e-7);
        near(Window::new(rows / 3, cols / 3, rows / 3, cols / 3), "part", 2e-7);
        // PROJ gives positions to some 1e-10 radians at worst: of a cell of 10 m that is a share of 1e-4, but far less
        // in nearly all projections.
        near(Window::new(rows / 3, cols / 3, 1, 1), "cell", 2e-6);
        // A part of the window asked for on its own is the same.
        let (row, col) = (rows / 3, cols / 3);
        let (whole, part) = (areas.of(&grid.window(), &positions), areas.of(&Window::new(row, col, 2, 3), &positions));
        assert_eq!(whole.at(row + 1, col + 2), part.at(row + 1, col + 2), "{name}");
        assert!(!whole.may_leave_the_earth(), "{name}");
        if let CrsKind::Geographic { .. } = grid.crs.kind {
            assert!(whole.rim().is_empty());
        }
    }
    assert!(names.len() >= 40, "{}", names.len());
}
