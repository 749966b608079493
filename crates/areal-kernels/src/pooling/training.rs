//! Max pooling for training: with the positions that the values came from, and its gradient.

use rayon::prelude::*;

use super::MaxPool;
use crate::isa::dispatch;
use crate::taps::{self, AxisTaps};
use crate::{Isa, KernelError, MapShape};

/// Values that stay in registers while the positions of a window go by.
const CHUNK: usize = 32;

impl MaxPool {
    /// As [`run`](Self::run), and remembers in `places`, shaped as the output, which position of its window each value
    /// came from: row times columns of the window plus column. Of equal values it is the first.
    ///
    /// # Errors
    /// When a slice does not have the length of its shape, a window lies outside the map or has more than 255 positions.
    pub fn run_and_remember(
        &self,
        isa: Isa,
        shape: MapShape,
        input: &[f32],
        output: &mut [f32],
        places: &mut [u8],
    ) -> Result<MapShape, KernelError> {
        let [rows, columns] = self.both(shape)?;
        let target = MapShape { height: rows.len(), width: columns.len(), ..shape };
        KernelError::check_len("input", input.len(), shape.len())?;
        KernelError::check_len("output", output.len(), target.len())?;
        KernelError::check_len("places", places.len(), target.len())?;
        let len = shape.row_len().max(1);
        output.par_chunks_mut(len).zip(places.par_chunks_mut(len)).enumerate().for_each(|(at, (out, places))| {
            let (row, column) = (&rows[at / columns.len()], &columns[at % columns.len()]);
            let window = row.iter().flat_map(|r| column.iter().map(move |c| (r, c)));
            let window: Vec<(&[f32], u8)> = window
                .map(|(r, c)| {
                    let from = (r.source * shape.width + c.source) * len;
                    (&input[from..][..len], (r.kernel * self.kernel + c.kernel) as u8)
                })
                .collect();
            greatest(isa, &window, out, places);
        });
        Ok(target)
    }

    /// Gradient by the input, a map of `shape`, of one by the output, with the places that the pooling remembered.
    ///
    /// # Errors
    /// As [`run_and_remember`](Self::run_and_remember).
    pub fn gradient(
        &self,
        isa: Isa,
        shape: MapShape,
        places: &[u8],
        gradient: &[f32],
        result: &mut [f32],
    ) -> Result<(), KernelError> {
        let [rows, columns] = self.both(shape)?;
        let target = MapShape { height: rows.len(), width: columns.len(), ..shape };
        KernelError::check_len("gradient", gradient.len(), target.len())?;
        KernelError::check_len("places", places.len(), target.len())?;
        KernelError::check_len("result", result.len(), shape.len())?;
        let axis = |targets, sources| taps::backward(targets, sources, self.kernel, [self.stride, self.padding, 1]);
        let (rows, columns) = (axis(shape.height, target.height), axis(shape.width, target.width));
        let len = shape.row_len().max(1);
        result.par_chunks_mut(len).enumerate().for_each(|(at, out)| {
            let (row, column) = (&rows[at / shape.width], &columns[at % shape.width]);
            out.fill(0.0);
            for (r, c) in row.iter().flat_map(|r| column.iter().map(move |c| (r, c))) {
                let from = (r.source * target.width + c.source) * len;
                let place = (r.kernel * self.kernel + c.kernel) as u8;
                chosen(isa, &gradient[from..][..len], &places[from..][..len], place, out);
            }
        });
        Ok(())
    }

    fn both(&self, shape: MapShape) -> Result<[AxisTaps; 2], KernelError> {
        if u8::try_from(self.kernel * self.kernel).is_err() {
            return Err(KernelError::Shape(format!("{self:?} has too many positions to remember")));
        }
        Ok([self.taps(shape.height)?, self.taps(shape.width)?])
    }
}

dispatch! { fn greatest(window: &[(&[f32], u8)], best: &mut [f32], places: &mut [u8]) = greatest_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn greatest_of(window: &[(&[f32], u8)], best: &mut [f32], places: &mut [u8]) {
    let (whole, rest) = best.as_chunks_mut::<CHUNK>();
    let (whole_places, rest_places) = places.as_chunks_mut::<CHUNK>();
    for (index, (best, places)) in whole.iter_mut().zip(whole_places).enumerate() {
        let (mut value, mut place) = ([f32::NEG_INFINITY; CHUNK], [0u32; CHUNK]);
        for (row, at) in window {
            let Some(x) = row[index * CHUNK..].first_chunk::<CHUNK>() else { continue };
            for l in 0..CHUNK {
                let is_greater = x[l] > value[l];
                place[l] = if is_greater { u32::from(*at) } else { place[l] };
                value[l] = if is_greater { x[l] } else { value[l] };
            }
        }
        *best = value;
        *places = place.map(|place| place as u8);
    }
    rest.fill(f32::NEG_INFINITY);
    for (row, at) in window {
        let row = &row[row.len() - rest.len()..];
        for ((x, best), place) in row.iter().zip(&mut *rest).zip(&mut *rest_places) {
            if *x > *best {
                (*best, *place) = (*x, *at);
            }
        }
    }
}

dispatch! { fn chosen(gradient: &[f32], places: &[u8], place: u8, sums: &mut [f32]) = chosen_of; }

#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
fn chosen_of(gradient: &[f32], places: &[u8], place: u8, sums: &mut [f32]) {
    for ((g, at), sum) in gradient.iter().zip(places).zip(sums) {
        *sum += if *at == place { *g } else { 0.0 };
    }
}
