#![allow(unsafe_code)]
//! Convolution of maps of reduced precision.

use std::ops::Range;

use rayon::prelude::*;

use super::epilogue::{BlockTarget, Epilogue};
use super::sums::{Block, BlockSums, DotProduct, PIXELS, Summer, Tap};
use super::weights::{GROUP, Weights};
use super::{MapEncoding, SLACK, rows_len};
use crate::lines::{self, PixelLine};
use crate::shared::SharedMut;
use crate::taps::{self, AxisTaps, TapRun};
use crate::{Activation, ConvShape, Isa, KernelError, MapShape};

/// Bytes of weights that stay in a second cache beside what they are multiplied by.
const NEAR: usize = 1 << 19;

/// Bytes of a map that stay in the first cache beside the weights of a group.
const NEAREST: usize = 3 << 13;

/// Encodings of the maps of a convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encodings {
    /// Of the input. It decides how sums are formed: single precision for bf16, integers for bytes.
    pub input: MapEncoding,
    /// Of the map that is added before the activation, if any is.
    pub added: Option<MapEncoding>,
    /// Of the result.
    pub output: MapEncoding,
}

/// How the convolved map lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `[H, W, N, C]`.
    Map,
    /// `[H, N, border + W + border, C]`, the border as wide as the padding.
    Rows,
}

/// A 2-D convolution of maps of reduced precision with packed weights.
#[derive(Debug, Clone)]
pub struct ReducedConv2d {
    shape: ConvShape,
    layout: Layout,
    encodings: Encodings,
    weights: Weights,
    epilogue: Epilogue,
    instructions: DotProduct,
}

impl ReducedConv2d {
    /// Packs weights `[outputs, inputs, kernel rows, kernel columns]` and a bias by output channel.
    ///
    /// # Errors
    /// When a slice does not fit the shape, sums of bytes could overflow, or results that may be negative are to be encoded as
    /// bytes.
    pub fn new(
        isa: Isa,
        shape: ConvShape,
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
        encodings: Encodings,
    ) -> Result<Self, KernelError> {
        Self::of_layout(isa, shape, weights, bias, activation, encodings, Layout::Map)
    }

    /// The same for a map of few channels that lies in rows, as [`super::from_map`] makes them with the padding as border.
    ///
    /// # Errors
    /// As [`ReducedConv2d::new`], and for a dilated kernel or a map of bytes.
    pub fn of_rows(
        isa: Isa,
        shape: ConvShape,
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
        output: MapEncoding,
    ) -> Result<Self, KernelError> {
        if shape.dilation[1] != 1 {
            return Err(KernelError::Shape(format!("a kernel that is dilated by {:?} on rows", shape.dilation)));
        }
        let encodings = Encodings { input: MapEncoding::Bf16, added: None, output };
        Self::of_layout(isa, shape, weights, bias, activation, encodings, Layout::Rows)
    }

    fn of_layout(
        isa: Isa,
        shape: ConvShape,
        weights: &[f32],
        bias: &[f32],
        activation: Activation,
        encodings: Encodings,
        layout: Layout,
    ) -> Result<Self, KernelError> {
        KernelError::check_len("weights", weights.len(), shape.weights_len())?;
        KernelError::check_len("bias", bias.len(), shape.outputs)?;
        let relu = activation == Activation::Relu;
        if matches!(encodings.output, MapEncoding::U8 { .. }) && !relu {
            return Err(KernelError::Shape("results below zero cannot be encoded as bytes".to_owned()));
        }
        let (taps, columns) = (shape.taps(), shape.kernel[1]);
        let packed = match layout {
            Layout::Map => Weights::pack([shape.outputs, shape.inputs, taps], encodings.input, |output, input, tap| {
                weights[(output * shape.inputs + input) * taps + tap]
            }),
            Layout::Rows => {
                let sizes = [shape.outputs, shape.inputs * columns, shape.kernel[0]];
                Weights::pack(sizes, encodings.input, |output, at, row| {
                    let (column, input) = (at / shape.inputs, at % shape.inputs);
                    weights[(output * shape.inputs + input) * taps + row * columns + column]
                })
            }
        }?;
        let unit = |encoding: MapEncoding| if let MapEncoding::U8 { scale } = encoding { scale } else { 1.0 };
        let out = 1.0 / unit(encodings.output);
        let mut padded = vec![0.0; packed.groups * GROUP];
        for (padded, bias) in padded.iter_mut().zip(bias) {
            *padded = bias * out;
        }
        let epilogue = Epilogue {
            scale: packed.scale.iter().map(|s| s * out).collect(),
            bias: padded,
            integers: matches!(encodings.input, MapEncoding::U8 { .. }),
            relu,
            added: encodings.added.map(|encoding| (encoding, unit(encoding) * out)),
            output: encodings.output,
        };
        let instructions = DotProduct::of(isa, encodings.input);
        Ok(Self { shape, layout, encodings, weights: packed, epilogue, instructions })
    }

    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Width of the border of the rows that it reads; none where it reads a map.
    pub fn border(&self) -> Option<usize> {
        (self.layout == Layout::Rows).then_some(self.shape.padding[1])
    }

