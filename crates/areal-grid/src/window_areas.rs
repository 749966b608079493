//! True areas of the cells of one window.

use crate::Window;
use crate::cell_mesh::BlockAreas;
use crate::tiling::Tiles;

/// True areas of the cells of one window of a grid, in square metres; 0 for a cell that has no place on the Earth.
#[derive(Debug, Clone)]
pub struct WindowAreas {
    window: Window,
    kind: AreaSource,
    scale: f64,
}

#[derive(Debug, Clone)]
pub(crate) enum AreaSource {
    /// One area for each row of the window.
    Rows(Vec<f64>),
    /// Each cell, `[row, col]` of the window.
    Cells(BlockAreas),
    Tiles(Tiles),
}

impl WindowAreas {
    pub(crate) fn new(window: Window, kind: AreaSource, scale: f64) -> Self {
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
            AreaSource::Rows(areas) => out.fill(areas[k]),
            AreaSource::Cells(BlockAreas { areas, .. }) => {
                let start = k * self.window.width + col - self.window.col;
                out.copy_from_slice(&areas[start..start + out.len()]);
            }
            AreaSource::Tiles(tiles) => tiles.fill_row(row, col, out),
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
            AreaSource::Rows(areas) | AreaSource::Cells(BlockAreas { areas, .. }) => areas.contains(&0.0),
            AreaSource::Tiles(tiles) => tiles.may_leave_the_earth(),
        }
    }

    /// Cells that are only partly on the Earth, by row and column in the grid, and which share of them is.
    pub fn rim(&self) -> Vec<([usize; 2], f64)> {
        let in_grid = |window: &Window, rim: &[(usize, f64)]| -> Vec<([usize; 2], f64)> {
            let at = |k: usize| [window.row + k / window.width, window.col + k % window.width];
            rim.iter().map(|(k, share)| (at(*k), *share)).collect()
        };
        match &self.kind {
            AreaSource::Rows(_) => Vec::new(),
            AreaSource::Cells(found) => in_grid(&self.window, &found.rim),
            AreaSource::Tiles(tiles) => tiles.blocks().flat_map(|(part, found)| in_grid(part, &found.rim)).collect(),
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
