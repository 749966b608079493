//! True areas of a grid's cells on an ellipsoid, window by window.

use std::sync::Arc;

use crate::authalic::Authalic;
use crate::cell_mesh::block_areas;
use crate::tiling::{Measured, SeenTiles, Tiling};
use crate::window_areas::{AreaSource, WindowAreas};
use crate::{CrsKind, Ellipsoid, PixelGrid, ToLonLat, Window};

/// True areas of a grid's cells on an ellipsoid, in square metres. They are worked out for the windows that are asked for.
///
/// A north-up grid in longitude and latitude has one closed-form area per row. Any other grid has the areas of its cells'
/// images on the authalic sphere: of every cell where cells are large, else of the cells at the nodes of tiles, with a
/// cubic between them. The areal scale of a map projection changes over distances of an Earth radius. Cells between the nodes
/// are measured too, and a tile whose cubic is off is cut into four, so the error of interpolation is below 1e-7 of the area; of tiles
/// of up to 4 km below 1e-5, which matters beside the limb of a perspective projection only, where areas grow without bound.
/// Where the projection ends, every cell is looked at; a cell that has no place on the Earth has the area 0.
#[derive(Debug, Clone)]
pub struct CellAreas {
    grid: PixelGrid,
    ellipsoid: Ellipsoid,
    sphere: Authalic,
    method: Method,
    seen: Arc<SeenTiles>,
    /// What areas are multiplied by.
    scale: f64,
}

#[derive(Debug, Clone, Copy)]
enum Method {
    /// Closed forms, by row.
    Rows { degrees_per_unit: f64 },
    /// Every cell, its sides in so many pieces.
    Cells { pieces: usize },
    /// Some cells of each tile.
    Tiles(Tiling),
}

/// Longest piece of a side that is followed as a parabola.
const PIECE_METRES: f64 = 25_000.0;
/// Most pieces of a side.
const MOST_PIECES: f64 = 256.0;

impl CellAreas {
    /// Areas of the cells of `grid` on an ellipsoid, which need not be the grid's own.
    pub fn new(grid: &PixelGrid, ellipsoid: Ellipsoid) -> Self {
        let method = match grid.crs.kind {
            CrsKind::Geographic { degrees_per_unit } if grid.transform.is_north_up() => {
                Method::Rows { degrees_per_unit }
            }
            CrsKind::Geographic { degrees_per_unit } => cells_or_tiles(grid, degrees_per_unit * 111_320.0),
            CrsKind::Projected { metres_per_unit } => cells_or_tiles(grid, metres_per_unit),
        };
        let (sphere, seen) = (Authalic::new(ellipsoid), Arc::default());
        Self { grid: grid.clone(), ellipsoid, sphere, method, seen, scale: 1.0 }
    }

    /// The same areas times a number: the areal scale from this ellipsoid to that of another datum.
    #[must_use]
    pub fn scaled(self, scale: f64) -> Self {
        Self { scale, ..self }
    }

    /// Areas of the cells of a window of the grid. `positions` leads from the grid's CRS to longitude and latitude on the
    /// ellipsoid.
    pub fn of(&self, window: &Window, positions: &dyn ToLonLat) -> WindowAreas {
        let kind = match self.method {
            Method::Rows { degrees_per_unit } => AreaSource::Rows(self.rows(window, degrees_per_unit)),
            Method::Cells { pieces } => {
                AreaSource::Cells(block_areas(&self.grid.transform, &self.sphere, window, pieces, positions))
            }
            Method::Tiles(tiling) => {
                let measured = Measured { transform: &self.grid.transform, sphere: &self.sphere, positions };
                AreaSource::Tiles(tiling.areas(window, &measured, &self.seen))
            }
        };
        WindowAreas::new(*window, kind, self.scale)
    }

    fn rows(&self, window: &Window, degrees_per_unit: f64) -> Vec<f64> {
        let width = (self.grid.transform.col_step[0] * degrees_per_unit).to_radians();
        let edge = |row: usize| {
            let lat = self.grid.transform.apply(row as f64, 0.0)[1] * degrees_per_unit;
            self.ellipsoid.area_to_latitude(lat.clamp(-90.0, 90.0))
        };
        let edges: Vec<f64> = (window.row..=window.row_end()).map(edge).collect();
        edges.windows(2).map(|e| (e[0] - e[1]).abs() * width).collect()
    }
}