    /// Encodings of its maps.
    pub fn encodings(&self) -> &Encodings {
        &self.encodings
    }

    /// Convolves a map of reduced precision and of `shape` into `output`, `[H', W', N, outputs]`. The input is followed by [`SLACK`] bytes;
    /// all slices may be longer than their maps.
    ///
    /// # Errors
    /// When a slice is too short, a map to add is missing or not asked for, or the kernel does not fit the map.
    pub fn run(
        &self,
        shape: MapShape,
        input: &[u8],
        added: Option<&[u8]>,
        output: &mut [u8],
    ) -> Result<MapShape, KernelError> {
        let target = self.shape.output(shape)?;
        let least = match self.layout {
            Layout::Map => shape.len() * self.encodings.input.size() + SLACK,
            Layout::Rows => rows_len(shape, self.shape.padding[1]),
        };
        KernelError::check_min_len("input", input.len(), least)?;
        KernelError::check_min_len("output", output.len(), target.len() * self.encodings.output.size())?;
        match (added, self.encodings.added) {
            (Some(map), Some(encoding)) => {
                KernelError::check_min_len("added", map.len(), target.len() * encoding.size())?;
            }
            (None, None) => {}
            _ => {
                return Err(KernelError::Shape("a map to add is missing or was not expected".to_owned()));
            }
        }
        let axis = |a: usize, targets, sources, padding| {
            taps::forward(
                targets,
                sources,
                self.shape.kernel[a],
                [self.shape.stride[a], padding, self.shape.dilation[a]],
            )
        };
        let columns = match self.layout {
            Layout::Map => axis(1, target.width, shape.width, self.shape.padding[1]),
            Layout::Rows => Vec::new(),
        };
        let work = ReducedConvTasks {
            conv: self,
            rows: axis(0, target.height, shape.height, self.shape.padding[0]),
            columns,
            source: shape,
            target,
            input,
            added,
            output: SharedMut::new(output),
        };
        work.run();
        Ok(target)
    }
}

/// One convolution of whole maps.
struct ReducedConvTasks<'a> {
    conv: &'a ReducedConv2d,
    /// Taps of each target row.
    rows: AxisTaps,
    /// Taps of each target column; none where the map lies in rows.
    columns: AxisTaps,
    source: MapShape,
    target: MapShape,
    input: &'a [u8],
    added: Option<&'a [u8]>,
    output: SharedMut<'a, u8>,
}

