//! Cuts patches from strips of pixels into batches for the network.

use std::collections::HashMap;

use areal_grid::{PatchLayout, PixelBlock, PixelState, PixelType, Pixels, Window};
use areal_model::PatchBatch;

/// Patches on their way to the network, and where each came from.
#[derive(Debug)]
pub struct Batch {
    pub patches: PatchBatch,
    /// Patch row and patch column of each.
    pub places: Vec<(usize, usize)>,
}

/// A batch with room for so many patches, of which the first `places.len()` are filled.
#[derive(Debug)]
pub struct PatchSlots {
    batch: Batch,
    room: usize,
}

impl PatchSlots {
    pub fn new(room: usize, bands: usize, patch_size: usize, pixel_type: PixelType) -> Self {
        let plane = patch_size * patch_size;
        let patches = PatchBatch {
            shape: [room, bands, patch_size, patch_size],
            pixels: Pixels::zeros(pixel_type, room * bands * plane),
            states: vec![PixelState::Outside; room * plane],
        };
        Self { batch: Batch { patches, places: Vec::with_capacity(room) }, room }
    }

    /// Uses a batch's memory again.
    pub fn reuse(batch: Batch) -> Self {
        let room = batch.patches.shape[0];
        let mut slots = Self { batch, room };
        slots.batch.places.clear();
        slots
    }

    /// Number of patches in it.
    pub fn len(&self) -> usize {
        self.batch.places.len()
    }

    /// True when no more fits.
    pub fn is_full(&self) -> bool {
        self.len() == self.room
    }

    /// The batch; cut to the patches in it when it is not full.
    pub fn into_batch(mut self) -> Batch {
        let n = self.len();
        if n < self.room {
            let [_, c, h, w] = self.batch.patches.shape;
            self.batch.patches.pixels.truncate(n * c * h * w);
            self.batch.patches.states.truncate(n * h * w);
            self.batch.patches.shape[0] = n;
        }
        self.batch
    }
}

/// The chunks held, by serial.
pub type Held = HashMap<u64, PixelBlock>;

/// Cuts patches out of chunks.
#[derive(Debug, Clone, Copy)]
pub struct Cutter {
    /// The layout of patches and cells.
    pub layout: PatchLayout,
    /// Rows and columns of the scene.
    pub size: (usize, usize),
    /// Least share of observed pixels in a patch, and in a cell.
    pub min_valid: f64,
}

/// What a cell's own pixels say of it, whatever patches cover it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OwnPixels {
    /// Enough of them are observed for a prediction. Patches that reach past the cell may be observed well enough where
    /// the cell is not: what they show is not there.
    pub enough: bool,
    /// What the cell is where it is not predicted; never observed.
    pub unpredicted: PixelState,
    /// Shares of its ground by state, in the order of [`PixelState::ALL`], together 1; what lies past the scene is
    /// outside.
    pub shares: [f32; 4],
    /// Share that lies past the scene.
    pub past_scene: f32,
}

impl OwnPixels {
    /// Of a cell before any pixel is looked at.
    pub const UNSEEN: Self =
        Self { enough: false, unpredicted: PixelState::Nodata, shares: [0.0, 1.0, 0.0, 0.0], past_scene: 0.0 };

    /// Shares of a cell that is not predicted: nothing of it is observed on the map, and what lies in the scene is what
    /// the cell is.
    pub fn unpredicted_shares(&self) -> [f32; 4] {
        let mut shares = [0.0, 0.0, 0.0, self.past_scene];
        shares[self.unpredicted as usize] += 1.0 - self.past_scene;
        shares
    }
}

/// What is known of a strip besides its patches' outputs.
#[derive(Debug, Clone)]
pub struct StripStates {
    /// What the own pixels of each cell of the strip say, `[row, col]`.
    pub own: Vec<OwnPixels>,
    /// Pixels of the scene: observed, nodata, masked, outside.
    pub pixels: [u64; 4],
}

impl StripStates {
    /// Of a strip of so many cells, before any pixel is looked at.
    pub fn new(cells: usize) -> Self {
        Self { own: vec![OwnPixels::UNSEEN; cells], pixels: [0; 4] }
    }
}

impl Cutter {
    /// Copies the patch at `(i, j)` into the next slot if enough of it is observed. True if it did.
    ///
    /// `strip` receives what the pixels of the patch's own cells are; `first_row` is its first row of cells.
    pub fn cut(
        &self,
        (i, j): (usize, usize),
        chunks: &[&PixelBlock],
        slots: &mut PatchSlots,
        strip: &mut StripStates,
        first_row: usize,
    ) -> bool {
        let window = self.layout.window(i, j);
        let plane = window.len();
        let at = slots.len();
        let states = &mut slots.batch.patches.states[at * plane..(at + 1) * plane];
        states.fill(PixelState::Outside);
        for chunk in chunks {
            copy_states(chunk, &window, &window, states);
        }
        let observed = states.iter().filter(|s| **s == PixelState::Observed).count();
        let valid = enough(observed, plane, self.min_valid);
        self.note_cells((i, j), states, strip, first_row);
        if valid {
            self.copy_pixels(&window, chunks, slots);
            slots.batch.places.push((i, j));
        }
        valid
    }

