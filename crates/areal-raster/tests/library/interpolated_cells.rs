//! Areas from cubics over tiles, against the same cells one by one, in projections with rims, cuts and kinks.

use areal_grid::{CellAreas, PixelGrid, Window};
use areal_raster::{EarthPositions, crs_from_text};

/// A square map of a CRS around its origin, with cells of a size in metres.
fn map(crs: &str, half: f64, side: f64) -> PixelGrid {
    let crs = crs_from_text(crs).unwrap();
    let cells = (2.0 * half / side) as usize;
    let transform = areal_grid::Affine::north_up([-half, half], [side, side]);
    PixelGrid { crs, transform, height: cells, width: cells }
}

#[test]
fn cells_of_tiles_have_the_areas_of_cells_one_by_one() {
    let maps = [
        ("EPSG:3035", 5.0e6, 500.0),
        ("EPSG:6933", 7.0e6, 9000.0),
        ("EPSG:3857", 1.9e7, 5000.0),
        ("EPSG:3413", 6.0e6, 12_500.0),
        ("ESRI:54009", 9.0e6, 5000.0),
        ("ESRI:54008", 1.0e7, 2500.0),
        ("ESRI:54030", 8.0e6, 3000.0),
        ("ESRI:54052", 8.0e6, 10_000.0),
        ("ESRI:54032", 1.9e7, 20_000.0),
        ("ESRI:54042", 9.0e6, 8000.0),
        ("ESRI:102010", 9.0e6, 1000.0),
        ("+proj=laea +lat_0=90 +lon_0=10 +datum=WGS84 +units=m", 1.27e7, 25_000.0),
        ("+proj=tmerc +lon_0=9 +datum=WGS84 +units=m", 9.0e6, 2000.0),
        ("+proj=lcc +lat_1=40 +lat_2=60 +datum=WGS84 +units=m", 1.2e7, 6000.0),
    ];
    // A linear congruential generator: the same cells in each run.
    let mut state = 20_261_128u64;
    let mut below = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for (name, half, side) in maps {
        let grid = map(name, half, side);
        let areas = CellAreas::new(&grid, grid.crs.ellipsoid.for_areas());
        let positions = EarthPositions::new(&grid.crs).unwrap();
        let (mut compared, mut bare) = (0, 0);
        for _ in 0..12 {
            let size = 150.min(grid.height);
            let window = Window::new(below(grid.height - size + 1), below(grid.width - size + 1), size, size);
            let of_window = areas.of(&window, &positions);
            for _ in 0..40 {
                let (row, col) = (window.row + below(size), window.col + below(size));
                let one = PixelGrid {
                    transform: grid.transform.sub_grid(row as f64, col as f64, 1.0),
                    height: 1,
                    width: 1,
                    ..grid.clone()
                };
                let exact = CellAreas::new(&one, grid.crs.ellipsoid.for_areas()).of(&one.window(), &positions).total();
                let found = of_window.at(row, col);
                assert!(
                    (found - exact).abs() <= 1e-7 * exact,
                    "{name}: row {row}, column {col}: {found}, one by one {exact}"
                );
                compared += 1;
                bare += usize::from(exact == 0.0);
            }
        }
        assert!(bare < compared, "{name}");
    }
}
