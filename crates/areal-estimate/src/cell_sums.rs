//! Weighted sums over the units of the cells of the table zone by group.

use std::collections::BTreeMap;

/// The zones that have units of a group.
pub(crate) type Column = BTreeMap<usize, CellSums>;

/// Weighted sums over the units of one cell.
#[derive(Debug, Clone)]
pub(crate) struct CellSums {
    pub weight: f64,
    squares: f64,
    pub area: f64,
    pub first: Vec<f64>,
    pub second: Vec<f64>,
}

impl CellSums {
    pub(crate) fn new(variables: usize) -> Self {
        Self { weight: 0.0, squares: 0.0, area: 0.0, first: vec![0.0; variables], second: vec![0.0; variables] }
    }

    pub(crate) fn add(&mut self, weight: f64, area: f64, y: impl Fn(usize) -> f64) {
        self.weight += weight;
        self.squares += weight * weight;
        self.area += area;
        for (c, (first, second)) in self.first.iter_mut().zip(&mut self.second).enumerate() {
            *first += weight * y(c);
            *second += weight * y(c).powi(2);
        }
    }

    /// Effective number of units.
    pub(crate) fn n(&self) -> f64 {
        if self.squares > 0.0 { self.weight * self.weight / self.squares } else { 0.0 }
    }

    pub(crate) fn means(&self) -> Vec<f64> {
        self.first.iter().map(|s| if self.weight > 0.0 { s / self.weight } else { 0.0 }).collect()
    }

    /// Squared deviations within the cell, over all variables, as of `n` units.
    pub(crate) fn within(&self) -> f64 {
        let each = |(first, second): (&f64, &f64)| second / self.weight - (first / self.weight).powi(2);
        if self.weight > 0.0 { self.n() * self.first.iter().zip(&self.second).map(each).sum::<f64>() } else { 0.0 }
    }
}

/// Weighted mean of each variable over the whole sample.
pub(crate) fn overall(cells: &[Column], variables: usize) -> Vec<f64> {
    let all = || cells.iter().flat_map(BTreeMap::values);
    let weight: f64 = all().map(|s| s.weight).sum();
    (0..variables).map(|c| all().map(|s| s.first[c]).sum::<f64>() / weight).collect()
}
