#![allow(unsafe_code)]
//! Convolution of maps in single precision, by the direct sum over the taps or by Winograd's algorithm.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::lines::{self, PixelLine};
use crate::pack::{self, Block, Packed};
use crate::ring::{MapRows, Ring};
use crate::shared::SharedMut;
use crate::taps::{self, AxisTap, AxisTaps, Columns, TapRun};
use crate::tile::{self, PIXELS, Tap, Tile};
use crate::winograd::{self, Winograd};
use crate::{ConvShape, Isa, KernelError, MapShape};

/// What follows the sum of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    None,
    /// `max(x, 0)`.
    Relu,
}

/// A 2-D convolution with packed weights. Clones share the weights.
#[derive(Debug, Clone)]
pub struct Conv2d {
    shape: ConvShape,
    activation: Activation,
    isa: Isa,
    packed: Arc<Packed>,
    /// Weights for Winograd's algorithm, computed when they are first needed.
    points: Arc<OnceLock<Packed>>,
}

impl Conv2d {
    /// Packs weights `[outputs, inputs, kernel rows, kernel columns]` and a bias by output channel.
    ///
    /// # Errors
    /// When a slice does not fit the shape.
    pub fn new(
        isa: Isa,
        shape: ConvShape,
        weights: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
    ) -> Result<Self, KernelError> {
        KernelError::check_len("weights", weights.len(), shape.weights_len())?;
        if let Some(bias) = bias {
            KernelError::check_len("bias", bias.len(), shape.outputs)?;
        }
        let taps = shape.taps();
        let packed =
            pack::pack(&shape, bias, |output, input, tap| weights[(output * shape.inputs + input) * taps + tap]);
        let (packed, points) = (Arc::new(packed), Arc::default());
        Ok(Self { shape, activation, isa, packed, points })
    }

    /// Packs weights that lie `[kernel rows, kernel columns, inputs, outputs]`, as training keeps them; no bias.
    ///
    /// # Errors
    /// As [`Conv2d::new`].
    pub fn of_rows(isa: Isa, shape: ConvShape, weights: &[f32]) -> Result<Self, KernelError> {
        KernelError::check_len("weights", weights.len(), shape.weights_len())?;
        let packed = Arc::new(pack::pack_rows(&shape, weights));
        Ok(Self { shape, activation: Activation::None, isa, packed, points: Arc::default() })
    }

    /// Returns the memory of the weights to the pool for the next convolution.
    pub fn return_buffers(self) {
        if let Some(packed) = Arc::into_inner(self.packed) {
            packed.values.give();
        }
        if let Some(points) = Arc::into_inner(self.points).and_then(OnceLock::into_inner) {
            points.values.give();
        }
    }

    /// The same weights with another stride.
    #[must_use]
    pub fn with_stride(&self, stride: [usize; 2]) -> Self {
        Self { shape: ConvShape { stride, ..self.shape }, ..self.clone() }
    }

    /// Whether Winograd's algorithm is expected to be faster for an input and an output map.
    pub fn prefers_winograd(&self, source: MapShape, target: MapShape) -> bool {
        winograd::pays(&self.shape, source, target)
    }

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
        KernelError::check_len("input", input.len(), shape.len())?;
        KernelError::check_len("output", output.len(), target.len())?;
        if let Some(add) = add {
            KernelError::check_len("add", add.len(), target.len())?;
        }
        let algorithm = self.algorithm(shape.width, self.prefers_winograd(shape, target))?;
        let rows = |values| MapRows::whole(values, target.height);
        self.run_rows(
            shape,
            [self.shape.padding[0], target.height],
            &algorithm,
            (MapRows::whole(input, shape.height), add.map(rows)),
            (output, Ring::whole(target.height)),
        )?;
        Ok(target)
    }

    /// Prepares the convolution of maps of `width` columns, by Winograd's algorithm if asked to.
    ///
    /// # Errors
    /// When the kernel does not fit the columns, or Winograd's algorithm does not cover the convolution.
    pub fn algorithm(&self, width: usize, winograd: bool) -> Result<RowAlgorithm, KernelError> {
        let targets = self.shape.output_size(1, width)?;
        let algorithm = if !winograd {
            Algorithm::Direct(Columns::new(self.taps(1, targets, width, self.shape.padding[1])))
        } else if winograd::covers(&self.shape) {
            Algorithm::Winograd
        } else {
            return Err(KernelError::Shape(format!("Winograd's algorithm does not cover {:?}", self.shape)));
        };
        Ok(RowAlgorithm { shape: self.shape, width, algorithm })
    }

    fn taps(&self, axis: usize, targets: usize, sources: usize, padding: usize) -> AxisTaps {
        let c = &self.shape;
        taps::forward(targets, sources, c.kernel[axis], [c.stride[axis], padding, c.dilation[axis]])
    }

    /// Convolves rows of a taller map, the first of `maps`, into `rows` rows of the result. `above` rows of zeros lie before
    /// them; after them as many as the kernel still reads. The second of `maps` is added before the activation.
    ///
    /// # Errors
    /// When a slice does not have the length of its shape, the kernel does not fit the columns, or `algorithm` was prepared
    /// for another convolution or width.
    pub fn run_rows(
        &self,
        shape: MapShape,
        [above, rows]: [usize; 2],
        algorithm: &RowAlgorithm,
        (input, add): (MapRows<'_>, Option<MapRows<'_>>),
        (output, output_rows): (&mut [f32], Ring),
    ) -> Result<(), KernelError> {
        let width = self.shape.output_size(1, shape.width)?;
        let target = MapShape::new(rows, width, shape.batch, self.shape.outputs);
        KernelError::check_len("input channels", shape.channels, self.shape.inputs)?;
        if (algorithm.shape, algorithm.width) != (self.shape, shape.width) {
            return Err(KernelError::Shape(format!("{:?} with the columns of {algorithm:?}", self.shape)));
        }
        let fits = |what, shape: MapShape, len: usize, ring: Ring| {
            KernelError::check_min_len(what, ring.rows(), shape.height)?;
            KernelError::check_min_len(what, len, ring.rows() * shape.width * shape.row_len())
        };
        fits("input", shape, input.values.len(), input.ring)?;
        fits("output", target, output.len(), output_rows)?;
        if let Some(add) = add {
            fits("add", target, add.values.len(), add.ring)?;
        }
        let work = ConvTasks {
            kernel_width: self.shape.kernel[1],
            source: shape,
            target,
            packed: &self.packed,
            isa: self.isa,
            relu: self.activation == Activation::Relu,
            input,
            add,
            output: SharedMut::new(output),
            output_rows,
        };
        match &algorithm.algorithm {
            Algorithm::Winograd => {
                let points = self.points.get_or_init(|| winograd::pack(&self.shape, &self.packed, false));
                Winograd { work: &work, points, padding: [above, self.shape.padding[1]] }.run();
            }
            Algorithm::Direct(columns) => work.run(&self.taps(0, target.height, shape.height, above), columns),
        }
        Ok(())
    }
}

