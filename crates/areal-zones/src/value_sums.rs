//! Moments of values, by area and by weights.

use std::ops::Range;

use areal_grid::{PixelState, Pixels, Window};

use crate::row_areas::{CHUNK, RowAreas, split};
use crate::tally::LANES;
use crate::{Moments, ValueTally, WindowWeights, ZoneTally};

/// Moments of values, by area and by weights.
pub(crate) struct ValueSums<'a> {
    window: Window,
    bands: &'a [(Pixels, Vec<PixelState>)],
    weights: Option<&'a WindowWeights>,
    row: usize,
    /// By band and chunk of the row: its sums.
    chunks: Vec<RowMoments>,
    /// By zone and band.
    sums: Vec<ValueSum>,
}

/// Sums over some observed cells of a row. Spread is summed around a value among them, which keeps its digits.
#[derive(Debug, Clone, Copy, Default)]
struct RowMoments {
    cells: f64,
    shift: f64,
    w: f64,
    wd: f64,
    wdd: f64,
}

#[derive(Clone, Copy, Default)]
struct ValueSum {
    /// Around the first value seen.
    by_area: RowMoments,
    weight: f64,
    weighted: f64,
    all_weight: f64,
    unweighted: f64,
    zero_weight: f64,
}

impl<'a> ValueSums<'a> {
    pub(crate) fn new(
        window: Window,
        bands: &'a [(Pixels, Vec<PixelState>)],
        weights: Option<&'a WindowWeights>,
    ) -> Self {
        Self { window, bands, weights, row: 0, chunks: Vec::new(), sums: Vec::new() }
    }

    /// Makes a row of the window ready.
    pub(crate) fn start_row(&mut self, row: usize, areas: &RowAreas) {
        self.row = row;
        self.chunks.clear();
        let (at, width) = (row * self.window.width, self.window.width);
        for (pixels, states) in self.bands {
            for (from, sum) in (0..width).step_by(CHUNK).zip(areas.chunks()) {
                let cols = from..(from + CHUNK).min(width);
                self.chunks.push(piece(pixels, states, at + from, (areas.of(cols), *sum)));
            }
        }
    }

    /// Adds columns of that row.
    pub(crate) fn add(&mut self, place: usize, coverage: f64, cols: Range<usize>, areas: &RowAreas) {
        let n = self.bands.len();
        if self.sums.len() < (place + 1) * n {
            self.sums.resize((place + 1) * n, ValueSum::default());
        }
        let (at, width) = (self.row * self.window.width, self.window.width);
        let [head, whole, tail] = split(cols.clone(), width);
        let row_chunks = width.div_ceil(CHUNK);
        for (k, (pixels, states)) in self.bands.iter().enumerate() {
            let sum = &mut self.sums[place * n + k];
            for cells in [head.clone(), tail.clone()] {
                if let [area] = areas.of(cells.clone()) {
                    let cell = at + cells.start;
                    if states[cell] == PixelState::Observed {
                        sum.by_area.add(
                            &RowMoments { cells: 1.0, shift: pixels.get(cell), w: *area, wd: 0.0, wdd: 0.0 },
                            coverage,
                        );
                    }
                } else if !cells.is_empty() {
                    sum.by_area.add(&piece(pixels, states, at + cells.start, areas.with_sum(cells)), coverage);
                }
            }
            for chunk in &self.chunks[k * row_chunks..][whole.clone()] {
                sum.by_area.add(chunk, coverage);
            }
            if let Some(weights) = self.weights {
                sum.add_weights((pixels, states), weights, coverage, at + cols.start, areas.of(cols.clone()));
            }
        }
    }

    pub(crate) fn finish(&self, place: usize, tally: &mut ZoneTally) {
        let n = self.bands.len();
        tally.values = self.sums[place * n..(place + 1) * n]
            .iter()
            .map(|s| ValueTally {
                cells: s.by_area.cells,
                by_area: Moments::from_sums(s.by_area.shift, s.by_area.w, s.by_area.wd, s.by_area.wdd),
                weight: s.weight,
                weighted: s.weighted,
                all_weight: s.all_weight,
                unweighted: s.unweighted,
                zero_weight: s.zero_weight,
            })
            .collect();
    }
}

