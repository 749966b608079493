//! Resampling of observed pixels; weights of observed pixels are scaled to sum to 1.

use areal_grid::{PixelBlock, PixelState, Pixels, Window};

use crate::kernel::Axis;
use areal_formats::Resampling;

/// A number that a pixel can hold.
trait Value: Copy {
    fn to_f64(self) -> f64;
    /// The nearest value of the type; halves go up, as GDAL does.
    fn nearest(value: f64) -> Self;
}

macro_rules! integer_values {
    ($($t:ty),*) => {$(
        impl Value for $t {
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn nearest(value: f64) -> Self {
                (value + 0.5).floor() as Self
            }
        }
    )*};
}
integer_values!(u8, i8, u16, i16, u32, i32);

impl Value for f32 {
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    fn nearest(value: f64) -> Self {
        value as Self
    }
}

impl Value for f64 {
    fn to_f64(self) -> f64 {
        self
    }
    fn nearest(value: f64) -> Self {
        value
    }
}

/// Where the new pixels lie and how they are made.
pub(crate) struct Resampler<'a> {
    pub method: Resampling,
    /// Columns and rows of the file in one new pixel.
    pub scale: [f64; 2],
    /// Position `[col, row]` in the file of each new pixel, row by row; `NaN` for none.
    pub positions: &'a [[f64; 2]],
}

impl Resampler<'_> {
    /// Makes the pixels of `part` from `source`, whose window is in pixels of the file, and writes them to `block`.
    ///
    /// A new pixel is observed when observed pixels hold at least half of the kernel's weight; what lies outside the
    /// file weighs too. Values come from observed pixels alone.
    pub(crate) fn run(&self, source: &PixelBlock, part: &Window, block: &mut PixelBlock) {
        let (target, bands) = (block.window, block.bands);
        macro_rules! dispatch {
            ($($variant:ident),*) => {
                match (&source.pixels, &mut block.pixels) {
                    $((Pixels::$variant(from), Pixels::$variant(to)) => {
                        let mut out = Output { part, target, bands, values: to, states: &mut block.states };
                        self.typed(source, from, &mut out);
                    })*
                    // Both were made of the scene's one pixel type.
                    _ => {}
                }
            };
        }
        dispatch!(U8, I8, U16, I16, U32, I32, F32, F64);
    }

    fn typed<T: Value>(&self, source: &PixelBlock, from: &[T], out: &mut Output<'_, T>) {
        let mut taps = Taps::default();
        let plane = source.window.len();
        for (k, position) in self.positions.iter().enumerate() {
            if position[0].is_nan() || position[1].is_nan() {
                continue;
            }
            let state = taps.find(self, source, *position);
            let at = out.index(k);
            out.states[at] = state;
            if state != PixelState::Observed {
                continue;
            }
            for band in 0..out.bands {
                let values = &from[band * plane..(band + 1) * plane];
                let value = match taps.list[..] {
                    [(only, _)] => values[only],
                    _ => T::nearest(taps.list.iter().map(|(i, w)| values[*i].to_f64() * w).sum::<f64>() / taps.sum),
                };
                out.values[band * out.target.len() + at] = value;
            }
        }
    }
}

/// The rectangle of a block that is filled.
struct Output<'a, T> {
    part: &'a Window,
    target: Window,
    bands: usize,
    values: &'a mut Vec<T>,
    states: &'a mut Vec<PixelState>,
}

impl<T> Output<'_, T> {
    /// Index in the block of the `k`-th pixel of the part.
    fn index(&self, k: usize) -> usize {
        let (row, col) = (k / self.part.width + self.part.row, k % self.part.width + self.part.col);
        (row - self.target.row) * self.target.width + col - self.target.col
    }
}

/// The observed pixels that make one new pixel, with their weights.
#[derive(Default)]
struct Taps {
    list: Vec<(usize, f64)>,
    sum: f64,
    cols: Axis,
    rows: Axis,
}

impl Taps {
    fn find(&mut self, by: &Resampler<'_>, source: &PixelBlock, position: [f64; 2]) -> PixelState {
        let (state, whole) = self.gather(by.method, by.scale, source, position);
        // Without some of its pixels, a kernel with negative weights could overshoot any bound.
        if state == PixelState::Observed && !whole && by.method == Resampling::Cubic {
            return self.gather(Resampling::Bilinear, by.scale, source, position).0;
        }
        state
    }

    /// The state of the new pixel, and whether every pixel in the kernel's reach is observed.
    fn gather(
        &mut self,
        method: Resampling,
        scale: [f64; 2],
        source: &PixelBlock,
        position: [f64; 2],
    ) -> (PixelState, bool) {
        self.cols.fill(method, position[0], scale[0]);
        self.rows.fill(method, position[1], scale[1]);
        self.list.clear();
        self.sum = 0.0;
        let (mut observed, mut masked, mut nodata) = (0.0, 0.0, 0.0);
        let window = source.window;
        for (i, row_weight) in self.rows.weights.iter().enumerate() {
            let Some(row) = inside(self.rows.first + i as i64, window.row, window.height) else { continue };
            for (j, col_weight) in self.cols.weights.iter().enumerate() {
                let Some(col) = inside(self.cols.first + j as i64, window.col, window.width) else { continue };
                let (index, weight) = (row * window.width + col, row_weight * col_weight);
                match source.states[index] {
                    PixelState::Observed if weight == 0.0 => {}
                    PixelState::Observed => {
                        observed += weight.abs();
                        self.sum += weight;
                        self.list.push((index, weight));
                    }
                    PixelState::Masked => masked += weight.abs(),
                    PixelState::Nodata => nodata += weight.abs(),
                    PixelState::Outside => {}
                }
            }
        }
        let total = self.rows.total * self.cols.total;
        let outside = (total - observed - masked - nodata).max(0.0);
        let slack = 1e-9 * total;
        let whole = observed >= total - slack;
        let state = if observed >= 0.5 * total - slack && observed > 0.0 {
            PixelState::Observed
        } else if masked >= nodata.max(outside) && masked > 0.0 {
            PixelState::Masked
        } else if nodata >= outside && nodata > 0.0 {
            PixelState::Nodata
        } else {
            PixelState::Outside
        };
        (state, whole)
    }
}

/// Index within `start..start + size`.
fn inside(index: i64, start: usize, size: usize) -> Option<usize> {
    usize::try_from(index - start as i64).ok().filter(|k| *k < size)
}
