//! Runs of target columns as lines of pixels at constant steps in memory.

use crate::MapShape;
use crate::taps::TapRun;

/// Pixels at constant steps; offsets and steps in values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PixelLine {
    pub pixels: usize,
    /// First input pixel, from the source of the first target column.
    pub input: usize,
    /// From one input pixel to the next.
    pub input_step: usize,
    /// First output pixel.
    pub output: usize,
    /// From one output pixel to the next.
    pub output_step: usize,
}

/// The target columns of a run in the row at place `y`, as few lines as their steps allow.
pub fn of_run(source: MapShape, target: MapShape, y: usize, run: TapRun, mut each: impl FnMut(PixelLine)) {
    let (batch, inputs, outputs) = (source.batch, source.channels, target.channels);
    let first = (y * target.width + run.start) * batch;
    if run.step == 1 {
        each(PixelLine {
            pixels: run.len * batch,
            input: 0,
            input_step: inputs,
            output: first * outputs,
            output_step: outputs,
        });
    } else if batch < run.len {
        for image in 0..batch {
            each(PixelLine {
                pixels: run.len,
                input: image * inputs,
                input_step: run.step * batch * inputs,
                output: (first + image) * outputs,
                output_step: batch * outputs,
            });
        }
    } else {
        for column in 0..run.len {
            each(PixelLine {
                pixels: batch,
                input: column * run.step * batch * inputs,
                input_step: inputs,
                output: (first + column * batch) * outputs,
                output_step: outputs,
            });
        }
    }
}
