#![allow(unsafe_code)]
//! Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray 2016, section 4.3): 36 products for 16 outputs instead of
//! 144. Kernels of 3 x 3 with stride 1 only. Sums in single precision lose about one decimal digit against direct
//! convolution.

mod gradient;
mod transform;

pub use gradient::WeightsGradient;

use std::cell::RefCell;

use rayon::prelude::*;

use crate::conv::ConvTasks;
use crate::pack::{self, LANES, Packed};
use crate::shared::SharedMut;
use crate::tile::{self, PIXELS, Tap, Tile};
use crate::{Buffer, ConvShape, MapShape};

/// Side of an output tile.
const OUT: usize = 4;
/// Side of an input tile.
const IN: usize = 6;
/// Products of a tile.
const POINTS: usize = IN * IN;
/// Tiles of one task: enough for the matrix products, few enough that their transforms stay in cache.
const ROWS: usize = 64;
/// Least number of tiles that pays for reading four times the weights.
const LEAST_ROWS: usize = 24;

thread_local! {
    /// Transformed inputs and products of one task.
    static SCRATCH: RefCell<Buffer> = RefCell::default();
}

/// True when the algorithm covers a convolution: 3 x 3 with stride 1, channels in whole vectors.
pub fn covers(c: &ConvShape) -> bool {
    let fits = c.kernel == [3, 3] && c.stride == [1, 1] && c.dilation == [1, 1];
    fits && c.inputs.is_multiple_of(LANES) && c.outputs.is_multiple_of(LANES)
}

/// True when the algorithm covers a convolution and is expected to be faster than the direct sum over the taps.
pub fn pays(c: &ConvShape, source: MapShape, target: MapShape) -> bool {
    if !covers(c) || c.inputs.min(c.outputs) < 2 * LANES {
        return false;
    }
    let tiles = target.height.div_ceil(OUT) * target.width.div_ceil(OUT);
    let taps = |targets: usize, sources: usize, padding: usize| -> usize {
        (0..targets).map(|o| (0..3).filter(|k| (padding..sources + padding).contains(&(o + k))).count()).sum()
    };
    let direct = taps(target.height, source.height, c.padding[0]) * taps(target.width, source.width, c.padding[1]);
    tiles * source.batch >= LEAST_ROWS && 3 * tiles * POINTS < 2 * direct
}

/// The transformed weights: the taps of the packed result are the 36 points. `flipped` reads the kernel backwards, as the
/// gradient by the input needs it.
pub fn pack(c: &ConvShape, packed: &Packed, flipped: bool) -> Packed {
    let mut points = pack::empty(&ConvShape { kernel: [IN, IN], ..*c });
    let Packed { values, blocks, .. } = &mut points;
    let to = SharedMut::new(values);
    for (from, block) in packed.blocks.iter().zip(&*blocks) {
        let width = block.width();
        (0..c.inputs).into_par_iter().for_each(|input| {
            for lane in (0..width).step_by(LANES) {
                let at = |tap: usize| from.offset + (tap * c.inputs + input) * width + lane;
                let taps = std::array::from_fn(|tap| {
                    let values = &packed.values[at(if flipped { 8 - tap } else { tap })..];
                    values.first_chunk::<LANES>().copied().unwrap_or([0.0; LANES])
                });
                for (point, values) in transform::kernel(&taps).iter().enumerate() {
                    let at = block.offset + (point * c.inputs + input) * width + lane;
                    // SAFETY: within the block's points; each input has rows of its own.
                    unsafe { to.part(at, LANES).cast::<[f32; LANES]>().write_unaligned(*values) };
                }
            }
        });
    }
    points
}

/// One convolution: the same work as the direct algorithm, with transformed weights.
pub struct Winograd<'a> {
    /// Shapes, maps and epilogue.
    pub work: &'a ConvTasks<'a>,
    /// Weights from [`pack`].
    pub points: &'a Packed,
    /// Zeros above and left of the map.
    pub padding: [usize; 2],
}

