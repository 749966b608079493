//! The order in which dense mode reads and computes: panels, strips, chunks, and their memory.

use std::ops::Range;

use areal_grid::{PatchLayout, Window};
use areal_model::{DenseInference, DensePart};

use crate::chunk_layout::{CellBytes, OrderInput, chunk_size};
use crate::{MemoryPart, PredictError};

/// Rows of pixels that a strip spans at least where the cells' memory allows it.
const STRIP_ROWS: usize = 512;

/// Bytes of what is known of the pixels of a cell.
const TALLY_BYTES: u64 = 16;

/// Columns of cells that are predicted together, over all rows of the scene.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panel {
    pub cells: Range<usize>,
    /// The patches that cover them; those on the left cover cells of the panel before too.
    pub patches: Range<usize>,
}

impl Panel {
    /// Columns of patches that no panel before it has.
    pub fn own(&self) -> Range<usize> {
        self.cells.start.min(self.patches.end)..self.patches.end
    }
}

/// A run of patch rows of a panel: when it ends, its cells are final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelRows {
    pub panel: usize,
    pub patch_rows: Range<usize>,
    /// Rows of cells that become final.
    pub cell_rows: Range<usize>,
}

/// The order in which a scene is predicted by a network that runs over it: panel by panel, from the top down, in strips
/// that are kept as they become final.
///
/// Pixels are read in chunks of whole blocks, a row of them at a time, each once. Where the maps of the network over the
/// whole width and a row of chunks would take more than three quarters of the memory, the scene is cut into panels of
/// columns; what lies on both sides of such a cut, as far as a feature sees, is read and computed twice.
#[derive(Debug, Clone)]
pub struct DenseOrder {
    layout: PatchLayout,
    size: (usize, usize),
    chunk: (usize, usize),
    chunk_bytes: u64,
    memory: u64,
    panels: Vec<Panel>,
    strip_rows: usize,
}

impl DenseOrder {
    /// Of a scene.
    ///
    /// # Errors
    /// [`PredictError::Memory`] when the maps over one column of cells, or the cells of one row, do not fit into the
    /// memory.
    pub fn new(layout: PatchLayout, input: &OrderInput, dense: &dyn DenseInference) -> Result<Self, PredictError> {
        let chunk = chunk_size(&layout, input, usize::MAX);
        let chunk_bytes = (chunk.0 * chunk.1 * input.pixel_bytes) as u64;
        let mut order = Self {
            layout,
            size: (input.height, input.width),
            chunk,
            chunk_bytes,
            memory: input.memory,
            panels: Vec::new(),
            strip_rows: 1,
        };
        order.panels = order.cut(dense)?;
        if order.panels.len() > 1 {
            order.tell_of_cuts(dense)?;
        }
        order.strip_rows = order.rows_of_a_strip(input.channels, dense)?;
        Ok(order)
    }

    /// The layout of patches and cells.
    pub fn layout(&self) -> &PatchLayout {
        &self.layout
    }

    pub fn units(&self) -> usize {
        self.panels.len() * self.strips()
    }

    pub fn unit(&self, index: usize) -> PanelRows {
        let (rows, first) = (self.layout.patches().0, index % self.strips() * self.strip_rows);
        let end = (first + self.strip_rows).min(rows);
        let cells_end = if end == rows { self.layout.cells().0 } else { end };
        PanelRows { panel: index / self.strips(), patch_rows: first..end, cell_rows: first..cells_end }
    }

    /// The panels, from the left.
    pub fn panels(&self) -> &[Panel] {
        &self.panels
    }

    /// Columns of pixels to read for a panel: what the network sees, and all pixels of the patches.
    pub fn columns(&self, panel: &Panel, part: &DensePart) -> Range<usize> {
        let first = self.layout.window(0, panel.patches.start).col;
        let last = self.layout.window(0, panel.patches.end - 1).col_end();
        part.columns.start.min(first)..part.columns.end.max(last)
    }

    /// Number of patches before a unit; those that a panel has in common with the one before count once.
    pub fn patches_before(&self, index: usize) -> usize {
        let rows = self.layout.patches().0;
        let own = |panel: &Panel| panel.own().len();
        let done: usize = self.panels.iter().take(index / self.strips()).map(|p| own(p) * rows).sum();
        let here = self.panels.get(index / self.strips()).map_or(0, own);
        done + here * (index % self.strips() * self.strip_rows)
    }

    /// The chunks that hold rows and columns of pixels, as far as the scene goes: row by row, and how many there are in a
    /// row.
    pub fn chunks(&self, rows: &Range<usize>, columns: &Range<usize>) -> (Vec<Window>, usize) {
        let (height, width) = self.size;
        let columns = columns.start / self.chunk.1..columns.end.min(width).div_ceil(self.chunk.1);
        let rows = rows.start / self.chunk.0..rows.end.min(height).div_ceil(self.chunk.0);
        let window = |r: usize, c: usize| {
            let (row, col) = (r * self.chunk.0, c * self.chunk.1);
            Window::new(row, col, self.chunk.0.min(height - row), self.chunk.1.min(width - col))
        };
        let windows = rows.flat_map(|r| columns.clone().map(move |c| (r, c))).map(|(r, c)| window(r, c)).collect();
        (windows, columns.len())
    }

