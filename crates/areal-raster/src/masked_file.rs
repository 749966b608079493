//! One open file, read in its own pixels, with the masks that say which are observed.

use areal_grid::{PixelBlock, PixelState, Pixels, Window};
use gdal::Dataset;

use crate::facts::{Mask, open_raster};
use crate::raster_io::{Layout, read, read_mask};
use crate::selection::Selection;
use crate::{FileFacts, RasterError};

/// One open file, read in its own pixels, with all that says which of them are observed.
pub(crate) struct MaskedFile {
    dataset: Dataset,
    path: std::path::PathBuf,
    selection: Selection,
    numbers: Vec<usize>,
    masks: Vec<usize>,
    /// Height of a file whose rows are taken from the last to the first.
    flipped: Option<usize>,
}

impl MaskedFile {
    /// Opens a file to be read on its pixel grid, [`FileFacts::grid`].
    pub(crate) fn on_grid(facts: &FileFacts, selection: &Selection) -> Result<Self, RasterError> {
        let flipped = facts.is_south_up().then_some(facts.height);
        Ok(Self { flipped, ..Self::open(facts, selection)? })
    }

    /// Opens a file to be read in the order of its own rows.
    pub(crate) fn open(facts: &FileFacts, selection: &Selection) -> Result<Self, RasterError> {
        Ok(Self {
            dataset: open_raster(&facts.path)?,
            path: facts.path.clone(),
            numbers: selection.numbers(),
            masks: masks(selection),
            selection: selection.clone(),
            flipped: None,
        })
    }

    pub(crate) fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// Reads `window` of the file, which must lie inside it, to row `row` and column `col` of `block`.
    pub(crate) fn read_into(
        &self,
        window: &Window,
        block: &mut PixelBlock,
        row: usize,
        col: usize,
    ) -> Result<(), RasterError> {
        let stride = block.window.width;
        let layout = Layout { start: row * stride + col, row_stride: stride, band_stride: block.window.len() };
        let stored = &self.flipped.map_or(*window, |height| Window { row: height - window.row_end(), ..*window });
        let fault = |message| RasterError::Read { path: self.path.clone(), window: *stored, message };
        read(&self.dataset, &self.numbers, stored, &mut block.pixels, layout).map_err(fault)?;
        let mut states = self.states(stored, &block.pixels, layout)?;
        if self.flipped.is_some() {
            flip(&mut block.pixels, self.numbers.len(), window, layout);
            flip_rows(&mut states, window, Layout::whole(window));
        }
        for (r, line) in states.chunks_exact(window.width.max(1)).enumerate() {
            let at = layout.start + r * stride;
            block.states[at..at + window.width].copy_from_slice(line);
        }
        if !all_observed(&states) {
            blank(&mut block.pixels, self.numbers.len(), window, layout, &states);
        }
        Ok(())
    }

    /// State of each pixel of a window whose values were read to `pixels`.
    fn states(&self, window: &Window, pixels: &Pixels, layout: Layout) -> Result<Vec<PixelState>, RasterError> {
        let fault = |message| RasterError::Read { path: self.path.clone(), window: *window, message };
        let mut states = vec![PixelState::Observed; window.len()];
        if let Some(rule) = &self.selection.quality {
            let mut values = Pixels::F64(vec![0.0; window.len()]);
            read(&self.dataset, &[rule.number], window, &mut values, Layout::whole(window)).map_err(fault)?;
            let Pixels::F64(values) = values else { return Ok(states) };
            rule.check(&values)?;
            mark(&mut states, &values, |v| rule.masks(v), PixelState::Masked);
        }
        let mut colour: Option<Vec<PixelState>> = None;
        for (k, band) in self.selection.bands.iter().enumerate() {
            let layout = Layout { start: layout.start + k * layout.band_stride, ..layout };
            let own = band.nodata.filter(|_| band.mask != Mask::Colour);
            let nodata = [own, self.selection.nodata];
            if band.colour {
                let mut part = vec![PixelState::Observed; window.len()];
                mark_nodata(&mut part, pixels, window, layout, nodata);
                colour = Some(colour.map_or_else(|| part.clone(), |all| both(all, &part)));
            } else {
                mark_nodata(&mut states, pixels, window, layout, nodata);
            }
        }
        if let Some(colour) = colour {
            mark(&mut states, &colour, |s| s == PixelState::Nodata, PixelState::Nodata);
        }
        for number in &self.masks {
            let band = self.dataset.rasterband(*number).map_err(|e| fault(e.to_string()))?;
            let mask = read_mask(&band, window).map_err(fault)?;
            mark(&mut states, &mask, |v| v == 0, PixelState::Nodata);
        }
        Ok(states)
    }
}

/// Bands whose masks have to be read: one for a shared mask, each for masks of their own.
fn masks(selection: &Selection) -> Vec<usize> {
    let is_shared = |mask| matches!(mask, Mask::Alpha | Mask::Shared | Mask::Colour);
    let shared = selection.bands.iter().find(|b| is_shared(b.mask)).map(|b| b.number);
    let own = selection.bands.iter().filter(|b| b.mask == Mask::Own).map(|b| b.number);
    shared.into_iter().chain(own).collect()
}

/// Nodata where both are.
fn both(mut all: Vec<PixelState>, part: &[PixelState]) -> Vec<PixelState> {
    mark(&mut all, part, |s| s == PixelState::Observed, PixelState::Observed);
    all
}

