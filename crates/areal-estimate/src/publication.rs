//! Rounding and flagging of numbers for publication.

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require};

/// How far a published number may be relied on, by its CV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum QualityFlag {
    /// CV below the first limit.
    Good,
    /// CV between the limits: use with caution.
    Caution,
    /// CV above the second limit, or none: too unreliable to be published.
    Unreliable,
}

/// CVs at which the flag changes; by default 16.5 % and 33.3 %, the limits of Statistics Canada's Labour Force Survey
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
    pub fn flag(&self, cv: Option<f64>) -> QualityFlag {
        match cv {
            Some(cv) if cv < self.good => QualityFlag::Good,
            Some(cv) if cv <= self.caution => QualityFlag::Caution,
            _ => QualityFlag::Unreliable,
        }
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

    #[test]
    fn rounding_is_to_the_step() {
        assert_eq!(round_to(1234.5, 10.0), 1230.0);
        assert_eq!(round_to(-15.0, 10.0), -20.0);
        assert_eq!(round_to(1.25, 0.0), 1.25);
    }
}
