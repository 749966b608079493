//! Max and mean pooling of maps in single precision.

mod training;

use rayon::prelude::*;

use crate::isa::dispatch;
use crate::taps::{self, AxisTaps};
use crate::{Isa, KernelError, MapShape};

/// Values that stay in registers while the positions of a window go by.
const CHUNK: usize = 64;
/// Positions of one task.
const SPAN: usize = 64;

/// The maximum of each window; positions outside the map do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Side of the window.
    pub kernel: usize,
    /// Step of the window.
    pub stride: usize,
    /// How far windows reach past the map, on every side; less than the window.
    pub padding: usize,
}

/// The windows along the rows of maps of one width, prepared by [`MaxPool::columns`].
#[derive(Debug, Clone)]
pub struct PoolColumns(AxisTaps);

impl MaxPool {
    /// The taps of each target position along one axis.
    pub(crate) fn taps(&self, size: usize) -> Result<AxisTaps, KernelError> {
        let padded = size + 2 * self.padding;
        if self.stride == 0 || self.padding >= self.kernel || padded < self.kernel || size == 0 {
            return Err(KernelError::Shape(format!("{self:?} on {size} pixels")));
        }
        let targets = (padded - self.kernel) / self.stride + 1;
        let taps = taps::forward(targets, size, self.kernel, [self.stride, self.padding, 1]);
        if taps.iter().any(Vec::is_empty) {
            return Err(KernelError::Shape(format!("{self:?} has windows outside {size} pixels")));
        }
        Ok(taps)
    }

    /// Prepares the pooling of rows of `width` positions.
    ///
    /// # Errors
    /// When a window lies outside the map.
    pub fn columns(&self, width: usize) -> Result<PoolColumns, KernelError> {
        self.taps(width).map(PoolColumns)
    }

    /// The output map for an input map.
    ///
    /// # Errors
    /// When a window lies outside the map.
    pub fn output(&self, input: MapShape) -> Result<MapShape, KernelError> {
        let (height, width) = (self.taps(input.height)?.len(), self.taps(input.width)?.len());
        Ok(MapShape { height, width, ..input })
    }

    /// Pools a map `[H, W, N, C]` into `output`, `[H', W', N, C]`.
    ///
    /// # Errors
    /// When a slice does not have the length of its shape or a window lies outside the map.
    pub fn run(&self, isa: Isa, shape: MapShape, input: &[f32], output: &mut [f32]) -> Result<MapShape, KernelError> {
        let (target, columns) = (self.output(shape)?, self.columns(shape.width)?);
        KernelError::check_len("input", input.len(), shape.len())?;
        KernelError::check_len("output", output.len(), target.len())?;
        if target.is_empty() {
            return Ok(target);
        }
        let input = input.chunks(shape.width * shape.row_len()).collect::<Vec<_>>();
        let output = output.chunks_mut(target.width * target.row_len()).collect();
        self.run_rows(isa, shape.row_len(), self.padding, &columns, &input, output)?;
        Ok(target)
    }

    /// Pools rows of a taller map into rows of the result, with positions of `len` values. `above` rows lie outside the map
    /// before the first; `columns` are the windows along a row.
    ///
    /// # Errors
    /// When the processor lacks the instruction set.
    pub fn run_rows(
        &self,
        isa: Isa,
        len: usize,
        above: usize,
        columns: &PoolColumns,
        input: &[&[f32]],
        output: Vec<&mut [f32]>,
    ) -> Result<(), KernelError> {
        let rows = taps::forward(output.len(), input.len(), self.kernel, [self.stride, above, 1]);
        output.into_par_iter().zip(&rows).for_each(|(out, row)| {
            out.par_chunks_mut(SPAN * len).zip(columns.0.par_chunks(SPAN)).for_each(|(out, columns)| {
                let mut window: Vec<&[f32]> = Vec::new();
                for (out, column) in out.chunks_exact_mut(len).zip(columns) {
                    window.clear();
                    for r in row {
                        window.extend(column.iter().map(|c| &input[r.source][c.source * len..][..len]));
                    }
                    greatest(isa, &window, out);
                }
            });
        });
        Ok(())
    }
}

/// Means over all positions of a map `[H, W, N, C]`, into `output`, `[N, C]`.
///
/// # Errors
/// When a slice does not have the length of its shape, or the map has no position.
pub fn mean_pool(isa: Isa, shape: MapShape, input: &[f32], output: &mut [f32]) -> Result<(), KernelError> {
    let len = shape.row_len();
    KernelError::check_len("input", input.len(), shape.len())?;
    KernelError::check_len("output", output.len(), len)?;
    if shape.height * shape.width == 0 {
        return Err(KernelError::Shape("the mean over no position".to_owned()));
    }
    output.par_chunks_mut(CHUNK * 16).enumerate().for_each(|(index, out)| {
        let part = index * CHUNK * 16..index * CHUNK * 16 + out.len();
        let rows = input.chunks_exact(len).map(|row| &row[part.clone()]);
        mean(isa, rows, out);
    });
    Ok(())
}

dispatch! { fn greatest(window: &[&[f32]], out: &mut [f32]) = greatest_of; }

/// A NaN counts as less than any number, as in the processor's own maximum.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn greatest_of(window: &[&[f32]], out: &mut [f32]) {
    let mut at = 0;
    while at < out.len() {
        let count = CHUNK.min(out.len() - at);
        let mut best = [f32::NEG_INFINITY; CHUNK];
        for row in window {
            if let Some(row) = row[at..].first_chunk::<CHUNK>() {
                for (best, value) in best.iter_mut().zip(row) {
                    *best = if *value > *best { *value } else { *best };
                }
            } else {
                for (best, value) in best.iter_mut().zip(&row[at..]) {
                    *best = if *value > *best { *value } else { *best };
                }
            }
        }
        out[at..at + count].copy_from_slice(&best[..count]);
        at += count;
    }
}

fn mean<'a>(isa: Isa, rows: impl ExactSizeIterator<Item = &'a [f32]>, out: &mut [f32]) {
    let scale = 1.0 / rows.len() as f32;
    out.fill(0.0);
    for row in rows {
        add(isa, row, out);
    }
    for value in out {
        *value *= scale;
    }
}

dispatch! { fn add(row: &[f32], out: &mut [f32]) = add_to; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn add_to(row: &[f32], out: &mut [f32]) {
    for (sum, value) in out.iter_mut().zip(row) {
        *sum += *value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ignores_what_lies_outside() {
        // 3 x 3 map of -9 .. -1, one image, one channel; windows of 3 with stride 2 and padding 1 see its corners.
        let input: Vec<f32> = (-9..0).map(|v| v as f32).collect();
        let pool = MaxPool { kernel: 3, stride: 2, padding: 1 };
        for isa in Isa::available() {
            let mut output = [0.0; 4];
            let target = pool.run(isa, MapShape::new(3, 3, 1, 1), &input, &mut output).unwrap();
            assert_eq!((target.height, target.width, output), (2, 2, [-5.0, -4.0, -2.0, -1.0]));
        }
    }

    #[test]
    fn means_are_over_positions() {
        let input = [1.0, 10.0, 3.0, 30.0];
        let mut output = [0.0; 2];
        mean_pool(Isa::Portable, MapShape::new(2, 1, 1, 2), &input, &mut output).unwrap();
        assert_eq!(output, [2.0, 20.0]);
    }

    #[test]
    fn windows_outside_the_map_are_refused() {
        assert!(MaxPool { kernel: 2, stride: 1, padding: 2 }.output(MapShape::new(4, 4, 1, 1)).is_err());
    }
}
