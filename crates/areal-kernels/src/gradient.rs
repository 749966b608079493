#![allow(unsafe_code)]
//! Gradients of a convolution by its input, its weights and its bias.

use rayon::prelude::*;

use crate::conv::ConvTasks;
use crate::pack::{self, BLOCK, LANES};
use crate::rank1::{self, ROWS, Rank1};
use crate::ring::{MapRows, Ring};
use crate::shared::SharedMut;
use crate::taps::{self, AxisTap, Columns, TapRun};
use crate::winograd::{self, Winograd};
use crate::{Buffer, ConvShape, Isa, KernelError, MapShape};

/// Pixels whose gradient stays in the first cache while the input channels go by.
const PIXELS: usize = 128;

/// Gradient of a convolution by its input: `gradient` is `[H', W', N, outputs]`, `result` `[H, W, N, inputs]` as `input`
/// says, the weights `[kernel rows, kernel columns, inputs, outputs]`. `add` is a map of the result's shape that is added.
///
/// # Errors
/// When a slice does not fit its shape or the kernel does not fit the map.
pub fn input_gradient(
    isa: Isa,
    shape: &ConvShape,
    input: MapShape,
    weights: &[f32],
    gradient: &[f32],
    add: Option<&[f32]>,
    result: &mut [f32],
) -> Result<(), KernelError> {
    let source = shape.output(input)?;
    KernelError::check_len("weights", weights.len(), shape.weights_len())?;
    KernelError::check_len("gradient", gradient.len(), source.len())?;
    KernelError::check_len("map to add", add.map_or(input.len(), <[f32]>::len), input.len())?;
    KernelError::check_len("result", result.len(), input.len())?;
    // Inputs and outputs change places, and the kernel is read backwards from the far side of its padding.
    let far = |a: usize| (shape.kernel[a] - 1) * shape.dilation[a];
    let transposed = ConvShape {
        inputs: shape.outputs,
        outputs: shape.inputs,
        padding: [0, 1].map(|a| far(a).saturating_sub(shape.padding[a])),
        ..*shape
    };
    let packed = pack::pack_transposed(&transposed, weights);
    let axis = |a: usize, targets, sources| {
        taps::backward(targets, sources, shape.kernel[a], [shape.stride[a], shape.padding[a], shape.dilation[a]])
    };
    let work = ConvTasks {
        kernel_width: shape.kernel[1],
        source,
        target: input,
        packed: &packed,
        isa,
        relu: false,
        input: MapRows::whole(gradient, source.height),
        add: add.map(|add| MapRows::whole(add, input.height)),
        output: SharedMut::new(result),
        output_rows: Ring::whole(input.height),
    };
    let mirrored = (0..2).all(|a| shape.padding[a] <= far(a));
    if mirrored && winograd::pays(&transposed, source, input) {
        let points = winograd::pack(&transposed, &packed, true);
        Winograd { work: &work, points: &points, padding: transposed.padding }.run();
        points.values.give();
    } else {
        let columns = Columns::new(axis(1, input.width, source.width));
        work.run(&axis(0, input.height, source.height), &columns);
    }
    packed.values.give();
    Ok(())
}

/// Gradient of a convolution by its weights, `[kernel rows, kernel columns, inputs, outputs]`: `x` is `[H, W, N, inputs]`
/// as `input` says, `gradient` `[H', W', N, outputs]`.
///
/// # Errors
/// When a slice does not fit its shape or the kernel does not fit the map.
pub fn weights_gradient(
    isa: Isa,
    shape: &ConvShape,
    input: MapShape,
    x: &[f32],
    gradient: &[f32],
    result: &mut [f32],
) -> Result<(), KernelError> {
    let target = shape.output(input)?;
    KernelError::check_len("input", x.len(), input.len())?;
    KernelError::check_len("gradient", gradient.len(), target.len())?;
    KernelError::check_len("result", result.len(), shape.weights_len())?;
    let width = shape.outputs.next_multiple_of(LANES);
    if winograd::pays(shape, input, target) {
        winograd::WeightsGradient { isa, padding: shape.padding, source: input, target, x, gradient }.run(result);
        return Ok(());
    }
    let run = |sums: &mut [f32]| {
        Weights { isa, shape, input, target, x, gradient, sums: SharedMut::new(sums), width }.run();
    };
    if width == shape.outputs {
        run(result);
        return Ok(());
    }
    let outputs = shape.outputs.max(1);
    let mut sums = Buffer::zeros(result.len() / outputs * width);
    run(&mut sums);
    for (result, sums) in result.chunks_exact_mut(outputs).zip(sums.chunks_exact(width)) {
        result.copy_from_slice(&sums[..outputs]);
    }
    Ok(())
}

/// Gradient by the bias: sums of a map `[H', W', N, outputs]` by channel, in double precision.
///
/// # Errors
/// When a slice does not fit its shape.
pub fn bias_gradient(map: MapShape, gradient: &[f32], result: &mut [f32]) -> Result<(), KernelError> {
    KernelError::check_len("gradient", gradient.len(), map.len())?;
    KernelError::check_len("result", result.len(), map.channels)?;
    let mut sums = vec![0.0f64; map.channels];
    for pixel in gradient.chunks_exact(map.channels.max(1)) {
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += f64::from(*value);
        }
    }
    for (result, sum) in result.iter_mut().zip(sums) {
        *result = sum as f32;
    }
    Ok(())
}

