//! A raster of amounts on its own grid, spread over the cells of the map.

use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_grid::{Extremes, PixelGrid, PixelState, Scaling, Window, blocks};
use areal_raster::{Projection, RasterError, RasterFile, same_crs};
use geo::{LineString, MultiPolygon, Polygon};

use crate::walker::Walker;
use crate::{WindowWeights, ZoneShape, ZonesError};

/// Cells of the weights raster that are read at a time.
const BLOCK: usize = 1024;
/// Part of a cell that is nothing but rounding.
const ROUNDING: f64 = 1e-9;
/// Points per side of a window's outline, when it is looked up in the weights raster.
const OUTLINE_POINTS: usize = 16;

/// Spreads the amounts of a raster (people per cell, say) over the cells of a map on another grid.
///
/// Each cell of the weights raster is taken as a quadrilateral with its amount spread evenly over it; each cell of the
/// map gets the exact share of it that it covers. Nothing is resampled: the amounts on the map add up to those of the
/// raster, whatever the two resolutions, alignments and CRS. A cell that is not observed holds nothing, and what it
/// covers of the map is not known.
pub(crate) struct WeightReader {
    path: PathBuf,
    file: RasterFile,
    /// What its stored numbers mean.
    scaling: Scaling,
    /// Extremes of its amounts, as stored.
    pub(crate) seen: Extremes,
    map: PixelGrid,
    /// From the weights' CRS to the map's and back, where they differ.
    projections: Option<(Projection, Projection)>,
}

impl WeightReader {
    pub(crate) fn open(path: &Path, nodata: Option<f64>, map: &PixelGrid) -> Result<Self, ZonesError> {
        let mut reading = SceneSettings::new("weights", vec![path.to_path_buf()]);
        reading.nodata = nodata;
        let file = RasterFile::open_as(&reading).map_err(RasterError::as_it_is)?;
        if file.bands().len() > 1 {
            return Err(ZonesError::WeightBands { path: path.to_path_buf(), bands: file.bands().len() });
        }
        let scaling = file.bands().first().map(|band| band.scaling).unwrap_or_default();
        let (from, to) = (&file.grid().crs, &map.crs);
        let projections =
            if same_crs(from, to) { None } else { Some((Projection::new(from, to)?, Projection::new(to, from)?)) };
        Ok(Self { path: path.to_path_buf(), file, scaling, seen: Extremes::default(), map: map.clone(), projections })
    }

    /// Says once how the stored numbers are read.
    pub(crate) fn say(&self) {
        if self.scaling != Scaling::default() {
            tracing::info!(
                "{}: weights are the stored numbers {}, as the file says",
                self.path.display(),
                self.scaling
            );
        }
    }

    /// Amounts on a window of the map.
    pub(crate) fn read(&mut self, window: &Window) -> Result<WindowWeights, ZonesError> {
        let mut weights = WindowWeights { amounts: vec![0.0; window.len()], known: vec![0.0; window.len()] };
        let Some(around) = self.around(window)? else {
            return Ok(weights);
        };
        for block in blocks(around.height, around.width, BLOCK, BLOCK) {
            let part = Window::new(around.row + block.row, around.col + block.col, block.height, block.width);
            self.spread(&part, window, &mut weights)?;
        }
        for known in &mut weights.known {
            // Neighbours are rounded apart, and a map cell that is covered but for rounding is covered.
            *known = if *known > 1.0 - ROUNDING { 1.0 } else { *known };
        }
        Ok(weights)
    }

    /// Cells of the weights raster that may touch a window of the map.
    fn around(&self, window: &Window) -> Result<Option<Window>, ZonesError> {
        let grid = self.file.grid();
        let mut outline = Vec::with_capacity(OUTLINE_POINTS * OUTLINE_POINTS);
        // Inner points too: a window that holds a pole reaches further than its outline.
        for i in 0..=OUTLINE_POINTS {
            for j in 0..=OUTLINE_POINTS {
                let at = |k: usize, start: usize, size: usize| start as f64 + (k * size) as f64 / OUTLINE_POINTS as f64;
                outline
                    .push(self.map.transform.apply(at(i, window.row, window.height), at(j, window.col, window.width)));
            }
        }
        if let Some((_, back)) = &self.projections {
            back.apply(&mut outline)?;
        }
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for p in outline.iter().filter_map(|p| grid.transform.invert(*p)) {
            low = [low[0].min(p.0), low[1].min(p.1)];
            high = [high[0].max(p.0), high[1].max(p.1)];
        }
        // Between the points an edge may bulge by a part of their distance.
        let slack = |k: usize| 2.0 + (high[k] - low[k]) / OUTLINE_POINTS as f64;
        let range = |k: usize, size: usize| {
            let from = (low[k] - slack(k)).floor().clamp(0.0, size as f64) as usize;
            let to = (high[k] + slack(k)).ceil().clamp(0.0, size as f64) as usize;
            (from, to)
        };
        let ((r0, r1), (c0, c1)) = (range(0, grid.height), range(1, grid.width));
        Ok((r0 < r1 && c0 < c1).then(|| Window::new(r0, c0, r1 - r0, c1 - c0)))
    }

    fn spread(&mut self, part: &Window, window: &Window, weights: &mut WindowWeights) -> Result<(), ZonesError> {
        let (pixels, states) = self.file.read_band(1, part)?;
        pixels.seen(&states, &mut self.seen);
        let corners = self.corners(part)?;
        let mut walker = Walker::new(*window);
        let mut spans = Vec::new();
        for (k, state) in states.iter().enumerate() {
            let amount = self.scaling.apply(pixels.get(k));
            if *state != PixelState::Observed {
                continue;
            }
            let (row, col) = (k / part.width, k % part.width);
            if amount < 0.0 {
                let (path, row, col) = (self.path.clone(), part.row + row, part.col + col);
                return Err(ZonesError::NegativeWeight { path, row, col, value: amount });
            }
            let at = |r: usize, c: usize| corners[(row + r) * (part.width + 1) + col + c];
            let ring: LineString<f64> = vec![at(0, 0), at(0, 1), at(1, 1), at(1, 0), at(0, 0)].into();
            let shape = ZoneShape::new(&MultiPolygon::new(vec![Polygon::new(ring, Vec::new())]));
            let density = amount / shape.area();
            if !density.is_finite() {
                continue;
            }
            walker.shape(&shape);
            walker.sweep(0, &mut spans);
            for (row, span) in spans.drain(..) {
                let at = row as usize * window.width + span.col as usize - window.col;
                let cells = at..at + span.len as usize;
                weights.amounts[cells.clone()].iter_mut().for_each(|cell| *cell += density * span.coverage);
                weights.known[cells].iter_mut().for_each(|cell| *cell += span.coverage);
            }
        }
        Ok(())
    }

    /// Corners of the cells of `part` in pixel coordinates of the map, `(height + 1) x (width + 1)`.
    fn corners(&self, part: &Window) -> Result<Vec<[f64; 2]>, ZonesError> {
        let grid = self.file.grid();
        let mut corners = Vec::with_capacity((part.height + 1) * (part.width + 1));
        for row in part.row..=part.row_end() {
            corners.extend((part.col..=part.col_end()).map(|col| grid.transform.apply(row as f64, col as f64)));
        }
        if let Some((forth, _)) = &self.projections {
            forth.apply(&mut corners)?;
        }
        let to_pixel = |p: &[f64; 2]| self.map.transform.invert(*p).map_or([f64::NAN; 2], |(row, col)| [col, row]);
        Ok(corners.iter().map(to_pixel).collect())
    }
}
