//! Areas of cells tile by tile: from a cubic where the areal scale is smooth, cell by cell elsewhere.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::authalic::Authalic;
use crate::cell_mesh::{BlockAreas, areas_of, block_areas};
use crate::cubic::{Cubic, between_nodes, nodes};
use crate::{Affine, ToLonLat, Window};

/// A tile of at most so many cells a side is not cut further.
const LEAST: usize = 8;
const MOST: usize = 256;
/// Longest side of a tile, by the size of its cells on the map.
const MOST_METRES: f64 = 400_000.0;
/// A tile of such a side is smooth, and the rim of the Earth is looked for at such distances.
const SMOOTH_METRES: f64 = 4000.0;
/// Most cells between two places where the rim of the Earth is looked for.
const STRIDE: f64 = 64.0;
/// How far a cubic may be off half-way between its nodes.
const TOLERANCE: f64 = 2e-8;
/// The same of a small tile, whose cells may be so small that their areas are not known better.
const SMALL_TOLERANCE: f64 = 5e-6;

/// How a grid is cut into tiles. They do not depend on the window that is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiling {
    /// Rows and columns of the grid.
    size: [usize; 2],
    /// Longer side of a cell.
    metres: f64,
    /// Cells along a side of the largest tiles.
    side: usize,
}

/// What a tiling measures with.
pub(crate) struct Measured<'a> {
    pub transform: &'a Affine,
    pub sphere: &'a Authalic,
    pub positions: &'a dyn ToLonLat,
}

impl Tiling {
    pub(crate) fn new(size: [usize; 2], metres: f64) -> Self {
        let fitting = (MOST_METRES / metres).clamp(LEAST as f64, MOST as f64) as usize;
        Self { size, metres, side: 1 << fitting.ilog2() }
    }

    /// Areas of the cells of a window. A tile that several windows touch is looked at once.
    pub(crate) fn areas(&self, window: &Window, measured: &Measured<'_>, seen: &SeenTiles) -> Tiles {
        let mut tiles = Tiles::around(window);
        let mut open = self.cut(window, self.side);
        let mut side = self.side;
        while !open.is_empty() {
            let mut unsettled = Vec::new();
            for (tile, found) in open.iter().zip(seen.look(&open, |tiles| self.look(tiles, measured))) {
                let leaf = match found {
                    Found::Bare => Leaf::Bare,
                    Found::Smooth(cubic) => Leaf::Cubic(cubic),
                    Found::Rough if side <= LEAST => {
                        let part = tile.intersect(window).expect("tiles are those of the window");
                        let areas = block_areas(measured.transform, measured.sphere, &part, 1, measured.positions);
                        Leaf::Cells(part, areas)
                    }
                    Found::Rough => {
                        let part = tile.intersect(window).expect("tiles are those of the window");
                        unsettled.extend(self.cut(&part, side / 2));
                        continue;
                    }
                };
                tiles.settle(*tile, leaf);
            }
            side /= 2;
            open = unsettled;
        }
        tiles
    }

    /// Tiles of a side that touch a part of the grid.
    fn cut(&self, part: &Window, side: usize) -> Vec<Window> {
        let (rows, cols) =
            (part.row / side..part.row_end().div_ceil(side), part.col / side..part.col_end().div_ceil(side));
        let tile = |row: usize, col: usize| {
            let (r, c) = (row * side, col * side);
            Window::new(r, c, side.min(self.size[0] - r), side.min(self.size[1] - c))
        };
        rows.flat_map(|row| cols.clone().map(move |col| tile(row, col))).collect()
    }

