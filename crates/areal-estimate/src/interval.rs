//! Confidence intervals of fractions and means.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::estimate::{Estimate, MOST_DEGREES};

/// Confidence level of intervals and tests where none is given.
pub const DEFAULT_LEVEL: f64 = 0.95;

/// Two-sided quantile of the standard normal distribution: 1.959964 for `level` 0.95.
pub fn normal_quantile(level: f64) -> f64 {
    standard_normal().inverse_cdf(0.5 + 0.5 * level.clamp(0.0, 1.0 - 1e-15))
}

/// Two-sided p-value of a standard normal deviate.
pub fn normal_p_value(z: f64) -> f64 {
    2.0 * standard_normal().sf(z.abs())
}

fn standard_normal() -> Normal {
    Normal::standard()
}

/// How a confidence interval was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum IntervalMethod {
    /// Estimate plus and minus the normal quantile times the standard error.
    Normal,
    /// Wilson's score interval with the effective number of units.
    Wilson,
    /// Normal on the log-odds scale.
    Logit,
    /// Normal with a variance that moves with the value, from the third moment of the sample.
    Score,
    /// Student's t on a scale on which the mean is not skewed.
    Hall,
    /// Quantiles of the Bayesian bootstrap with a unit that the map expects.
    Bootstrap,
    /// Student's t in place of the normal quantile.
    T,
    /// Quantiles of the posterior by stratum ([`ClassIntervals`](crate::ClassIntervals)).
    Dirichlet,
    /// No interval: the number has no design-based error.
    None,
}

/// A confidence interval; `low <= high`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How it was made.
    pub method: IntervalMethod,
}

impl Interval {
    /// Both ends times `factor` (not negative): a fraction's interval becomes an area's.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor, ..self }
    }

    /// The same with this value within: an end that rests on other sums may lie past it by what rounding leaves.
    #[must_use]
    pub(crate) fn holding(self, value: f64) -> Self {
        Self { low: self.low.min(value), high: self.high.max(value), ..self }
    }

    /// The same of a number that cannot be less than `floor`, with `value` within.
    #[must_use]
    pub(crate) fn at_least(self, floor: f64, value: f64) -> Self {
        Self { low: self.low.max(floor), ..self }.holding(value)
    }

    /// True when `truth` lies within.
    pub fn covers(&self, truth: f64) -> bool {
        self.low <= truth && truth <= self.high
    }
}

/// `value +- z SE`, unbounded: for a continuous value.
pub fn normal_interval(value: f64, standard_error: f64, level: f64) -> Interval {
    let half = normal_quantile(level) * standard_error;
    Interval { low: value - half, high: value + half, method: IntervalMethod::Normal }
}

/// Two-sided quantile of Student's t.
fn t_quantile(degrees: f64, level: f64) -> f64 {
    if degrees >= MOST_DEGREES {
        return normal_quantile(level);
    }
    StudentsT::new(0.0, 1.0, degrees.max(1.0))
        .map_or_else(|_| normal_quantile(level), |t| t.inverse_cdf(0.5 + 0.5 * level.clamp(0.0, 1.0 - 1e-15)))
}

/// Wilson's score interval of a fraction (Wilson 1927, JASA 22:209) with `n` trials, which may be an effective number
/// (Kish 1965): `(p + z2/2n +- z sqrt(p(1-p)/n + z2/4n2)) / (1 + z2/n)`. Always within 0..1, and never of zero width.
pub fn wilson_interval(fraction: f64, n: f64, level: f64) -> Interval {
    let z2 = normal_quantile(level).powi(2);
    let (p, n) = (fraction.clamp(0.0, 1.0), n.max(f64::MIN_POSITIVE));
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = (z2 * (p * (1.0 - p) / n + z2 / (4.0 * n * n))).sqrt() / (1.0 + z2 / n);
    // At the ends the formula gives 0 and 1 but for its last bits, which must not shut the truth out.
    let low = if p <= 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if p >= 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Interval { low, high, method: IntervalMethod::Wilson }
}

/// Interval of a fraction on the log-odds scale, brought back: `logit(p) +- z SE / (p (1-p))` (Korn and Graubard 1999,
/// Analysis of Health Surveys, section 3.5.1). Within 0..1; needs `0 < fraction < 1`, else see [`wilson_interval`].
fn logit_interval(fraction: f64, standard_error: f64, level: f64) -> Interval {
    let logit = (fraction / (1.0 - fraction)).ln();
    let half = normal_quantile(level) * standard_error / (fraction * (1.0 - fraction));
    let back = |x: f64| 1.0 / (1.0 + (-x).exp());
    Interval { low: back(logit - half), high: back(logit + half), method: IntervalMethod::Logit }
}