    /// Chunks that may be held at once besides those of the row of chunks that is worked on.
    pub fn chunks_ahead(&self, per_row: usize) -> usize {
        let fit = self.memory / 4 / self.chunk_bytes.max(1);
        usize::try_from(fit).unwrap_or(usize::MAX).saturating_sub(per_row)
    }

    fn strips(&self) -> usize {
        self.layout.patches().0.div_ceil(self.strip_rows)
    }

    /// As few panels as the memory allows, of about the same width.
    fn cut(&self, dense: &dyn DenseInference) -> Result<Vec<Panel>, PredictError> {
        let columns = self.layout.cells().1;
        let fits = |panels: &[Panel]| -> Result<bool, PredictError> {
            for panel in panels {
                if !self.fits(panel, dense)? {
                    return Ok(false);
                }
            }
            Ok(true)
        };
        let mut enough = 1;
        while !fits(&self.panels_of(enough))? {
            if enough == columns {
                return Err(self.too_little(dense)?);
            }
            enough = (2 * enough).min(columns);
        }
        let mut too_few = enough / 2;
        while too_few + 1 < enough {
            let between = usize::midpoint(too_few, enough);
            if fits(&self.panels_of(between))? { enough = between } else { too_few = between }
        }
        Ok(self.panels_of(enough))
    }

    /// Says how much memory would spare the borders of panels their second reading and computing.
    fn tell_of_cuts(&self, dense: &dyn DenseInference) -> Result<(), PredictError> {
        let mut most = 0;
        for panel in self.panels_of(1) {
            most = most.max(self.held(&panel, dense)?);
        }
        tracing::info!(
            "to stay within the memory limit, the scene is cut into {} panels of columns, whose borders are computed \
             twice; about {} MiB would allow one panel",
            self.panels.len(),
            (most + most.div_ceil(3)).div_ceil(1 << 20)
        );
        Ok(())
    }

    /// Whether the maps of a panel and one row of its chunks fit into three quarters of the memory. A panel of one column
    /// of cells reads what it must.
    fn fits(&self, panel: &Panel, dense: &dyn DenseInference) -> Result<bool, PredictError> {
        Ok(self.held(panel, dense)? <= self.memory - self.memory / 4)
    }

    /// Bytes of the maps of a panel and one row of its chunks.
    fn held(&self, panel: &Panel, dense: &dyn DenseInference) -> Result<u64, PredictError> {
        let part = dense.part(0, &panel.patches)?;
        let (_, per_row) = self.chunks(&(0..1), &self.columns(panel, &part));
        let pixels = if panel.cells.len() == 1 { 0 } else { per_row as u64 * self.chunk_bytes };
        Ok(part.bytes + pixels)
    }

    fn panels_of(&self, count: usize) -> Vec<Panel> {
        let (cells, patches) = (self.layout.cells().1, self.layout.patches().1);
        let before = self.layout.cells_per_patch() - 1;
        let panel = |index: usize| {
            let cells = index * cells / count..(index + 1) * cells / count;
            let first = cells.start.saturating_sub(before).min(patches - 1);
            Panel { patches: first..cells.end.min(patches), cells }
        };
        (0..count).map(panel).collect()
    }

    fn too_little(&self, dense: &dyn DenseInference) -> Result<PredictError, PredictError> {
        let mut most = 0;
        for panel in self.panels_of(self.layout.cells().1) {
            most = most.max(dense.part(0, &panel.patches)?.bytes);
        }
        Ok(PredictError::memory(MemoryPart::Maps, most + most.div_ceil(3), self.memory))
    }

    fn rows_of_a_strip(&self, channels: usize, dense: &dyn DenseInference) -> Result<usize, PredictError> {
        let (stride, cells) = (self.layout.stride(), CellBytes::new(&self.layout, channels));
        let mut lag = 0;
        for panel in &self.panels {
            lag = lag.max(dense.part(0, &panel.patches)?.lag);
        }
        // The pixels of cells are looked at when they come in, and needed when their patches come out.
        let tally =
            (lag / stride + self.layout.cells_per_patch() + 2) as u64 * self.layout.cells().1 as u64 * TALLY_BYTES;
        let needed = cells.of_rows(1).saturating_add(tally);
        if needed > self.memory {
            return Err(PredictError::memory(MemoryPart::Cells, needed, self.memory));
        }
        Ok(cells.rows_in(self.memory - tally).min(STRIP_ROWS.div_ceil(stride)))
    }
}
