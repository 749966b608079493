//! True areas of the cells of one window.

use std::collections::HashMap;

use crate::Window;
use crate::cell_mesh::BlockAreas;

/// True areas of the cells of one window of a grid, in square metres; 0 for a cell that has no place on the Earth.
#[derive(Debug, Clone)]
pub struct WindowAreas {
    window: Window,
    kind: Kind,
    scale: f64,
}

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    /// One area for each row of the window.
    Rows(Vec<f64>),
    /// Each cell, `[row, col]` of the window.
    Cells(BlockAreas),
    Lattice(Lattice),
}

impl WindowAreas {
    pub(crate) fn new(window: Window, kind: Kind, scale: f64) -> Self {
        Self { window, kind, scale }
    }

    /// Area of one cell of the window, by its row and column in the grid.
    pub fn at(&self, row: usize, col: usize) -> f64 {
        let mut area = [0.0];
        self.fill_row(row, col, &mut area);
        area[0]
    }

    /// Writes the areas of cells `col..col + out.len()` of one row into `out`; row and column are those of the grid, in
    /// the window.
    pub fn fill_row(&self, row: usize, col: usize, out: &mut [f64]) {
        let k = row - self.window.row;
        match &self.kind {
            Kind::Rows(areas) => out.fill(areas[k]),
            Kind::Cells(BlockAreas { areas, .. }) => {
                let start = k * self.window.width + col - self.window.col;
                out.copy_from_slice(&areas[start..start + out.len()]);
            }
            Kind::Lattice(lattice) => lattice.fill_row(row, col, out),
        }
        if self.scale != 1.0 {
            for area in out {
                *area *= self.scale;
            }
        }
    }

    /// True when a cell of the window may have no place on the Earth.
    pub fn may_leave_the_earth(&self) -> bool {
        match &self.kind {
            Kind::Rows(areas) | Kind::Cells(BlockAreas { areas, .. }) => areas.contains(&0.0),
            Kind::Lattice(lattice) => lattice.nodes.contains(&0.0),
        }
    }

    /// Cells that are only partly on the Earth, by row and column in the grid, and which share of them is.
    pub fn rim(&self) -> Vec<([usize; 2], f64)> {
        let in_grid = |window: &Window, rim: &[(usize, f64)]| -> Vec<([usize; 2], f64)> {
            let at = |k: usize| [window.row + k / window.width, window.col + k % window.width];
            rim.iter().map(|(k, share)| (at(*k), *share)).collect()
        };
        match &self.kind {
            Kind::Rows(_) => Vec::new(),
            Kind::Cells(found) => in_grid(&self.window, &found.rim),
            Kind::Lattice(lattice) => {
                lattice.tiles.values().flat_map(|(part, found)| in_grid(part, &found.rim)).collect()
            }
        }
    }

    /// Area of all cells together, in square metres.
    pub fn total(&self) -> f64 {
        let mut row = vec![0.0; self.window.width];
        (self.window.row..self.window.row_end())
            .map(|r| {
                self.fill_row(r, self.window.col, &mut row);
                row.iter().sum::<f64>()
            })
            .sum()
    }
}

/// Areas at the nodes of a lattice around a window. Nodes lie on every `step`-th cell of the grid and on the last one, so
/// that they do not depend on the window.
#[derive(Debug, Clone)]
pub(crate) struct Lattice {
    step: usize,
    /// Rows and columns of the grid.
    size: [usize; 2],
    /// First node in each direction, and how many there are.
    first: [usize; 2],
    count: [usize; 2],
    nodes: Vec<f64>,
    /// Cells one by one, `[row, col]`, in tiles at the rim of the projection.
    tiles: HashMap<[usize; 2], (Window, BlockAreas)>,
}

impl Lattice {
    pub(crate) fn around(window: &Window, step: usize, size: [usize; 2]) -> Self {
        let first = [window.row / step, window.col / step];
        let last = [window.row_end() - 1, window.col_end() - 1].map(|k| k / step + 1);
        let count = [0, 1].map(|k| last[k] - first[k] + 1);
        Self { step, size, first, count, nodes: Vec::new(), tiles: HashMap::new() }
    }

    /// The cells at its nodes, row by row.
    pub(crate) fn node_cells(&self) -> Vec<[usize; 2]> {
        let cell = |k: usize, axis: usize| ((self.first[axis] + k) * self.step).min(self.size[axis] - 1);
        (0..self.count[0]).flat_map(|i| (0..self.count[1]).map(move |j| [cell(i, 0), cell(j, 1)])).collect()
    }

