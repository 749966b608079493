//! Reads the pixels of planned patches, once, and writes those with enough observed pixels.

use std::sync::mpsc::sync_channel;

use areal_grid::{PixelBlock, PixelState, Window};
use areal_job::{Job, Unit};
use areal_raster::{RasterError, Scene};

use crate::candidates::Candidate;
use crate::{PatchError, StoreWriter};

/// Bytes of pixels that are read at once; about four such blocks are in memory.
const CHUNK_BYTES: usize = 32 << 20;
/// Chunks are not wider than this, so that a wide scene is read in chunks of many rows.
const CHUNK_COLS: usize = 4096;

/// A part of a scene that is read at once, and the patches that begin in it.
struct Chunk {
    window: Window,
    /// Indices of candidates.
    patches: Vec<usize>,
}

/// Reads every candidate of a scene and appends those with enough observed pixels to the store. `done` is told of each
/// candidate, by index, how much of it is observed and whether it was written; in the order of writing.
pub(crate) fn cut(
    scene: &Scene,
    candidates: &[Candidate],
    size: usize,
    min_valid: f64,
    writer: &mut StoreWriter,
    job: &Job,
    mut done: impl FnMut(usize, f64, bool),
) -> Result<(), PatchError> {
    let chunks = chunks(scene, candidates, size);
    let task = job.task(&format!("tile {}", scene.name()), Some(candidates.len() as u64), Unit::Patches);
    let mut reader = scene.reader()?;
    std::thread::scope(|scope| {
        let (send, receive) = sync_channel::<Result<PixelBlock, RasterError>>(1);
        let windows: Vec<Window> = chunks.iter().map(|chunk| chunk.window).collect();
        scope.spawn(move || {
            for window in windows {
                let block = reader.read(&window);
                let failed = block.is_err();
                // A closed channel means that the other side has stopped.
                if send.send(block).is_err() || failed {
                    return;
                }
            }
        });
        for chunk in &chunks {
            job.check()?;
            let Ok(block) = receive.recv() else { break };
            let block = block?;
            for &index in &chunk.patches {
                let window = Window::new(candidates[index].row, candidates[index].col, size, size);
                let valid = valid_fraction(&block, &window);
                // A patch without an observed pixel is not kept, whatever the setting.
                let keep = valid >= min_valid && valid > 0.0;
                if keep {
                    writer.push(&block, &window)?;
                }
                done(index, valid, keep);
            }
            task.advance(chunk.patches.len() as u64);
        }
        Ok(())
    })
}

/// Groups candidates, which are in ascending order of row and column, by the chunk that they begin in; chunks follow
/// the blocks of the file, and reach only as far as their patches.
fn chunks(scene: &Scene, candidates: &[Candidate], size: usize) -> Vec<Chunk> {
    let (height, width) = chunk_size(scene, size);
    let key = |c: &Candidate| (c.row / height, c.col / width);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|i| key(&candidates[*i]));
    order
        .chunk_by(|a, b| key(&candidates[*a]) == key(&candidates[*b]))
        .map(|patches| Chunk { window: bounds(patches, candidates, size), patches: patches.to_vec() })
        .collect()
}

/// Rows and columns of a chunk: whole blocks of the file, and whole patches where the two fit together.
fn chunk_size(scene: &Scene, size: usize) -> (usize, usize) {
    let (block_rows, block_cols) = scene.block_size();
    let fit = |block: usize| {
        let block = block.max(1);
        if block.is_multiple_of(size) || !size.is_multiple_of(block) { block } else { size }
    };
    let (rows, cols) = (fit(block_rows), fit(block_cols));
    let width = cols * (CHUNK_COLS / cols).max(1);
    let row_bytes = width.min(scene.grid().width) * (scene.bands().len() * scene.pixel_type().size() + 1);
    let height = rows * (CHUNK_BYTES / row_bytes.max(1) / rows).max(1);
    (height, width)
}

fn bounds(patches: &[usize], candidates: &[Candidate], size: usize) -> Window {
    let rows = || patches.iter().map(|i| candidates[*i].row);
    let cols = || patches.iter().map(|i| candidates[*i].col);
    let (top, left) = (rows().min().unwrap_or(0), cols().min().unwrap_or(0));
    let (bottom, right) = (rows().max().unwrap_or(0) + size, cols().max().unwrap_or(0) + size);
    Window::new(top, left, bottom - top, right - left)
}

fn valid_fraction(block: &PixelBlock, window: &Window) -> f64 {
    let (top, left) = (window.row - block.window.row, window.col - block.window.col);
    let observed = |row: usize| {
        let start = (top + row) * block.window.width + left;
        block.states[start..start + window.width].iter().filter(|s| **s == PixelState::Observed).count()
    };
    (0..window.height).map(observed).sum::<usize>() as f64 / window.len() as f64
}
