//! Whether an estimate is large enough for the digits in which it is shown.

use areal_estimate::EstimateRow;

/// The step of the last printed digit. Below half of it an estimate prints as zero, and its error and coefficient of
/// variation would be noise beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution(f64);

impl Resolution {
    /// Of numbers rounded to `step`; of numbers with `decimals` decimals where `step` is 0.
    pub fn new(step: f64, decimals: i32) -> Self {
        Self(if step > 0.0 { step } else { 10f64.powi(-decimals) })
    }

    /// True where the estimate is below half of the last printed digit.
    pub fn is_below(self, row: &EstimateRow) -> bool {
        row.estimate.is_some_and(|v| v.abs() < 0.5 * self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_estimate::{MapClass, quantified_rows};

    #[test]
    fn an_estimate_that_prints_as_zero_is_below_the_resolution() {
        let class = MapClass { code: 1, name: "water".into(), area: 100.0, mean_probability: None };
        let row = |share: f64| quantified_rows(std::slice::from_ref(&class), &[share], "emq").remove(0);
        // 0.0004 km2 and 0.0006 km2 with three decimals: 0.000 and 0.001.
        let three = Resolution::new(0.0, 3);
        assert!(three.is_below(&row(0.000_004)) && !three.is_below(&row(0.000_006)));
        // Rounded to whole km2.
        assert!(Resolution::new(1.0, 3).is_below(&row(0.0)) && !Resolution::new(1.0, 3).is_below(&row(0.01)));
    }
}
