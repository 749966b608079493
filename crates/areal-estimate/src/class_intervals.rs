//! Intervals of class areas and accuracies that count what a sample did not draw.

use crate::error::EstimateError;
use crate::expected::ExpectedMatrix;
use crate::interval::Interval;
use crate::posterior_interval::{MAP_UNITS, NOTHING, PartAndRest, Shares, ZONE_MAP_UNITS, flat_units, ratio_interval};
use crate::stratified::StratifiedSample;

/// Draws from the posterior for published numbers: they leave about one hundredth of an interval's half-width to chance,
/// and the same chance each time.
pub const POSTERIOR_DRAWS: usize = 10_000;

/// A labelled sample of a map of classes, for the intervals of its areas and accuracies: quantiles of the posterior in each stratum with a
/// prior of its own at each end (`posterior_interval.rs` has the formulas).
///
/// `map` and `reference` are the classes of each unit, `expected` is what the map expects of each stratum. `draws` are those from the
/// posterior for one end; their seed is constant.
#[derive(Debug, Clone, Copy)]
pub struct ClassIntervals<'a> {
    pub sample: &'a StratifiedSample,
    pub map: &'a [usize],
    pub reference: &'a [usize],
    pub expected: &'a [ExpectedMatrix],
    pub draws: usize,
    pub level: f64,
}

impl ClassIntervals<'_> {
    /// Of a class's fraction of the whole area.
    ///
    /// # Errors
    /// Tables that do not fit each other, as for all intervals here.
    pub fn area(&self, class: usize) -> Result<Interval, EstimateError> {
        self.area_about(class, None, self.flat())
    }

    /// Prior units of the strata that are split evenly among the classes.
    pub(crate) fn flat(&self) -> Vec<f64> {
        flat_units(self.expected)
    }

    /// The same in a zone, about an estimate that is not the sample's own, with these [`flat`](Self::flat) units.
    pub(crate) fn area_about(
        &self,
        class: usize,
        estimate: Option<f64>,
        flat: Vec<f64>,
    ) -> Result<Interval, EstimateError> {
        let shares = |e: &ExpectedMatrix| Shares {
            part: 1.0 - e.class(class),
            rest: e.class(class),
            possible: [e.classes() > 1, true, false],
        };
        let of = self.parts(|_, r| r != class, |_, r| r == class, shares, (flat, self.one_class()));
        let map_units = if estimate.is_some() { ZONE_MAP_UNITS } else { MAP_UNITS };
        let of = PartAndRest { about: estimate.map(|class| 1.0 - class), map_units, ..of };
        let others = ratio_interval(self.sample, &of, self.draws, self.level)?;
        let interval = Interval { low: 1.0 - others.high, high: 1.0 - others.low, ..others };
        Ok(estimate.map_or(interval, |class| interval.holding(class)))
    }

    /// Of overall accuracy: what is right over all.
    ///
    /// # Errors
    /// Tables that do not fit each other.
    pub fn overall(&self) -> Result<Interval, EstimateError> {
        self.overall_about(None)
    }

    /// The same of a part of the map, about an estimate that is not the sample's own. With as many prior units, so that a part has no shorter
    /// interval than the whole for the same units.
    pub(crate) fn overall_about(&self, estimate: Option<f64>) -> Result<Interval, EstimateError> {
        let shares =
            |e: &ExpectedMatrix| Shares { part: e.right(), rest: 1.0 - e.right(), possible: [true, true, false] };
        let of = self.parts(|m, r| m == r, |m, r| m != r, shares, (self.flat(), 1.0 - self.one_class()));
        ratio_interval(self.sample, &PartAndRest { about: estimate, ..of }, self.draws, self.level)
    }

    /// Of a user's accuracy: what is mapped as the class and is of it, over all that is mapped as the class.
    ///
    /// # Errors
    /// Tables that do not fit each other.
    pub fn users(&self, class: usize) -> Result<Interval, EstimateError> {
        let shares = |e: &ExpectedMatrix| {
            let (mapped, right) = (e.mapped(class), e.fraction(class, class));
            let here = mapped > NOTHING;
            Shares { part: right, rest: mapped - right, possible: [here, here, mapped < 1.0 - NOTHING] }
        };
        let rest_of_flat = 1.0 - self.one_class();
        self.ratio(|m, r| m == class && r == class, |m, r| m == class && r != class, shares, rest_of_flat)
    }

    /// Of a producer's accuracy: what is of the class and mapped as it, over all that is of the class.
    ///
    /// # Errors
    /// Tables that do not fit each other.
    pub fn producers(&self, class: usize) -> Result<Interval, EstimateError> {
        let shares = |e: &ExpectedMatrix| {
            let (mapped, right) = (e.mapped(class), e.fraction(class, class));
            let possible = [mapped > NOTHING, mapped < 1.0 - NOTHING, true];
            Shares { part: right, rest: e.class(class) - right, possible }
        };
        self.ratio(|m, r| m == class && r == class, |m, r| m != class && r == class, shares, self.one_class())
    }

    /// The part of a flat prior that one class has.
    fn one_class(&self) -> f64 {
        1.0 / self.expected.first().map_or(1, ExpectedMatrix::classes) as f64
    }

    /// Interval of a ratio of [`parts`](Self::parts).
    fn ratio(
        &self,
        part: impl Fn(usize, usize) -> bool,
        rest: impl Fn(usize, usize) -> bool,
        shares: impl Fn(&ExpectedMatrix) -> Shares,
        rest_of_flat: f64,
    ) -> Result<Interval, EstimateError> {
        let of = self.parts(part, rest, shares, (self.flat(), rest_of_flat));
        ratio_interval(self.sample, &of, self.draws, self.level)
    }

    /// A part and a remainder; `part` and `rest` tell of a unit's map class and reference class whether it is of them.
    fn parts(
        &self,
        part: impl Fn(usize, usize) -> bool,
        rest: impl Fn(usize, usize) -> bool,
        shares: impl Fn(&ExpectedMatrix) -> Shares,
        (flat, rest_of_flat): (Vec<f64>, f64),
    ) -> PartAndRest {
        let units = || self.map.iter().zip(self.reference);
        PartAndRest {
            part: units().map(|(&m, &r)| f64::from(part(m, r))).collect(),
            rest: units().map(|(&m, &r)| f64::from(rest(m, r))).collect(),
            expected: self.expected.iter().map(shares).collect(),
            flat,
            rest_of_flat,
            map_units: MAP_UNITS,
            about: None,
        }
    }
}