/// Least expected number of units, effective, on either side of a fraction for which the normal interval is trusted
/// (Cochran 1977, Sampling Techniques, section 3.6 gives from 15 at p = .5 to 60 at p = .05; this is the usual rule).
const MIN_COUNT: f64 = 15.0;

/// The values `t` for which `(t - value)2 <= z2 V(t)`, with the variance as it moves with the value:
/// `V(t) = SE2 + (t - value) m3 / SE2`, since the covariance of a mean with its variance is its third moment `m3`
/// (`skewness SE3`). That is `value + d +- sqrt(d2 + z2 SE2)` with `d = z2 skewness SE / 2`: to the order of `1/n` Wilson's
/// interval for a fraction of a simple random sample, and for a stratified one what the Edgeworth expansion asks for (Kott and Liu
/// 2009, Int. Statistical Review 77:251). `z` is Student's t with `degrees` of freedom. Where the sample is not skewed
/// it is the normal or the t interval.
pub(crate) fn score_interval(value: f64, standard_error: f64, skewness: f64, degrees: f64, level: f64) -> Interval {
    let z = t_quantile(degrees, level);
    let shift = 0.5 * z * z * skewness * standard_error;
    let half = shift.hypot(z * standard_error);
    let method = match (shift == 0.0, degrees >= MOST_DEGREES) {
        (true, true) => IntervalMethod::Normal,
        (true, false) => IntervalMethod::T,
        _ => IntervalMethod::Score,
    };
    Interval { low: value + shift - half, high: value + shift + half, method }
}

/// Interval of a mean that is not a fraction: Student's t with its degrees of freedom after a cubic transformation that takes the skewness
/// away (Hall 1992, J. Royal Statistical Society B 54:221, section 2.3). Where the sample is not skewed it is the normal or the t interval.
pub fn mean_interval(mean: &Estimate, level: f64) -> Interval {
    let Estimate { value, standard_error, skewness, degrees, .. } = *mean;
    let t = t_quantile(degrees, level);
    let unskewed = skewness.abs() < 1e-6;
    let back = |x: f64| {
        if unskewed { x } else { 3.0 / skewness * ((1.0 + skewness * (x - skewness / 6.0)).cbrt() - 1.0) }
    };
    // With very few units one end may pass the estimate.
    let (low, high) = (value - back(t).max(0.0) * standard_error, value - back(-t).min(0.0) * standard_error);
    let method = match (unskewed, degrees >= MOST_DEGREES) {
        (true, true) => IntervalMethod::Normal,
        (true, false) => IntervalMethod::T,
        _ => IntervalMethod::Hall,
    };
    Interval { low, high, method }
}

/// Interval of a fraction: [`score_interval`] where `effective_n` puts at least
/// [`MIN_COUNT`] units on either side, Wilson's with the effective number elsewhere. Never below 0 or above 1.
pub fn fraction_interval(fraction: &Estimate, level: f64) -> Interval {
    let Estimate { value, standard_error, effective_n, skewness, degrees, .. } = *fraction;
    let rarer = value.min(1.0 - value);
    if standard_error > 0.0 && effective_n * rarer >= MIN_COUNT {
        let score = score_interval(value, standard_error, skewness, degrees, level);
        if score.low >= 0.0 && score.high <= 1.0 {
            return score;
        }
        return logit_interval(value, standard_error, level);
    }
    wilson_interval(value, effective_n, level)
}

