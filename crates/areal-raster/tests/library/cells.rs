//! True areas of cells, on real projections, against geodesic polygons (Karney 2013).

use areal_grid::{Affine, CellAreas, PixelGrid, ToLonLat, Window};
use areal_raster::{Projection, crs_from_text};
use geographiclib_rs::{Geodesic, PolygonArea, Winding};

/// Area in square metres of a window, its edges followed by geodesics between 2000 points each.
fn geodesic_area(grid: &PixelGrid, projection: &Projection, window: &Window) -> f64 {
    const STEPS: usize = 2000;
    let (top, left) = (window.row as f64, window.col as f64);
    let (height, width) = (window.height as f64, window.width as f64);
    let sides =
        [((0.0, 0.0), (0.0, 1.0)), ((0.0, 1.0), (1.0, 1.0)), ((1.0, 1.0), (1.0, 0.0)), ((1.0, 0.0), (0.0, 0.0))];
    let mut ring: Vec<[f64; 2]> = sides
        .iter()
        .flat_map(|(a, b)| (0..STEPS).map(move |k| (a, b, k as f64 / STEPS as f64)))
        .map(|(a, b, t)| {
            let (r, c) = (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            grid.transform.apply(top + r * height, left + c * width)
        })
        .collect();
    projection.to_lonlat(&mut ring).unwrap();
    let geodesic = Geodesic::new(grid.crs.ellipsoid.semi_major, grid.crs.ellipsoid.flattening);
    let mut polygon = PolygonArea::new(&geodesic, Winding::CounterClockwise);
    for [lon, lat] in &ring {
        polygon.add_point(*lat, *lon);
    }
    polygon.compute(true).1.abs()
}

#[test]
fn cells_of_any_projection_add_up_to_the_geodesic_area() {
    // UTM at the zone's middle, at its edge and across the equator; Web Mercator, which triples areas at 55 degrees
    // north; an equal-area one; degrees.
    let cases = [
        ("EPSG:32648", [500_000.0, 1_700_000.0], 10.0),
        ("EPSG:32648", [160_000.0, 1_700_000.0], 30.0),
        ("EPSG:32748", [300_000.0, 10_010_000.0], 30.0),
        ("EPSG:3857", [1_000_000.0, 7_400_000.0], 20.0),
        ("EPSG:6933", [9_000_000.0, 2_000_000.0], 100.0),
        ("EPSG:4326", [102.0, 20.0], 0.0005),
    ];
    for (crs, origin, pixel) in cases {
        let crs = crs_from_text(crs).unwrap();
        let projection = Projection::to_lonlat(&crs).unwrap();
        let transform = Affine::north_up(origin, [pixel, pixel]);
        let grid = PixelGrid { crs, transform, height: 900, width: 700 };
        let areas = CellAreas::new(&grid, grid.crs.ellipsoid).of(&grid.window(), &projection);
        for window in [grid.window(), Window::new(123, 456, 500, 200)] {
            let sum: f64 = (window.row..window.row_end())
                .map(|r| (window.col..window.col_end()).map(|c| areas.at(r, c)).sum::<f64>())
                .sum();
            let expected = geodesic_area(&grid, &projection, &window);
            let error = (sum - expected).abs() / expected;
            assert!(error < 1e-7, "{} at {origin:?}: {sum} and {expected}, off by {error:e}", grid.crs.name);
        }
    }
}