impl RowMoments {
    /// Adds the sums of other cells, each cell counted by `coverage`.
    fn add(&mut self, other: &Self, coverage: f64) {
        if other.cells == 0.0 {
            return;
        }
        if self.cells == 0.0 {
            self.shift = other.shift;
        }
        // Moved to this shift: sum w (d + m) and sum w (d + m)^2.
        let m = other.shift - self.shift;
        self.cells += coverage * other.cells;
        self.w += coverage * other.w;
        self.wd += coverage * (other.wd + m * other.w);
        self.wdd += coverage * (other.wdd + m * (2.0 * other.wd + m * other.w));
    }
}

impl ValueSum {
    /// Adds as many cells as there are areas, from number `at` of the window, by their weights.
    fn add_weights(
        &mut self,
        (pixels, states): (&Pixels, &[PixelState]),
        weights: &WindowWeights,
        coverage: f64,
        at: usize,
        areas: &[f64],
    ) {
        for (k, area) in (at..).zip(areas) {
            let weight = coverage * weights.amounts[k];
            self.all_weight += weight;
            if states[k] == PixelState::Observed {
                self.weight += weight;
                self.weighted += weight * pixels.get(k);
                self.unweighted += coverage * area * (1.0 - weights.known[k]);
                if weights.amounts[k] == 0.0 {
                    self.zero_weight += coverage * area * weights.known[k];
                }
            }
        }
    }
}

/// Sums of as many cells as there are areas, from number `at` of the window; the areas come with their sum.
fn piece(pixels: &Pixels, states: &[PixelState], at: usize, (areas, area): (&[f64], f64)) -> RowMoments {
    let cells = at..at + areas.len();
    macro_rules! each {
        ($($variant:ident),*) => {
            match pixels {
                $(Pixels::$variant(v) => sums(&v[cells.clone()], &states[cells], (areas, area)),)*
            }
        };
    }
    each!(U8, I8, U16, I16, U32, I32, F32, F64)
}

fn sums<T: Copy + Into<f64>>(values: &[T], states: &[PixelState], (areas, area): (&[f64], f64)) -> RowMoments {
    let seen = |s: &PixelState| *s == PixelState::Observed;
    // One look at all of them, which the compiler does many at a time.
    let missing = states.iter().fold(0u8, |any, s| any | *s as u8);
    if missing == PixelState::Observed as u8 {
        return whole(values, areas, area);
    }
    let mut piece = RowMoments::default();
    for ((v, s), a) in values.iter().zip(states).zip(areas) {
        if seen(s) {
            piece.add(&RowMoments { cells: 1.0, shift: (*v).into(), w: *a, wd: 0.0, wdd: 0.0 }, 1.0);
        }
    }
    piece
}

/// As [`sums`], where every cell is observed.
fn whole<T: Copy + Into<f64>>(values: &[T], areas: &[f64], area: f64) -> RowMoments {
    let shift = values.first().map_or(0.0, |v| (*v).into());
    let mut lanes = [[0.0; LANES]; 2];
    let (v4, v1) = values.as_chunks::<LANES>();
    let (a4, a1) = areas.as_chunks::<LANES>();
    for (v, a) in v4.iter().zip(a4) {
        for k in 0..LANES {
            let d: f64 = v[k].into() - shift;
            let wd = a[k] * d;
            lanes[0][k] += wd;
            lanes[1][k] += wd * d;
        }
    }
    for (v, a) in v1.iter().zip(a1) {
        let d: f64 = (*v).into() - shift;
        lanes[0][0] += a * d;
        lanes[1][0] += a * d * d;
    }
    let [wd, wdd] = lanes.map(|l| l.iter().sum());
    RowMoments { cells: values.len() as f64, shift, w: area, wd, wdd }
}
