//! Areas and means of the map over strata, zones and the whole population, in one pass.

use std::collections::BTreeMap;

use areal_estimate::{CellValue, Tails, counted_do, probability_sum};
use areal_grid::blocks;
use areal_job::Unit;

use super::{BLOCK, FrameCells, MapFrame};
use crate::SurveyError;

/// Areas by mapped class, of each class by the probabilities. Only of classes that are mapped: strata of 1,000 zones and 255 classes would take 1.6 GB.
pub type ExpectedAreas = BTreeMap<usize, Vec<f64>>;

/// Sums over the population of a map.
pub struct MapTotals {
    /// Area of each stratum, km2.
    pub strata: Vec<f64>,
    /// Cells of each stratum.
    pub populations: Vec<u64>,
    /// For each stratum, by mapped class: its area, and that area split among the classes by the map's probabilities, km2.
    pub expected: Vec<ExpectedAreas>,
    /// Each stratum of a map of a value; empty for classes.
    pub values: Vec<GroundTotals>,
    /// The whole population.
    pub whole: GroundTotals,
    /// Area-weighted mean probability of each class; NaN without probabilities, empty for a value.
    pub probabilities: Vec<f64>,
    pub zones: Vec<GroundTotals>,
    /// All zones together; ground that several zones share counts once.
    pub together: GroundTotals,
    /// Area of the grid's cells without a prediction, km2.
    pub unobserved: f64,
    /// Area of predicted cells that are in no stratum, km2.
    pub outside: f64,
}

/// Sums of the map over some ground, km2.
#[derive(Debug, Clone, PartialEq)]
pub enum GroundTotals {
    Classes {
        /// Mapped area of each class.
        mapped: Vec<f64>,
        /// Area of each class by the map's probabilities; as mapped where a cell has none.
        probable: Vec<f64>,
        /// Area of each group of cells ([`Cells::group`]).
        groups: Vec<f64>,
        /// Area of each stratum that lies here.
        strata: BTreeMap<u32, f64>,
    },
    /// Sums of area, of area times the distance of a value from the first one and of area times its square, so that values that are alike
    /// leave no variance by rounding; the first, the least and the greatest value.
    Value { area: f64, sum: f64, squares: f64, first: Option<f64>, least: f64, greatest: f64 },
}

/// One cell of the population with its probabilities, if it has any.
struct Cell<'a> {
    index: usize,
    value: CellValue,
    stratum: u32,
    group: usize,
    bands: &'a [Vec<f64>],
}

impl<'a> Cell<'a> {
    fn new(cells: &FrameCells, bands: &'a [Vec<f64>], index: usize) -> Option<Self> {
        let (stratum, value) = cells.strata[index].zip(cells.values[index])?;
        Some(Self { index, value, stratum, group: cells.group(index), bands })
    }

    /// The probability of each class, which sum to 1; `None` where the map has none.
    fn probabilities(&self) -> Option<impl Iterator<Item = f64> + 'a> {
        let (bands, k) = (self.bands, self.index);
        let sum = probability_sum(bands.iter().map(|p| p[k]))?;
        Some(bands.iter().map(move |p| p[k] / sum))
    }
}

impl GroundTotals {
    fn new(frame: &MapFrame) -> Self {
        if frame.is_value() {
            let (least, greatest) = (f64::INFINITY, f64::NEG_INFINITY);
            Self::Value { area: 0.0, sum: 0.0, squares: 0.0, first: None, least, greatest }
        } else {
            let classes = vec![0.0; frame.meta.target.classes().len()];
            Self::Classes {
                mapped: classes.clone(),
                probable: classes,
                groups: vec![0.0; frame.group_count()],
                strata: BTreeMap::new(),
            }
        }
    }

