//! Weights of a convolution of reduced precision in the order in which tiles read them.

use half::bf16;
use rayon::prelude::*;

use super::MapEncoding;
use crate::{Buffer, KernelError};

/// Output channels of a group: two tiles.
pub const GROUP: usize = 32;
/// Bytes of the inputs of one step of a tile.
pub const STEP: usize = 64;
/// Bytes of the weights of one step: two tiles.
pub const STEP_WEIGHTS: usize = 2 * TILE;
/// Bytes of one tile of weights.
pub const TILE: usize = 1024;
/// Output channels of one tile.
const LANES: usize = 16;
/// Greatest code of a weight.
const GREATEST: f32 = 127.0;

/// Weights as the tiles read them: `[group][tap][step][tile][row][output][part]`, where a row of a tile holds, for each of
/// its 16 outputs, the weights of the 4 bytes of input that are multiplied at once: 2 of bf16, 4 signed bytes. Inputs are
/// filled up to whole steps of 64 bytes, outputs to whole groups of 32, with zeros.
#[derive(Debug, Clone)]
pub struct Weights {
    bytes: Buffer,
    taps: usize,
    /// Steps of one tap.
    pub steps: usize,
    /// Groups of 32 outputs.
    pub groups: usize,
    /// What a sum is multiplied by, for each output.
    pub scale: Vec<f32>,
}

impl Weights {
    /// Packs weights that `weight(output, input, tap)` gives, for maps of this code. For bytes, each output's weights are
    /// coded as `weight = scale * code`, the code from -127 to 127, with the scale of its greatest weight.
    ///
    /// # Errors
    /// When sums of bytes could overflow.
    pub fn pack(
        [outputs, inputs, taps]: [usize; 3],
        code: MapEncoding,
        weight: impl Fn(usize, usize, usize) -> f32 + Sync,
    ) -> Result<Self, KernelError> {
        if matches!(code, MapEncoding::U8 { .. }) && (inputs * taps) as u64 * 255 * 127 > i32::MAX as u64 {
            return Err(KernelError::Shape(format!("sums of {inputs} x {taps} products of bytes overflow")));
        }
        let (steps, groups) = ((inputs * code.size()).div_ceil(STEP), outputs.div_ceil(GROUP));
        let scales: Vec<f32> = (0..groups * GROUP)
            .map(|output| match code {
                MapEncoding::U8 { .. } if output < outputs => {
                    let all = (0..taps).flat_map(|tap| (0..inputs).map(move |input| (input, tap)));
                    let greatest = all.map(|(input, tap)| weight(output, input, tap).abs()).fold(0.0, f32::max);
                    if greatest > 0.0 { greatest / GREATEST } else { 1.0 }
                }
                _ => 1.0,
            })
            .collect();
        let mut bytes = Buffer::zeros(groups * taps * steps * STEP_WEIGHTS / 4);
        let per_row = 4 / code.size();
        bytes.bytes_mut().par_chunks_exact_mut(TILE).enumerate().for_each(|(at, tile)| {
            let (half, step, tap, group) = (at % 2, at / 2 % steps, at / 2 / steps % taps, at / 2 / steps / taps);
            for (place, bytes) in tile.chunks_exact_mut(code.size()).enumerate() {
                let (part, lane, row) = (place % per_row, place / per_row % LANES, place / per_row / LANES);
                let output = group * GROUP + half * LANES + lane;
                let input = (step * LANES + row) * per_row + part;
                if output < outputs && input < inputs {
                    let value = weight(output, input, tap);
                    match code {
                        MapEncoding::Bf16 => bytes.copy_from_slice(&bf16::from_f32(value).to_ne_bytes()),
                        MapEncoding::U8 { .. } => bytes[0] = signed(value / scales[output]).to_ne_bytes()[0],
                    }
                }
            }
        });
        let input = if let MapEncoding::U8 { scale } = code { scale } else { 1.0 };
        let scale = scales.into_iter().map(|s| s * input).collect();
        Ok(Self { bytes, taps, steps, groups, scale })
    }

    /// All bytes.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.bytes()
    }

    /// Where the weights of a group and a tap begin.
    pub fn offset(&self, group: usize, tap: usize) -> usize {
        (group * self.taps + tap) * self.steps * STEP_WEIGHTS
    }
}

fn signed(value: f32) -> i8 {
    value.round_ties_even().clamp(-GREATEST, GREATEST) as i8
}
