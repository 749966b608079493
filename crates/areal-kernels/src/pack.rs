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
    /// The blocks.
    pub blocks: Vec<Block>,
}

/// Up to 64 output channels.
#[derive(Debug, Clone, Copy)]
pub struct Block {
    /// First output channel.
    pub start: usize,
    /// Output channels, without the filling.
    pub outputs: usize,
    /// Vectors that hold them.
    pub vectors: usize,
    /// Where the block begins in the packed values.
    pub offset: usize,
}

impl Block {
    /// Output channels with the filling.
    pub fn width(&self) -> usize {
        self.vectors * LANES
    }
}

impl Packed {
    /// The weight of an output, an input and a tap again; `inputs` as when they were packed.
    pub fn weight(&self, inputs: usize, output: usize, input: usize, tap: usize) -> f32 {
        let block = &self.blocks[output / BLOCK];
        self.values[block.offset + (tap * inputs + input) * block.width() + output - block.start]
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
    let taps = shape.taps();
    let blocks = blocks(shape.outputs, taps * shape.inputs);
    let len = blocks.last().map_or(0, |b| b.offset + taps * shape.inputs * b.width());
    let mut values = Buffer::zeros(len);
    for block in &blocks {
        let width = block.width();
        let part = &mut values[block.offset..][..taps * shape.inputs * width];
        part.par_chunks_mut(shape.inputs * width).enumerate().for_each(|(tap, rows)| {
            for (input, row) in rows.chunks_exact_mut(width).enumerate() {
                for (lane, value) in row[..block.outputs].iter_mut().enumerate() {
                    *value = weight(block.start + lane, input, tap);
                }
            }
        });
    }
    let mut padded = Buffer::zeros(shape.outputs.next_multiple_of(LANES));
    if let Some(bias) = bias {
        padded[..bias.len()].copy_from_slice(bias);
    }
    Packed { values, bias: padded, blocks }
}