    fn copy_pixels(&self, window: &Window, chunks: &[&PixelBlock], slots: &mut PatchSlots) {
        let at = slots.len();
        let [_, bands, size, _] = slots.batch.patches.shape;
        let start = at * bands * size * size;
        let reaches_out = window.row_end() > self.size.0 || window.col_end() > self.size.1;
        if reaches_out {
            // What lies past the scene is in no chunk: clear what the slot held before.
            let empty = Pixels::zeros(slots.batch.patches.pixels.pixel_type(), bands * size * size);
            slots.batch.patches.pixels.copy_from(start, &empty, 0, bands * size * size);
        }
        for chunk in chunks {
            copy_pixels(chunk, window, window, &mut slots.batch.patches, at);
        }
    }

    /// Counts the pixels of the cells that this patch owns, and notes what they say.
    /// A patch owns its first cell; patches of the last row or column own the cells after it too.
    fn note_cells(&self, (i, j): (usize, usize), states: &[PixelState], strip: &mut StripStates, first_row: usize) {
        let (rows, cols) = self.layout.cells();
        let (patch_rows, patch_cols) = self.layout.patches();
        let last_row = if i + 1 == patch_rows { rows } else { i + 1 };
        let last_col = if j + 1 == patch_cols { cols } else { j + 1 };
        let (size, stride) = (self.layout.patch_size(), self.layout.stride());
        let mut of_patch = None;
        for row in i..last_row {
            for col in j..last_col {
                let height = stride.min(self.size.0 - row * stride);
                let width = stride.min(self.size.1 - col * stride);
                let (r0, c0) = ((row - i) * stride, (col - j) * stride);
                let counts = histogram((r0..r0 + height).map(|r| &states[r * size + c0..r * size + c0 + width]));
                strip.pixels.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
                let of_patch = || *of_patch.get_or_insert_with(|| histogram(std::iter::once(states)));
                strip.own[(row - first_row) * cols + col] =
                    own_pixels(counts, stride * stride, self.min_valid, of_patch);
            }
        }
    }
}

/// What the pixels of a cell, observed, nodata, masked and outside, say of it when it has `plane` pixels in all: whether
/// enough of them are observed (pixels past the scene count as outside, as they do in a patch), and what the cell is
/// without a prediction: what most of its unobserved pixels in the scene are; where all are observed, outside for a cell
/// that is mostly past the scene, and for others what most of the unobserved pixels of its patch are.
pub fn own_pixels(counts: [u64; 4], plane: usize, min_valid: f64, of_patch: impl FnOnce() -> [u64; 4]) -> OwnPixels {
    let enough = enough(counts[0] as usize, plane, min_valid);
    let state = dominant(counts).or_else(|| if enough { dominant(of_patch()) } else { Some(PixelState::Outside) });
    let past_scene = plane as u64 - counts.iter().sum::<u64>();
    let [observed, nodata, masked, outside] = counts;
    let share = |pixels: u64| (pixels as f64 / plane as f64) as f32;
    OwnPixels {
        enough,
        unpredicted: state.unwrap_or(PixelState::Nodata),
        shares: [observed, nodata, masked, outside + past_scene].map(share),
        past_scene: share(past_scene),
    }
}

/// Copies those pixels of the `part` of a patch that a chunk holds into slot `at` of a batch; the patch's window is
/// `window`.
pub fn copy_pixels(chunk: &PixelBlock, part: &Window, window: &Window, batch: &mut PatchBatch, at: usize) {
    let Some(shared) = chunk.window.intersect(part) else { return };
    let [_, bands, size, _] = batch.shape;
    for band in 0..bands {
        for row in shared.row..shared.row_end() {
            let to = ((at * bands + band) * size + row - window.row) * size + shared.col - window.col;
            let line = band * chunk.window.height + row - chunk.window.row;
            let from = line * chunk.window.width + shared.col - chunk.window.col;
            batch.pixels.copy_from(to, &chunk.pixels, from, shared.width);
        }
    }
}

/// The same for their states, into those of one patch.
pub fn copy_states(chunk: &PixelBlock, part: &Window, window: &Window, states: &mut [PixelState]) {
    let Some(shared) = chunk.window.intersect(part) else { return };
    for row in shared.row..shared.row_end() {
        let to = (row - window.row) * window.width + shared.col - window.col;
        let from = (row - chunk.window.row) * chunk.window.width + shared.col - chunk.window.col;
        states[to..to + shared.width].copy_from_slice(&chunk.states[from..from + shared.width]);
    }
}

/// At least one pixel is observed, and at least the least share of them.
pub fn enough(observed: usize, pixels: usize, min_valid: f64) -> bool {
    observed > 0 && observed as f64 >= min_valid * pixels as f64
}

/// Pixels by what they are: observed, nodata, masked, outside.
pub fn histogram<'a>(lines: impl Iterator<Item = &'a [PixelState]>) -> [u64; 4] {
    let mut counts = [0; 4];
    for line in lines {
        let of = |state| line.iter().filter(|s| **s == state).count() as u64;
        let observed = of(PixelState::Observed);
        counts[0] += observed;
        if observed < line.len() as u64 {
            counts[1] += of(PixelState::Nodata);
            counts[2] += of(PixelState::Masked);
            counts[3] += of(PixelState::Outside);
        }
    }
    counts
}

/// The unobserved state that most pixels have; nodata before masked before outside where they are as many.
fn dominant(counts: [u64; 4]) -> Option<PixelState> {
    let [_, nodata, masked, outside] = counts;
    match nodata.max(masked).max(outside) {
        0 => None,
        n if n == nodata => Some(PixelState::Nodata),
        n if n == masked => Some(PixelState::Masked),
        _ => Some(PixelState::Outside),
    }
}