    fn look(&self, tiles: &[Window], measured: &Measured<'_>) -> Vec<Found> {
        let looks: Vec<Look> = tiles.iter().map(|tile| Look::new(tile, self.is_small(tile))).collect();
        let cells: Vec<[usize; 2]> = looks.iter().flat_map(|look| look.cells.iter().copied()).collect();
        let mut areas = &areas_of(measured.transform, measured.sphere, &cells, measured.positions)[..];
        let stride = (SMOOTH_METRES / self.metres).clamp(1.0, STRIDE) as usize;
        let outlines: Vec<Vec<[usize; 2]>> = tiles.iter().map(|tile| outline(tile, stride)).collect();
        let mut known = &known(outlines.iter().flatten(), measured)[..];
        let mut found = Vec::with_capacity(tiles.len());
        for ((tile, look), outline) in tiles.iter().zip(&looks).zip(&outlines) {
            let (own_areas, own_known);
            (own_areas, areas) = areas.split_at(look.cells.len());
            (own_known, known) = known.split_at(outline.len());
            found.push(look.settle(tile, own_areas, own_known));
        }
        for (tile, found) in tiles.iter().zip(&mut found) {
            // A strip of the Earth may reach in between.
            let reached = || self::known(outline(tile, 1).iter(), measured).contains(&true);
            if matches!(found, Found::Bare) && stride > 1 && reached() {
                *found = Found::Rough;
            }
        }
        found
    }

    fn is_small(&self, tile: &Window) -> bool {
        tile.height.max(tile.width) as f64 * self.metres <= SMOOTH_METRES
    }
}

/// What is found of a tile.
#[derive(Debug, Clone)]
enum Found {
    /// It has no place on the Earth.
    Bare,
    Smooth(Cubic),
    /// It is partly on the Earth, or no cubic is near enough.
    Rough,
}

/// What was found of tiles that were looked at lately.
#[derive(Debug, Default)]
pub(crate) struct SeenTiles(Mutex<HashMap<Window, Found>>);

/// Tiles of which it is held; each takes some 200 bytes.
const MOST_SEEN: usize = 1 << 14;

impl SeenTiles {
    /// What is found of tiles, by `look` where it is not known.
    fn look(&self, tiles: &[Window], look: impl FnOnce(&[Window]) -> Vec<Found>) -> Vec<Found> {
        let lock = || self.0.lock().expect("nothing panics while it holds the lock");
        let mut found: Vec<Option<Found>> = {
            let seen = lock();
            tiles.iter().map(|tile| seen.get(tile).cloned()).collect()
        };
        let new: Vec<Window> = tiles.iter().zip(&found).filter(|(_, f)| f.is_none()).map(|(tile, _)| *tile).collect();
        if !new.is_empty() {
            let looked = look(&new);
            let mut seen = lock();
            if seen.len() + new.len() > MOST_SEEN {
                seen.clear();
            }
            seen.extend(new.into_iter().zip(looked.iter().cloned()));
            found.iter_mut().filter(|f| f.is_none()).zip(looked).for_each(|(f, looked)| *f = Some(looked));
        }
        found.into_iter().flatten().collect()
    }
}

/// Cells by which a tile is judged: nodes first, then those between them.
struct Look {
    cells: Vec<[usize; 2]>,
    nodes: usize,
    tolerance: f64,
}

impl Look {
    fn new(tile: &Window, is_small: bool) -> Self {
        let all = |rows: Vec<usize>, cols: Vec<usize>| {
            let row = |r: usize| cols.iter().map(move |c| [tile.row + r, tile.col + c]).collect::<Vec<_>>();
            rows.into_iter().flat_map(row).collect::<Vec<[usize; 2]>>()
        };
        let mut cells = all(nodes(tile.height), nodes(tile.width));
        let nodes = cells.len();
        let between = [tile.height, tile.width].map(between_nodes);
        let [rows, cols] = between;
        cells.extend(all(rows, cols));
        Self { cells, nodes, tolerance: if is_small { SMALL_TOLERANCE } else { TOLERANCE } }
    }

    fn settle(&self, tile: &Window, areas: &[f64], known: &[bool]) -> Found {
        if areas.iter().all(|area| *area == 0.0) && !known.contains(&true) {
            return Found::Bare;
        }
        if known.contains(&false) || areas.iter().any(|area| area.is_nan() || *area == 0.0) {
            return Found::Rough;
        }
        let cubic = Cubic::through(tile, &areas[..self.nodes]);
        let near = |([row, col], area): (&[usize; 2], &f64)| (cubic.at(*row, *col) / area - 1.0).abs() < self.tolerance;
        let mut checks = self.cells[self.nodes..].iter().zip(&areas[self.nodes..]);
        if checks.all(near) { Found::Smooth(cubic) } else { Found::Rough }
    }
}

