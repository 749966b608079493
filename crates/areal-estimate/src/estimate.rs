//! A number with its design-based error, and the moments that the error is made from.

use serde::{Deserialize, Serialize};

/// A number from a probability sample, with its design-based error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    pub standard_error: f64,
    /// Labelled units that it rests on.
    pub n: usize,
    /// Number of units of a simple random sample that would give the same standard error of a fraction (Kish 1965,
    /// Survey Sampling, section 8.2): `p (1 - p) / V(p)`; `n` where the variance is zero, and for a value that is not a fraction.
    pub effective_n: f64,
    /// Covariance of the value with its estimated variance, over the standard error cubed; where little of the population is
    /// drawn, the skewness of the estimator. 0 where it is not known, as of a model's number.
    pub skewness: f64,
    /// Degrees of freedom of the standard error once the value is given ([`StratifiedSample::mean`](crate::StratifiedSample::mean)); at most
    /// [`MOST_DEGREES`]: the error is known.
    pub degrees: f64,
}

/// Upper bound of degrees of freedom; Student's t is normal there.
pub const MOST_DEGREES: f64 = 1e6;

impl Estimate {
    /// Coefficient of variation; `None` at zero.
    pub fn cv(&self) -> Option<f64> {
        (self.value != 0.0).then(|| self.standard_error / self.value.abs())
    }

    pub(crate) fn fraction(value: f64, variance: f64, n: usize) -> Self {
        let spread = value * (1.0 - value);
        let effective_n = if variance > 0.0 && spread > 0.0 { spread / variance } else { n as f64 };
        Self { value, standard_error: variance.max(0.0).sqrt(), n, effective_n, skewness: 0.0, degrees: MOST_DEGREES }
    }

    /// True for a fraction whose effective number of units, `p (1 - p) / V(p)`, is undefined: `p` is 0 or 1, or its variance is 0.
    pub(crate) fn is_degenerate(&self) -> bool {
        self.standard_error <= 0.0 || self.value <= 0.0 || self.value >= 1.0
    }

    /// The same fraction, with `equal` as its effective number of units if it is [degenerate](Self::is_degenerate): as many equally
    /// weighted units have the same sum of squared weights.
    pub(crate) fn or_equal_units(self, equal: impl FnOnce() -> f64) -> Self {
        if self.is_degenerate() { Self { effective_n: equal(), ..self } } else { self }
    }

    pub(crate) fn plain(value: f64, variance: f64, n: usize) -> Self {
        let standard_error = variance.max(0.0).sqrt();
        Self { value, standard_error, n, effective_n: n as f64, skewness: 0.0, degrees: MOST_DEGREES }
    }

    /// The mean from a total over `area`. `equal` is the number of equally weighted units with the same weight as the
    /// sample: the effective number where the sample has no spread.
    pub(crate) fn of_total(value: f64, total: &Total, area: f64, (n, equal): (usize, f64), is_fraction: bool) -> Self {
        let variance = settled(total.variance / (area * area), if is_fraction { 1.0 } else { value });
        let found = if is_fraction { Self::fraction(value, variance, n) } else { Self::plain(value, variance, n) };
        if variance <= 0.0 {
            return Self { effective_n: equal, ..found };
        }
        Self { skewness: total.skewness(), degrees: total.degrees(is_fraction), ..found }
    }

    /// Value and standard error times a known `factor`: a fraction of a known area becomes an area.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let (value, standard_error) = (self.value * factor, self.standard_error * factor.abs());
        Self { value, standard_error, skewness: self.skewness * factor.signum(), ..self }
    }
}

/// The variance, or 0 if it is only rounding error for a value of this size.
pub(crate) fn settled(variance: f64, size: f64) -> f64 {
    if variance > 1e-20 * size * size { variance } else { 0.0 }
}

/// A sum over the whole area and the moments of its estimator.
pub(crate) struct Total {
    pub value: f64,
    pub variance: f64,
    /// Covariance of the value with its estimated variance.
    pub third: f64,
    /// Variance of the estimated variance.
    pub fourth: f64,
    /// The same for a normal variable.
    pub normal: f64,
}

impl Total {
    fn skewness(&self) -> f64 {
        if self.variance > 0.0 { self.third / self.variance.powf(1.5) } else { 0.0 }
    }

    /// Satterthwaite's `2 V2 / Var(V)` (1946, Biometrics Bulletin 2:110) without what the value itself explains of the
    /// variance, `Cov(value, V)2 / V`: nearly all of it for a fraction of one stratum, whose variance is known once the fraction is.
    /// For a value, whose moments are underestimated from few units, at most those of a normal variable.
    fn degrees(&self, is_fraction: bool) -> f64 {
        let explained = self.third * self.third / self.variance;
        let left = if is_fraction { self.fourth - explained } else { (self.fourth - explained).max(self.normal) };
        if left > 0.0 { (2.0 * self.variance * self.variance / left).clamp(1.0, MOST_DEGREES) } else { MOST_DEGREES }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same rule stood in three places, each in other words.
    #[test]
    fn a_fraction_without_a_spread_has_the_units_of_its_weights() {
        let units =
            |value: f64, variance: f64| Estimate::fraction(value, variance, 20).or_equal_units(|| 12.0).effective_n;
        // .2 * .8 / .01 = 16; else 12 equally weighted units.
        assert!((units(0.2, 0.01) - 16.0).abs() < 1e-12);
        assert_eq!([units(0.0, 0.01), units(1.0, 0.01), units(0.2, 0.0)], [12.0; 3]);
        assert!(!Estimate::fraction(0.2, 0.01, 20).is_degenerate());
    }
}
