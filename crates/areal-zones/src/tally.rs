//! Sums over one window: what each zone holds of each class or value.

use std::collections::BTreeMap;

use areal_grid::{CellAreas, PixelState, Pixels, Window};

use crate::{Moments, Span, WindowCoverage};

/// Sums of one zone (or of what lies outside all zones, in several, or in the map) over some windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Cells, each by its coverage.
    pub cells: f64,
    /// True area of the cells in square metres, each by its coverage.
    pub area: f64,
    /// Area by class code.
    pub class_areas: BTreeMap<i64, f64>,
    /// By probability band: the sum of probability times area.
    pub probability_areas: Vec<f64>,
    /// Area of the cells that have probabilities.
    pub probability_cells: f64,
    /// By value band.
    pub values: Vec<ValueTally>,
}

/// Sums of one zone over one band of values.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ValueTally {
    /// Observed cells, each by its coverage.
    pub cells: f64,
    /// Values weighted by true area (square metres).
    pub by_area: Moments,
    /// Sum of the weights raster over observed cells.
    pub weight: f64,
    /// Sum of weight times value over observed cells.
    pub weighted: f64,
    /// Sum of the weights raster over all cells, observed or not.
    pub all_weight: f64,
}

impl Tally {
    /// Area of observed cells of a class map, square metres.
    pub fn classified_area(&self) -> f64 {
        self.class_areas.values().sum()
    }

    /// Adds the sums of other windows.
    pub fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        self.area += other.area;
        for (code, area) in &other.class_areas {
            *self.class_areas.entry(*code).or_default() += area;
        }
        self.probability_areas.resize(self.probability_areas.len().max(other.probability_areas.len()), 0.0);
        for (a, b) in self.probability_areas.iter_mut().zip(&other.probability_areas) {
            *a += b;
        }
        self.probability_cells += other.probability_cells;
        self.values.resize(self.values.len().max(other.values.len()), ValueTally::default());
        for (a, b) in self.values.iter_mut().zip(&other.values) {
            a.cells += b.cells;
            a.by_area.merge(&b.by_area);
            a.weight += b.weight;
            a.weighted += b.weighted;
            a.all_weight += b.all_weight;
        }
    }
}

/// What a window of a map holds.
#[derive(Debug, Clone)]
pub enum WindowData {
    /// Class codes, and the probability of each class if they are known (`NaN` where not).
    Classes {
        /// Codes, `[row, col]`, of an integer type.
        codes: Pixels,
        /// What is known of each cell.
        states: Vec<PixelState>,
        /// One plane a class, each `[row, col]`.
        probabilities: Vec<Vec<f32>>,
    },
    /// Values, and amounts to weight them by.
    Values {
        /// By band: values and states, `[row, col]`.
        bands: Vec<(Pixels, Vec<PixelState>)>,
        /// Amount in each cell, `[row, col]`.
        weights: Option<Vec<f64>>,
    },
}

/// Numbers that stand for what is no zone, after the last zone of `zones`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Others {
    /// Cells, or parts of them, in no zone.
    pub outside: u32,
    /// What is counted in more than one zone, beyond the first.
    pub overlap: u32,
    /// The map.
    pub map: u32,
}

impl Others {
    /// After so many zones.
    pub fn after(zones: usize) -> Self {
        let n = zones as u32;
        Self { outside: n, overlap: n + 1, map: n + 2 }
    }
}

/// Sums the window up: one tally for each zone that touches it, and for the [`Others`] that have something in it.
pub fn tally_window(
    coverage: &WindowCoverage,
    zones: usize,
    cell_areas: &CellAreas,
    data: &WindowData,
) -> Vec<(u32, Tally)> {
    let window = coverage.window();
    let others = Others::after(zones);
    let mut areas = vec![0.0; window.width];
    let mut sums = Sums::new(zones + 3, window, data);
    for row in window.row..window.row_end() {
        cell_areas.fill_row(row, window.col, &mut areas);
        sums.start_row(row - window.row, &areas);
        let whole = Span { zone: others.map, col: window.col as u32, len: window.width as u32, coverage: 1.0 };
        let rest = coverage.rest(row, others.outside, others.overlap);
        for span in coverage.row(row).iter().chain(&rest).chain([&whole]) {
            sums.add(span, &areas);
        }
    }
    sums.finish()
}

