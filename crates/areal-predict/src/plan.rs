//! The order in which patch mode reads a scene.

use std::collections::BTreeMap;
use std::ops::Range;

use areal_grid::{PatchLayout, Window};

/// The side, in pixels, that a chunk is given where blocks and memory leave the choice.
const CHUNK_SIDE: usize = 512;

/// Chunk rows that a panel of a strip spans at least, so that the pixels read twice at its top stay few.
const PANEL_ROWS: usize = 4;

/// Batches that a strip holds at least, so that the incomplete last one stays a small part.
const BATCHES_PER_STRIP: usize = 16;

/// What the plan must know of a scene: its size, how it is stored, and how much may be held at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanInput {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
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
pub struct Plan {
    layout: PatchLayout,
    size: (usize, usize),
    chunk: (usize, usize),
    panels: Vec<Range<usize>>,
    strips: Vec<Strip>,
}

/// A run of chunk rows and the patch rows that they complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strip {
    chunk_rows: Range<usize>,
    /// Patch rows of the strip; none is empty.
    pub patch_rows: Range<usize>,
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
pub struct Step {
    /// Patch rows.
    pub patch_rows: Range<usize>,
    /// Patch columns.
    pub patch_cols: Range<usize>,
    /// Chunks to read before this step that were not held.
    pub reads: Vec<Chunk>,
    /// Every chunk that the patches may touch, those of `reads` included.
    pub needs: Vec<Chunk>,
    /// Serials of the chunks that nothing needs after this step.
    pub releases: Vec<u64>,
}

