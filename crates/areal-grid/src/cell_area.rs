//! True areas of a grid's cells on the ellipsoid.

use crate::{CrsKind, Ellipsoid, PixelGrid, ProjectionError, ToLonLat};

/// True areas of a grid's cells on the ellipsoid, in square metres.
///
/// A north-up grid in longitude and latitude has one closed-form area per row. Any other grid gets its ratio of true
/// to nominal area at the nodes of a lattice, at most 4 km and 64 cells apart, and bilinear interpolation between
/// them: the areal scale of a map projection changes over distances of an Earth radius, so the error of interpolation
/// is below 1e-7 of the area.
#[derive(Debug, Clone)]
pub struct CellAreas {
    kind: Method,
    height: usize,
    width: usize,
}

#[derive(Debug, Clone)]
enum Method {
    Rows(Vec<f64>),
    Lattice { step: usize, cols: usize, areas: Vec<f64> },
}

const LATTICE_METRES: f64 = 4000.0;
const LATTICE_CELLS: f64 = 64.0;

impl CellAreas {
    /// Areas of the cells of `grid`.
    ///
    /// # Errors
    /// When a cell has no longitude and latitude (a projected grid that reaches past its projection's domain).
    pub fn new(grid: &PixelGrid, projection: &dyn ToLonLat) -> Result<Self, ProjectionError> {
        let kind = match grid.crs.kind {
            CrsKind::Geographic { degrees_per_unit } if grid.transform.is_north_up() => {
                Method::Rows(row_areas(grid, degrees_per_unit))
            }
            CrsKind::Geographic { degrees_per_unit } => lattice(grid, projection, degrees_per_unit * 111_320.0)?,
            CrsKind::Projected { metres_per_unit } => lattice(grid, projection, metres_per_unit)?,
        };
        Ok(Self { kind, height: grid.height, width: grid.width })
    }

    /// Area of one cell in square metres.
    pub fn at(&self, row: usize, col: usize) -> f64 {
        match &self.kind {
            Method::Rows(areas) => areas.get(row).copied().unwrap_or(0.0),
            Method::Lattice { step, cols, areas } => {
                let (i, u) = place(row, *step, self.height);
                let (j, v) = place(col, *step, self.width);
                let at = |i: usize, j: usize| areas.get(i * cols + j).copied().unwrap_or(0.0);
                let top = at(i, j) * (1.0 - v) + at(i, j + 1) * v;
                let bottom = at(i + 1, j) * (1.0 - v) + at(i + 1, j + 1) * v;
                top * (1.0 - u) + bottom * u
            }
        }
    }

    /// Writes the areas of cells `col..col + out.len()` of one row into `out`.
    pub fn fill_row(&self, row: usize, col: usize, out: &mut [f64]) {
        match &self.kind {
            Method::Rows(areas) => out.fill(areas.get(row).copied().unwrap_or(0.0)),
            Method::Lattice { step, .. } => {
                // Within an interval of the lattice areas are linear: two of them give all.
                let mut k = 0;
                while k < out.len() {
                    let start = (col + k) / step * step;
                    let last = (start + step).min(self.width) - 1;
                    let len = (last + 1).saturating_sub(col + k).clamp(1, out.len() - k);
                    let first = self.at(row, col + k);
                    let slope =
                        if len > 1 { (self.at(row, col + k + len - 1) - first) / (len - 1) as f64 } else { 0.0 };
                    for (m, area) in out[k..k + len].iter_mut().enumerate() {
                        *area = first + m as f64 * slope;
                    }
                    k += len;
                }
            }
        }
    }

    /// Area of all cells together, in square metres.
    pub fn total(&self) -> f64 {
        let mut row = vec![0.0; self.width];
        (0..self.height)
            .map(|r| {
                self.fill_row(r, 0, &mut row);
                row.iter().sum::<f64>()
            })
            .sum()
    }
}

/// Lattice interval that holds cell `k` of `size`, and how far along it the cell lies. Nodes lie on every `step`-th cell
/// and on the last one.
fn place(k: usize, step: usize, size: usize) -> (usize, f64) {
    let i = k / step;
    let (start, end) = (i * step, ((i + 1) * step).min(size - 1));
    (i, if end > start { (k - start) as f64 / (end - start) as f64 } else { 0.0 })
}

fn row_areas(grid: &PixelGrid, degrees_per_unit: f64) -> Vec<f64> {
    let width = (grid.transform.col_step[0] * degrees_per_unit).to_radians();
    let edge = |row: usize| {
        let lat = grid.transform.apply(row as f64, 0.0)[1] * degrees_per_unit;
        grid.crs.ellipsoid.area_to_latitude(lat.clamp(-90.0, 90.0))
    };
    let edges: Vec<f64> = (0..=grid.height).map(edge).collect();
    edges.windows(2).map(|e| (e[0] - e[1]).abs() * width).collect()
}

