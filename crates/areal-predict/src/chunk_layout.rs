//! Sizes of chunks, panels and strips, so that what is held fits the memory.

use std::ops::Range;

use areal_grid::PatchLayout;

/// The side, in pixels, that a chunk is given where blocks and memory leave the choice.
const CHUNK_SIDE: usize = 512;

/// Chunk rows that a panel of a strip spans at least, so that the pixels read twice at its top stay few.
const PANEL_ROWS: usize = 4;

/// Batches that a strip holds at least, so that the incomplete last one stays a small part.
const BATCHES_PER_STRIP: usize = 16;

/// What an order depends on: its size, how it is stored, and how much may be held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderInput {
    pub height: usize,
    pub width: usize,
    /// Rows and columns of one block of the files.
    pub block: (usize, usize),
    /// Bytes of one pixel: all bands and its state.
    pub pixel_bytes: usize,
    /// Numbers kept for a cell.
    pub channels: usize,
    /// Patches in a batch.
    pub batch_size: usize,
    /// Bytes that decoded pixels may take, and as many again the cells of a strip.
    pub memory: u64,
}

/// What the cells of a strip take while it is finished: the sums and counts of its rows and of those that later patches
/// still add to, the results, and the copies that are kept in its shard.
#[derive(Debug, Clone, Copy)]
pub struct CellBytes {
    /// Bytes of a row of cells that the strip makes final.
    row: u64,
    /// Bytes of all the rows that are not final when it ends.
    pending: u64,
}

impl CellBytes {
    /// For a layout and so many numbers a cell.
    pub fn new(layout: &PatchLayout, channels: usize) -> Self {
        let (cols, channels) = (layout.cells().1 as u64, channels as u64);
        // A sum of 8 bytes a channel and a count of 4, in vectors that double as they grow; a value of 4 bytes a channel
        // and a state, and both again in the shard's bytes; the own pixels, twice since the next strip is cut meanwhile.
        let (sums, result, own) = (8 * channels + 4, 4 * channels + 1, 2);
        let pending_rows = layout.cells_per_patch() as u64 - 1;
        // Not final are the sums themselves, their copy in the shard and the shard's bytes.
        let (row, pending) = (2 * sums + 2 * result + 2 * own, 2 * sums + 2 * sums);
        Self { row: cols.saturating_mul(row), pending: pending_rows.saturating_mul(cols).saturating_mul(pending) }
    }

    /// Of a strip that makes so many rows of cells final.
    pub fn of_rows(&self, rows: u64) -> u64 {
        rows.saturating_mul(self.row).saturating_add(self.pending)
    }

    /// Most rows that so many bytes have room for; at least 1.
    pub fn rows_in(&self, bytes: u64) -> usize {
        usize::try_from(bytes.saturating_sub(self.pending) / self.row.max(1)).unwrap_or(usize::MAX).max(1)
    }
}

/// A run of chunk rows and the patch rows that they complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    /// Chunk rows of the strip.
    pub chunk_rows: Range<usize>,
    /// Patch rows of the strip; none is empty.
    pub patch_rows: Range<usize>,
}

/// Number of patches (along one axis of `size` pixels) whose last pixel inside the scene lies before pixel `end`.
pub fn completed_before(layout: &PatchLayout, end: usize, size: usize, patches: usize) -> usize {
    if end >= size {
        patches
    } else if end < layout.patch_size() {
        0
    } else {
        ((end - layout.patch_size()) / layout.stride() + 1).min(patches)
    }
}

/// Rows and columns of a chunk: whole blocks, whole patches where those fit, about [`CHUNK_SIDE`] pixels, and few
/// enough that sixteen fit into the memory and that one row of them completes at most `most_rows` rows of patches. A
/// block too large for that is read in parts.
pub fn chunk_size(layout: &PatchLayout, input: &OrderInput, most_rows: usize) -> (usize, usize) {
    let budget = usize::try_from(input.memory / 16).unwrap_or(usize::MAX) / input.pixel_bytes.max(1);
    let (block_height, block_width) = (input.block.0.clamp(1, input.height), input.block.1.clamp(1, input.width));
    let mut width = whole_blocks(block_width, layout.patch_size()).min(input.width);
    if block_width > budget {
        width = budget.max(1);
    } else if width > budget {
        width = block_width;
    }
    let rows = (budget / width).max(1).min(most_rows.saturating_mul(layout.stride()));
    let height = whole_blocks(block_height, layout.patch_size()).min(input.height);
    let height = match rows {
        _ if height <= rows => height,
        _ if rows < block_height => rows,
        _ => rows - rows % block_height,
    };
    (height, width)
}

/// A length of whole blocks near [`CHUNK_SIDE`], of whole patches too where that does not make it much longer.
fn whole_blocks(block: usize, patch: usize) -> usize {
    let near = CHUNK_SIDE.div_ceil(block) * block;
    let common = block / gcd(block, patch) * patch;
    if common <= 2 * near { near.div_ceil(common) * common } else { near }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Columns of chunks, cut so that the chunk rows held for the next ones take at most half the memory.
pub fn panels(layout: &PatchLayout, input: &OrderInput, chunk: (usize, usize)) -> Vec<Range<usize>> {
    let columns = input.width.div_ceil(chunk.1);
    let apart = layout.cells_per_patch() == 1 && chunk.0.is_multiple_of(layout.patch_size());
    let held_rows = if apart { 0 } else { 1 + layout.patch_size().div_ceil(chunk.0) };
    let column_bytes = (held_rows * chunk.0 * chunk.1 * input.pixel_bytes) as u64;
    let fit = (input.memory / 2).checked_div(column_bytes).map_or(columns, |n| n.clamp(1, columns as u64) as usize);
    (0..columns).step_by(fit).map(|first| first..(first + fit).min(columns)).collect()
}

/// Runs of chunk rows: long enough for some batches and for the panels, short enough for `most_rows` rows of cells.
pub fn strips(
    layout: &PatchLayout,
    input: &OrderInput,
    chunk_height: usize,
    panels: usize,
    most_rows: usize,
) -> Vec<Strip> {
    let (rows, cols) = layout.patches();
    let least = BATCHES_PER_STRIP.saturating_mul(input.batch_size).div_ceil(cols);
    let done_after = |chunk: usize| completed_before(layout, (chunk + 1) * chunk_height, input.height, rows);
    let mut strips: Vec<Strip> = Vec::new();
    let (mut first_chunk, mut first_patch) = (0, 0);
    for chunk in 0..input.height.div_ceil(chunk_height) {
        let done = done_after(chunk);
        let long = done - first_patch >= least && (panels == 1 || chunk + 1 - first_chunk >= PANEL_ROWS);
        let full = done_after(chunk + 1) - first_patch > most_rows;
        if done > first_patch && (long || full || done == rows) {
            strips.push(Strip { chunk_rows: first_chunk..chunk + 1, patch_rows: first_patch..done });
            (first_chunk, first_patch) = (chunk + 1, done);
        }
    }
    strips
}
