//! What each zone has of each value in one window.

use std::ops::Range;

use areal_grid::{PixelState, Pixels, WindowAreas};

use crate::ranks::{Ranks, ranks_of};
use crate::statistic::Percent;
use crate::tally::{WindowCells, WindowData};
use crate::value_table::{Entry, key_of};
use crate::{Span, WindowCoverage};

/// Values of a window are counted in a table where they span fewer than this.
const MOST_SLOTS: f64 = 65_536.0;
/// A table is used for zones with so many cells for each slot of it; others are sorted.
const CELLS_PER_SLOT: usize = 16;

/// Cells of one row of a zone: numbers in the window, and the share of each in the zone.
struct RowCells {
    at: Range<usize>,
    coverage: f64,
}

/// What a window has of the values of its zones. Groups are zones and bands.
#[derive(Default)]
pub(crate) struct WindowValues {
    /// Of zones that reach beyond the window: sorted by group and value.
    pub entries: Vec<Entry>,
    /// Of the others.
    pub ranks: Vec<(u64, Ranks)>,
}

/// The values of a window. Nothing for a map of classes. `is_within` says of a zone that it is wholly in the window.
pub(crate) fn window_values(
    coverage: &WindowCoverage,
    zones: usize,
    cell_areas: &WindowAreas,
    data: &WindowData,
    (percents, is_within): (&[Percent], impl Fn(u32) -> bool),
) -> WindowValues {
    let mut found = WindowValues::default();
    let WindowCells::Values { bands, weights } = &data.cells else { return found };
    let window = coverage.window();
    let mut areas = vec![0.0; window.len()];
    for (row, areas) in (window.row..).zip(areas.chunks_mut(window.width.max(1))) {
        cell_areas.fill_row(row, window.col, areas);
    }
    if let Some(shares) = &data.shares {
        areas.iter_mut().zip(&shares.observed).for_each(|(area, share)| *area *= share);
    }
    let amounts = weights.as_ref().map(|weights| &weights.amounts[..]);
    let by_zone = cells_by_zone(coverage, zones);
    let counters: Vec<Counter<'_>> =
        bands.iter().map(|(pixels, states)| Counter::new(pixels, states, &areas, amounts)).collect();
    let mut slots = Vec::new();
    for (zone, cells) in by_zone {
        let is_within = is_within(zone);
        for (band, counter) in counters.iter().enumerate() {
            let group = u64::from(zone) * bands.len() as u64 + band as u64;
            let start = found.entries.len();
            counter.count(group, &cells, &mut slots, &mut found.entries);
            if is_within {
                found.ranks.push((group, ranks_of(&found.entries[start..], percents)));
                found.entries.truncate(start);
            }
        }
    }
    found
}

/// The cells of each zone that is in the window, by zone.
fn cells_by_zone(coverage: &WindowCoverage, zones: usize) -> Vec<(u32, Vec<RowCells>)> {
    let window = coverage.window();
    let mut places = vec![u32::MAX; zones];
    let mut by_zone: Vec<(u32, Vec<RowCells>)> = Vec::new();
    for row in window.row..window.row_end() {
        for Span { zone, col, len, coverage } in coverage.row(row) {
            let place = &mut places[*zone as usize];
            if *place == u32::MAX {
                *place = by_zone.len() as u32;
                by_zone.push((*zone, Vec::new()));
            }
            let start = (row - window.row) * window.width + *col as usize - window.col;
            by_zone[*place as usize].1.push(RowCells { at: start..start + *len as usize, coverage: *coverage });
        }
    }
    by_zone.sort_unstable_by_key(|(zone, _)| *zone);
    by_zone
}

/// Counts the cells of one band.
struct Counter<'a> {
    pixels: &'a Pixels,
    states: &'a [PixelState],
    areas: &'a [f64],
    amounts: Option<&'a [f64]>,
    /// For whole numbers near each other: the smallest, and how many there are up to the largest.
    slots: Option<(f64, usize)>,
}

impl<'a> Counter<'a> {
    fn new(pixels: &'a Pixels, states: &'a [PixelState], areas: &'a [f64], amounts: Option<&'a [f64]>) -> Self {
        let mut slots = None;
        if !matches!(pixels, Pixels::F32(_) | Pixels::F64(_)) {
            let observed = (0..states.len()).filter(|k| states[*k] == PixelState::Observed).map(|k| pixels.get(k));
            let (low, high) = observed.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
            slots = (low <= high && high - low < MOST_SLOTS).then(|| (low, (high - low) as usize + 1));
        }
        Self { pixels, states, areas, amounts, slots }
    }

    fn count(&self, group: u64, cells: &[RowCells], slots: &mut Vec<[f64; 2]>, entries: &mut Vec<Entry>) {
        let all: usize = cells.iter().map(|cells| cells.at.len()).sum();
        match self.slots {
            Some((low, count)) if all >= count / CELLS_PER_SLOT => {
                slots.clear();
                slots.resize(count, [0.0; 2]);
                self.each(cells, |value, area, amount| {
                    let slot = &mut slots[(value - low) as usize];
                    slot[0] += area;
                    slot[1] += amount;
                });
                let used = slots.iter().enumerate().filter(|(_, [area, _])| *area > 0.0);
                entries.extend(used.map(|(k, [area, amount])| Entry {
                    group,
                    key: key_of(low + k as f64),
                    area: *area,
                    amount: *amount,
                }));
            }
            _ => {
                let start = entries.len();
                self.each(cells, |value, area, amount| {
                    if area > 0.0 {
                        entries.push(Entry { group, key: key_of(value), area, amount });
                    }
                });
                entries[start..].sort_by_key(|entry| entry.key);
                let mut kept = start;
                for k in start + 1..entries.len() {
                    let Entry { key, area, amount, .. } = entries[k];
                    if entries[kept].key == key {
                        entries[kept].area += area;
                        entries[kept].amount += amount;
                    } else {
                        kept += 1;
                        entries[kept] = entries[k];
                    }
                }
                entries.truncate(entries.len().min(kept + 1));
            }
        }
    }

    /// Calls `add` with value, area and amount of each observed cell.
    fn each(&self, cells: &[RowCells], mut add: impl FnMut(f64, f64, f64)) {
        macro_rules! each {
            ($($variant:ident),*) => {
                match self.pixels {
                    $(Pixels::$variant(values) => for RowCells { at, coverage } in cells {
                        for k in at.clone() {
                            if self.states[k] == PixelState::Observed {
                                let amount = self.amounts.map_or(0.0, |amounts| coverage * amounts[k]);
                                add(f64::from(values[k]), coverage * self.areas[k], amount);
                            }
                        }
                    },)*
                }
            };
        }
        each!(U8, I8, U16, I16, U32, I32, F32, F64);
    }
}
