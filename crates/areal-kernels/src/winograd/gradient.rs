#![allow(unsafe_code)]
//! The gradient by the weights by Winograd's algorithm.

use rayon::prelude::*;

use super::transform::{self, Lanes};
use super::{IN, OUT, POINTS};
use crate::pack::{BLOCK, LANES};
use crate::rank1::{self, ROWS, Rank1};
use crate::shared::SharedMut;
use crate::{Buffer, Isa, MapShape};

/// Tiles of one round: their transforms stay near, and each round passes over the sums once.
const ROUND: usize = 128;

/// The gradient of a convolution by its weights in Winograd's algorithm: the adjoint of the products at each point, 36 products
/// for each tile of 16 outputs instead of 144. For shapes that [`pays`](super::pays) agrees to.
pub struct WeightsGradient<'a> {
    pub isa: Isa,
    /// Zeros above and left of the map.
    pub padding: [usize; 2],
    /// Shape of the input.
    pub source: MapShape,
    /// Shape of the output.
    pub target: MapShape,
    pub x: &'a [f32],
    /// The gradient by the output.
    pub gradient: &'a [f32],
}

impl WeightsGradient<'_> {
    /// Writes the gradient `[kernel rows, kernel columns, inputs, outputs]`.
    pub fn run(&self, result: &mut [f32]) {
        let (inputs, outputs) = (self.source.channels, self.target.channels);
        let tiles = self.target.height.div_ceil(OUT) * self.target.width.div_ceil(OUT) * self.target.batch;
        let round = ROUND.min(tiles);
        // A vector between the points, so that they do not all fall into the same cache sets.
        let (v_step, d_step) = (round * inputs + LANES, round * outputs + LANES);
        let mut scratch = Buffer::take(POINTS * (v_step + d_step));
        let mut sums = Buffer::take(POINTS * inputs * outputs);
        let zeros = vec![0.0; inputs.max(outputs)];
        for from in (0..tiles).step_by(round) {
            let count = round.min(tiles - from);
            let (v, d) = scratch.split_at_mut(POINTS * v_step);
            let (v_to, d_to) = (SharedMut::new(v), SharedMut::new(d));
            (0..count).into_par_iter().with_min_len(4).for_each(|row| {
                // SAFETY: each row has places of its own at each point, `channels` values, whole vectors.
                unsafe {
                    let pixels = self.input_pixels(from + row, &zeros);
                    transform::input(
                        self.isa,
                        &pixels,
                        inputs,
                        v_to.part(row * inputs, (POINTS - 1) * v_step + inputs),
                        v_step,
                    );
                    let pixels = self.output_pixels(from + row, &zeros);
                    transform::output_gradient(
                        self.isa,
                        &pixels,
                        outputs,
                        d_to.part(row * outputs, (POINTS - 1) * d_step + outputs),
                        d_step,
                    );
                }
            });
            sums[..POINTS * inputs * outputs].par_chunks_mut(inputs * outputs).enumerate().for_each(|(point, sums)| {
                if from == 0 {
                    sums.fill(0.0);
                }
                self.products(count, [&v[point * v_step..], &d[point * d_step..]], sums);
            });
        }
        self.finish(&sums, result);
        scratch.give();
        sums.give();
    }

    /// Position of a tile's first output (row, column) and its image.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let (position, image) = (tile / self.target.batch, tile % self.target.batch);
        let across = self.target.width.div_ceil(OUT);
        (position / across * OUT, position % across * OUT, image)
    }

    fn input_pixels(&self, tile: usize, zeros: &[f32]) -> transform::Pixels {
        let (y, x, image) = self.place(tile);
        std::array::from_fn(|at| {
            let (iy, ix) = ((y + at / IN).wrapping_sub(self.padding[0]), (x + at % IN).wrapping_sub(self.padding[1]));
            pixel(self.source, [iy, ix, image], self.x, zeros)
        })
    }

    fn output_pixels(&self, tile: usize, zeros: &[f32]) -> transform::OutPixels {
        let (y, x, image) = self.place(tile);
        std::array::from_fn(|at| pixel(self.target, [y + at / OUT, x + at % OUT, image], self.gradient, zeros))
    }

    /// `sums[i][o] += sum over rows of v[row][i] d[row][o]`.
    fn products(&self, rows: usize, [v, d]: [&[f32]; 2], sums: &mut [f32]) {
        let (inputs, outputs) = (self.source.channels, self.target.channels);
        let (v, d) = (&v[..rows * inputs], &d[..rows * outputs]);
        for block in (0..outputs).step_by(BLOCK) {
            let vectors = (outputs - block).min(BLOCK) / LANES;
            for from in (0..inputs).step_by(ROWS) {
                let strip = ROWS.min(inputs - from);
                // SAFETY: rows, channels and sums lie within slices that were just cut to size; channels are whole vectors,
                // as `pays` requires; `isa` proves the instructions.
                unsafe {
                    let tile = Rank1 {
                        pixels: rows,
                        input: v.as_ptr().add(from),
                        input_step: inputs,
                        gradient: d.as_ptr().add(block),
                        gradient_step: outputs,
                        sums: sums.as_mut_ptr().add(from * outputs + block),
                        sums_step: outputs,
                        last: LANES,
                    };
                    rank1::routine(self.isa, strip, vectors)(&tile);
                }
            }
        }
    }

    /// From the sums at all points to the taps.
    fn finish(&self, sums: &[f32], result: &mut [f32]) {
        let (inputs, outputs) = (self.source.channels, self.target.channels);
        let to = SharedMut::new(result);
        (0..inputs).into_par_iter().for_each(|input| {
            for lane in (0..outputs).step_by(LANES) {
                let at = |place: usize| (place * inputs + input) * outputs + lane;
                let values: [Lanes; POINTS] = std::array::from_fn(|point| {
                    sums[at(point)..].first_chunk::<LANES>().copied().unwrap_or([0.0; LANES])
                });
                for (tap, values) in transform::kernel_gradient(&values).iter().enumerate() {
                    // SAFETY: within the taps of this input, which no other task writes.
                    unsafe { to.part(at(tap), LANES).cast::<Lanes>().write_unaligned(*values) };
                }
            }
        });
    }
}

/// A pixel of a map, or zeros outside it.
fn pixel(shape: MapShape, [y, x, image]: [usize; 3], map: &[f32], zeros: &[f32]) -> *const f32 {
    if y < shape.height && x < shape.width {
        let start = ((y * shape.width + x) * shape.batch + image) * shape.channels;
        map[start..start + shape.channels].as_ptr()
    } else {
        zeros.as_ptr()
    }
}
