//! The order in which patch mode reads a scene.

use std::collections::BTreeMap;
use std::ops::Range;

use areal_grid::{PatchLayout, Window};

use crate::chunk_layout::{CellBytes, OrderInput, Strip, chunk_size, completed_before, panels, strips};

/// The order in which a scene is read and predicted: a function of the scene and the settings alone, so that the same
/// run always does the same work in the same order.
///
/// Pixels are read in **chunks**, rectangles of whole blocks. A patch is complete once the chunk with its last pixel is
/// there; a **step** is the patches that one chunk completes. Chunks are held until their last patch is cut, so each
/// is read once. Where a row of chunks across the whole scene would take more than the memory allows, the scene is cut
/// into **panels** of columns, and only the chunks at a panel's border are read again.
/// A **strip** is a run of chunk rows with all their patches: when it ends, every row of cells before the next strip's
/// first patch row is final.
#[derive(Debug, Clone)]
pub struct PatchOrder {
    layout: PatchLayout,
    size: (usize, usize),
    chunk: (usize, usize),
    panels: Vec<Range<usize>>,
    strips: Vec<Strip>,
}

/// One chunk to be read, or held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the read, in order; the same pixels may be read again under another.
    pub serial: u64,
    /// Its pixels, all inside the scene.
    pub window: Window,
}

/// The patches that one chunk completes, and the chunks that they lie in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkStep {
    pub patch_rows: Range<usize>,
    pub patch_cols: Range<usize>,
    /// Chunks to read before this step that were not held.
    pub reads: Vec<Chunk>,
    /// Every chunk that the patches may touch, those of `reads` included.
    pub needs: Vec<Chunk>,
    /// Serials of the chunks that nothing needs after this step.
    pub releases: Vec<u64>,
}

impl PatchOrder {
    pub fn new(layout: PatchLayout, input: &OrderInput) -> Self {
        let most_rows = CellBytes::new(&layout, input.channels).rows_in(input.memory);
        let chunk = chunk_size(&layout, input, most_rows);
        let panels = panels(&layout, input, chunk);
        let strips = strips(&layout, input, chunk.0, panels.len(), most_rows);
        Self { layout, size: (input.height, input.width), chunk, panels, strips }
    }

    /// The layout of patches and cells.
    pub fn layout(&self) -> &PatchLayout {
        &self.layout
    }

    /// The strips, from the top.
    pub fn strips(&self) -> &[Strip] {
        &self.strips
    }

    /// Rows of cells that are final when strip `index` ends and were not before.
    pub fn cell_rows(&self, index: usize) -> Range<usize> {
        let end = self.strips.get(index + 1).map_or(self.layout.cells().0, |next| next.patch_rows.start);
        self.strips[index].patch_rows.start..end
    }

    /// Number of patches before strip `index`.
    pub fn patches_before(&self, index: usize) -> usize {
        self.strips.get(index).map_or(self.layout.patches().0, |s| s.patch_rows.start) * self.layout.patches().1
    }

    /// The steps of strip `index`; `walk` carries the held chunks from strip to strip.
    pub fn steps(&self, index: usize, walk: &mut HeldChunks) -> Vec<ChunkStep> {
        let strip = &self.strips[index];
        let next_top = self.strips.get(index + 1).map(|s| self.top_chunk(s.patch_rows.start));
        let mut steps = Vec::new();
        for panel in &self.panels {
            // With one panel the chunks that the next strip needs stay; with more, each panel begins afresh.
            let after = if self.panels.len() == 1 { next_top } else { None };
            self.panel_steps(strip, panel, after, walk, &mut steps);
        }
        steps
    }

    fn panel_steps(
        &self,
        strip: &Strip,
        panel: &Range<usize>,
        after: Option<usize>,
        walk: &mut HeldChunks,
        steps: &mut Vec<ChunkStep>,
    ) {
        let (rows, cols) = self.layout.patches();
        let completed_rows = |r| self.completed(r, self.chunk.0, self.size.0, rows);
        let completed_cols = |c| self.completed(c, self.chunk.1, self.size.1, cols);
        let bands: Vec<_> =
            strip.chunk_rows.clone().map(|r| (r, completed_rows(r))).filter(|(_, i)| !i.is_empty()).collect();
        let columns: Vec<_> = panel.clone().map(|c| (c, completed_cols(c))).filter(|(_, j)| !j.is_empty()).collect();
        for (b, (r, patch_rows)) in bands.iter().enumerate() {
            let keep_from_row = match bands.get(b + 1) {
                Some((_, next)) => self.top_chunk(next.start),
                None => after.unwrap_or(usize::MAX),
            };
            for (n, (c, patch_cols)) in columns.iter().enumerate() {
                let keep_from_col = columns.get(n + 1).map_or(usize::MAX, |(_, next)| self.left_chunk(next.start));
                let chunks = (self.top_chunk(patch_rows.start)..=*r)
                    .flat_map(|row| (self.left_chunk(patch_cols.start)..=*c).map(move |col| (row, col)));
                let (reads, needs) = walk.take(chunks, |at| self.chunk_window(at));
                let releases = walk.release(|(row, col)| row < keep_from_row && col < keep_from_col);
                let (patch_rows, patch_cols) = (patch_rows.clone(), patch_cols.clone());
                steps.push(ChunkStep { patch_rows, patch_cols, reads, needs, releases });
            }
        }
    }

    /// Patches (along one axis) whose last pixel inside the scene lies in chunk `index`.
    fn completed(&self, index: usize, chunk: usize, size: usize, patches: usize) -> Range<usize> {
        completed_before(&self.layout, index * chunk, size, patches)
            ..completed_before(&self.layout, (index + 1) * chunk, size, patches)
    }

    fn top_chunk(&self, patch_row: usize) -> usize {
        patch_row * self.layout.stride() / self.chunk.0
    }

    fn left_chunk(&self, patch_col: usize) -> usize {
        patch_col * self.layout.stride() / self.chunk.1
    }

    fn chunk_window(&self, (row, col): (usize, usize)) -> Window {
        let (r, c) = (row * self.chunk.0, col * self.chunk.1);
        Window::new(r, c, self.chunk.0.min(self.size.0 - r), self.chunk.1.min(self.size.1 - c))
    }
}

/// The chunks that are held while a plan is walked through.
#[derive(Debug, Default)]
pub struct HeldChunks {
    held: BTreeMap<(usize, usize), Chunk>,
    next_serial: u64,
}

impl HeldChunks {
    fn take(
        &mut self,
        chunks: impl Iterator<Item = (usize, usize)>,
        window: impl Fn((usize, usize)) -> Window,
    ) -> (Vec<Chunk>, Vec<Chunk>) {
        let (mut reads, mut needs) = (Vec::new(), Vec::new());
        for at in chunks {
            let chunk = *self.held.entry(at).or_insert_with(|| {
                let chunk = Chunk { serial: self.next_serial, window: window(at) };
                self.next_serial += 1;
                reads.push(chunk);
                chunk
            });
            needs.push(chunk);
        }
        (reads, needs)
    }

    fn release(&mut self, done: impl Fn((usize, usize)) -> bool) -> Vec<u64> {
        let mut serials = Vec::new();
        self.held.retain(|at, chunk| {
            let release = done(*at);
            if release {
                serials.push(chunk.serial);
            }
            !release
        });
        serials
    }
}

#[cfg(test)]
mod tests;