/// Parallel sums, so that one addition need not wait for the one before.
const LANES: usize = 4;

struct Sums<'a> {
    window: Window,
    row: usize,
    /// Place of each zone in `tallies`, from 1; 0 while it has none.
    places: Vec<u32>,
    tallies: Vec<(u32, Tally)>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Classes(ClassSums<'a>),
    Values(ValueSums<'a>),
}

impl<'a> Sums<'a> {
    fn new(numbers: usize, window: Window, data: &'a WindowData) -> Self {
        let kind = match data {
            WindowData::Classes { codes, states, probabilities } => {
                Kind::Classes(ClassSums::new(codes, states, probabilities))
            }
            WindowData::Values { bands, weights } => Kind::Values(ValueSums::new(window, bands, weights.as_deref())),
        };
        Self { window, row: 0, places: vec![0; numbers], tallies: Vec::new(), kind }
    }

    fn start_row(&mut self, row: usize, areas: &[f64]) {
        self.row = row;
        if let Kind::Values(values) = &mut self.kind {
            values.start_row(row, areas);
        }
    }

    fn add(&mut self, span: &Span, areas: &[f64]) {
        let place = &mut self.places[span.zone as usize];
        if *place == 0 {
            self.tallies.push((span.zone, Tally::default()));
            *place = self.tallies.len() as u32;
        }
        let place = *place as usize - 1;
        let from = span.col as usize - self.window.col;
        let to = from + span.len as usize;
        let tally = &mut self.tallies[place].1;
        tally.cells += span.coverage * f64::from(span.len);
        tally.area += span.coverage * areas[from..to].iter().sum::<f64>();
        let at = self.row * self.window.width;
        match &mut self.kind {
            Kind::Classes(classes) => classes.add(place, span.coverage, &areas[from..to], at + from),
            Kind::Values(values) => values.add(place, span.coverage, from..to),
        }
    }

    fn finish(mut self) -> Vec<(u32, Tally)> {
        for (place, (_, tally)) in self.tallies.iter_mut().enumerate() {
            match &self.kind {
                Kind::Classes(classes) => classes.finish(place, tally),
                Kind::Values(values) => values.finish(place, tally),
            }
        }
        self.tallies
    }
}

struct ClassSums<'a> {
    /// Place of each cell's code in `codes`; `codes.len()` where it is not observed.
    slots: Vec<u16>,
    codes: Vec<i64>,
    probabilities: &'a [Vec<f32>],
    /// By zone, lane and slot: area.
    areas: Vec<f64>,
    /// By zone: area of cells with probabilities, then by class probability times area.
    probability: Vec<f64>,
}

impl<'a> ClassSums<'a> {
    fn new(pixels: &Pixels, states: &[PixelState], probabilities: &'a [Vec<f32>]) -> Self {
        let (slots, codes) = slots(pixels, states);
        Self { slots, codes, probabilities, areas: Vec::new(), probability: Vec::new() }
    }

    fn add(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        let n = self.codes.len() + 1;
        let needed = (place + 1) * n * LANES;
        if self.areas.len() < needed {
            self.areas.resize(needed, 0.0);
        }
        let table = &mut self.areas[place * n * LANES..needed];
        let slots = &self.slots[at..at + areas.len()];
        if coverage == 1.0 {
            let (four_slots, last_slots) = slots.as_chunks::<LANES>();
            let (four_areas, last_areas) = areas.as_chunks::<LANES>();
            for (s, a) in four_slots.iter().zip(four_areas) {
                table[usize::from(s[0])] += a[0];
                table[n + usize::from(s[1])] += a[1];
                table[2 * n + usize::from(s[2])] += a[2];
                table[3 * n + usize::from(s[3])] += a[3];
            }
            for (s, a) in last_slots.iter().zip(last_areas) {
                table[usize::from(*s)] += a;
            }
        } else {
            for (s, a) in slots.iter().zip(areas) {
                table[usize::from(*s)] += coverage * a;
            }
        }
        if !self.probabilities.is_empty() {
            self.add_probabilities(place, coverage, areas, at);
        }
    }