impl Winograd<'_> {
    /// Runs one task for each part of the tiles of all images.
    pub fn run(&self) {
        let target = self.work.target;
        let rows = target.height.div_ceil(OUT) * target.width.div_ceil(OUT) * target.batch;
        let threads = rayon::current_num_threads();
        let tasks = rows.div_ceil(ROWS).next_multiple_of(threads).min(rows.div_ceil(LEAST_ROWS));
        (0..tasks).into_par_iter().for_each(|task| {
            let (from, to) = (task * rows / tasks, (task + 1) * rows / tasks);
            SCRATCH.with_borrow_mut(|scratch| self.part(from, to - from, scratch));
        });
    }

    /// Tiles `from..from + rows`, counted by position, then image.
    fn part(&self, from: usize, rows: usize, scratch: &mut Buffer) {
        let (inputs, outputs) = (self.work.source.channels, self.work.target.channels);
        // A vector between the points, so that they do not all fall into the same cache sets.
        let (v_step, m_step) = (rows * inputs + LANES, rows * outputs + LANES);
        scratch.grow(inputs + POINTS * (v_step + m_step));
        let (zeros, rest) = scratch.split_at_mut(inputs);
        zeros.fill(0.0);
        let (v, m) = rest.split_at_mut(POINTS * v_step);
        for row in 0..rows {
            self.forward(from + row, zeros, &mut v[row * inputs..], v_step);
        }
        for point in 0..POINTS {
            self.product(point, rows, &v[point * v_step..], &mut m[point * m_step..]);
        }
        for row in 0..rows {
            self.backward(from + row, &m[row * outputs..], m_step);
        }
    }

    /// Position of a tile's first output (row, column) and its image.
    fn place(&self, tile: usize) -> (usize, usize, usize) {
        let target = self.work.target;
        let (position, image) = (tile / target.batch, tile % target.batch);
        let across = target.width.div_ceil(OUT);
        (position / across * OUT, position % across * OUT, image)
    }

    /// Transforms one input tile to `v[p * step..]` at each point `p`.
    fn forward(&self, tile: usize, zeros: &[f32], v: &mut [f32], step: usize) {
        let source = self.work.source;
        let (y, x, image) = self.place(tile);
        let mut pixels = [zeros.as_ptr(); POINTS];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (iy, ix) = ((y + at / IN).wrapping_sub(self.padding[0]), (x + at % IN).wrapping_sub(self.padding[1]));
            if iy < source.height && ix < source.width {
                let row = self.work.input.ring.place(iy);
                let start = ((row * source.width + ix) * source.batch + image) * source.channels;
                *pixel = self.work.input.values[start..start + source.channels].as_ptr();
            }
        }
        let v = &mut v[..(POINTS - 1) * step + source.channels];
        // SAFETY: pixels and zeros are `channels` values, whole vectors as `pays` requires; `v` was just cut to size.
        unsafe { transform::input(self.work.isa, &pixels, source.channels, v.as_mut_ptr(), step) };
    }

    /// `m = v U` at one point: rows by inputs times inputs by outputs.
    fn product(&self, point: usize, rows: usize, v: &[f32], m: &mut [f32]) {
        let (inputs, outputs) = (self.work.source.channels, self.work.target.channels);
        for block in &self.points.blocks {
            let taps = [Tap { input: 0, weights: block.offset + point * inputs * block.width() }];
            let tiles = rows.div_ceil(PIXELS);
            let mut at = 0;
            for index in 0..tiles {
                let pixels = (rows - at) / (tiles - index);
                let (input, output) =
                    (&v[at * inputs..][..pixels * inputs], &mut m[at * outputs..][..pixels * outputs]);
                let tile = Tile {
                    taps: &taps,
                    inputs,
                    input: input.as_ptr(),
                    input_step: inputs,
                    weights: self.points.values.as_ptr(),
                    bias: self.points.bias[block.start..].as_ptr(),
                    add: std::ptr::null(),
                    output: output[block.start..].as_mut_ptr(),
                    output_step: outputs,
                    last: block.outputs - (block.vectors - 1) * LANES,
                    relu: false,
                };
                // SAFETY: both slices hold `pixels` rows, the block lies inside the packed weights and the row of
                // outputs; `isa` proves the instructions when the convolution was made.
                unsafe { tile::routine(self.work.isa, pixels, block.vectors)(&tile) };
                at += pixels;
            }
        }
    }

    /// Transforms the products `m[p * step..]` of all points `p` into one output tile.
    fn backward(&self, tile: usize, m: &[f32], step: usize) {
        let work = self.work;
        let target = work.target;
        let (y, x, image) = self.place(tile);
        let mut starts = [None; OUT * OUT];
        for (at, start) in starts.iter_mut().enumerate() {
            let (oy, ox) = (y + at / OUT, x + at % OUT);
            if oy < target.height && ox < target.width {
                let at = |row: usize| ((row * target.width + ox) * target.batch + image) * target.channels;
                let add = work.add.map_or(0, |add| at(add.ring.place(oy)));
                *start = Some(transform::Start { output: at(work.output_rows.place(oy)), add });
            }
        }
        let add = work.add.map(|add| add.values);
        let epilogue = transform::Epilogue { bias: &work.packed.bias, add, relu: work.relu };
        let m = &m[..(POINTS - 1) * step + target.channels];
        // SAFETY: `m` was just cut to size; every start is an output pixel of this tile alone, so that tasks write
        // disjoint parts; bias and added map cover the same channels, whole vectors as `pays` requires.
        unsafe { transform::output(work.isa, m.as_ptr(), step, target.channels, &starts, &epilogue, work.output) };
    }
}
