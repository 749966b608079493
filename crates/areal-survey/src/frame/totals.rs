//! Areas and means of the map over strata, zones and the whole population, in one pass.

use areal_estimate::CellValue;
use areal_grid::blocks;
use areal_job::Unit;

use super::{BLOCK, Cells, MapFrame};
use crate::SurveyError;

/// Sums over the population of a map.
pub struct MapTotals {
    /// Area of each stratum, km2.
    pub strata: Vec<f64>,
    /// Cells of each stratum.
    pub populations: Vec<u64>,
    /// `[stratum][mapped][class]`: area of each stratum that is mapped as one class and, by the map's probabilities, of another, km2; a row
    /// is empty where nothing is mapped so.
    pub expected: Vec<Vec<Vec<f64>>>,
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
    /// Mapped area of each class.
    Classes(Vec<f64>),
    /// Area, and the sum of area times value.
    Value { area: f64, sum: f64 },
}

impl GroundTotals {
    fn new(frame: &MapFrame) -> Self {
        if frame.is_value() {
            Self::Value { area: 0.0, sum: 0.0 }
        } else {
            Self::Classes(vec![0.0; frame.meta.target.classes().len()])
        }
    }

    fn add(&mut self, value: CellValue, area: f64) {
        match (self, value) {
            (Self::Classes(areas), CellValue::Class(class)) => areas[class] += area,
            (Self::Value { area: total, sum }, CellValue::Number(number)) => {
                *total += area;
                *sum += area * number;
            }
            _ => unreachable!("the cells of a map are all classes or all numbers"),
        }
    }

    pub fn area(&self) -> f64 {
        match self {
            Self::Classes(areas) => areas.iter().sum(),
            Self::Value { area, .. } => *area,
        }
    }

    /// Mapped area of each class; of a value the area alone.
    pub fn mapped(&self) -> Vec<f64> {
        match self {
            Self::Classes(areas) => areas.clone(),
            Self::Value { area, .. } => vec![*area],
        }
    }

    /// Area-weighted mean of a value; `None` without area, and for classes.
    pub fn mean(&self) -> Option<f64> {
        match self {
            Self::Value { area, sum } if *area > 0.0 => Some(sum / area),
            _ => None,
        }
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
            expected: vec![vec![Vec::new(); frame.meta.target.classes().len()]; strata],
            whole: ground.clone(),
            probabilities: vec![0.0; frame.meta.target.classes().len()],
            zones: vec![ground.clone(); frame.zone_count()],
            together: ground,
            unobserved: 0.0,
            outside: 0.0,
        };
        let mut with_probability = 0.0;
        let all: Vec<_> = blocks(frame.grid().height, frame.grid().width, BLOCK, BLOCK).collect();
        let task = frame.job().task("map", Some(all.len() as u64), Unit::Blocks);
        for window in all {
            let cells = frame.cells(window)?;
            let probabilities = frame.probabilities(&window)?;
            totals.add_cells(&cells, &probabilities, &mut with_probability);
            totals.add_zones(&cells);
            task.advance(1);
        }
        for mean in &mut totals.probabilities {
            *mean /= with_probability;
        }
        Ok(totals)
    }

    fn add_cells(&mut self, cells: &Cells, probabilities: &[Vec<f64>], with_probability: &mut f64) {
        for (k, (stratum, value)) in cells.strata.iter().zip(&cells.values).enumerate() {
            let area = cells.areas[k];
            self.unobserved += cells.unobserved[k];
            let (Some(h), Some(value)) = (stratum, value) else {
                self.outside += if value.is_some() { area } else { 0.0 };
                continue;
            };
            self.strata[*h as usize] += area;
            self.populations[*h as usize] += 1;
            self.whole.add(*value, area);
            if let CellValue::Class(class) = *value {
                self.expect(*h as usize, class, area, k, probabilities);
            }
            if !probabilities.is_empty() && probabilities.iter().all(|p| p[k].is_finite()) {
                *with_probability += area;
                for (mean, p) in self.probabilities.iter_mut().zip(probabilities) {
                    *mean += area * p[k];
                }
            }
        }
    }

    /// Adds a cell to what the map expects of its stratum.
    fn expect(&mut self, stratum: usize, mapped: usize, area: f64, cell: usize, probabilities: &[Vec<f64>]) {
        let classes = self.expected[stratum].len();
        let row = &mut self.expected[stratum][mapped];
        row.resize(classes, 0.0);
        if !probabilities.is_empty() && probabilities.iter().all(|p| p[cell].is_finite()) {
            row.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += area * p[cell]);
        } else {
            row[mapped] += area;
        }
    }

    fn add_zones(&mut self, cells: &Cells) {
        let window = cells.window;
        for r in 0..window.height {
            let value = |k: usize| cells.strata[k].and(cells.values[k]);
            for span in cells.coverage.row(window.row + r) {
                for c in span.col..span.col + span.len {
                    let k = r * window.width + (c as usize - window.col);
                    if let Some(value) = value(k) {
                        self.zones[span.zone as usize].add(value, cells.areas[k] * span.coverage);
                    }
                }
            }
            for (c, fraction) in cells.row_in_zones(window.row + r).into_iter().enumerate() {
                let k = r * window.width + c;
                if let Some(value) = value(k).filter(|_| fraction > 0.0) {
                    self.together.add(value, cells.areas[k] * fraction);
                }
            }
        }
    }

    /// Area of the population, km2.
    pub fn area(&self) -> f64 {
        self.whole.area()
    }
}