fn lattice(grid: &PixelGrid, projection: &dyn ToLonLat, metres_per_unit: f64) -> Result<Method, ProjectionError> {
    let [w, h] = grid.transform.pixel_size();
    let step = (LATTICE_METRES / (w.max(h) * metres_per_unit)).clamp(1.0, LATTICE_CELLS) as usize;
    // One node after the last whole interval, on the last cell, so that no position outside the grid is asked for.
    let (rows, cols) = (grid.height.div_ceil(step) + 1, grid.width.div_ceil(step) + 1);
    let mut areas = Vec::with_capacity(rows * cols);
    let mut points = Vec::with_capacity(cols * 4);
    for i in 0..rows {
        points.clear();
        for j in 0..cols {
            let (r, c) = ((i * step).min(grid.height - 1) as f64, (j * step).min(grid.width - 1) as f64);
            points.extend(
                [(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0)].map(|(a, b)| grid.transform.apply(r + a, c + b)),
            );
        }
        projection.to_lonlat(&mut points)?;
        areas.extend(points.chunks_exact(4).map(|quad| quad_area(grid.crs.ellipsoid, quad)));
    }
    Ok(Method::Lattice { step, cols, areas })
}

/// Area of a small quadrilateral of `[longitude, latitude]` corners: the shoelace formula in the plane of longitude
/// and area-to-latitude, which keeps areas.
fn quad_area(ellipsoid: Ellipsoid, corners: &[[f64; 2]]) -> f64 {
    let [lon0, lat0] = corners[0];
    let base = ellipsoid.area_to_latitude(lat0);
    let flat: Vec<[f64; 2]> = corners
        .iter()
        .map(|[lon, lat]| {
            // A cell astride the antimeridian is unwrapped to the side of its first corner.
            let dlon = (lon - lon0 + 540.0).rem_euclid(360.0) - 180.0;
            [dlon.to_radians(), ellipsoid.area_to_latitude(*lat) - base]
        })
        .collect();
    let twice: f64 = (0..flat.len())
        .map(|k| {
            let (p, q) = (flat[k], flat[(k + 1) % flat.len()]);
            p[0] * q[1] - q[0] * p[1]
        })
        .sum();
    0.5 * twice.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Affine, Crs};

    struct Degrees;
    impl ToLonLat for Degrees {
        fn to_lonlat(&self, _: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
            Ok(())
        }
    }

    fn grid(kind: CrsKind, transform: Affine, height: usize, width: usize) -> PixelGrid {
        let crs = Crs { wkt: String::new(), name: "test".into(), kind, ellipsoid: Ellipsoid::WGS84 };
        PixelGrid { crs, transform, height, width }
    }

    #[test]
    fn the_world_in_degrees_has_the_area_of_the_ellipsoid() {
        let world =
            grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, Affine::north_up([-180.0, 90.0], [1.0, 1.0]), 180, 360);
        let total = CellAreas::new(&world, &Degrees).unwrap().total();
        assert!((total / 510_065_621_724_089.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_lattice_agrees_with_the_closed_form() {
        // The same small cells once by rows (closed form) and once through the lattice, which a "projected" grid with
        // degrees as coordinates forces.
        let t = Affine::north_up([100.0, 5.0], [0.0001, 0.0001]);
        let rows = grid(CrsKind::Geographic { degrees_per_unit: 1.0 }, t, 300, 200);
        let quads = grid(CrsKind::Projected { metres_per_unit: 111_320.0 }, t, 300, 200);
        let (a, b) = (CellAreas::new(&rows, &Degrees).unwrap(), CellAreas::new(&quads, &Degrees).unwrap());
        for (r, c) in [(0, 0), (63, 64), (150, 77), (299, 199)] {
            assert!((a.at(r, c) / b.at(r, c) - 1.0).abs() < 1e-7, "{} {}", a.at(r, c), b.at(r, c));
        }
        let mut row = [0.0; 5];
        b.fill_row(10, 3, &mut row);
        assert!((row[2] - b.at(10, 5)).abs() < f64::EPSILON);
    }

    #[test]
    fn a_row_filled_is_its_cells_one_by_one() {
        let step = 7;
        let (height, width) = (20usize, 31usize);
        let cols = width.div_ceil(step) + 1;
        let nodes = (height.div_ceil(step) + 1) * cols;
        let areas = (0..nodes).map(|k| 100.0 + (k as f64).sin()).collect();
        let cells = CellAreas { kind: Method::Lattice { step, cols, areas }, height, width };
        for (row, col, len) in [(0, 0, 31), (19, 3, 28), (8, 6, 2), (13, 30, 1), (14, 13, 9)] {
            let mut out = vec![0.0; len];
            cells.fill_row(row, col, &mut out);
            for (k, area) in out.iter().enumerate() {
                assert!((area - cells.at(row, col + k)).abs() < 1e-12, "{row} {col} {k}");
            }
        }
    }
}