impl ReducedConvTasks<'_> {
    /// Runs all tasks: one for each target row and as many groups of output channels as have room in cache with their
    /// weights, the groups outermost, so that a thread keeps them there.
    fn run(&self) {
        let runs = taps::runs(&self.columns);
        let (rows, groups) = (self.target.height, self.conv.weights.groups);
        let parts = (self.conv.weights.bytes().len().div_ceil(NEAR))
            .max((2 * rayon::current_num_threads()).div_ceil(rows.max(1)))
            .min(groups);
        (0..parts * rows).into_par_iter().for_each(|task| {
            let mut tiles =
                Tiles { summer: Summer::new(self.conv.instructions, self.conv.encodings.input), block: Block::zeros() };
            let (y, part) = (task % rows, task / rows);
            let groups = part * groups / parts..(part + 1) * groups / parts;
            match self.conv.layout {
                Layout::Map => self.row(y, &runs, &groups, &mut tiles),
                Layout::Rows => self.row_of_rows(y, &groups, &mut tiles),
            }
        });
    }

    fn row(&self, y: usize, runs: &[TapRun], groups: &Range<usize>, tiles: &mut Tiles) {
        let pixel_row = self.source.row_len() * self.conv.encodings.input.size();
        let mut list = Vec::new();
        for run in runs {
            list.clear();
            for row in &self.rows[y] {
                for column in &self.columns[run.start] {
                    let tap = row.kernel * self.conv.shape.kernel[1] + column.kernel;
                    list.push(Tap {
                        input: (row.source * self.source.width + column.source) * pixel_row,
                        weights: self.conv.weights.offset(0, tap),
                    });
                }
            }
            lines::of_run(self.source, self.target, y, *run, |line| self.line(line, &list, groups, tiles));
        }
    }

    /// One line for each image.
    fn row_of_rows(&self, y: usize, groups: &Range<usize>, tiles: &mut Tiles) {
        let (source, target, conv) = (self.source, self.target, self.conv);
        let image = (source.width + 2 * conv.shape.padding[1]) * source.channels;
        let tap = |row: &taps::AxisTap| Tap {
            input: row.source * source.batch * image * conv.encodings.input.size(),
            weights: conv.weights.offset(0, row.kernel),
        };
        let list: Vec<Tap> = self.rows[y].iter().map(tap).collect();
        for n in 0..source.batch {
            let line = PixelLine {
                pixels: target.width,
                input: n * image,
                input_step: conv.shape.stride[1] * source.channels,
                output: (y * target.width * target.batch + n) * target.channels,
                output_step: target.row_len(),
            };
            self.line(line, &list, groups, tiles);
        }
    }

    /// Pixels at constant steps, cut into blocks. The last one is moved back to be whole where the line is long enough:
    /// its first pixels are then computed twice, to the same values. What some blocks read and write is near for all groups.
    fn line(&self, line: PixelLine, taps: &[Tap], groups: &Range<usize>, tiles: &mut Tiles) {
        let (blocks, bytes) = (line.pixels.div_ceil(PIXELS), self.source.channels * self.conv.encodings.input.size());
        let together = (NEAREST / (PIXELS * bytes).max(1)).max(1);
        for first in (0..blocks).step_by(together) {
            for group in groups.clone() {
                for block in first..(first + together).min(blocks) {
                    self.block(line, block * PIXELS, taps, group, tiles);
                }
            }
        }
    }

    /// The block of a line's pixels from `at` on, one group of outputs.
    fn block(&self, line: PixelLine, at: usize, taps: &[Tap], group: usize, tiles: &mut Tiles) {
        let encodings = &self.conv.encodings;
        let pixels = line.pixels.min(PIXELS);
        let at = at.min(line.pixels - pixels);
        let outputs = (self.target.channels - group * GROUP).min(GROUP);
        let output = line.output + at * line.output_step + group * GROUP;
        // SAFETY: `at` is below the pixels of the line, whose steps stay inside the checked slices, the last step of a
        // tap inside the slack; tasks write disjoint rows and groups of channels; `isa` proves the instructions.
        unsafe {
            let input = (line.input + at * line.input_step) * encodings.input.size();
            let sums = BlockSums {
                taps,
                steps: self.conv.weights.steps,
                pixels,
                input: self.input.as_ptr().add(input),
                input_step: line.input_step * encodings.input.size(),
                weights: self.conv.weights.bytes().as_ptr().add(self.conv.weights.offset(group, 0)),
            };
            tiles.summer.run(&sums, &mut tiles.block);
            let added = |map: &[u8]| map.as_ptr().add(output * encodings.added.map_or(0, MapEncoding::size));
            let place = BlockTarget {
                pixels,
                first: group * GROUP,
                outputs,
                added: self.added.map_or(std::ptr::null(), added),
                output: self.output.part(
                    output * encodings.output.size(),
                    ((pixels - 1) * line.output_step + outputs) * encodings.output.size(),
                ),
                step: line.output_step,
            };
            self.conv.epilogue.run(self.conv.instructions, &tiles.block, &place);
        }
    }
}

/// The working memory of a task.
struct Tiles {
    summer: Summer,
    block: Block,
}