/// Corners of cells along the outline of a tile, each so many cells from the next.
fn outline(tile: &Window, stride: usize) -> Vec<[usize; 2]> {
    let steps = |start: usize, end: usize| (start..end).step_by(stride);
    let (rows, cols) = ((tile.row, tile.row_end()), (tile.col, tile.col_end()));
    let across = steps(cols.0, cols.1).flat_map(|col| [[rows.0, col], [rows.1, col]]);
    let down = steps(rows.0, rows.1).flat_map(|row| [[row, cols.0], [row, cols.1]]);
    across.chain(down).chain([[rows.1, cols.1]]).collect()
}

/// Whether corners of cells have a place on the Earth.
fn known<'a>(corners: impl Iterator<Item = &'a [usize; 2]>, measured: &Measured<'_>) -> Vec<bool> {
    let mut points: Vec<[f64; 2]> =
        corners.map(|[row, col]| measured.transform.apply(*row as f64, *col as f64)).collect();
    measured.positions.to_lonlat_or_nan(&mut points);
    points.iter().map(|p| p[0].is_finite()).collect()
}

/// Areas of the cells of the tiles that touch a window.
#[derive(Debug, Clone)]
pub(crate) struct Tiles {
    /// The window, in units of the smallest tile.
    first: [usize; 2],
    count: [usize; 2],
    /// Which leaf holds each of the smallest tiles.
    places: Vec<u32>,
    leaves: Vec<(Window, Leaf)>,
}

#[derive(Debug, Clone)]
enum Leaf {
    Bare,
    Cubic(Cubic),
    /// Cells one by one, in a part of the grid.
    Cells(Window, BlockAreas),
}

impl Tiles {
    fn around(window: &Window) -> Self {
        let first = [window.row / LEAST, window.col / LEAST];
        let end = [window.row_end(), window.col_end()].map(|k| k.div_ceil(LEAST));
        let count = [0, 1].map(|k| end[k] - first[k]);
        Self { first, count, places: vec![0; count[0] * count[1]], leaves: Vec::new() }
    }

    fn settle(&mut self, tile: Window, leaf: Leaf) {
        let number = self.leaves.len() as u32;
        let range = |start: usize, end: usize, axis: usize| {
            let (first, count) = (self.first[axis], self.count[axis]);
            (start / LEAST).saturating_sub(first)..(end.div_ceil(LEAST) - first).min(count)
        };
        let cols = range(tile.col, tile.col_end(), 1);
        for row in range(tile.row, tile.row_end(), 0) {
            self.places[row * self.count[1]..][cols.clone()].fill(number);
        }
        self.leaves.push((tile, leaf));
    }

    pub(crate) fn fill_row(&self, row: usize, col: usize, out: &mut [f64]) {
        let places = &self.places[(row / LEAST - self.first[0]) * self.count[1]..][..self.count[1]];
        let mut k = 0;
        while k < out.len() {
            let at = col + k;
            let (tile, leaf) = &self.leaves[places[at / LEAST - self.first[1]] as usize];
            let len = (tile.col_end() - at).min(out.len() - k);
            let part = &mut out[k..k + len];
            match leaf {
                Leaf::Bare => part.fill(0.0),
                Leaf::Cubic(cubic) => cubic.fill_row(row, at, part),
                Leaf::Cells(window, found) => {
                    let start = (row - window.row) * window.width + at - window.col;
                    part.copy_from_slice(&found.areas[start..start + len]);
                }
            }
            k += len;
        }
    }

    /// True when a cell may have no place on the Earth.
    pub(crate) fn may_leave_the_earth(&self) -> bool {
        self.leaves.iter().any(|(_, leaf)| match leaf {
            Leaf::Bare => true,
            Leaf::Cubic(_) => false,
            Leaf::Cells(_, found) => found.areas.contains(&0.0),
        })
    }

    /// Parts of the grid whose cells were measured one by one.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = (&Window, &BlockAreas)> {
        self.leaves.iter().filter_map(|(_, leaf)| match leaf {
            Leaf::Cells(window, found) => Some((window, found)),
            Leaf::Bare | Leaf::Cubic(_) => None,
        })
    }
}