    /// Takes the areas at the nodes, in the order of their cells.
    pub(crate) fn fill(&mut self, areas: Vec<f64>) {
        self.nodes = areas;
    }

    /// Tiles between nodes some of which have a place on the Earth, and some none.
    pub(crate) fn mixed_tiles(&self) -> Vec<Window> {
        let mut mixed = Vec::new();
        for i in 0..self.count[0] - 1 {
            for j in 0..self.count[1] - 1 {
                let corners = self.corners(i, j);
                if corners.contains(&0.0) && corners != [0.0; 4] {
                    let [row, col] = [i + self.first[0], j + self.first[1]].map(|k| k * self.step);
                    let end = |k: usize, axis: usize| (k + self.step).min(self.size[axis]) - k;
                    mixed.push(Window::new(row, col, end(row, 0), end(col, 1)));
                }
            }
        }
        mixed
    }

    /// Takes the areas of a part of a tile, cell by cell.
    pub(crate) fn settle(&mut self, part: Window, areas: BlockAreas) {
        self.tiles.insert([part.row / self.step, part.col / self.step], (part, areas));
    }

    fn corners(&self, i: usize, j: usize) -> [f64; 4] {
        let at = |i: usize, j: usize| self.nodes[i * self.count[1] + j];
        [at(i, j), at(i, j + 1), at(i + 1, j), at(i + 1, j + 1)]
    }

    fn fill_row(&self, row: usize, col: usize, out: &mut [f64]) {
        let (i, u) = self.place(row, 0);
        // Within a tile areas are linear.
        let mut k = 0;
        while k < out.len() {
            let j = (col + k) / self.step;
            let last = ((j + 1) * self.step).min(self.size[1]) - 1;
            let len = (last + 1).saturating_sub(col + k).clamp(1, out.len() - k);
            let part = &mut out[k..k + len];
            if !self.tiles.is_empty()
                && let Some((window, BlockAreas { areas, .. })) = self.tiles.get(&[i, j])
            {
                let start = (row - window.row) * window.width + col + k - window.col;
                part.copy_from_slice(&areas[start..start + len]);
            } else {
                let [a, b, c, d] = self.corners(i - self.first[0], j - self.first[1]);
                let (left, right) = (a * (1.0 - u) + c * u, b * (1.0 - u) + d * u);
                let at = |col: usize| {
                    let v = self.place(col, 1).1;
                    left * (1.0 - v) + right * v
                };
                let first = at(col + k);
                let slope = if len > 1 { (at(col + k + len - 1) - first) / (len - 1) as f64 } else { 0.0 };
                for (m, area) in part.iter_mut().enumerate() {
                    *area = first + m as f64 * slope;
                }
            }
            k += len;
        }
    }

    /// Tile that holds row or column `k` of the grid, and how far along it the cell lies.
    fn place(&self, k: usize, axis: usize) -> (usize, f64) {
        let i = k / self.step;
        let (start, end) = (i * self.step, ((i + 1) * self.step).min(self.size[axis] - 1));
        (i, if end > start { (k - start) as f64 / (end - start) as f64 } else { 0.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_filled_is_its_cells_one_by_one() {
        let size = [20usize, 31];
        let window = Window::new(0, 0, size[0], size[1]);
        let mut lattice = Lattice::around(&window, 7, size);
        lattice.fill((0..lattice.node_cells().len()).map(|k| 100.0 + (k as f64).sin()).collect());
        let cells = WindowAreas::new(window, Kind::Lattice(lattice), 1.0);
        for (row, col, len) in [(0, 0, 31), (19, 3, 28), (8, 6, 2), (13, 30, 1), (14, 13, 9)] {
            let mut out = vec![0.0; len];
            cells.fill_row(row, col, &mut out);
            for (k, area) in out.iter().enumerate() {
                assert!((area - cells.at(row, col + k)).abs() < 1e-12, "{row} {col} {k}");
            }
        }
    }

    #[test]
    fn nodes_do_not_depend_on_the_window() {
        let size = [100usize, 90];
        let area = |cell: [usize; 2]| (cell[0] * 1000 + cell[1]) as f64;
        let of = |window: Window| {
            let mut lattice = Lattice::around(&window, 8, size);
            lattice.fill(lattice.node_cells().into_iter().map(area).collect());
            WindowAreas::new(window, Kind::Lattice(lattice), 1.0)
        };
        let (whole, part) = (of(Window::new(0, 0, 100, 90)), of(Window::new(37, 83, 63, 7)));
        for (row, col) in [(37, 83), (99, 89), (64, 88)] {
            assert_eq!(whole.at(row, col), part.at(row, col));
        }
    }
}
