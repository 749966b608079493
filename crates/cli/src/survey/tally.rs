use areal_grid::blocks;
use areal_job::Unit;

use super::map::SurveyMap;
use crate::context::Context;
use crate::errors::CliError;

const BLOCK: usize = 256;

/// Sums over the population of a survey map, in one pass.
pub struct Tally {
    /// Area of each stratum, km2.
    pub strata: Vec<f64>,
    /// Cells of each stratum.
    pub populations: Vec<u64>,
    /// Mapped area of each class, km2; for a value one entry, the area of the population.
    pub mapped: Vec<f64>,
    /// Area-weighted mean probability of each class, or the mean of the value.
    pub means: Vec<f64>,
    /// One entry a zone.
    pub zones: Vec<ZoneTally>,
    /// All zones together, each bit of ground once.
    pub together: ZoneTally,
    /// Area of the grid's cells without a prediction, km2: no number speaks of it.
    pub unobserved: f64,
    /// Area of predicted cells that are in no stratum, km2.
    pub outside: f64,
}

/// Sums over one zone.
#[derive(Clone)]
pub struct ZoneTally {
    /// Mapped area of each class; for a value one entry.
    pub mapped: Vec<f64>,
    /// Area times value.
    pub value: f64,
}

impl ZoneTally {
    fn add(&mut self, value: f64, area: f64, is_value: bool) {
        self.mapped[if is_value { 0 } else { value as usize }] += area;
        if is_value {
            self.value += area * value;
        }
    }
}

impl Tally {
    pub fn take(map: &mut SurveyMap, context: &Context) -> Result<Self, CliError> {
        let kinds = map.classes().max(1);
        let is_value = map.classes() == 0;
        let strata = map.strata_count();
        let mut tally = Self {
            strata: vec![0.0; strata],
            populations: vec![0; strata],
            mapped: vec![0.0; kinds],
            means: vec![0.0; kinds],
            zones: vec![ZoneTally { mapped: vec![0.0; kinds], value: 0.0 }; map.zone_count()],
            together: ZoneTally { mapped: vec![0.0; kinds], value: 0.0 },
            unobserved: 0.0,
            outside: 0.0,
        };
        let mut with_probability = 0.0;
        let all: Vec<_> = blocks(map.grid().height, map.grid().width, BLOCK, BLOCK).collect();
        let task = context.job().task("map", Some(all.len() as u64), Unit::Blocks);
        for window in all {
            let cells = map.cells(window)?;
            let probabilities = map.probabilities(&window)?;
            for (k, (stratum, value)) in cells.strata.iter().zip(&cells.values).enumerate() {
                let area = cells.areas[k];
                tally.unobserved += cells.unobserved[k];
                let (Some(h), Some(value)) = (stratum, value) else {
                    tally.outside += if value.is_some() { area } else { 0.0 };
                    continue;
                };
                tally.strata[*h as usize] += area;
                tally.populations[*h as usize] += 1;
                tally.mapped[if is_value { 0 } else { *value as usize }] += area;
                if is_value {
                    tally.means[0] += area * value;
                } else if probabilities.iter().all(|p| p[k].is_finite()) {
                    with_probability += area;
                    for (mean, p) in tally.means.iter_mut().zip(&probabilities) {
                        *mean += area * p[k];
                    }
                }
            }
            tally.add_zones(&cells, is_value);
            task.advance(1);
        }
        let whole = if is_value { tally.mapped[0] } else { with_probability };
        for mean in &mut tally.means {
            *mean /= whole;
        }
        Ok(tally)
    }

    fn add_zones(&mut self, cells: &super::map::Cells, is_value: bool) {
        let window = cells.window;
        let mut covered = vec![0.0f64; window.width];
        for r in 0..window.height {
            covered.fill(0.0);
            for span in cells.coverage.row(window.row + r) {
                let zone = &mut self.zones[span.zone as usize];
                for c in span.col..span.col + span.len {
                    let k = r * window.width + (c as usize - window.col);
                    let (Some(_), Some(value)) = (cells.strata[k], cells.values[k]) else { continue };
                    zone.add(value, cells.areas[k] * span.coverage, is_value);
                    covered[c as usize - window.col] += span.coverage;
                }
            }
            for (c, covered) in covered.iter().enumerate().filter(|(_, f)| **f > 0.0) {
                let k = r * window.width + c;
                self.together.add(cells.values[k].unwrap_or_default(), cells.areas[k] * covered.min(1.0), is_value);
            }
        }
    }

    /// Area of the population, km2.
    pub fn area(&self) -> f64 {
        self.mapped.iter().sum()
    }
}
