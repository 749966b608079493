//! Area sums by cell state.

use areal_grid::PixelState;

use crate::tally::LANES;
use crate::{Shares, ZoneTally};

/// Area by cell state, summed on its own so that it proves the sums of classes and values.
pub(crate) struct StateSums<'a> {
    states: &'a [PixelState],
    /// Shares of each cell by state, where they are known.
    shares: Option<&'a Shares>,
    /// By zone, lane and code of the state: area.
    areas: Vec<[[f64; 4]; LANES]>,
}

impl<'a> StateSums<'a> {
    pub(crate) fn new(states: &'a [PixelState], shares: Option<&'a Shares>) -> Self {
        Self { states, shares, areas: Vec::new() }
    }

    /// Adds cells of a row from number `at` of the window.
    pub(crate) fn add(&mut self, place: usize, coverage: f64, areas: &[f64], at: usize) {
        if self.areas.len() <= place {
            self.areas.resize(place + 1, Default::default());
        }
        let sums = &mut self.areas[place];
        if let Some(shares) = self.shares {
            for (state, plane) in std::iter::once(&shares.observed).chain(&shares.unobserved).enumerate() {
                for (k, (share, area)) in plane[at..at + areas.len()].iter().zip(areas).enumerate() {
                    sums[k % LANES][state] += coverage * area * share;
                }
            }
            return;
        }
        for (k, (state, area)) in self.states[at..at + areas.len()].iter().zip(areas).enumerate() {
            sums[k % LANES][*state as usize] += coverage * area;
        }
    }

    pub(crate) fn finish(&self, place: usize, tally: &mut ZoneTally) {
        for lane in self.areas.get(place).into_iter().flatten() {
            tally.state_areas.iter_mut().zip(lane).for_each(|(sum, area)| *sum += area);
        }
    }
}
