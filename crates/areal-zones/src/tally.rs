//! Sums over one window: what each zone holds of each class or value.

use std::collections::BTreeMap;

use areal_grid::{PixelState, Pixels, Window, WindowAreas};

use crate::class_sums::ClassSums;
use crate::codes::TooManyCodes;
use crate::extra_sums::Extra;
use crate::row_areas::RowAreas;
use crate::state_sums::StateSums;
use crate::value_sums::ValueSums;
use crate::{Moments, Span, WindowCoverage};

/// Sums of one zone (or of what lies outside all zones, in several, or in the map) over some windows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ZoneTally {
    /// Cells, each by its coverage.
    pub cells: f64,
    /// True area of the cells in square metres, each by its coverage.
    pub area: f64,
    /// Area by cell state, in the order of [`PixelState::ALL`]; zeros where the map knows no states.
    pub state_areas: [f64; 4],
    /// Area by class code.
    pub class_areas: BTreeMap<i64, f64>,
    /// By probability band: the sum of probability times area.
    pub probability_areas: Vec<f64>,
    /// Area of the cells that have probabilities.
    pub probability_cells: f64,
    /// By value band.
    pub values: Vec<ValueTally>,
    /// By value band: sum, extremes and spread by weights; empty where they are not asked for.
    pub extras: Vec<Extra>,
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
    /// Area of observed cells, or parts of them, for which the weights raster has no amount, square metres.
    pub unweighted: f64,
    /// Area of observed cells, or parts of them, where it is 0, square metres.
    pub zero_weight: f64,
}

impl ZoneTally {
    /// Area of observed cells of a class map, square metres.
    pub fn classified_area(&self) -> f64 {
        // An empty f64 sum is -0.0.
        self.class_areas.values().sum::<f64>() + 0.0
    }

    /// Area of the cells in a state, square metres; 0 where the map knows no states.
    pub fn state_area(&self, state: PixelState) -> f64 {
        self.state_areas[state as usize]
    }

    /// Adds the sums of other windows.
    pub fn merge(&mut self, other: &Self) {
        self.cells += other.cells;
        self.area += other.area;
        self.state_areas.iter_mut().zip(other.state_areas).for_each(|(a, b)| *a += b);
        for (code, area) in &other.class_areas {
            *self.class_areas.entry(*code).or_default() += area;
        }
        self.probability_areas.resize(self.probability_areas.len().max(other.probability_areas.len()), 0.0);
        for (a, b) in self.probability_areas.iter_mut().zip(&other.probability_areas) {
            *a += b;
        }
        self.probability_cells += other.probability_cells;
        self.extras.resize(self.extras.len().max(other.extras.len()), Extra::default());
        self.extras.iter_mut().zip(&other.extras).for_each(|(a, b)| a.merge(b));
        self.values.resize(self.values.len().max(other.values.len()), ValueTally::default());
        for (a, b) in self.values.iter_mut().zip(&other.values) {
            a.cells += b.cells;
            a.by_area.merge(&b.by_area);
            a.weight += b.weight;
            a.weighted += b.weighted;
            a.all_weight += b.all_weight;
            a.unweighted += b.unweighted;
            a.zero_weight += b.zero_weight;
        }
    }
}

/// What a window of a map holds.
#[derive(Debug, Clone)]
pub struct WindowData {
    pub cells: WindowCells,
    /// What each cell is, `[row, col]`, where the map knows it: observed, or why not.
    pub states: Option<Vec<PixelState>>,
    /// Shares of each cell's ground by state, each `[row, col]`, where the map knows them: the area of a class or value is
    /// that of the observed share.
    pub shares: Option<Shares>,
}

/// Shares of each cell's ground by state, `[row, col]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    pub observed: Vec<f64>,
    /// Nodata, masked, outside.
    pub unobserved: [Vec<f64>; 3],
}

/// The cells of a window.
#[derive(Debug, Clone)]
pub enum WindowCells {
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
        /// Amounts to weight them by.
        weights: Option<WindowWeights>,
    },
}

/// Amounts on the cells of a window, `[row, col]`.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowWeights {
    /// Amount in each cell.
    pub amounts: Vec<f64>,
    /// Part of each cell for which the weights raster holds an amount, 0 to 1.
    pub known: Vec<f64>,
}

/// Indices past the last zone: ground outside all zones, overlaps, the whole map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtraTallies {
    /// Cells, or parts of them, in no zone.
    pub outside: u32,
    /// What is counted in more than one zone, beyond the first.
    pub overlap: u32,
    pub map: u32,
}

