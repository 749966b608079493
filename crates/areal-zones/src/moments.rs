//! Weighted sum, mean and spread of values, mergeable in any grouping.

use serde::{Deserialize, Serialize};

/// Weighted sum, mean and spread of values, mergeable in any grouping.
///
/// Merging: Chan, Golub and `LeVeque` 1979, "Updating formulae and a pairwise algorithm for computing sample variances",
/// eq. 2.1, with weights in place of counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Sum of weights.
    pub weight: f64,
    /// Weighted mean; 0 when there is no weight.
    pub mean: f64,
    /// Weighted sum of squared deviations from the mean.
    pub squares: f64,
}

impl Moments {
    /// From sums of `w`, `w d` and `w d^2`, where `d` is a value's distance from `shift`.
    pub fn from_sums(shift: f64, w: f64, wd: f64, wdd: f64) -> Self {
        if w <= 0.0 {
            return Self::default();
        }
        let mean = wd / w;
        Self { weight: w, mean: shift + mean, squares: (wdd - wd * mean).max(0.0) }
    }

    /// Adds another group of values.
    pub fn merge(&mut self, other: &Self) {
        if other.weight <= 0.0 {
            return;
        }
        let weight = self.weight + other.weight;
        let delta = other.mean - self.mean;
        self.squares += other.squares + delta * delta * self.weight * other.weight / weight;
        self.mean += delta * other.weight / weight;
        self.weight = weight;
    }

    /// The mean; `None` without weight.
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.mean)
    }

    /// Variance of the values as a population (divided by the sum of weights); `None` without weight.
    pub fn variance(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.squares / self.weight)
    }

    /// Standard deviation of the values as a population (divided by the sum of weights); `None` without weight.
    pub fn standard_deviation(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[(f64, f64)]) -> Moments {
        let shift = values.first().map_or(0.0, |v| v.0);
        let sum = |f: &dyn Fn(f64) -> f64| values.iter().map(|(v, w)| w * f(v - shift)).sum::<f64>();
        Moments::from_sums(shift, sum(&|_| 1.0), sum(&|d| d), sum(&|d| d * d))
    }

    #[test]
    fn by_hand() {
        // Values 1, 2, 4 with weights 1, 2, 1: mean 9 / 4, squares 1.5625 + 2 * 0.0625 + 3.0625 = 4.75.
        let m = of(&[(1.0, 1.0), (2.0, 2.0), (4.0, 1.0)]);
        assert!((m.mean - 2.25).abs() < 1e-15 && (m.squares - 4.75).abs() < 1e-14);
        assert!((m.standard_deviation().unwrap() - (4.75f64 / 4.0).sqrt()).abs() < 1e-14);
        assert_eq!(Moments::default().mean(), None);
    }

    proptest! {
        #[test]
        fn merging_parts_gives_the_whole(values in prop::collection::vec((1e6..1e6 + 10.0, 0.1..2.0), 1..40), cut in 0usize..40) {
            let cut = cut.min(values.len());
            let whole = of(&values);
            let mut parts = of(&values[..cut]);
            parts.merge(&of(&values[cut..]));
            prop_assert!((whole.mean - parts.mean).abs() < 1e-8);
            prop_assert!((whole.squares - parts.squares).abs() < 1e-6 * (1.0 + whole.squares));
        }
    }
}
