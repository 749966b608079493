//! Strata of risk: where classes are cut, and what the map expects of each part.

use areal_estimate::{Anticipated, MIN_ERROR, RiskPart, fraction_deviation};

use super::settings::SampleSettings;
use crate::frame::RiskCuts;
use crate::{MapFrame, SurveyError};

/// Fraction of every stratum in which the map is planned to be wrong though it is sure.
const UNEXPECTED: f64 = 0.005;

/// The parts of the map's classes, by stratum.
pub(super) struct RiskPlan {
    parts: Vec<Option<RiskPart>>,
    classes: usize,
}

impl RiskPlan {
    /// Reads the map's probabilities, cuts its classes, and tells the frame where.
    pub(super) fn cut(frame: &mut MapFrame) -> Result<Self, SurveyError> {
        if !frame.has_probabilities() {
            return Err(SurveyError::NoProbabilities { path: frame.path.clone() });
        }
        let classes = frame.meta.target.classes().len();
        let cuts: Vec<_> = frame.risks()?.iter().map(areal_estimate::ClassRisk::cut).collect();
        frame.cuts = Some(RiskCuts::new(cuts.iter().map(|c| c.min_probability).collect()));
        let parts = cuts.into_iter().flat_map(|cut| {
            let mut parts = cut.parts.into_iter().map(|part| Some(part).filter(|p| p.cells > 0));
            [parts.next().flatten(), parts.next().flatten()]
        });
        Ok(Self { parts: parts.collect(), classes })
    }

    /// The strata as planned: with the errors that the map expects, times what makes a class's error the one that was given for it.
    pub(super) fn anticipated(
        &self,
        settings: &SampleSettings,
        frame: &MapFrame,
    ) -> Result<Vec<Anticipated>, SurveyError> {
        let given = settings.given_accuracies(frame.meta.target.classes())?;
        let total: f64 = self.parts.iter().flatten().map(|p| p.area).sum();
        let one = |(h, part): (usize, &Option<RiskPart>)| {
            let Some(part) = part else { return Anticipated { weight: 0.0, population: 0, deviation: 0.0 } };
            let class = self.class_of(h);
            let factor = given[class].map_or(1.0, |users| (1.0 - users) / self.class_error(class));
            let error = (factor * part.error(class)).clamp(MIN_ERROR, 1.0 - MIN_ERROR);
            Anticipated { weight: part.area / total, population: part.cells, deviation: fraction_deviation(error) }
        };
        Ok(self.parts.iter().enumerate().map(one).collect())
    }

    /// The fraction of each stratum that the map expects to be of a class, with [`UNEXPECTED`] split evenly among the classes.
    pub(super) fn fractions(&self, class: usize) -> Vec<f64> {
        let even = UNEXPECTED / self.classes as f64;
        let one = |part: &Option<RiskPart>| {
            part.as_ref().map_or(0.0, |p| (1.0 - UNEXPECTED) * p.expected[class] / p.area + even)
        };
        self.parts.iter().map(one).collect()
    }

    /// Map class of a stratum.
    pub(super) fn class_of(&self, stratum: usize) -> usize {
        stratum * self.classes / self.parts.len().max(1)
    }

    fn class_error(&self, class: usize) -> f64 {
        let parts = || {
            self.parts.iter().enumerate().filter(|(h, _)| self.class_of(*h) == class).filter_map(|(_, p)| p.as_ref())
        };
        let area: f64 = parts().map(|p| p.area).sum();
        parts().map(|p| p.area / area * p.error(class)).sum()
    }
}
