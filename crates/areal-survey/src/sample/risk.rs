//! Strata of risk: where classes are cut, and what the map expects of each part.

use areal_estimate::{Anticipated, ClassRisk, MIN_ERROR, RiskPart, fraction_deviation};

use super::settings::SampleSettings;
use crate::frame::{PARTS, RiskCuts};
use crate::{MapFrame, SurveyError};

/// Fraction of every stratum in which the map is planned to be wrong where it expects no error, split evenly among the classes.
pub const UNEXPECTED: f64 = 0.005;

/// The parts of the map's classes, by stratum.
pub(super) struct RiskPlan {
    parts: Vec<Option<RiskPart>>,
    classes: usize,
    /// What makes the expected error of each map class the one that was given for it; 1 where none was.
    factors: Vec<f64>,
}

impl RiskPlan {
    /// Reads the map's probabilities, cuts its classes, and tells the frame where.
    pub(super) fn cut(settings: &SampleSettings, frame: &mut MapFrame) -> Result<Self, SurveyError> {
        let given = settings.given_accuracies(frame.meta.target.classes())?;
        let cuts: Vec<_> = frame.risks()?.iter().map(ClassRisk::cut).collect();
        frame.cuts = Some(RiskCuts::new(cuts.iter().map(|c| c.min_probability).collect()));
        let parts = cuts.into_iter().flat_map(|cut| {
            let mut parts = cut.parts.into_iter().map(|part| Some(part).filter(|p| p.cells > 0));
            [(); PARTS].map(|()| parts.next().flatten())
        });
        let mut plan = Self { parts: parts.collect(), classes: given.len(), factors: vec![1.0; given.len()] };
        for (class, users) in given.into_iter().enumerate() {
            if let Some(users) = users {
                plan.factors[class] = (1.0 - users) / plan.class_error(class).max(f64::MIN_POSITIVE);
            }
        }
        Ok(plan)
    }

    /// The strata as planned for overall accuracy: errors of [`MIN_ERROR`] at least.
    pub(super) fn anticipated(&self) -> Vec<Anticipated> {
        let error = |h: usize, part: &RiskPart| 1.0 - self.fraction(h, part, Self::class_of(h));
        self.strata(|h, part| error(h, part).clamp(MIN_ERROR, 1.0 - MIN_ERROR))
    }

    /// The strata as planned for the area of one class.
    pub(super) fn anticipated_for(&self, class: usize) -> Vec<Anticipated> {
        let fractions = self.fractions(class);
        self.strata(|h, _| fractions[h])
    }

    fn strata(&self, fraction: impl Fn(usize, &RiskPart) -> f64) -> Vec<Anticipated> {
        let total: f64 = self.parts.iter().flatten().map(|p| p.area).sum();
        let one = |(h, part): (usize, &Option<RiskPart>)| match part {
            Some(part) => Anticipated {
                weight: part.area / total,
                population: part.cells,
                deviation: fraction_deviation(fraction(h, part)),
            },
            None => Anticipated { weight: 0.0, population: 0, deviation: 0.0 },
        };
        self.parts.iter().enumerate().map(one).collect()
    }

    /// The fraction of each stratum that is planned to be of a class: as expected, but for [`UNEXPECTED`].
    pub(super) fn fractions(&self, class: usize) -> Vec<f64> {
        let even = UNEXPECTED / self.classes as f64;
        self.expected_fractions(class).into_iter().map(|p| (1.0 - UNEXPECTED) * p + even).collect()
    }

    /// The fraction of each stratum that the map's probabilities expect to be of a class; nothing of a stratum without cells.
    pub(super) fn expected_fractions(&self, class: usize) -> Vec<f64> {
        let one = |(h, part): (usize, &Option<RiskPart>)| part.as_ref().map_or(0.0, |p| self.fraction(h, p, class));
        self.parts.iter().enumerate().map(one).collect()
    }

    /// The fraction of the area that is expected to be of another class than the mapped one.
    pub(super) fn expected_error(&self) -> f64 {
        let total: f64 = self.parts.iter().flatten().map(|p| p.area).sum();
        let one = |(h, part): (usize, &Option<RiskPart>)| {
            part.as_ref().map_or(0.0, |p| p.area * (1.0 - self.fraction(h, p, Self::class_of(h))))
        };
        self.parts.iter().enumerate().map(one).sum::<f64>() / total
    }

    /// Expected area of a class, km2.
    pub(super) fn area(&self, class: usize) -> f64 {
        let one =
            |(h, part): (usize, &Option<RiskPart>)| part.as_ref().map_or(0.0, |p| p.area * self.fraction(h, p, class));
        self.parts.iter().enumerate().map(one).sum()
    }

    /// The fraction of a part that is expected to be of a class, with the user's accuracies that were given.
    fn fraction(&self, stratum: usize, part: &RiskPart, class: usize) -> f64 {
        let mapped = Self::class_of(stratum);
        let expected = 1.0 - part.fraction(mapped);
        let error = (self.factors[mapped] * expected).min(1.0);
        if class == mapped {
            1.0 - error
        } else if expected > 0.0 {
            part.fraction(class) * error / expected
        } else {
            0.0
        }
    }

    /// Map class of a stratum.
    pub(super) fn class_of(stratum: usize) -> usize {
        stratum / PARTS
    }

    fn class_error(&self, class: usize) -> f64 {
        let parts = || self.parts[PARTS * class..PARTS * (class + 1)].iter().flatten();
        let area: f64 = parts().map(|p| p.area).sum();
        if area > 0.0 { parts().map(|p| p.area / area * (1.0 - p.fraction(class))).sum() } else { 0.0 }
    }
}