/// How the rows of maps of one width are convolved, prepared by [`Conv2d::algorithm`].
#[derive(Debug, Clone)]
pub struct RowAlgorithm {
    /// The convolution that it was prepared for.
    shape: ConvShape,
    /// Columns of the input.
    width: usize,
    algorithm: Algorithm,
}

/// How a convolution is computed.
#[derive(Debug, Clone)]
enum Algorithm {
    /// Minimal filtering, tile by tile.
    Winograd,
    /// A sum over the taps of the kernel, with the taps of each column.
    Direct(Columns),
}

/// One gathering convolution over whole maps: each target position sums over its own list of taps.
pub struct ConvTasks<'a> {
    /// Columns of the kernel.
    pub kernel_width: usize,
    /// Shape of the input.
    pub source: MapShape,
    /// Shape of the output.
    pub target: MapShape,
    pub packed: &'a Packed,
    pub isa: Isa,
    /// Whether negative results become 0.
    pub relu: bool,
    pub input: MapRows<'a>,
    /// A map to add, shaped as the output.
    pub add: Option<MapRows<'a>>,
    pub output: SharedMut<'a, f32>,
    /// Where its rows lie.
    pub output_rows: Ring,
}

impl ConvTasks<'_> {
    /// Runs all tasks: one for each block of output channels and each span of each target row, the block outermost, so
    /// that a thread keeps its weights in cache. `rows` are the taps of each target row.
    pub fn run(&self, rows: &AxisTaps, columns: &Columns) {
        let (height, spans) = (self.target.height, columns.spans.len());
        (0..self.packed.blocks.len() * height * spans).into_par_iter().for_each(|task| {
            let (y, block) = (task / spans % height, &self.packed.blocks[task / spans / height]);
            for run in &columns.spans[task % spans] {
                self.run_of_row(y, &rows[y], (*run, &columns.taps[run.start]), block);
            }
        });
    }

    /// Columns that share their taps of one target row, one block of output channels.
    fn run_of_row(&self, y: usize, rows: &[AxisTap], (run, columns): (TapRun, &[AxisTap]), block: &Block) {
        let pixel_row = self.source.row_len();
        let tap = |row: &AxisTap, column: &AxisTap| {
            let tap = row.kernel * self.kernel_width + column.kernel;
            Tap {
                input: (self.input.ring.place(row.source) * self.source.width + column.source) * pixel_row,
                weights: block.offset + tap * self.source.channels * block.width(),
            }
        };
        let list: Vec<Tap> = rows.iter().flat_map(|row| columns.iter().map(move |column| tap(row, column))).collect();
        let place = self.output_rows.place(y);
        let row = self.target.width * self.target.row_len();
        let add = self.add.map(|add| (add.values, (add.ring.place(y) * row, place * row)));
        lines::of_run(self.source, self.target, place, run, |line| self.line(line, &list, add, block));
    }

    /// Pixels at constant steps, cut into tiles of nearly equal size. With a map to add come the starts of the row there
    /// and in the output.
    fn line(&self, line: PixelLine, taps: &[Tap], add: Option<(&[f32], (usize, usize))>, block: &Block) {
        let tiles = line.pixels.div_ceil(PIXELS);
        let mut at = 0;
        for index in 0..tiles {
            let pixels = (line.pixels - at) / (tiles - index);
            let output = line.output + at * line.output_step + block.start;
            // SAFETY: `at` is below the pixels of the line, whose steps stay inside the checked slices, as all places of
            // rows do; tasks write disjoint spans of rows and channel blocks; `isa` proves the instructions.
            unsafe {
                let tile = Tile {
                    taps,
                    inputs: self.source.channels,
                    input: self.input.values.as_ptr().add(line.input + at * line.input_step),
                    input_step: line.input_step,
                    weights: self.packed.values.as_ptr(),
                    bias: self.packed.bias.as_ptr().add(block.start),
                    add: add.map_or(std::ptr::null(), |(map, (there, here))| map.as_ptr().add(there + output - here)),
                    output: self.output.part(output, (pixels - 1) * line.output_step + block.outputs),
                    output_step: line.output_step,
                    last: block.outputs - (block.vectors - 1) * pack::LANES,
                    relu: self.relu,
                };
                tile::routine(self.isa, pixels, block.vectors)(&tile);
            }
            at += pixels;
        }
    }
}
