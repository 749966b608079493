//! Positions of a target grid's pixels in a file of another CRS, interpolated within a tolerance.

use areal_grid::{Affine, Crs, PixelGrid, Window};
use gdal::Dataset;

use crate::pixel_map::PixelMap;
use crate::srs::same_crs;
use crate::{FileFacts, Projection, RasterError};

/// Interpolated positions may be off by this share of a file's pixel.
const TOLERANCE: f64 = 0.01;

/// Points along each side of the lattice by which a raster's extent is followed.
const SAMPLES: usize = 21;

/// Where in a file the centres of a grid's pixels lie.
///
/// Exact positions cost a call to the projection library each. They are computed on a lattice and interpolated between
/// its nodes; `step` pixels lie between nodes, few enough that the error is below a hundredth of a pixel. The lattice is
/// fixed to the grid, not to the window asked for, so that a window read in parts is the window read at once.
#[derive(Debug)]
pub(crate) struct Positions {
    target: Affine,
    /// From the grid's CRS to the file's; none where they are the same.
    projection: Option<Projection>,
    map: PixelMap,
    step: usize,
}

impl Positions {
    /// Positions of the pixels of `grid` in a file, `step` as [`Positions::choose_step`] found it.
    pub(crate) fn new(
        facts: &FileFacts,
        dataset: &Dataset,
        crs: &Crs,
        target: Affine,
        step: usize,
    ) -> Result<Self, RasterError> {
        let own = facts.crs.as_ref().ok_or_else(|| RasterError::NoCrs { path: facts.path.clone() })?;
        let projection = if same_crs(crs, own) { None } else { Some(Projection::new(crs, own)?) };
        Ok(Self { target, projection, map: PixelMap::new(facts, dataset)?, step })
    }

    /// Exact positions, in place: from `[col, row]` of the grid to `[col, row]` of the file; `NaN` where there is none.
    fn exact(&self, points: &mut [[f64; 2]]) {
        for p in points.iter_mut() {
            *p = self.target.apply(p[1], p[0]);
        }
        if let Some(projection) = &self.projection {
            projection.apply_each(points, |_, _, _| ());
        }
        self.map.to_pixel(points);
    }

    /// Sets the largest step, up to 64 pixels, whose interpolation is good enough all over the grid.
    pub(crate) fn choose_step(&mut self, grid: &PixelGrid) -> usize {
        self.step = [64usize, 32, 16, 8, 4, 2].into_iter().find(|step| self.good(grid, *step)).unwrap_or(1);
        self.step
    }

    fn good(&self, grid: &PixelGrid, step: usize) -> bool {
        const CELLS: usize = 7;
        let s = step as f64;
        let at = |size: usize, k: usize| (size as f64 - s).max(0.0) * k as f64 / (CELLS - 1) as f64;
        (0..CELLS * CELLS).all(|k| {
            let (row, col) = (at(grid.height, k / CELLS), at(grid.width, k % CELLS));
            let mut points =
                [[0.0, 0.0], [s, 0.0], [0.0, s], [s, s], [s / 2.0, s / 2.0]].map(|[c, r]| [col + c, row + r]);
            self.exact(&mut points);
            let [a, b, c, d, middle] = points;
            (0..2).all(|i| {
                let error = ((a[i] + b[i] + c[i] + d[i]) / 4.0 - middle[i]).abs();
                // Where there is no position, none is interpolated.
                error.is_nan() || error <= TOLERANCE
            })
        })
    }

    /// How many columns and rows of the file one pixel of the grid covers, around a pixel position of the grid.
    pub(crate) fn scale(&self, col: f64, row: f64) -> Option<[f64; 2]> {
        let mut points = [[col, row], [col + 1.0, row], [col, row + 1.0]];
        self.exact(&mut points);
        let [at, right, down] = points;
        let scale = [0, 1].map(|i| (right[i] - at[i]).hypot(down[i] - at[i]));
        scale.iter().all(|s| s.is_finite()).then_some(scale)
    }

    /// Positions `[col, row]` in the file of all pixel centres of a window, row by row; `NaN` where there is none.
    pub(crate) fn of(&self, window: &Window) -> Vec<[f64; 2]> {
        let step = self.step;
        let (first_row, first_col) = (window.row / step, window.col / step);
        let (rows, cols) =
            (window.row_end().div_ceil(step) - first_row + 1, window.col_end().div_ceil(step) - first_col + 1);
        let centre = |node: usize| (node * step) as f64 + 0.5;
        let mut nodes: Vec<[f64; 2]> =
            (0..rows * cols).map(|k| [centre(first_col + k % cols), centre(first_row + k / cols)]).collect();
        self.exact(&mut nodes);
        let mut positions = Vec::with_capacity(window.len());
        for row in window.row..window.row_end() {
            let (i, u) = (row / step - first_row, (row % step) as f64 / step as f64);
            for col in window.col..window.col_end() {
                let (j, v) = (col / step - first_col, (col % step) as f64 / step as f64);
                let k = i * cols + j;
                positions.push(interpolate([nodes[k], nodes[k + 1], nodes[k + cols], nodes[k + cols + 1]], u, v));
            }
        }
        self.repair(window, &mut positions);
        positions
    }

    /// Asks for exact positions where a node has none: near the border of a projection's domain.
    fn repair(&self, window: &Window, positions: &mut [[f64; 2]]) {
        let missing: Vec<usize> = (0..positions.len()).filter(|k| positions[*k][0].is_nan()).collect();
        let mut points: Vec<[f64; 2]> = missing
            .iter()
            .map(|k| [(window.col + k % window.width) as f64 + 0.5, (window.row + k / window.width) as f64 + 0.5])
            .collect();
        if !points.is_empty() {
            self.exact(&mut points);
        }
        missing.into_iter().zip(points).for_each(|(k, point)| positions[k] = point);
    }
}

/// Bilinear interpolation. A weight of 0 takes no part, so that positions on nodes are exact.
fn interpolate([a, b, c, d]: [[f64; 2]; 4], u: f64, v: f64) -> [f64; 2] {
    let mix = |p: f64, q: f64, t: f64| if t == 0.0 { p } else { p + (q - p) * t };
    [0, 1].map(|i| mix(mix(a[i], b[i], v), mix(c[i], d[i], v), u))
}

/// Positions in `crs` of a lattice of points over a file, borders included; points without a position are left out.
pub(crate) fn outline(facts: &FileFacts, dataset: &Dataset, crs: &Crs) -> Result<Vec<[f64; 2]>, RasterError> {
    let own = facts.crs.as_ref().ok_or_else(|| RasterError::NoCrs { path: facts.path.clone() })?;
    let share = |k: usize| k as f64 / (SAMPLES - 1) as f64;
    let mut points: Vec<[f64; 2]> = (0..SAMPLES * SAMPLES)
        .map(|k| [share(k % SAMPLES) * facts.width as f64, share(k / SAMPLES) * facts.height as f64])
        .collect();
    PixelMap::new(facts, dataset)?.to_map(&mut points);
    if !same_crs(own, crs) {
        let mut fault = None;
        Projection::new(own, crs)?.apply_each(&mut points, |_, at, reason| {
            fault.get_or_insert_with(|| areal_grid::ProjectionError { x: at[0], y: at[1], reason: reason.to_owned() });
        });
        points.retain(|p| p[0].is_finite());
        if let (true, Some(source)) = (points.is_empty(), fault) {
            return Err(RasterError::Projection { path: facts.path.clone(), source });
        }
    }
    points.retain(|p| p[0].is_finite() && p[1].is_finite());
    Ok(points)
}