    /// Adds this area of a cell.
    fn add(&mut self, cell: &Cell, area: f64) {
        match (self, cell.value) {
            (Self::Classes { mapped, probable, groups, strata }, CellValue::Class(class)) => {
                mapped[class] += area;
                groups[cell.group] += area;
                *strata.entry(cell.stratum).or_default() += area;
                match cell.probabilities() {
                    Some(all) => probable.iter_mut().zip(all).for_each(|(sum, p)| *sum += area * p),
                    None => probable[class] += area,
                }
            }
            (Self::Value { area: total, sum, squares, first, least, greatest }, CellValue::Number(number)) => {
                let distance = number - *first.get_or_insert(number);
                *total += area;
                *sum += area * distance;
                *squares += area * distance * distance;
                (*least, *greatest) = (least.min(number), greatest.max(number));
            }
            _ => unreachable!("the cells of a map are all classes or all numbers"),
        }
    }

    pub fn area(&self) -> f64 {
        match self {
            Self::Classes { mapped, .. } => mapped.iter().sum(),
            Self::Value { area, .. } => *area,
        }
    }

    /// Mapped area of each class; of a value the area alone.
    pub fn mapped(&self) -> Vec<f64> {
        match self {
            Self::Classes { mapped, .. } => mapped.clone(),
            Self::Value { area, .. } => vec![*area],
        }
    }

    /// Area-weighted mean of a value; `None` without area, and for classes.
    pub fn mean(&self) -> Option<f64> {
        match self {
            Self::Value { area, sum, first: Some(first), .. } if *area > 0.0 => Some(first + sum / area),
            _ => None,
        }
    }
}

impl GroundTotals {
    /// Least number of a value; `None` without area, and for classes.
    pub fn least(&self) -> Option<f64> {
        match self {
            Self::Value { area, least, .. } if *area > 0.0 => Some(*least),
            _ => None,
        }
    }

    /// What the mean of a value can rest on; `None` without area, and for classes.
    pub fn tails(&self) -> Option<Tails> {
        let (mean, Self::Value { area, sum, squares, least, greatest, .. }) = (self.mean()?, self) else { return None };
        Some(Tails::of(mean, ((squares - sum * sum / area) / area).max(0.0), *least, *greatest))
    }
}

/// Predicted cells whose probabilities cannot be used, of a map that has probabilities.
pub(super) fn unusable_cells(cells: &FrameCells, probabilities: &[Vec<f64>]) -> u64 {
    if probabilities.is_empty() {
        return 0;
    }
    let unusable =
        |k: &usize| cells.values[*k].is_some() && probability_sum(probabilities.iter().map(|p| p[*k])).is_none();
    (0..cells.values.len()).filter(unusable).count() as u64
}

/// Says how many cells have probabilities that cannot be used, if any, and what becomes of them.
pub(super) fn warn_of_unusable(cells: u64, consequence: &str) {
    if cells > 0 {
        tracing::warn!(
            "{} class probabilities that are negative, all zero or not numbers; {consequence}",
            counted_do(cells, "predicted cell", ["has", "have"])
        );
    }
}

impl MapTotals {
    /// Reads the whole map once.
    ///
    /// # Errors
    /// Files that cannot be read, an interrupted job.
    pub fn of(frame: &mut MapFrame) -> Result<Self, SurveyError> {
        let strata = frame.strata_count();
        let ground = GroundTotals::new(frame);
        let mut totals = Self {
            strata: vec![0.0; strata],
            populations: vec![0; strata],
            expected: vec![ExpectedAreas::new(); strata],
            values: if frame.is_value() { vec![ground.clone(); strata] } else { Vec::new() },
            whole: ground.clone(),
            probabilities: vec![0.0; frame.meta.target.classes().len()],
            zones: vec![ground.clone(); frame.zone_count()],
            together: ground,
            unobserved: 0.0,
            outside: 0.0,
        };
        let mut with_probability = 0.0;
        let mut unusable = 0;
        let all: Vec<_> = blocks(frame.grid().height, frame.grid().width, BLOCK, BLOCK).collect();
        let task = frame.job().task("map", Some(all.len() as u64), Unit::Blocks);
        for window in all {
            let cells = frame.cells(window)?;
            let probabilities = frame.probabilities(&window)?;
            totals.add_cells(&cells, &probabilities, &mut with_probability);
            unusable += unusable_cells(&cells, &probabilities);
            totals.add_zones(&cells, &probabilities);
            task.advance(1);
        }
        warn_of_unusable(unusable, "they count as mapped, without error");
        for mean in &mut totals.probabilities {
            *mean /= with_probability;
        }
        Ok(totals)
    }

