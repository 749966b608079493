#![allow(unsafe_code)]

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::error::check_len;
use crate::lines::{self, Line};
use crate::pack::{self, Block, Packed};
use crate::share::Shared;
use crate::taps::{self, AxisTaps, Run};
use crate::tile::{self, PIXELS, Tap, Tile};
use crate::winograd::{self, Winograd};
use crate::{ConvShape, KernelError, Level, MapShape};

/// What follows the sum of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`.
    Relu,
}

/// A 2-D convolution with its weights packed for one processor level. Copies share the weights.
#[derive(Debug, Clone)]
pub struct Conv2d {
    shape: ConvShape,
    activation: Activation,
    level: Level,
    packed: Arc<Packed>,
    /// Weights for Winograd's way, made when a map first asks for them.
    points: Arc<OnceLock<Packed>>,
}

impl Conv2d {
    /// Packs weights `[outputs, inputs, kernel rows, kernel columns]` and a bias by output channel.
    ///
    /// # Errors
    /// When a slice does not fit the shape or the processor lacks the level.
    pub fn new(
        level: Level,
        shape: ConvShape,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), shape.weights_len())?;
        if let Some(bias) = bias {
            check_len("bias", bias.len(), shape.outputs)?;
        }
        let taps = shape.taps();
        let packed =
            pack::pack(&shape, bias, |output, input, tap| weights[(output * shape.inputs + input) * taps + tap]);
        let (packed, points) = (Arc::new(packed), Arc::default());
        Ok(Self { shape, activation, level: level.require()?, packed, points })
    }

    /// Packs weights that lie `[kernel rows, kernel columns, inputs, outputs]`, as training keeps them; no bias.
    ///
    /// # Errors
    /// As [`Conv2d::new`].
    pub fn of_rows(level: Level, shape: ConvShape, weights: &[f32]) -> Result<Self, KernelError> {
        check_len("weights", weights.len(), shape.weights_len())?;
        let packed = Arc::new(pack::pack_rows(&shape, weights));
        Ok(Self { shape, activation: Activation::None, level: level.require()?, packed, points: Arc::default() })
    }

    /// Keeps the memory of the weights for the next convolution, where this one is not needed any more.
    pub(crate) fn keep(self) {
        if let Some(packed) = Arc::into_inner(self.packed) {
            packed.values.keep();
        }
        if let Some(points) = Arc::into_inner(self.points).and_then(OnceLock::into_inner) {
            points.values.keep();
        }
    }

    /// The same weights with another step.
    pub(crate) fn with_stride(&self, stride: [usize; 2]) -> Self {
        Self { shape: ConvShape { stride, ..self.shape }, ..self.clone() }
    }

    /// Whether Winograd's way is expected to be faster for a map that goes in and the one that comes out.
    pub(crate) fn takes_winograd(&self, source: MapShape, target: MapShape) -> bool {
        winograd::pays(&self.shape, source, target)
    }

    /// What it computes.
    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Convolves a map `[H, W, N, inputs]` into `output`, `[H', W', N, outputs]`; `add` is a map of the output's shape that
    /// is added before the activation.
    ///
    /// # Errors
    /// When a slice does not have the length of its shape or the kernel does not fit the map.
    pub fn run(
        &self,
        shape: MapShape,
        input: &[f32],
        add: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<MapShape, KernelError> {
        let target = self.shape.output(shape)?;
        let winograd = self.takes_winograd(shape, target);
        self.run_rows(shape, [self.shape.padding[0], target.height], winograd, input, add, output)?;
        Ok(target)
    }

    /// Convolves rows of a taller map, `input`, into `rows` rows of the result. `above` rows of zeros lie before them; after
    /// them as many as the kernel still reads.
    ///
    /// # Errors
    /// When a slice does not have the length of its shape or the kernel does not fit the columns.
    pub(crate) fn run_rows(
        &self,
        shape: MapShape,
        [above, rows]: [usize; 2],
        winograd: bool,
        input: &[f32],
        add: Option<&[f32]>,
        output: &mut [f32],
    ) -> Result<(), KernelError> {
        let width = self.shape.output_size(1, shape.width)?;
        let target = MapShape::new(rows, width, shape.batch, self.shape.outputs);
        let padding = [above, self.shape.padding[1]];
        check_len("input channels", shape.channels, self.shape.inputs)?;
        check_len("input", input.len(), shape.len())?;
        check_len("output", output.len(), target.len())?;
        if let Some(add) = add {
            check_len("add", add.len(), target.len())?;
        }
        let axis = |a: usize, targets, sources| {
            taps::forward(
                targets,
                sources,
                self.shape.kernel[a],
                [self.shape.stride[a], padding[a], self.shape.dilation[a]],
            )
        };
        let work = Work {
            rows: axis(0, target.height, shape.height),
            columns: axis(1, target.width, shape.width),
            kernel_width: self.shape.kernel[1],
            source: shape,
            target,
            packed: &self.packed,
            level: self.level,
            relu: self.activation == Activation::Relu,
            input,
            add,
            output: Shared::new(output),
        };
        if winograd {
            let points = self.points.get_or_init(|| winograd::pack(&self.shape, &self.packed, false));
            Winograd { work: &work, points, padding }.run();
        } else {
            work.run();
        }
        Ok(())
    }
}

