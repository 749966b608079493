//! A raster of amounts on its own grid, spread over the cells of the map.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_grid::{Extremes, PixelGrid, PixelState, Scaling, Window, blocks};
use areal_raster::{Projection, RasterError, RasterFile, same_crs};
use geo::{Coord, LineString, MultiPolygon, Polygon};

use crate::longitude::turns_into;
use crate::place::turn_columns;
use crate::walker::Walker;
use crate::{WindowWeights, ZoneShape, ZonesError};

/// Cells of the weights raster that are read at a time.
const BLOCK: usize = 1024;
/// Part of a cell that is nothing but rounding.
const ROUNDING: f64 = 1e-9;
/// A cell so many times as large on the map as others may be torn apart there.
const LARGE: f64 = 2.0;
/// Longest way, in diagonals, from the middle of the corners of a whole cell to its middle.
const WHOLE: f64 = 0.3;
/// How far within a cell its corners are taken where they may lie on the cut of a map, in cells.
const WITHIN: f64 = 1e-7;
/// Cells without a place on the map that are noted.
const MOST_DROPPED: usize = 1 << 20;
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
    /// 360 degrees in columns of the raster, where they are longitudes, and in columns of the map.
    turn: Option<f64>,
    map_turn: Option<f64>,
    /// Amounts in cells that have no place on the map's CRS: it ends there, or is torn. By row and column.
    pub(crate) dropped: BTreeMap<[usize; 2], f64>,
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
        let (turn, map_turn) = (turn_columns(file.grid())?, turn_columns(map)?);
        Ok(Self {
            path: path.to_path_buf(),
            file,
            scaling,
            seen: Extremes::default(),
            map: map.clone(),
            projections,
            turn,
            map_turn,
            dropped: BTreeMap::new(),
        })
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
        for around in self.around(window) {
            for block in blocks(around.height, around.width, BLOCK, BLOCK) {
                let part = Window::new(around.row + block.row, around.col + block.col, block.height, block.width);
                self.spread(&part, window, &mut weights)?;
            }
        }
        for known in &mut weights.known {
            // Neighbours are rounded apart, and a map cell that is covered but for rounding is covered.
            *known = if *known > 1.0 - ROUNDING { 1.0 } else { *known };
        }
        Ok(weights)
    }

    /// Cells of the weights raster that may touch a window of the map: in one piece, or where longitudes begin anew in several.
    fn around(&self, window: &Window) -> Vec<Window> {
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
            back.apply_each(&mut outline, |_, _, _| ());
        }
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let on_earth = outline.iter().filter(|p| p[0].is_finite() && p[1].is_finite());
        for p in on_earth.filter_map(|p| grid.transform.invert(*p)) {
            low = [low[0].min(p.0), low[1].min(p.1)];
            high = [high[0].max(p.0), high[1].max(p.1)];
        }
        if low[0] > high[0] {
            return Vec::new();
        }
        // Between the points an edge may bulge by a part of their distance.
        let slack = |k: usize| 2.0 + (high[k] - low[k]) / OUTLINE_POINTS as f64;
        let range = |k: usize, size: usize| {
            let from = (low[k] - slack(k)).floor().clamp(0.0, size as f64) as usize;
            let to = (high[k] + slack(k)).ceil().clamp(0.0, size as f64) as usize;
            (from, to)
        };
        let (r0, r1) = range(0, grid.height);
        let (west, east) = (low[1] - slack(1), high[1] + slack(1));
        let turn = self.turn.unwrap_or(f64::INFINITY);
        let columns = turns_into(west, east, 0.0, grid.width as f64, turn).into_iter().map(|shift| {
            let at = |x: f64| (x + shift).clamp(0.0, grid.width as f64);
            (at(west).floor() as usize, at(east).ceil() as usize)
        });
        // Pieces that touch are one: no cell is taken twice.
        let mut pieces: Vec<(usize, usize)> = Vec::new();
        for (c0, c1) in columns.filter(|(c0, c1)| c0 < c1) {
            match pieces.last_mut().filter(|last| c0 <= last.1 && last.0 <= c1) {
                Some(last) => *last = (last.0.min(c0), last.1.max(c1)),
                None => pieces.push((c0, c1)),
            }
        }
        pieces.into_iter().filter(|_| r0 < r1).map(|(c0, c1)| Window::new(r0, c0, r1 - r0, c1 - c0)).collect()
    }

    fn spread(&mut self, part: &Window, window: &Window, weights: &mut WindowWeights) -> Result<(), ZonesError> {
        let (pixels, states) = self.file.read_band(1, part)?;
        pixels.seen(&states, &mut self.seen);
        let corners = self.corners(part);
        let large = self.large_cells(part, &corners);
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
            let whole = large.get(&k).copied().unwrap_or_else(|| Some(self.quad(part, &corners, k)));
            let quad = whole.unwrap_or([[f64::NAN; 2]; 4]);
            let ring: LineString<f64> = quad.iter().chain([&quad[0]]).map(|[x, y]| Coord { x: *x, y: *y }).collect();
            let shape = ZoneShape::new(&MultiPolygon::new(vec![Polygon::new(ring, Vec::new())]));
            let density = amount / shape.area();
            if !density.is_finite() {
                if amount > 0.0 && self.dropped.len() < MOST_DROPPED {
                    self.dropped.insert([part.row + row, part.col + col], amount);
                }
                continue;
            }
            let shape = self.with_copies(shape);
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

    /// Corners of one cell of `part`, by its number, in pixel coordinates of the map. Where columns are longitudes they lie side
    /// by side, if need be beyond the map.
    fn quad(&self, part: &Window, corners: &[[f64; 2]], k: usize) -> [[f64; 2]; 4] {
        let (row, col) = (k / part.width, k % part.width);
        let at = |r: usize, c: usize| corners[(row + r) * (part.width + 1) + col + c];
        let mut quad = [at(0, 0), at(0, 1), at(1, 1), at(1, 0)];
        if let Some(turn) = self.map_turn {
            for j in 1..4 {
                quad[j][0] += ((quad[0][0] - quad[j][0]) / turn).round() * turn;
            }
        }
        quad
    }

    /// A cell at all places that the map has for it.
    fn with_copies(&self, shape: ZoneShape) -> ZoneShape {
        let (Some(turn), Some([x0, _, x1, _])) = (self.map_turn, shape.extent()) else { return shape };
        match turns_into(x0, x1, 0.0, self.map.width as f64, turn)[..] {
            [0.0] => shape,
            [] => ZoneShape::default(),
            ref shifts => shape.with_copies(shifts),
        }
    }

    /// Cells of `part` by their numbers that are much larger on the map than others: the map's CRS may tear them apart, and then
    /// their middle lies far from the middle of their corners. Each with its corners, taken a little within it so that those on
    /// the cut itself lie on the cell's own side; with none where it is torn.
    fn large_cells(&self, part: &Window, corners: &[[f64; 2]]) -> HashMap<usize, Option<[[f64; 2]; 4]>> {
        let Some((forth, _)) = self.projections.as_ref().filter(|_| self.map_turn.is_none()) else {
            return HashMap::new();
        };
        let diagonals: Vec<f64> = (0..part.len()).map(|k| diagonal(&self.quad(part, corners, k))).collect();
        let mut sizes: Vec<f64> = diagonals.iter().copied().filter(|d| d.is_finite()).collect();
        if sizes.is_empty() {
            return HashMap::new();
        }
        let middle = sizes.len() / 2;
        let usual = *sizes.select_nth_unstable_by(middle, f64::total_cmp).1;
        let large: Vec<usize> = (0..part.len()).filter(|k| diagonals[*k] > LARGE * usual).collect();
        let transform = self.file.grid().transform;
        let places = |k: &usize| {
            let (row, col) = ((part.row + k / part.width) as f64, (part.col + k % part.width) as f64);
            let (low, high) = (WITHIN, 1.0 - WITHIN);
            [[low, low], [low, high], [high, high], [high, low], [0.5, 0.5]]
                .map(|d| transform.apply(row + d[0], col + d[1]))
        };
        let mut places: Vec<[f64; 2]> = large.iter().flat_map(places).collect();
        forth.apply_each(&mut places, |_, _, _| ());
        let settle = |(k, places): (usize, &[[f64; 2]; 5])| {
            let [a, b, c, d, centre] = places.map(|p| self.to_pixel(p));
            let quad = [a, b, c, d];
            let mean = [0, 1].map(|axis| quad.iter().map(|p| p[axis]).sum::<f64>() / 4.0);
            let whole = (centre[0] - mean[0]).hypot(centre[1] - mean[1]) <= WHOLE * diagonal(&quad);
            (k, whole.then_some(quad))
        };
        large.into_iter().zip(places.as_chunks().0).map(settle).collect()
    }

    fn to_pixel(&self, point: [f64; 2]) -> [f64; 2] {
        self.map.transform.invert(point).map_or([f64::NAN; 2], |(row, col)| [col, row])
    }

    /// Corners of the cells of `part` in pixel coordinates of the map, `(height + 1) x (width + 1)`; `NaN` where the map's CRS has
    /// no place for one.
    fn corners(&self, part: &Window) -> Vec<[f64; 2]> {
        let grid = self.file.grid();
        let mut corners = Vec::with_capacity((part.height + 1) * (part.width + 1));
        for row in part.row..=part.row_end() {
            corners.extend((part.col..=part.col_end()).map(|col| grid.transform.apply(row as f64, col as f64)));
        }
        if let Some((forth, _)) = &self.projections {
            forth.apply_each(&mut corners, |_, _, _| ());
        }
        corners.into_iter().map(|p| self.to_pixel(p)).collect()
    }
}

/// The longer diagonal of a quadrilateral.
fn diagonal([a, b, c, d]: &[[f64; 2]; 4]) -> f64 {
    (a[0] - c[0]).hypot(a[1] - c[1]).max((b[0] - d[0]).hypot(b[1] - d[1]))
}