impl Plan {
    /// Plans a scene.
    pub fn new(layout: PatchLayout, input: &PlanInput) -> Self {
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
    pub fn steps(&self, index: usize, walk: &mut Walk) -> Vec<Step> {
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
        walk: &mut Walk,
        steps: &mut Vec<Step>,
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
                steps.push(Step { patch_rows, patch_cols, reads, needs, releases });
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
pub struct Walk {
    held: BTreeMap<(usize, usize), Chunk>,
    next_serial: u64,
}

impl Walk {
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

/// Number of patches (along one axis of `size` pixels) whose last pixel inside the scene lies before pixel `end`.
fn completed_before(layout: &PatchLayout, end: usize, size: usize, patches: usize) -> usize {
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
pub fn chunk_size(layout: &PatchLayout, input: &PlanInput, most_rows: usize) -> (usize, usize) {
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
fn panels(layout: &PatchLayout, input: &PlanInput, chunk: (usize, usize)) -> Vec<Range<usize>> {
    let columns = input.width.div_ceil(chunk.1);
    let apart = layout.cells_per_patch() == 1 && chunk.0.is_multiple_of(layout.patch_size());
    let held_rows = if apart { 0 } else { 1 + layout.patch_size().div_ceil(chunk.0) };
    let column_bytes = (held_rows * chunk.0 * chunk.1 * input.pixel_bytes) as u64;
    let fit = (input.memory / 2).checked_div(column_bytes).map_or(columns, |n| n.clamp(1, columns as u64) as usize);
    (0..columns).step_by(fit).map(|first| first..(first + fit).min(columns)).collect()
}

/// Runs of chunk rows: long enough for some batches and for the panels, short enough for `most_rows` rows of cells.
fn strips(layout: &PatchLayout, input: &PlanInput, chunk_height: usize, panels: usize, most_rows: usize) -> Vec<Strip> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn walk_all(plan: &Plan) -> Vec<Step> {
        let mut walk = Walk::default();
        let steps = (0..plan.strips().len()).flat_map(|s| plan.steps(s, &mut walk)).collect();
        assert!(walk.held.is_empty(), "chunks held at the end: {:?}", walk.held);
        steps
    }

    proptest! {
        #[test]
        fn every_patch_is_cut_once_from_chunks_that_are_held(
            h in 1usize..300, w in 1usize..300, stride in 1usize..9, k in 1usize..5,
            bh in 1usize..80, bw in 1usize..80, batch in 1usize..40, memory in 1u64..200_000,
        ) {
            let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
            let input = PlanInput { height: h, width: w, block: (bh, bw), pixel_bytes: 3, channels: 2, batch_size: batch, memory };
            let plan = Plan::new(layout, &input);
            let mut held = BTreeMap::new();
            let mut cut = BTreeSet::new();
            for step in walk_all(&plan) {
                for chunk in &step.reads {
                    prop_assert!(held.insert(chunk.serial, chunk.window).is_none());
                }
                for chunk in &step.needs {
                    prop_assert_eq!(held.get(&chunk.serial), Some(&chunk.window));
                }
                for i in step.patch_rows.clone() {
                    for j in step.patch_cols.clone() {
                        prop_assert!(cut.insert((i, j)));
                        let inside = layout.window(i, j).intersect(&Window::new(0, 0, h, w)).unwrap();
                        let covered: usize =
                            step.needs.iter().filter_map(|c| c.window.intersect(&inside)).map(|w| w.len()).sum();
                        prop_assert_eq!(covered, inside.len());
                    }
                }
                for serial in &step.releases {
                    prop_assert!(held.remove(serial).is_some());
                }
            }
            prop_assert_eq!(cut.len(), layout.patches().0 * layout.patches().1);
            // Rows of cells are final in order, each once.
            let rows: Vec<usize> = (0..plan.strips().len()).flat_map(|s| plan.cell_rows(s)).collect();
            prop_assert_eq!(rows, (0..layout.cells().0).collect::<Vec<_>>());
        }

        #[test]
        fn with_room_each_pixel_is_read_once_in_whole_blocks(
            h in 1usize..2000, w in 1usize..2000, stride in 1usize..65, k in 1usize..5,
            bh in 1usize..600, bw in 1usize..600,
        ) {
            let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
            let input =
                PlanInput { height: h, width: w, block: (bh, bw), pixel_bytes: 3, channels: 2, batch_size: 8, memory: 1 << 30 };
            let plan = Plan::new(layout, &input);
            let reads: Vec<Window> = walk_all(&plan).iter().flat_map(|s| &s.reads).map(|c| c.window).collect();
            prop_assert_eq!(reads.iter().map(Window::len).sum::<usize>(), h * w);
            for r in reads {
                prop_assert!(r.row % bh.min(h) == 0 && r.col % bw.min(w) == 0);
                prop_assert!(r.row_end() == h || r.row_end() % bh == 0);
                prop_assert!(r.col_end() == w || r.col_end() % bw == 0);
            }
        }
    }

    /// Most bytes of chunks held at once.
    fn peak(plan: &Plan, pixel_bytes: usize) -> usize {
        let (mut now, mut most) = (0, 0);
        let mut sizes = BTreeMap::new();
        for step in walk_all(plan) {
            for c in &step.reads {
                sizes.insert(c.serial, c.window.len() * pixel_bytes);
                now += c.window.len() * pixel_bytes;
            }
            most = most.max(now);
            for serial in &step.releases {
                now -= sizes.remove(serial).unwrap();
            }
        }
        most
    }

    #[test]
    fn what_is_held_is_bounded_by_the_memory_and_not_by_the_scene() {
        let memory = 256 << 20;
        let cases = [(64, 64, (512, 512)), (64, 16, (512, 512)), (224, 112, (256, 256)), (64, 64, (1, 400_000))];
        for (patch, stride, block) in cases {
            let layout = PatchLayout::new(20_000, 400_000, patch, stride).unwrap();
            let input = PlanInput {
                height: 20_000,
                width: 400_000,
                block,
                pixel_bytes: 9,
                channels: 2,
                batch_size: 64,
                memory,
            };
            let held = peak(&Plan::new(layout, &input), 9);
            assert!(held as u64 <= memory, "{held} bytes held for patch {patch}, stride {stride}, block {block:?}");
        }
    }

    #[test]
    fn the_cells_of_a_strip_are_bounded_by_the_memory_at_any_stride() {
        let memory = 256 << 20;
        // Ten classes. One row of blocks of 512 at stride 1 is 512 rows of 100,000 cells.
        for (patch, stride, width) in [(4, 1, 100_000), (64, 8, 400_000), (32, 4, 60_000)] {
            let layout = PatchLayout::new(6_000, width, patch, stride).unwrap();
            let block = (512, 512);
            let input = PlanInput { height: 6_000, width, block, pixel_bytes: 9, channels: 10, batch_size: 64, memory };
            let plan = Plan::new(layout, &input);
            // Sums, counts, values and states as they are held; the last strip has no rows after it.
            let bytes = |strip: usize| {
                let rows = plan.cell_rows(strip).len();
                let after = if strip + 1 < plan.strips().len() { layout.cells_per_patch() - 1 } else { 0 };
                let cols = layout.cells().1;
                cols * (rows * (10 * 8 + 4 + 10 * 4 + 1 + 2) + after * 2 * (10 * 8 + 4))
            };
            let most = (0..plan.strips().len()).map(bytes).max().unwrap();
            assert!(most as u64 <= memory, "{most} bytes of cells for patch {patch}, stride {stride}");
            // The bound does not make strips needlessly short.
            assert!(most as u64 > memory / 8, "{most} bytes of cells for patch {patch}, stride {stride}");
        }
    }

    #[test]
    fn a_batch_of_any_size_gives_a_plan() {
        let layout = PatchLayout::new(100, 100, 8, 4).unwrap();
        let (pixel_bytes, batch_size, memory) = (9, usize::MAX, u64::MAX);
        let input =
            PlanInput { height: 100, width: 100, block: (16, 16), pixel_bytes, channels: 2, batch_size, memory };
        assert_eq!(Plan::new(layout, &input).strips().len(), 1);
    }

    #[test]
    fn patches_that_keep_to_their_chunks_hold_one_chunk() {
        // Blocks of 512, patches of 64: a chunk is a block, 512 * 512 * 9 bytes.
        let layout = PatchLayout::new(4096, 40_960, 64, 64).unwrap();
        let input = PlanInput {
            height: 4096,
            width: 40_960,
            block: (512, 512),
            pixel_bytes: 9,
            channels: 2,
            batch_size: 64,
            memory: 256 << 20,
        };
        assert_eq!(peak(&Plan::new(layout, &input), 9), 512 * 512 * 9);
    }
}