/// The same of a class's fraction of the whole area, of which `found` labelled units are. With fewer than [`MIN_COUNT`] of
/// the class, or of all others, a small error may be chance: Wilson's interval, with an effective number that counts for no more than
/// the units themselves (Korn and Graubard 1998, Survey Methodology 24:193, truncate it so).
pub fn whole_interval(fraction: &Estimate, found: usize, level: f64) -> Interval {
    let rarer = found.min(fraction.n.saturating_sub(found)) as f64;
    if rarer >= MIN_COUNT {
        return fraction_interval(fraction, level);
    }
    wilson_interval(fraction.value, fraction.effective_n.min(fraction.n as f64), level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_the_published_ones() {
        assert!((normal_quantile(0.95) - 1.959_963_984_540_054).abs() < 1e-9);
        assert!((normal_p_value(1.959_963_984_540_054) - 0.05).abs() < 1e-9);
    }

    /// An end of one less a fraction's complement lay 1e-16 inside the estimate.
    #[test]
    fn an_interval_holds_its_estimate() {
        let estimate = 0.1;
        // 1 - (1 - .1) is .09999999999999998 in double precision.
        let end = 1.0 - (1.0 - estimate);
        let interval = Interval { low: 0.0, high: end, method: IntervalMethod::Dirichlet };
        assert!(!interval.covers(estimate) && interval.holding(estimate).covers(estimate));
        assert_eq!(interval.holding(0.05), interval);
    }

    #[test]
    fn wilson_of_no_success_in_ten() {
        // p = 0: low 0, high z2 / (n + z2) = 3.841459 / 13.841459 = .2775328.
        let i = wilson_interval(0.0, 10.0, 0.95);
        assert_eq!(i.low, 0.0);
        assert!((i.high - 0.277_532_8).abs() < 1e-6, "{i:?}");
    }

    /// To the order of 1/n the score interval of a simple random sample is Wilson's.
    #[test]
    fn the_score_interval_of_one_stratum_is_nearly_wilsons() {
        for (p, n) in [(0.05, 400.0), (0.254, 150.0), (0.7, 90.0)] {
            let (spread, n): (f64, f64) = (p * (1.0 - p), n);
            // Skewness of a binomial fraction: (1 - 2p) / sqrt(n p (1-p)).
            let skewness = (1.0 - 2.0 * p) / (n * spread).sqrt();
            let score = score_interval(p, (spread / n).sqrt(), skewness, MOST_DEGREES, 0.95);
            let (wilson, normal) = (wilson_interval(p, n, 0.95), normal_interval(p, (spread / n).sqrt(), 0.95));
            let apart = |a: Interval| (a.low - wilson.low).abs().max((a.high - wilson.high).abs());
            assert!(apart(score) < 0.35 * apart(normal), "{score:?} {wilson:?} {normal:?}");
        }
    }

    #[test]
    fn few_units_have_a_wide_interval() {
        // t quantile .975 with 4 degrees: 2.776445.
        let of =
            |skewness| Estimate { value: 10.0, standard_error: 1.0, n: 5, effective_n: 5.0, skewness, degrees: 4.0 };
        let i = mean_interval(&of(0.0), 0.95);
        assert!((i.high - 12.776_445).abs() < 1e-5 && (i.low - 7.223_555).abs() < 1e-5, "{i:?}");
        // Skewness .6: 5 (cbrt(1 + .6 (2.776445 - .1)) - 1) = 1.880512 below, 5 (cbrt(1 - .6 (2.776445 + .1)) - 1) = -9.493544 above.
        let i = mean_interval(&of(0.6), 0.95);
        assert!((i.low - (10.0 - 1.880_512)).abs() < 1e-5 && (i.high - 19.493_544).abs() < 1e-5, "{i:?}");
    }

    /// The last bits of the formula left 1e-18, and a class that is not there was outside its own interval.
    #[test]
    fn wilson_holds_the_ends_exactly() {
        for n in 1..400 {
            let n = f64::from(n) / 3.7;
            assert_eq!((wilson_interval(0.0, n, 0.95).low, wilson_interval(1.0, n, 0.95).high), (0.0, 1.0));
        }
    }

    /// One unit of a class among thirty: the regression's error was a fiftieth of the true one.
    #[test]
    fn a_handful_of_units_of_a_class_has_wilsons_interval() {
        let fraction =
            Estimate { value: 0.06, standard_error: 0.0002, n: 30, effective_n: 1e6, skewness: 0.0, degrees: 29.0 };
        assert_eq!(whole_interval(&fraction, 1, 0.95), wilson_interval(0.06, 30.0, 0.95));
        assert_eq!(whole_interval(&fraction, 29, 0.95), wilson_interval(0.06, 30.0, 0.95));
        assert_eq!(whole_interval(&fraction, 15, 0.95), fraction_interval(&fraction, 0.95));
    }

    #[test]
    fn a_fraction_of_zero_still_has_a_width() {
        let i = fraction_interval(
            &Estimate { value: 0.0, standard_error: 0.0, n: 25, effective_n: 25.0, skewness: 0.0, degrees: 24.0 },
            0.95,
        );
        assert!(i.method == IntervalMethod::Wilson && i.high > 0.1 && i.low == 0.0, "{i:?}");
    }

    proptest! {
        #[test]
        fn a_fraction_interval_holds_the_fraction_within_bounds(p in 0.0..=1.0f64, se in 0.0..0.5f64, n in 1.0..1e5f64, skewness in -0.5..0.5) {
            let fraction = Estimate { value: p, standard_error: se, n: 1, effective_n: n, skewness, degrees: n };
            let i = fraction_interval(&fraction, 0.95);
            prop_assert!(0.0 <= i.low && i.low <= p + 1e-12 && p <= i.high + 1e-12 && i.high <= 1.0, "{i:?}");
        }
    }
}