fn cells_or_tiles(grid: &PixelGrid, metres_per_unit: f64) -> Method {
    let [w, h] = grid.transform.pixel_size();
    let metres = w.max(h) * metres_per_unit;
    if metres <= PIECE_METRES {
        return Method::Tiles(Tiling::new([grid.height, grid.width], metres));
    }
    Method::Cells { pieces: (metres / PIECE_METRES).ceil().clamp(1.0, MOST_PIECES) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, Crs, ProjectionError};

    /// Degrees as they are, between longitudes beyond which there is no Earth.
    struct Degrees {
        start: f64,
        end: f64,
    }

    impl ToLonLat for Degrees {
        fn to_lonlat(&self, _: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
            Ok(())
        }

        fn to_lonlat_or_nan(&self, points: &mut [[f64; 2]]) {
            points.iter_mut().filter(|p| p[0] > self.end || p[0] < self.start).for_each(|p| *p = [f64::NAN; 2]);
        }
    }

    const ALL: Degrees = Degrees { start: f64::NEG_INFINITY, end: f64::INFINITY };

    fn grid(kind: CrsKind, transform: Affine, height: usize, width: usize) -> PixelGrid {
        let crs = Crs { wkt: String::new(), name: "test".into(), kind, ellipsoid: Ellipsoid::WGS84 };
        PixelGrid { crs, transform, height, width }
    }

    fn whole(grid: &PixelGrid, positions: &Degrees) -> WindowAreas {
        CellAreas::new(grid, Ellipsoid::WGS84).of(&grid.window(), positions)
    }

    #[test]
    fn the_world_in_degrees_has_the_area_of_the_ellipsoid() {
        let world =
            grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, Affine::north_up([-180.0, 90.0], [1.0, 1.0]), 180, 360);
        let total = whole(&world, &ALL).total();
        assert!((total / 510_065_621_724_089.0 - 1.0).abs() < 1e-12);
        // The same cell by cell, of which those at the poles are triangles.
        let quads =
            PixelGrid { crs: Crs { kind: CrsKind::Projected { metres_per_unit: 111_320.0 }, ..world.crs }, ..world };
        let total = whole(&quads, &ALL).total();
        assert!((total / 510_065_621_724_089.0 - 1.0).abs() < 1e-9, "{total}");
    }

    #[test]
    fn tiles_agree_with_the_closed_form() {
        // The same small cells once by rows (closed form) and once through tiles, which a "projected" grid with
        // degrees as coordinates forces.
        let t = Affine::north_up([100.0, 5.0], [0.0001, 0.0001]);
        let rows = grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, t, 300, 200);
        let quads = grid(CrsKind::Projected { metres_per_unit: 111_320.0 }, t, 300, 200);
        let (a, b) = (whole(&rows, &ALL), whole(&quads, &ALL));
        for (r, c) in [(0, 0), (63, 64), (150, 77), (299, 199)] {
            assert!((a.at(r, c) / b.at(r, c) - 1.0).abs() < 1e-7, "{} {}", a.at(r, c), b.at(r, c));
        }
    }

    #[test]
    fn cells_off_the_earth_have_no_area_and_those_at_its_rim_a_part() {
        // Cells of 0.01 degrees by rows; the Earth ends at 100.505, in the middle of column 50.
        let t = Affine::north_up([100.0, 5.0], [0.01, 0.01]);
        let rows = grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, t, 90, 90);
        let quads = grid(CrsKind::Projected { metres_per_unit: 111_320.0 }, t, 90, 90);
        let (a, b) = (whole(&rows, &ALL), whole(&quads, &Degrees { end: 100.505, ..ALL }));
        for row in [0, 47, 89] {
            assert!((b.at(row, 49) / a.at(row, 49) - 1.0).abs() < 1e-6);
            assert!((b.at(row, 50) / a.at(row, 50) - 0.5).abs() < 1e-3, "{}", b.at(row, 50) / a.at(row, 50));
            assert_eq!((b.at(row, 51), b.at(row, 89)), (0.0, 0.0));
        }
        let rim = b.rim();
        assert!(rim.len() == 90 && rim.iter().all(|([_, col], share)| *col == 50 && (share - 0.5).abs() < 1e-4));
        assert!(b.may_leave_the_earth() && !a.may_leave_the_earth());
    }

    /// A projection that ends at x = 2600 m, where areas grow without bound as beside the limb of a perspective view.
    struct Limb;

    impl Limb {
        fn lonlat([x, y]: [f64; 2]) -> [f64; 2] {
            [100.0 - 0.05 * (1.0 - x / 2600.0).sqrt(), y / 111_320.0]
        }
    }

    impl ToLonLat for Limb {
        fn to_lonlat(&self, points: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
            self.to_lonlat_or_nan(points);
            Ok(())
        }

        fn to_lonlat_or_nan(&self, points: &mut [[f64; 2]]) {
            for p in points {
                *p = Self::lonlat(*p);
            }
        }
    }

    #[test]
    fn small_tiles_beside_the_limb_of_a_projection_are_measured() {
        let t = Affine::north_up([0.0, 2560.0], [10.0, 10.0]);
        let cells = grid(CrsKind::Projected { metres_per_unit: 1.0 }, t, 256, 256);
        let areas = CellAreas::new(&cells, Ellipsoid::WGS84).of(&cells.window(), &Limb);
        let mut worst = 0.0f64;
        for (row, col) in (0..256).step_by(51).flat_map(|row| (0..256).map(move |col| (row, col))) {
            let [west, north] = Limb::lonlat(t.apply(row as f64, col as f64));
            let [east, south] = Limb::lonlat(t.apply(row as f64 + 1.0, col as f64 + 1.0));
            let e = Ellipsoid::WGS84;
            let expected = (east - west).to_radians() * (e.area_to_latitude(north) - e.area_to_latitude(south));
            worst = worst.max((areas.at(row, col) / expected - 1.0).abs());
        }
        // Before 4e-1, in the last column.
        assert!(worst < 1e-5, "{worst:e}");
    }

    #[test]
    fn a_strip_of_the_earth_between_the_nodes_of_a_tile_is_not_lost() {
        // The Earth from 100.522 to 100.537: from the columns 52.2 to 53.7 of cells of 0.01 degrees.
        let t = Affine::north_up([100.0, 5.0], [0.01, 0.01]);
        let rows = grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, t, 90, 90);
        let quads = grid(CrsKind::Projected { metres_per_unit: 111_320.0 }, t, 90, 90);
        let (a, b) = (whole(&rows, &ALL), whole(&quads, &Degrees { start: 100.522, end: 100.537 }));
        for (col, share) in [(51, 0.0), (52, 0.8), (53, 0.7), (54, 0.0)] {
            assert!((b.at(40, col) / a.at(40, col) - share).abs() < 1e-3, "{col}: {}", b.at(40, col) / a.at(40, col));
        }
    }
}