    fn add_cells(&mut self, cells: &FrameCells, probabilities: &[Vec<f64>], with_probability: &mut f64) {
        for (k, (stratum, value)) in cells.strata.iter().zip(&cells.values).enumerate() {
            let area = cells.areas[k];
            self.unobserved += cells.unobserved[k];
            let (Some(h), Some(cell)) = (stratum, Cell::new(cells, probabilities, k)) else {
                self.outside += if value.is_some() { area } else { 0.0 };
                continue;
            };
            self.strata[*h as usize] += area;
            self.populations[*h as usize] += 1;
            self.whole.add(&cell, area);
            if let Some(of_stratum) = self.values.get_mut(*h as usize) {
                of_stratum.add(&cell, area);
            }
            if let CellValue::Class(class) = cell.value {
                self.expect(*h as usize, class, area, &cell);
            }
            if let Some(all) = cell.probabilities() {
                *with_probability += area;
                self.probabilities.iter_mut().zip(all).for_each(|(mean, p)| *mean += area * p);
            }
        }
    }

    /// Adds a cell to what the map expects of its stratum.
    fn expect(&mut self, stratum: usize, mapped: usize, area: f64, cell: &Cell) {
        let row = self.expected[stratum].entry(mapped).or_insert_with(|| vec![0.0; self.probabilities.len()]);
        match cell.probabilities() {
            Some(all) => row.iter_mut().zip(all).for_each(|(sum, p)| *sum += area * p),
            None => row[mapped] += area,
        }
    }

    fn add_zones(&mut self, cells: &FrameCells, probabilities: &[Vec<f64>]) {
        let window = cells.window;
        for r in 0..window.height {
            for span in cells.coverage.row(window.row + r) {
                for c in span.col..span.col + span.len {
                    let k = r * window.width + (c as usize - window.col);
                    if let Some(cell) = Cell::new(cells, probabilities, k) {
                        self.zones[span.zone as usize].add(&cell, cells.areas[k] * span.coverage);
                    }
                }
            }
            for (c, fraction) in cells.row_in_zones(window.row + r).into_iter().enumerate() {
                let k = r * window.width + c;
                if let Some(cell) = Cell::new(cells, probabilities, k).filter(|_| fraction > 0.0) {
                    self.together.add(&cell, cells.areas[k] * fraction);
                }
            }
        }
    }

    /// Area of the population, km2.
    pub fn area(&self) -> f64 {
        self.whole.area()
    }

    /// Mean area of a cell of the population, km2; 0 without any.
    pub fn cell_area(&self) -> f64 {
        let cells: u64 = self.populations.iter().sum();
        if cells > 0 { self.area() / cells as f64 } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(values: &[f64]) -> GroundTotals {
        let (least, greatest) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut ground = GroundTotals::Value { area: 0.0, sum: 0.0, squares: 0.0, first: None, least, greatest };
        for (index, value) in values.iter().enumerate() {
            let cell = Cell { index, value: CellValue::Number(*value), stratum: 0, group: 0, bands: &[] };
            ground.add(&cell, 1e-4 * (1.0 + 1e-3 * (index % 7) as f64));
        }
        ground
    }

    /// Sums of squares left a variance of 1e-15 to a map that is 5.3 everywhere, and tails of several times that.
    #[test]
    fn a_constant_map_has_no_tails() {
        for value in [0.1, 5.3, 273.15, f64::from(5.3_f32)] {
            let ground = totals(&[value; 1000]);
            assert_eq!(ground.mean(), Some(value));
            assert_eq!(ground.tails(), Some(Tails { low: value, mean: value, high: value }));
        }
        // Far from zero: 1e9 and 1e9 + 2 by turns, of nearly equal areas: variance 1, tails 2 * 1 / 1 to either side.
        let far: Vec<f64> = (0..1400).map(|k| 1e9 + f64::from(k % 2) * 2.0).collect();
        let tails = totals(&far).tails().expect("there is area");
        assert!((tails.low - (1e9 - 1.0)).abs() < 1e-2 && (tails.high - (1e9 + 3.0)).abs() < 1e-2, "{tails:?}");
    }
}
