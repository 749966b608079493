//! Rounding and flagging of numbers for publication.

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require};
use crate::estimate::Estimate;
use crate::interval::{Interval, normal_quantile};

/// How far a published number may be relied on, by its CV or its interval ([`Grading`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum QualityFlag {
    /// Below the first limit.
    Good,
    /// Between the limits: use with caution.
    Caution,
    /// Above the second limit, or no error known: too unreliable to be published.
    Unreliable,
}

/// CVs, or half-widths of intervals to match, at which the flag changes; by default 16.5 % and 33.3 %, the limits of Statistics Canada's Labour Force Survey
/// guide (catalogue 71-543-G).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CvLimits {
    /// Below: good.
    pub good: f64,
    /// To here: caution; above: unreliable.
    pub caution: f64,
}

impl Default for CvLimits {
    fn default() -> Self {
        Self { good: 0.165, caution: 0.333 }
    }
}

impl CvLimits {
    /// Limits as asked for.
    ///
    /// # Errors
    /// Unless `0 < good <= caution`.
    pub fn new(good: f64, caution: f64) -> Result<Self, EstimateError> {
        require(good > 0.0 && good.is_finite(), "first CV limit", "the quality flag", good, "must be positive")?;
        let expected = "must not be below the first";
        require(caution >= good && caution.is_finite(), "second CV limit", "the quality flag", caution, expected)?;
        Ok(Self { good, caution })
    }

    /// The flag of a number with this CV; a number without one is unreliable.
    pub(crate) fn flag(&self, cv: Option<f64>) -> QualityFlag {
        match cv {
            Some(cv) if cv < self.good => QualityFlag::Good,
            Some(cv) if cv <= self.caution => QualityFlag::Caution,
            _ => QualityFlag::Unreliable,
        }
    }
}

/// How numbers with an error are graded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Grading {
    pub limits: CvLimits,
    /// Level of the intervals.
    pub level: f64,
}

impl Grading {
    /// The larger of the standard error and the longer side of the interval over the normal quantile, which is the standard error where
    /// the interval is the normal one.
    pub(crate) fn error(&self, estimate: &Estimate, interval: &Interval) -> f64 {
        let side = (interval.high - estimate.value).max(estimate.value - interval.low);
        estimate.standard_error.max(side / normal_quantile(self.level))
    }

    /// That error over the estimate; `None` without an estimate or any error.
    pub(crate) fn relative_error(&self, estimate: &Estimate, interval: &Interval) -> Option<f64> {
        let relative = (estimate.value != 0.0).then(|| self.error(estimate, interval) / estimate.value.abs());
        relative.filter(|error| *error > 0.0)
    }

    /// The flag by the relative error. Without any error the number is unreliable: the sample has no spread.
    pub(crate) fn flag(&self, estimate: &Estimate, interval: &Interval) -> QualityFlag {
        self.limits.flag(self.relative_error(estimate, interval))
    }
}

/// Rounds to a multiple of `step` (half away from zero), without the last bits that the multiplication leaves; 0 leaves
/// the value as it is.
pub fn round_to(value: f64, step: f64) -> f64 {
    if step > 0.0 && value.is_finite() { significant((value / step).round() * step, 14) } else { value }
}

/// Rounds to a number of significant digits.
pub fn significant(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits.saturating_sub(1)).parse().unwrap_or(value)
}

/// The step to which an error is rounded: `step`, or two significant digits of the error where these are finer.
pub(crate) fn error_step(error: f64, step: f64) -> f64 {
    if error > 0.0 && error.is_finite() { step.min(10f64.powi(error.log10().floor() as i32 - 1)) } else { step }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interval::IntervalMethod;

    #[test]
    fn flags_change_at_the_limits() {
        let limits = CvLimits::default();
        let flag = |cv| limits.flag(Some(cv));
        assert_eq!(flag(0.164), QualityFlag::Good);
        assert_eq!(flag(0.165), QualityFlag::Caution);
        assert_eq!(flag(0.333), QualityFlag::Caution);
        assert_eq!(flag(0.334), QualityFlag::Unreliable);
        assert_eq!(limits.flag(None), QualityFlag::Unreliable);
        assert!(CvLimits::new(0.3, 0.2).is_err());
    }

    /// A standard error of zero was "unreliable, CV 0.0 %" however short the interval, and a long side of a skewed one did not count.
    #[test]
    fn the_longer_side_of_the_interval_counts() {
        let grading = Grading { limits: CvLimits::default(), level: 0.95 };
        let flag = |error: f64, low, high| {
            let interval = Interval { low, high, method: IntervalMethod::Dirichlet };
            grading.flag(&Estimate::plain(10.0, error * error, 300), &interval)
        };
        assert_eq!(flag(0.0, 9.0, 11.0), QualityFlag::Good);
        assert_eq!(flag(0.0, 10.0, 10.0), QualityFlag::Unreliable);
        // 4 / 10 / 1.96 = .204; 12 / 10 / 1.96 = .612.
        assert_eq!(flag(1.0, 9.0, 14.0), QualityFlag::Caution);
        assert_eq!(flag(1.0, 9.0, 22.0), QualityFlag::Unreliable);
        assert_eq!(flag(2.0, 9.0, 11.0), QualityFlag::Caution);
    }

    #[test]
    fn rounding_is_to_the_step() {
        assert_eq!(round_to(1234.5, 10.0), 1230.0);
        assert_eq!(round_to(-15.0, 10.0), -20.0);
        assert_eq!(round_to(1.25, 0.0), 1.25);
    }
}
