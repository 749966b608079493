//! Strata of risk: each map class as the cells that the map is sure of, and the others.

use areal_estimate::{CellValue, ClassRisk};
use areal_formats::Design;
use areal_grid::{Class, Window, blocks};
use areal_job::Unit;

use super::{BLOCK, MapFrame};
use crate::SurveyError;

/// Strata of a class: the sure cells, or all of a class that is not cut, and the others.
pub(crate) const PARTS: usize = 2;

/// For each class the least probability of the sure cells; `None` for a class that is not cut.
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
        // In the type of the map's probabilities, so that a cut survives being written as text.
        let unsure = self.of(class).is_some_and(|cut| probability.is_nan() || (probability as f32) < cut as f32);
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
        if self.cuts.is_none() {
            return Ok(vec![None; values.len()]);
        }
        let probabilities = self.probabilities(window)?;
        let Some(cuts) = &self.cuts else { unreachable!("they were there") };
        let stratum = |k: usize| match values[k]? {
            CellValue::Class(class) => Some(cuts.stratum(class, probabilities.get(class).map_or(f64::NAN, |p| p[k]))),
            CellValue::Number(_) => None,
        };
        Ok((0..values.len()).map(stratum).collect())
    }

    /// The cells of each map class by their probability of error: one pass over the map.
    pub(crate) fn risks(&mut self) -> Result<Vec<ClassRisk>, SurveyError> {
        let classes = self.meta.target.classes().len();
        let mut risks: Vec<ClassRisk> = (0..classes).map(|c| ClassRisk::new(c, classes)).collect();
        let all: Vec<_> = blocks(self.grid().height, self.grid().width, BLOCK, BLOCK).collect();
        let task = self.job().task("map", Some(all.len() as u64), Unit::Blocks);
        let mut of_cell = vec![0.0; classes];
        for window in all {
            let cells = self.cells(window)?;
            let probabilities = self.probabilities(&window)?;
            for (k, value) in cells.values.iter().enumerate() {
                let Some(CellValue::Class(class)) = value else { continue };
                of_cell.iter_mut().zip(&probabilities).for_each(|(p, band)| *p = band[k]);
                risks[*class].add(cells.areas[k], &of_cell);
            }
            task.advance(1);
        }
        Ok(risks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_at_the_cut_is_sure() {
        let cuts = RiskCuts::new(vec![Some(0.873), None]);
        let stratum = |class, p: f32| cuts.stratum(class, f64::from(p));
        assert_eq!((stratum(0, 0.873), stratum(0, 0.872_9), stratum(0, f32::NAN)), (0, 1, 1));
        assert_eq!((stratum(1, 0.1), stratum(1, f32::NAN)), (2, 2));
    }
}
