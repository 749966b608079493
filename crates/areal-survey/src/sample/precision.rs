//! What a design promises: the CV of each class's area, beside that of strata of classes with as many units.

use areal_estimate::{Allocation, Anticipated, SampleSize, anticipated_variance, fraction_deviation, plan_units};

use super::risk::RiskPlan;
use super::settings::MIN_PER_CLASS;
use crate::{MapFrame, SurveyError};

/// Anticipated CV of the area of a class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassPrecision {
    pub class: String,
    /// Area that the map's probabilities expect, with the user's accuracies that were given, km2.
    pub area: f64,
    /// As the map's probabilities expect.
    pub expected_cv: f64,
    /// With [`UNEXPECTED`](super::UNEXPECTED) errors more in every stratum than the map expects.
    pub cv: f64,
    /// The same with strata of map classes, Neyman's allocation and as many units.
    pub cv_without_risk: f64,
}

/// The anticipated precision of every class for `numbers` of units in the strata.
pub(super) fn precision(
    plan: &RiskPlan,
    strata: &[Anticipated],
    numbers: &[u64],
    frame: &MapFrame,
) -> Result<Vec<ClassPrecision>, SurveyError> {
    let classes = frame.meta.target.classes();
    let units: u64 = numbers.iter().sum();
    let mut merged = vec![Anticipated { weight: 0.0, population: 0, deviation: 0.0 }; classes.len()];
    for (h, stratum) in strata.iter().enumerate() {
        let class = &mut merged[RiskPlan::class_of(h)];
        class.weight += stratum.weight;
        class.population += stratum.population;
    }
    let of_class = |fractions: &[f64], class: usize| {
        let parts = strata.iter().zip(fractions).enumerate().filter(|(h, _)| RiskPlan::class_of(*h) == class);
        let sum: f64 = parts.map(|(_, (s, p))| s.weight * p).sum();
        if merged[class].weight > 0.0 { sum / merged[class].weight } else { 0.0 }
    };
    let fractions: Vec<Vec<f64>> = (0..classes.len()).map(|c| plan.fractions(c)).collect();
    let mut planned = merged.clone();
    for (class, stratum) in planned.iter_mut().enumerate() {
        stratum.deviation = fraction_deviation(of_class(&fractions[class], class));
    }
    let min = MIN_PER_CLASS.min(units / (2 * classes.len().max(1)) as u64);
    let merged_numbers = plan_units(&planned, &SampleSize::Units(units), Allocation::Neyman, min)?;
    let each = |(c, fractions): (usize, &Vec<f64>)| {
        let mean: f64 = strata.iter().zip(fractions).map(|(s, p)| s.weight * p).sum();
        let cv = |strata: &[Anticipated], fractions: &[f64], numbers: &[u64]| {
            let deviations: Vec<f64> = fractions.iter().map(|p| fraction_deviation(*p)).collect();
            anticipated_variance(strata, &deviations, numbers).sqrt() / mean
        };
        let in_classes: Vec<f64> = (0..classes.len()).map(|k| of_class(fractions, k)).collect();
        ClassPrecision {
            class: classes[c].name.clone(),
            area: plan.area(c),
            expected_cv: cv(strata, &plan.expected_fractions(c), numbers),
            cv: cv(strata, fractions, numbers),
            cv_without_risk: cv(&merged, &in_classes, &merged_numbers),
        }
    };
    Ok(fractions.iter().enumerate().map(each).collect())
}
