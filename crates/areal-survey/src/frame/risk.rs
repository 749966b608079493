//! Strata of risk: each map class as a confident and an uncertain part.

use std::collections::{BTreeMap, BTreeSet};

use areal_estimate::{CellValue, ClassRisk, is_uncertain};
use areal_formats::Design;
use areal_grid::{Class, Window, blocks};
use areal_job::Unit;

use super::totals::{unusable_cells, warn_of_unusable};
use super::{BLOCK, MapFrame};
use crate::SurveyError;

/// Parts of a class: confident cells (or all cells of a class that is not cut) and uncertain cells.
pub(crate) const PARTS: usize = 2;

/// For each class the least probability of the confident cells; `None` for a class that is not cut.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RiskCuts(Vec<Option<f64>>);

impl RiskCuts {
    pub(crate) fn new(cuts: Vec<Option<f64>>) -> Self {
        Self(cuts)
    }

    /// The cuts of a design that was drawn with them.
    pub(crate) fn of_design(design: &Design, classes: &[Class]) -> Self {
        let cut = |class: &Class| {
            design.strata.iter().find_map(|s| s.min_probability.filter(|_| s.class_code == Some(class.code)))
        };
        Self(classes.iter().map(cut).collect())
    }

    /// The probability at which a class is cut.
    pub(crate) fn of(&self, class: usize) -> Option<f64> {
        self.0.get(class).copied().flatten()
    }

    /// Stratum of a cell of a map class; `probability` is that of the class, NaN where it is not known.
    fn stratum(&self, class: usize, probability: f64) -> u32 {
        let unsure = self.of(class).is_some_and(|cut| is_uncertain(probability, cut));
        (PARTS * class + usize::from(unsure)) as u32
    }
}

impl MapFrame<'_> {
    /// Strata by the mapped class and its probability.
    pub(super) fn risk_strata(
        &mut self,
        window: &Window,
        values: &[Option<CellValue>],
    ) -> Result<Vec<Option<u32>>, SurveyError> {
        let Some(cuts) = self.cuts.clone() else { return Ok(vec![None; values.len()]) };
        let class_of = |value: &Option<CellValue>| value.and_then(CellValue::class_index);
        let cut: BTreeSet<usize> =
            values.iter().filter_map(class_of).filter(|&class| cuts.of(class).is_some()).collect();
        let band = |class: usize| Ok((class, self.probability(class, window)?));
        let bands: BTreeMap<usize, Vec<f64>> = cut.into_iter().map(band).collect::<Result<_, SurveyError>>()?;
        let probability = |class: usize, k: usize| bands.get(&class).map_or(f64::NAN, |band| band[k]);
        let stratum = |(k, value)| class_of(value).map(|class| cuts.stratum(class, probability(class, k)));
        Ok(values.iter().enumerate().map(stratum).collect())
    }

    /// The cells of each map class by their probability of error: one pass over the map.
    pub(crate) fn risks(&mut self) -> Result<Vec<ClassRisk>, SurveyError> {
        let classes = self.meta.target.classes().len();
        let mut risks: Vec<ClassRisk> = (0..classes).map(|c| ClassRisk::new(c, classes)).collect();
        let all: Vec<_> = blocks(self.grid().height, self.grid().width, BLOCK, BLOCK).collect();
        let task = self.job().task("map", Some(all.len() as u64), Unit::Blocks);
        let mut of_cell = vec![0.0; classes];
        let mut unusable = 0;
        for window in all {
            let cells = self.cells(window)?;
            let probabilities = self.probabilities(&window)?;
            unusable += unusable_cells(&cells, &probabilities);
            for (k, value) in cells.values.iter().enumerate() {
                let Some(class) = value.and_then(CellValue::class_index) else { continue };
                of_cell.iter_mut().zip(&probabilities).for_each(|(p, band)| *p = band[k]);
                risks[class].add(cells.areas[k], &of_cell);
            }
            task.advance(1);
        }
        warn_of_unusable(unusable, "they are in the uncertain strata");
        Ok(risks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_at_the_cut_is_confident() {
        let cuts = RiskCuts::new(vec![Some(0.873), None]);
        let stratum = |class, p: f32| cuts.stratum(class, f64::from(p));
        assert_eq!((stratum(0, 0.873), stratum(0, 0.872_9), stratum(0, f32::NAN)), (0, 1, 1));
        assert_eq!((stratum(1, 0.1), stratum(1, f32::NAN)), (2, 2));
    }
}
