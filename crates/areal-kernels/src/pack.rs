//! Weights of a convolution in the order in which tiles read them.

use rayon::prelude::*;

use crate::{Buffer, ConvShape};

/// Values of one vector in a packed block; also the widest register's.
pub const LANES: usize = 16;
/// Vectors of one block of output channels.
pub const BLOCK_VECTORS: usize = 4;
/// Output channels of a full block.
pub const BLOCK: usize = LANES * BLOCK_VECTORS;

/// Weights as the tiles read them: for each block of up to 64 output channels `[tap][input][output]`, the block's width
/// rounded up to whole vectors and filled with zeros.
#[derive(Debug, Clone)]
pub struct Packed {
    /// All blocks, one after the other.
    pub values: Buffer,
    /// Bias by output channel, zeros up to whole vectors.
    pub bias: Buffer,
    pub blocks: Vec<Block>,
}

/// Up to 64 output channels.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// First output channel.
    pub start: usize,
    /// Output channels, without the padding.
    pub outputs: usize,
    /// Vectors that hold them.
    pub vectors: usize,
    /// Where the block begins in the packed values.
    pub offset: usize,
}

impl Block {
    /// Output channels with the padding.
    pub fn width(&self) -> usize {
        self.vectors * LANES
    }
}

/// The blocks of `outputs` channels, each of `rows` times its width values.
fn blocks(outputs: usize, rows: usize) -> Vec<Block> {
    let mut offset = 0;
    (0..outputs)
        .step_by(BLOCK)
        .map(|start| {
            let count = (outputs - start).min(BLOCK);
            let block = Block { start, outputs: count, vectors: count.div_ceil(LANES), offset };
            offset += rows * block.width();
            block
        })
        .collect()
}

/// Packs weights that `weight(output, input, tap)` gives.
pub fn pack(shape: &ConvShape, bias: Option<&[f32]>, weight: impl Fn(usize, usize, usize) -> f32 + Sync) -> Packed {
    let mut packed = pack_blocks(shape, |block, tap, part| {
        for (input, row) in part.chunks_exact_mut(block.width()).enumerate() {
            for (lane, value) in row[..block.outputs].iter_mut().enumerate() {
                *value = weight(block.start + lane, input, tap);
            }
        }
    });
    if let Some(bias) = bias {
        packed.bias[..bias.len()].copy_from_slice(bias);
    }
    packed
}

/// Packs weights that lie as rows of output channels, `[tap, input, output]`.
pub fn pack_rows(shape: &ConvShape, rows: &[f32]) -> Packed {
    let outputs = shape.outputs;
    pack_blocks(shape, |block, tap, part| {
        let from = &rows[tap * shape.inputs * outputs..];
        for (row, to) in from.chunks_exact(outputs).zip(part.chunks_exact_mut(block.width())) {
            to[..block.outputs].copy_from_slice(&row[block.start..][..block.outputs]);
        }
    })
}

/// Packs the same rows with inputs and outputs in each other's place: for `shape`, the rows are `[tap, output, input]`.
pub fn pack_transposed(shape: &ConvShape, rows: &[f32]) -> Packed {
    let inputs = shape.inputs;
    pack_blocks(shape, |block, tap, part| {
        let from = &rows[(tap * shape.outputs + block.start) * inputs..][..block.outputs * inputs];
        transpose(from, inputs, part, block.width());
    })
}

/// Packs without bias: `fill` writes the weights of one block and one tap, `[input][output]`, the block's width apart.
fn pack_blocks(shape: &ConvShape, fill: impl Fn(&Block, usize, &mut [f32]) + Sync) -> Packed {
    let (taps, mut packed) = (shape.taps(), empty(shape));
    for block in &packed.blocks {
        let part = shape.inputs * block.width();
        packed.values[block.offset..][..taps * part].par_chunks_mut(part).enumerate().for_each(|(tap, part)| {
            fill(block, tap, part);
        });
    }
    packed
}

/// Without values yet; without bias.
pub fn empty(shape: &ConvShape) -> Packed {
    let rows = shape.taps() * shape.inputs;
    let blocks = blocks(shape.outputs, rows);
    let len = blocks.last().map_or(0, |b| b.offset + rows * b.width());
    // Lanes beyond the outputs are read, though what comes of them is not stored.
    let values = if shape.outputs.is_multiple_of(LANES) { Buffer::take(len) } else { Buffer::zeros(len) };
    Packed { values, bias: Buffer::zeros(shape.outputs.next_multiple_of(LANES)), blocks }
}

/// Transposes rows of `columns` values: `to` has rows of `width`, of which the first are filled.
fn transpose(from: &[f32], columns: usize, to: &mut [f32], width: usize) {
    let rows = from.len() / columns;
    for top in (0..rows).step_by(LANES) {
        let height = LANES.min(rows - top);
        for left in (0..columns).step_by(LANES) {
            let across = LANES.min(columns - left);
            let mut square = [[0.0; LANES]; LANES];
            for y in 0..height {
                for (x, value) in from[(top + y) * columns + left..][..across].iter().enumerate() {
                    square[x][y] = *value;
                }
            }
            for (x, line) in square.iter().enumerate().take(across) {
                to[(left + x) * width + top..][..height].copy_from_slice(&line[..height]);
            }
        }
    }
}
