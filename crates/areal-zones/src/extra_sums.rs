//! Sum and extremes of values, and their spread by weights: only where they are asked for.

use std::ops::Range;

use areal_grid::{PixelState, Pixels};

use crate::row_areas::{CHUNK, split};
use crate::tally::{WindowCells, WindowData, WindowWeights};
use crate::{ExtraTallies, Moments, Span, WindowCoverage, ZoneTally};

/// Sum and extremes of the values of a zone, and their spread by weights.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Extra {
    /// Values of observed cells, each by its coverage.
    pub sum: f64,
    /// Smallest and largest of them.
    pub extremes: Option<[f64; 2]>,
    /// Values weighted by the amounts of the weights raster.
    pub by_amount: Moments,
}

impl Extra {
    pub(crate) fn merge(&mut self, other: &Self) {
        self.sum += other.sum;
        self.extremes = match (self.extremes, other.extremes) {
            (Some(a), Some(b)) => Some([a[0].min(b[0]), a[1].max(b[1])]),
            (a, b) => a.or(b),
        };
        self.by_amount.merge(&other.by_amount);
    }
}

/// Adds them to the tallies of a window, which are those of all zones in it and of the [`ExtraTallies`].
pub(crate) fn add_extras(coverage: &WindowCoverage, zones: usize, data: &WindowData, tallies: &mut [(u32, ZoneTally)]) {
    let WindowCells::Values { bands, weights } = &data.cells else { return };
    let (window, others) = (coverage.window(), ExtraTallies::after(zones));
    let mut places = vec![u32::MAX; zones + 3];
    for (place, (zone, _)) in tallies.iter().enumerate() {
        places[*zone as usize] = place as u32;
    }
    let mut sums = vec![Sum::default(); tallies.len() * bands.len()];
    for row in window.row..window.row_end() {
        let at = (row - window.row) * window.width;
        let lines: Vec<BandRow<'_>> = bands
            .iter()
            .map(|(pixels, states)| BandRow::new(pixels, states, weights.as_ref(), at..at + window.width))
            .collect();
        let whole = Span { zone: others.map, col: window.col as u32, len: window.width as u32, coverage: 1.0 };
        for span in coverage.row(row).iter().chain(coverage.rest(row)).chain([&whole]) {
            let from = span.col as usize - window.col;
            let place = places[span.zone as usize] as usize;
            for (band, line) in lines.iter().enumerate() {
                line.add(from..from + span.len as usize, span.coverage, &mut sums[place * bands.len() + band]);
            }
        }
    }
    for ((_, tally), sums) in tallies.iter_mut().zip(sums.chunks(bands.len().max(1))) {
        tally.extras = sums.iter().map(Sum::extra).collect();
    }
}

/// Sums of one zone and band in one window.
#[derive(Clone, Copy, Default)]
struct Sum {
    total: f64,
    extremes: Option<[f64; 2]>,
    shift: f64,
    /// Sums of amounts, and of amounts times the distance from `shift` and its square.
    amounts: [f64; 3],
}

impl Sum {
    fn add(&mut self, sum: f64, extremes: [f64; 2], coverage: f64) {
        self.total += coverage * sum;
        let [low, high] = self.extremes.unwrap_or(extremes);
        self.extremes = Some([low.min(extremes[0]), high.max(extremes[1])]);
    }

    fn extra(&self) -> Extra {
        let [w, wd, wdd] = self.amounts;
        Extra { sum: self.total, extremes: self.extremes, by_amount: Moments::from_sums(self.shift, w, wd, wdd) }
    }
}

/// One row of a band.
struct BandRow<'a> {
    pixels: &'a Pixels,
    states: &'a [PixelState],
    weights: Option<&'a WindowWeights>,
    /// Its cells in the window.
    at: Range<usize>,
    /// Sum and extremes of each chunk; none where nothing is observed.
    chunks: Vec<Option<(f64, [f64; 2])>>,
}

impl<'a> BandRow<'a> {
    fn new(pixels: &'a Pixels, states: &'a [PixelState], weights: Option<&'a WindowWeights>, at: Range<usize>) -> Self {
        let ends = at.clone().step_by(CHUNK).map(|from| from..(from + CHUNK).min(at.end));
        let chunks = ends.map(|cells| piece(pixels, states, cells)).collect();
        Self { pixels, states, weights, at, chunks }
    }

    fn add(&self, cols: Range<usize>, coverage: f64, sum: &mut Sum) {
        let [head, whole, tail] = split(cols.clone(), self.at.len());
        let cells = |cols: Range<usize>| self.at.start + cols.start..self.at.start + cols.end;
        let single = [head, tail].map(|cols| piece(self.pixels, self.states, cells(cols)));
        for (total, extremes) in single.iter().chain(&self.chunks[whole]).flatten() {
            sum.add(*total, *extremes, coverage);
        }
        let Some(weights) = self.weights else { return };
        for k in cells(cols).filter(|k| self.states[*k] == PixelState::Observed) {
            let (value, amount) = (self.pixels.get(k), coverage * weights.amounts[k]);
            if sum.amounts[0] == 0.0 {
                sum.shift = value;
            }
            let distance = value - sum.shift;
            for (total, power) in sum.amounts.iter_mut().zip([1.0, distance, distance * distance]) {
                *total += amount * power;
            }
        }
    }
}

/// Sum and extremes of the observed ones of some cells.
fn piece(pixels: &Pixels, states: &[PixelState], cells: Range<usize>) -> Option<(f64, [f64; 2])> {
    macro_rules! each {
        ($($variant:ident),*) => {
            match pixels {
                $(Pixels::$variant(values) => of_type(&values[cells.clone()], &states[cells]),)*
            }
        };
    }
    each!(U8, I8, U16, I16, U32, I32, F32, F64)
}

fn of_type<T: Copy + Into<f64>>(values: &[T], states: &[PixelState]) -> Option<(f64, [f64; 2])> {
    let mut sum = 0.0;
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut any = false;
    for (value, state) in values.iter().zip(states) {
        if *state == PixelState::Observed {
            let value: f64 = (*value).into();
            sum += value;
            low = low.min(value);
            high = high.max(value);
            any = true;
        }
    }
    any.then_some((sum, [low, high]))
}