/// The sums `[tap][input][output]` of a weights' gradient.
struct Weights<'a> {
    isa: Isa,
    shape: &'a ConvShape,
    input: MapShape,
    target: MapShape,
    x: &'a [f32],
    gradient: &'a [f32],
    sums: SharedMut<'a, f32>,
    /// Output channels, whole vectors.
    width: usize,
}

impl Weights<'_> {
    /// Runs tasks that own a block of outputs and a group of inputs each, so that no sum is shared.
    fn run(&self) {
        let c = self.shape;
        let axis = |a: usize, targets, sources| {
            taps::forward(targets, sources, c.kernel[a], [c.stride[a], c.padding[a], c.dilation[a]])
        };
        let rows = axis(0, self.target.height, self.input.height);
        let columns = axis(1, self.target.width, self.input.width);
        let runs = taps::runs(&columns);
        let blocks = c.outputs.div_ceil(BLOCK);
        let strips = c.inputs.div_ceil(ROWS);
        let groups = (2 * rayon::current_num_threads()).div_ceil(blocks).clamp(1, strips);
        (0..blocks * groups).into_par_iter().for_each(|task| {
            let (block, group) = (task / groups * BLOCK, task % groups);
            let inputs = [group * c.inputs / groups, (group + 1) * c.inputs / groups];
            self.clear(block, inputs);
            // Rows outermost: what a row needs of both maps stays in cache for all taps.
            for (y, row) in rows.iter().enumerate() {
                for (run, row) in runs.iter().flat_map(|run| row.iter().map(move |row| (run, row))) {
                    for column in &columns[run.start] {
                        self.tap(y, *run, *row, *column, block, inputs);
                    }
                }
            }
        });
    }

    /// Sets a task's sums to 0.
    fn clear(&self, block: usize, [from, to]: [usize; 2]) {
        let lanes = (self.width - block).min(BLOCK);
        for row in (0..self.shape.taps()).flat_map(|tap| (from..to).map(move |input| tap * self.shape.inputs + input)) {
            // SAFETY: whole vectors of outputs of the task's own block and inputs.
            unsafe { self.sums.part(row * self.width + block, lanes).write_bytes(0, lanes) };
        }
    }

    /// One tap of the kernel over target columns that share it.
    fn tap(&self, y: usize, run: TapRun, row: AxisTap, column: AxisTap, block: usize, inputs: [usize; 2]) {
        let (batch, channels, outputs) = (self.input.batch, self.shape.inputs, self.shape.outputs);
        let x = (row.source * self.input.width + column.source) * self.input.row_len();
        let g = (y * self.target.width + run.start) * self.target.row_len();
        let tap = row.kernel * self.shape.kernel[1] + column.kernel;
        let lines = |pixels: usize, x: usize, x_step: usize, g: usize, g_step: usize| {
            for at in (0..pixels).step_by(PIXELS) {
                let count = PIXELS.min(pixels - at);
                self.line(count, [x + at * x_step, x_step], [g + at * g_step, g_step], tap, block, inputs);
            }
        };
        if run.step == 1 {
            lines(run.len * batch, x, channels, g, outputs);
        } else if batch < run.len {
            for image in 0..batch {
                lines(run.len, x + image * channels, run.step * batch * channels, g + image * outputs, batch * outputs);
            }
        } else {
            for column in 0..run.len {
                lines(batch, x + column * run.step * batch * channels, channels, g + column * batch * outputs, outputs);
            }
        }
    }

    /// Pixels at constant steps; `[start, step]` in values of the input and of the gradient.
    fn line(
        &self,
        pixels: usize,
        [x, x_step]: [usize; 2],
        [g, g_step]: [usize; 2],
        tap: usize,
        block: usize,
        inputs: [usize; 2],
    ) {
        let outputs = (self.shape.outputs - block).min(BLOCK);
        let vectors = outputs.div_ceil(LANES);
        let strips = (inputs[1] - inputs[0]).div_ceil(ROWS);
        let mut from = inputs[0];
        for strip in 0..strips {
            let rows = (inputs[1] - from) / (strips - strip);
            // SAFETY: pixels, channels and taps lie within the slices that were checked against the shapes; a task owns
            // its inputs and outputs; `isa` proves the instructions.
            unsafe {
                let tile = Rank1 {
                    pixels,
                    input: self.x.as_ptr().add(x + from),
                    input_step: x_step,
                    gradient: self.gradient.as_ptr().add(g + block),
                    gradient_step: g_step,
                    sums: self.sums.part(
                        (tap * self.shape.inputs + from) * self.width + block,
                        (rows - 1) * self.width + vectors * LANES,
                    ),
                    sums_step: self.width,
                    last: outputs - (vectors - 1) * LANES,
                };
                rank1::routine(self.isa, rows, vectors)(&tile);
            }
            from += rows;
        }
    }
}