/// One gathering convolution over whole maps: each target position sums over its own list of taps.
pub struct Work<'a> {
    /// Taps of each target row.
    pub rows: AxisTaps,
    /// Taps of each target column.
    pub columns: AxisTaps,
    /// Columns of the kernel.
    pub kernel_width: usize,
    /// Shape of the input.
    pub source: MapShape,
    /// Shape of the output.
    pub target: MapShape,
    /// Weights and bias.
    pub packed: &'a Packed,
    /// Instructions to use.
    pub level: Level,
    /// Whether negative results become 0.
    pub relu: bool,
    /// The input map.
    pub input: &'a [f32],
    /// A map to add, shaped as the output.
    pub add: Option<&'a [f32]>,
    /// The output map.
    pub output: Shared<f32>,
}

impl Work<'_> {
    /// Runs all tasks: one for each block of output channels and each target row, the block outermost, so that a thread
    /// keeps its weights in cache.
    pub fn run(&self) {
        let runs = taps::runs(&self.columns);
        let rows = self.target.height;
        let tasks = self.packed.blocks.len() * rows;
        (0..tasks).into_par_iter().for_each(|task| {
            self.row(task % rows, &runs, &self.packed.blocks[task / rows]);
        });
    }

    /// One target row, one block of output channels.
    fn row(&self, y: usize, runs: &[Run], block: &Block) {
        let mut list = Vec::new();
        for run in runs {
            list.clear();
            let pixel_row = self.source.row_len();
            for row in &self.rows[y] {
                for column in &self.columns[run.start] {
                    let tap = row.kernel * self.kernel_width + column.kernel;
                    list.push(Tap {
                        input: (row.source * self.source.width + column.source) * pixel_row,
                        weights: block.offset + tap * self.source.channels * block.width(),
                    });
                }
            }
            lines::of_run(self.source, self.target, y, *run, |line| self.line(line, &list, block));
        }
    }

    /// Pixels at constant steps, cut into tiles of nearly equal size.
    fn line(&self, line: Line, taps: &[Tap], block: &Block) {
        let tiles = line.pixels.div_ceil(PIXELS);
        let mut at = 0;
        for index in 0..tiles {
            let pixels = (line.pixels - at) / (tiles - index);
            let output = line.output + at * line.output_step + block.start;
            // SAFETY: `at` is below the pixels of the line, whose steps stay inside the checked slices; tasks write
            // disjoint rows and channel blocks; `Conv2d::new` required the level.
            unsafe {
                let tile = Tile {
                    taps,
                    inputs: self.source.channels,
                    input: self.input.as_ptr().add(line.input + at * line.input_step),
                    input_step: line.input_step,
                    weights: self.packed.values.as_ptr(),
                    bias: self.packed.bias.as_ptr().add(block.start),
                    add: self.add.map_or(std::ptr::null(), |add| add.as_ptr().add(output)),
                    output: self.output.get().add(output),
                    output_step: line.output_step,
                    last: block.outputs - (block.vectors - 1) * pack::LANES,
                    relu: self.relu,
                };
                tile::routine(self.level, pixels, block.vectors)(&tile);
            }
            at += pixels;
        }
    }
}
