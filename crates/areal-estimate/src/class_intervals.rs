//! Intervals of class areas and accuracies over the whole map.

use crate::class_survey::ClassData;
use crate::error::EstimateError;
use crate::estimate::Estimate;
use crate::estimator::Estimator;
use crate::expected::ExpectedMatrix;
use crate::interval::{Interval, whole_interval};
use crate::posterior_interval::{
    NOTHING, POSTERIOR_DRAWS, PartAndRest, Shares, area_interval, flat_units, ratio_interval,
};

impl ClassData<'_> {
    /// Interval of a class's fraction of the whole area: the one that counts what was not drawn for the stratified estimator, from the
    /// moments for others.
    pub(crate) fn whole_interval(&self, class: usize, fraction: &Estimate) -> Result<Interval, EstimateError> {
        if !self.survey.sample.designed || self.settings.estimator != Estimator::Stratified {
            return Ok(self.moments_interval(class, fraction));
        }
        let expected = &self.survey.sample.expected;
        area_interval(&self.sample, &self.is_class(class), expected, class, POSTERIOR_DRAWS, self.settings.level)
    }

    /// Interval of a class's fraction from the moments of the sample.
    pub(crate) fn moments_interval(&self, class: usize, fraction: &Estimate) -> Interval {
        let found = self.reference.iter().filter(|r| **r == class).count();
        whole_interval(fraction, found, self.settings.level)
    }

    /// Interval of overall accuracy: what is right over all.
    pub(crate) fn overall_interval(&self) -> Result<Interval, EstimateError> {
        let shares =
            |e: &ExpectedMatrix| Shares { part: e.right(), rest: 1.0 - e.right(), possible: [true, true, false] };
        self.ratio(|m, r| m == r, |m, r| m != r, shares, self.of_other_classes())
    }

    /// Interval of a user's accuracy: what is mapped as the class and is it, over all that is mapped so.
    pub(crate) fn users_interval(&self, class: usize) -> Result<Interval, EstimateError> {
        let shares = |e: &ExpectedMatrix| {
            let (mapped, right) = (e.mapped(class), e.fraction(class, class));
            let here = mapped > NOTHING;
            Shares { part: right, rest: mapped - right, possible: [here, here, mapped < 1.0 - NOTHING] }
        };
        self.ratio(|m, r| m == class && r == class, |m, r| m == class && r != class, shares, self.of_other_classes())
    }

    /// Interval of a producer's accuracy: what is of the class and mapped so, over all that is of the class.
    pub(crate) fn producers_interval(&self, class: usize) -> Result<Interval, EstimateError> {
        let shares = |e: &ExpectedMatrix| {
            let (mapped, right) = (e.mapped(class), e.fraction(class, class));
            let possible = [mapped > NOTHING, mapped < 1.0 - NOTHING, true];
            Shares { part: right, rest: e.class(class) - right, possible }
        };
        let of_class = 1.0 - self.of_other_classes();
        self.ratio(|m, r| m == class && r == class, |m, r| m != class && r == class, shares, of_class)
    }

    /// The part of a flat prior that all classes but one have.
    fn of_other_classes(&self) -> f64 {
        1.0 - 1.0 / self.survey.classes.len() as f64
    }

    /// Interval of a ratio; `part` and `rest` tell of a unit's map class and reference class whether it is of them.
    fn ratio(
        &self,
        part: impl Fn(usize, usize) -> bool,
        rest: impl Fn(usize, usize) -> bool,
        shares: impl Fn(&ExpectedMatrix) -> Shares,
        rest_of_flat: f64,
    ) -> Result<Interval, EstimateError> {
        let units = || self.map.iter().zip(&self.reference);
        let part: Vec<f64> = units().map(|(&m, &r)| f64::from(part(m, r))).collect();
        let rest: Vec<f64> = units().map(|(&m, &r)| f64::from(rest(m, r))).collect();
        let matrices = &self.survey.sample.expected;
        let expected = matrices.iter().map(shares).collect();
        let of = PartAndRest { part: &part, rest: &rest, expected, flat: flat_units(matrices), rest_of_flat };
        ratio_interval(&self.sample, &of, POSTERIOR_DRAWS, self.settings.level)
    }
}
