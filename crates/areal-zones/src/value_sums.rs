use areal_grid::{PixelState, Pixels, Window};

use crate::tally::LANES;
use crate::{Moments, Tally, ValueTally};

/// Moments of values, by area and by weights.
pub(crate) struct ValueSums<'a> {
    window: Window,
    bands: &'a [(Pixels, Vec<PixelState>)],
    weights: Option<&'a [f64]>,
    row: usize,
    /// By band, one row: values; area, 1 and weight where observed, else 0.
    rows: Vec<ValueRow>,
    /// By zone and band.
    sums: Vec<ValueSum>,
}

#[derive(Default)]
struct ValueRow {
    values: Vec<f64>,
    areas: Vec<f64>,
    observed: Vec<f64>,
}

#[derive(Clone, Copy, Default)]
struct ValueSum {
    shift: f64,
    started: bool,
    cells: f64,
    w: f64,
    wd: f64,
    wdd: f64,
    weight: f64,
    weighted: f64,
    all_weight: f64,
}

impl<'a> ValueSums<'a> {
    pub(crate) fn new(window: Window, bands: &'a [(Pixels, Vec<PixelState>)], weights: Option<&'a [f64]>) -> Self {
        let rows = bands.iter().map(|_| ValueRow::default()).collect();
        Self { window, bands, weights, row: 0, rows, sums: Vec::new() }
    }

    /// Makes a row of the window ready.
    pub(crate) fn start_row(&mut self, row: usize, areas: &[f64]) {
        self.row = row;
        let range = row * self.window.width..(row + 1) * self.window.width;
        for (into, (pixels, states)) in self.rows.iter_mut().zip(self.bands) {
            widen(pixels, range.clone(), &mut into.values);
            let states = &states[range.clone()];
            let seen = |s: &PixelState| *s == PixelState::Observed;
            into.observed.clear();
            into.observed.extend(states.iter().map(|s| if seen(s) { 1.0 } else { 0.0 }));
            into.areas.clear();
            into.areas.extend(into.observed.iter().zip(areas).map(|(o, a)| o * a));
            if !states.iter().all(seen) {
                // An unobserved cell may hold anything, also NaN, which times 0 is no 0.
                for (v, s) in into.values.iter_mut().zip(states) {
                    *v = if seen(s) { *v } else { 0.0 };
                }
            }
        }
    }

    /// Adds columns of that row.
    pub(crate) fn add(&mut self, place: usize, coverage: f64, cols: std::ops::Range<usize>) {
        let n = self.bands.len();
        if self.sums.len() < (place + 1) * n {
            self.sums.resize((place + 1) * n, ValueSum::default());
        }
        let at = self.row * self.window.width;
        let weights = self.weights.map(|w| &w[at + cols.start..at + cols.end]);
        for (row, sum) in self.rows.iter().zip(&mut self.sums[place * n..]) {
            let (values, areas, observed) =
                (&row.values[cols.clone()], &row.areas[cols.clone()], &row.observed[cols.clone()]);
            if !sum.started {
                let Some(k) = observed.iter().position(|o| *o > 0.0) else {
                    add_weights(sum, coverage, values, observed, weights);
                    continue;
                };
                // The spread is summed around the first value seen, which keeps its digits.
                (sum.shift, sum.started) = (values[k], true);
            }
            let [cells, w, wd, wdd] = shifted_sums(values, areas, observed, sum.shift);
            sum.cells += coverage * cells;
            sum.w += coverage * w;
            sum.wd += coverage * wd;
            sum.wdd += coverage * wdd;
            add_weights(sum, coverage, values, observed, weights);
        }
    }

    pub(crate) fn finish(&self, place: usize, tally: &mut Tally) {
        let n = self.bands.len();
        tally.values = self.sums[place * n..(place + 1) * n]
            .iter()
            .map(|s| ValueTally {
                cells: s.cells,
                by_area: Moments::from_sums(s.shift, s.w, s.wd, s.wdd),
                weight: s.weight,
                weighted: s.weighted,
                all_weight: s.all_weight,
            })
            .collect();
    }
}

fn add_weights(sum: &mut ValueSum, coverage: f64, values: &[f64], observed: &[f64], weights: Option<&[f64]>) {
    for ((weight, v), o) in weights.unwrap_or_default().iter().zip(values).zip(observed) {
        sum.weight += coverage * weight * o;
        sum.weighted += coverage * weight * o * v;
        sum.all_weight += coverage * weight;
    }
}

/// Sums of 1, `w`, `w d` and `w d^2` over observed cells; `w` is 0 elsewhere.
fn shifted_sums(values: &[f64], areas: &[f64], observed: &[f64], shift: f64) -> [f64; 4] {
    let mut lanes = [[0.0; LANES]; 4];
    let (v4, v1) = values.as_chunks::<LANES>();
    let (a4, a1) = areas.as_chunks::<LANES>();
    let (o4, o1) = observed.as_chunks::<LANES>();
    for ((v, a), o) in v4.iter().zip(a4).zip(o4) {
        for k in 0..LANES {
            let d = v[k] - shift;
            let wd = a[k] * d;
            lanes[0][k] += o[k];
            lanes[1][k] += a[k];
            lanes[2][k] += wd;
            lanes[3][k] += wd * d;
        }
    }
    for ((v, a), o) in v1.iter().zip(a1).zip(o1) {
        let d = v - shift;
        lanes[0][0] += o;
        lanes[1][0] += a;
        lanes[2][0] += a * d;
        lanes[3][0] += a * d * d;
    }
    lanes.map(|l| l.iter().sum())
}

fn widen(pixels: &Pixels, range: std::ops::Range<usize>, out: &mut Vec<f64>) {
    macro_rules! each {
        ($($variant:ident),*) => {
            match pixels {
                $(Pixels::$variant(v) => out.extend(v[range].iter().map(|x| f64::from(*x))),)*
            }
        };
    }
    out.clear();
    each!(U8, I8, U16, I16, U32, I32, F32, F64);
}