fn mark<T: Copy>(states: &mut [PixelState], values: &[T], found: impl Fn(T) -> bool, state: PixelState) {
    for (s, v) in states.iter_mut().zip(values) {
        // Written in any case: without a branch, many are done at a time.
        *s = if found(*v) { state } else { *s };
    }
}

/// True when every pixel is observed.
pub(crate) fn all_observed(states: &[PixelState]) -> bool {
    // All are looked at: without a branch, many are done at a time.
    states.iter().fold(0u8, |any, s| any | *s as u8) == PixelState::Observed as u8
}

/// Marks pixels that hold a nodata value or no finite number.
///
/// Values are compared as GDAL compares them (`ARE_REAL_EQUAL` in `gdal_priv.h`): in the type of the pixels, for floats with a
/// tolerance of twice the type's epsilon times the sum of both, since a nodata value in text lacks digits.
pub(crate) fn mark_nodata(
    states: &mut [PixelState],
    pixels: &Pixels,
    window: &Window,
    layout: Layout,
    nodata: [Option<f64>; 2],
) {
    macro_rules! integers {
        ($values:expr, $t:ty) => {{
            // A nodata value that the type cannot hold, such as -9999 in unsigned bytes, matches no pixel.
            let nodata = nodata.map(|n| n.map(|n| n as $t).filter(|t| n == Some(f64::from(*t))));
            for value in nodata.into_iter().flatten() {
                mark_rows(states, $values, window, layout, |v: $t| v == value);
            }
        }};
    }
    macro_rules! floats {
        ($values:expr, $t:ty) => {{
            // A file's -3.4e38 means the nearest number that its pixels can hold.
            let [a, b] = nodata.map(|n| n.map_or(f64::NAN, |n| f64::from(n as $t)));
            let tolerance = 2.0 * f64::from(<$t>::EPSILON);
            // Halves: a sum of the largest numbers is none.
            let is = |v: f64, n: f64| v == n || (v / 2.0 - n / 2.0).abs() < tolerance * (v / 2.0 + n / 2.0).abs();
            let found = |v: $t| !v.is_finite() || is(f64::from(v), a) || is(f64::from(v), b);
            mark_rows(states, $values, window, layout, found);
        }};
    }
    match pixels {
        Pixels::U8(v) => integers!(v, u8),
        Pixels::I8(v) => integers!(v, i8),
        Pixels::U16(v) => integers!(v, u16),
        Pixels::I16(v) => integers!(v, i16),
        Pixels::U32(v) => integers!(v, u32),
        Pixels::I32(v) => integers!(v, i32),
        Pixels::F32(v) => floats!(v, f32),
        Pixels::F64(v) => floats!(v, f64),
    }
}

fn mark_rows<T: Copy>(
    states: &mut [PixelState],
    values: &[T],
    window: &Window,
    layout: Layout,
    found: impl Fn(T) -> bool,
) {
    for (r, line) in states.chunks_exact_mut(window.width.max(1)).enumerate() {
        let at = layout.start + r * layout.row_stride;
        let values = &values[at..at + window.width];
        // Most rows have none: a look without a branch and without writing tells.
        if values.iter().fold(false, |any, v| any | found(*v)) {
            mark(line, values, &found, PixelState::Nodata);
        }
    }
}

/// Turns the rows of a rectangle round, in every band.
pub(crate) fn flip(pixels: &mut Pixels, bands: usize, window: &Window, layout: Layout) {
    for band in 0..bands {
        let layout = Layout { start: layout.start + band * layout.band_stride, ..layout };
        match pixels {
            Pixels::U8(v) => flip_rows(v, window, layout),
            Pixels::I8(v) => flip_rows(v, window, layout),
            Pixels::U16(v) => flip_rows(v, window, layout),
            Pixels::I16(v) => flip_rows(v, window, layout),
            Pixels::U32(v) => flip_rows(v, window, layout),
            Pixels::I32(v) => flip_rows(v, window, layout),
            Pixels::F32(v) => flip_rows(v, window, layout),
            Pixels::F64(v) => flip_rows(v, window, layout),
        }
    }
}

fn flip_rows<T>(values: &mut [T], window: &Window, layout: Layout) {
    let at = |row: usize| layout.start + row * layout.row_stride;
    for row in 0..window.height / 2 {
        let (upper, lower) = values.split_at_mut(at(window.height - 1 - row));
        upper[at(row)..at(row) + window.width].swap_with_slice(&mut lower[..window.width]);
    }
}

/// Writes 0 where a pixel is not observed.
pub(crate) fn blank(pixels: &mut Pixels, bands: usize, window: &Window, layout: Layout, states: &[PixelState]) {
    macro_rules! zero {
        ($values:expr, $zero:expr) => {
            for band in 0..bands {
                for (r, line) in states.chunks_exact(window.width.max(1)).enumerate() {
                    let at = layout.start + band * layout.band_stride + r * layout.row_stride;
                    for (v, s) in $values[at..at + window.width].iter_mut().zip(line) {
                        if *s != PixelState::Observed {
                            *v = $zero;
                        }
                    }
                }
            }
        };
    }
    match pixels {
        Pixels::U8(v) => zero!(v, 0),
        Pixels::I8(v) => zero!(v, 0),
        Pixels::U16(v) => zero!(v, 0),
        Pixels::I16(v) => zero!(v, 0),
        Pixels::U32(v) => zero!(v, 0),
        Pixels::I32(v) => zero!(v, 0),
        Pixels::F32(v) => zero!(v, 0.0),
        Pixels::F64(v) => zero!(v, 0.0),
    }
}
