//! Whether an estimate is large enough for the digits and the units in which it is shown.

use areal_estimate::EstimateRow;
use areal_formats::is_below_resolution;

/// Below it an estimate that is not zero would be noise, and so would its error and its coefficient of variation: half of the last printed digit, and of an
/// area half of a sample unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    /// The step of the last printed digit.
    step: f64,
    /// Mean area of a sample unit, km2.
    cell_km2: f64,
}

impl Resolution {
    /// Of numbers rounded to `step`, or with `decimals` decimals where `step` is 0, and of areas of cells of `cell_km2`.
    pub fn new(step: f64, decimals: i32, cell_km2: f64) -> Self {
        Self { step: if step > 0.0 { step } else { 10f64.powi(-decimals) }, cell_km2 }
    }

    /// True where the estimate is below the resolution ([`is_below_resolution`]).
    pub fn is_below(self, row: &EstimateRow) -> bool {
        let least = if row.class_code.is_some() { self.step.max(self.cell_km2) } else { self.step };
        row.estimate.is_some_and(|estimate| is_below_resolution(estimate, row.standard_error, least))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_estimate::{MapClass, quantified_rows};

    #[test]
    fn an_estimate_below_the_last_digit_or_half_a_cell_is_below_the_resolution() {
        let class = MapClass { code: 1, name: "water".into(), area: 100.0, mean_probability: None };
        let row = |share: f64| quantified_rows(std::slice::from_ref(&class), &[share], "emq").remove(0);
        // 0.0004 km2 and 0.0006 km2 with three decimals: 0.000 and 0.001.
        let three = Resolution::new(0.0, 3, 0.0);
        assert!(three.is_below(&row(0.000_004)) && !three.is_below(&row(0.000_006)));
        // Rounded to whole km2: 0.4 and 1 km2.
        let whole = Resolution::new(1.0, 3, 0.0);
        assert!(whole.is_below(&row(0.004)) && !whole.is_below(&row(0.01)));
        // Cells of 0.0256 km2: 0.01 and 0.02 km2. An estimate of 0.0001 with an error of 0.0798 was shown.
        let cells = Resolution::new(0.0, 4, 0.0256);
        assert!(cells.is_below(&row(0.000_1)) && !cells.is_below(&row(0.000_2)));
    }

    /// A class of which the sample found nothing was a dash, as if the method gave no estimate.
    #[test]
    fn an_estimate_of_zero_is_shown() {
        let class = MapClass { code: 1, name: "water".into(), area: 100.0, mean_probability: None };
        let mut row = quantified_rows(&[class], &[0.0], "emq").remove(0);
        let whole = Resolution::new(1.0, 3, 0.0256);
        assert!(!whole.is_below(&row));
        // .3 +- .2 km2 rounded to whole km2.
        row.standard_error = Some(0.2);
        assert!(whole.is_below(&row));
    }
}