impl ExtraTallies {
    /// After so many zones.
    pub fn after(zones: usize) -> Self {
        let n = zones as u32;
        Self { outside: n, overlap: n + 1, map: n + 2 }
    }
}

/// Sums the window up: one tally for each zone that touches it, and for the [`ExtraTallies`] that have something in it.
///
/// # Errors
/// When the window holds too many different class codes.
pub fn tally_window(
    coverage: &WindowCoverage,
    zones: usize,
    cell_areas: &WindowAreas,
    data: &WindowData,
) -> Result<Vec<(u32, ZoneTally)>, TooManyCodes> {
    let window = coverage.window();
    let others = ExtraTallies::after(zones);
    let mut areas = RowAreas::new(window.width);
    let mut observed = data.shares.as_ref().map(|shares| (RowAreas::new(window.width), &shares.observed));
    let mut sums = WindowTallies::new(zones + 3, window, data)?;
    for row in window.row..window.row_end() {
        areas.fill(cell_areas, row, window.col);
        let at = (row - window.row) * window.width;
        let observed = match &mut observed {
            Some((observed, shares)) => {
                observed.scale(&areas, &shares[at..at + window.width]);
                observed
            }
            None => &areas,
        };
        sums.start_row(row - window.row, observed);
        let whole = Span { zone: others.map, col: window.col as u32, len: window.width as u32, coverage: 1.0 };
        for span in coverage.row(row).iter().chain(coverage.rest(row)).chain([&whole]) {
            sums.add(span, &areas, observed);
        }
    }
    Ok(sums.finish())
}

/// Parallel sums, so that one addition need not wait for the one before.
pub(crate) const LANES: usize = 4;

struct WindowTallies<'a> {
    window: Window,
    row: usize,
    /// Place of each zone in `tallies`, from 1; 0 while it has none.
    places: Vec<u32>,
    tallies: Vec<(u32, ZoneTally)>,
    kind: TallyKind<'a>,
    states: Option<StateSums<'a>>,
}

enum TallyKind<'a> {
    Classes(ClassSums<'a>),
    Values(ValueSums<'a>),
}

impl<'a> WindowTallies<'a> {
    fn new(numbers: usize, window: Window, data: &'a WindowData) -> Result<Self, TooManyCodes> {
        let kind = match &data.cells {
            WindowCells::Classes { codes, states, probabilities } => {
                TallyKind::Classes(ClassSums::new(codes, states, probabilities)?)
            }
            WindowCells::Values { bands, weights } => {
                TallyKind::Values(ValueSums::new(window, bands, weights.as_ref()))
            }
        };
        let states = data.states.as_deref().map(|states| StateSums::new(states, data.shares.as_ref()));
        Ok(Self { window, row: 0, places: vec![0; numbers], tallies: Vec::new(), kind, states })
    }

    fn start_row(&mut self, row: usize, observed: &RowAreas) {
        self.row = row;
        if let TallyKind::Values(values) = &mut self.kind {
            values.start_row(row, observed);
        }
    }

    /// `observed` are the areas of what is observed of each cell.
    fn add(&mut self, span: &Span, areas: &RowAreas, observed: &RowAreas) {
        let place = &mut self.places[span.zone as usize];
        if *place == 0 {
            self.tallies.push((span.zone, ZoneTally::default()));
            *place = self.tallies.len() as u32;
        }
        let place = *place as usize - 1;
        let from = span.col as usize - self.window.col;
        let to = from + span.len as usize;
        let tally = &mut self.tallies[place].1;
        tally.cells += span.coverage * f64::from(span.len);
        tally.area += span.coverage * areas.sum(from..to);
        let at = self.row * self.window.width;
        match &mut self.kind {
            TallyKind::Classes(classes) => classes.add(place, span.coverage, observed.of(from..to), at + from),
            TallyKind::Values(values) => values.add(place, span.coverage, from..to, observed),
        }
        if let Some(states) = &mut self.states {
            states.add(place, span.coverage, areas.of(from..to), at + from);
        }
    }

    fn finish(mut self) -> Vec<(u32, ZoneTally)> {
        for (place, (_, tally)) in self.tallies.iter_mut().enumerate() {
            match &self.kind {
                TallyKind::Classes(classes) => classes.finish(place, tally),
                TallyKind::Values(values) => values.finish(place, tally),
            }
            if let Some(states) = &self.states {
                states.finish(place, tally);
            }
        }
        self.tallies
    }
}