    fn add_probabilities(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        let n = self.probabilities.len() + 1;
        let needed = (place + 1) * n;
        if self.probability.len() < needed {
            self.probability.resize(needed, 0.0);
        }
        let sums = &mut self.probability[place * n..needed];
        for (k, plane) in self.probabilities.iter().enumerate() {
            let plane = &plane[at..at + areas.len()];
            let (mut known, mut sum) = ([0.0; LANES], [0.0; LANES]);
            for (ps, areas) in plane.chunks(LANES).zip(areas.chunks(LANES)) {
                for (lane, (p, a)) in ps.iter().zip(areas).enumerate() {
                    let is_known = !p.is_nan();
                    known[lane] += if is_known { *a } else { 0.0 };
                    sum[lane] += if is_known { f64::from(*p) * a } else { 0.0 };
                }
            }
            sums[k + 1] += coverage * sum.iter().sum::<f64>();
            if k == 0 {
                sums[0] += coverage * known.iter().sum::<f64>();
            }
        }
    }

    fn finish(&self, place: usize, tally: &mut Tally) {
        let n = self.codes.len() + 1;
        for (slot, code) in self.codes.iter().enumerate() {
            let area: f64 = (0..LANES).filter_map(|lane| self.areas.get((place * LANES + lane) * n + slot)).sum();
            if area > 0.0 {
                tally.class_areas.insert(*code, area);
            }
        }
        let n = self.probabilities.len() + 1;
        if let Some(sums) = self.probability.get(place * n..(place + 1) * n).filter(|s| s.len() > 1) {
            tally.probability_cells = sums[0];
            tally.probability_areas = sums[1..].to_vec();
        }
    }
}

/// The distinct codes of a window, and for each cell the place of its code among them.
fn slots(pixels: &Pixels, states: &[PixelState]) -> (Vec<u16>, Vec<i64>) {
    if let Pixels::U8(values) = pixels {
        return byte_slots(values, states);
    }
    let observed = |k: usize| states[k] == PixelState::Observed;
    let codes: std::collections::BTreeSet<i64> =
        (0..pixels.len()).filter(|k| observed(*k)).map(|k| pixels.get(k) as i64).collect();
    let codes: Vec<i64> = codes.into_iter().take(usize::from(u16::MAX)).collect();
    let none = codes.len();
    let slot = |k: usize| if observed(k) { codes.binary_search(&(pixels.get(k) as i64)).unwrap_or(none) } else { none };
    ((0..pixels.len()).map(|k| slot(k) as u16).collect(), codes)
}

fn byte_slots(values: &[u8], states: &[PixelState]) -> (Vec<u16>, Vec<i64>) {
    let mut seen = [false; 256];
    for (v, s) in values.iter().zip(states) {
        seen[usize::from(*v)] |= *s == PixelState::Observed;
    }
    let mut slot_of = [0u16; 256];
    let mut codes = Vec::new();
    for code in (0..256).filter(|c| seen[*c]) {
        slot_of[code] = codes.len() as u16;
        codes.push(code as i64);
    }
    let none = codes.len() as u16;
    let slot = |(v, s): (&u8, &PixelState)| if *s == PixelState::Observed { slot_of[usize::from(*v)] } else { none };
    (values.iter().zip(states).map(slot).collect(), codes)
}

struct ValueSums<'a> {
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
    fn new(window: Window, bands: &'a [(Pixels, Vec<PixelState>)], weights: Option<&'a [f64]>) -> Self {
        let rows = bands.iter().map(|_| ValueRow::default()).collect();
        Self { window, bands, weights, row: 0, rows, sums: Vec::new() }
    }

    fn start_row(&mut self, row: usize, areas: &[f64]) {
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

    fn add(&mut self, place: usize, coverage: f64, cols: std::ops::Range<usize>) {
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

    fn finish(&self, place: usize, tally: &mut Tally) {
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
