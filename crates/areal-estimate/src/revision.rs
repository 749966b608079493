//! Comparison of two vintages of estimates.

use crate::error::{EstimateError, require};
use crate::interval::{normal_p_value, normal_quantile};

/// One number in one vintage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vintage {
    /// The estimate.
    pub value: f64,
    pub standard_error: f64,
    /// Distances of its confidence limits from it, below and above, over the normal quantile of their level: the standard error to either side.
    pub sides: [f64; 2],
}

impl Vintage {
    /// From the estimate and its confidence limits at a `level`.
    pub fn from_limits(value: f64, standard_error: f64, [low, high]: [f64; 2], level: f64) -> Self {
        let z = normal_quantile(level);
        Self { value, standard_error, sides: [(value - low).max(0.0) / z, (high - value).max(0.0) / z] }
    }

    /// The same for an estimate that was rounded to multiples of `step`: its standard error has the variance of a number that lies anywhere within a
    /// step. Its limits are rounded outward, which on average allows for it.
    #[must_use]
    pub fn rounded(self, step: f64) -> Self {
        Self { standard_error: self.standard_error.hypot(step / 12f64.sqrt()), ..self }
    }
}

/// What became of a number from one vintage to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Revision {
    /// New less old.
    pub difference: f64,
    /// The same over the old; `None` where that is zero.
    pub relative: Option<f64>,
    /// Standard error of the difference.
    pub standard_error: f64,
    /// Lower end of the difference's confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Two-sided p-value of no change; 1 where nothing changed.
    pub p_value: f64,
    /// The p-value with Holm's correction for the number of comparisons.
    pub holm_p_value: f64,
    /// True when the corrected p-value is below one less the level.
    pub significant: bool,
}

/// Compares pairs of estimates by their own confidence limits, which need not be in the middle: of the difference `d` of independent
/// estimates the lower limit is `d - sqrt((new - low of new)^2 + (high of old - old)^2)`, the upper one likewise with the other sides (Zou and Donner 2008,
/// Statistics in Medicine 27:1693, the method of variance estimates recovery). The p-value is the level at which the limits would reach zero. With `r` the
/// correlation of the two samples (0 for independent ones; positive where the same units were labelled again), `2 r` times the product of the
/// sides is taken from the sum of the squares. Significance holds for all comparisons together (Holm 1979, Scandinavian Journal of Statistics 6:65).
///
/// # Errors
/// A correlation outside -1..1, or an error that is negative.
pub fn revisions(pairs: &[(Vintage, Vintage)], correlation: f64, level: f64) -> Result<Vec<Revision>, EstimateError> {
    let expected = "must be between -1 and 1";
    require((-1.0..=1.0).contains(&correlation), "correlation", "the two samples", correlation, expected)?;
    let z = normal_quantile(level);
    let together = |a: f64, b: f64| (a * a + b * b - 2.0 * correlation * a * b).max(0.0).sqrt();
    let mut result = Vec::with_capacity(pairs.len());
    for (k, (old, new)) in pairs.iter().enumerate() {
        for s in [old, new].into_iter().flat_map(|v| [v.standard_error, v.sides[0], v.sides[1]]) {
            require(s >= 0.0, "standard error", &format!("row {}", k + 1), s, "must not be negative")?;
        }
        let difference = new.value - old.value;
        let (below, above) = (together(new.sides[0], old.sides[1]), together(new.sides[1], old.sides[0]));
        // The side that reaches to no change.
        let side = if difference > 0.0 { below } else { above };
        let p_value = match (difference == 0.0, side > 0.0) {
            (true, _) => 1.0,
            (false, true) => normal_p_value(difference / side),
            (false, false) => 0.0,
        };
        result.push(Revision {
            difference,
            relative: (old.value != 0.0).then(|| difference / old.value),
            standard_error: together(new.standard_error, old.standard_error),
            low: difference - z * below,
            high: difference + z * above,
            p_value,
            holm_p_value: 1.0,
            significant: false,
        });
    }
    let mut order: Vec<usize> = (0..result.len()).collect();
    order.sort_by(|&a, &b| result[a].p_value.total_cmp(&result[b].p_value));
    let mut least = 0.0f64;
    for (rank, k) in order.iter().enumerate() {
        least = least.max((result[*k].p_value * (pairs.len() - rank) as f64).min(1.0));
        result[*k].holm_p_value = least;
        result[*k].significant = least < 1.0 - level;
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_weighed_against_both_errors() {
        let v = |value, error| Vintage { value, standard_error: error, sides: [error; 2] };
        // z = 10 / sqrt(9 + 16) = 2: p .0455; second 1 / 5 = .2; third no change.
        let r = revisions(
            &[(v(100.0, 3.0), v(110.0, 4.0)), (v(5.0, 3.0), v(6.0, 4.0)), (v(1.0, 1.0), v(1.0, 1.0))],
            0.0,
            0.95,
        )
        .unwrap();
        assert!((r[0].p_value - 0.045_500_26).abs() < 1e-7 && r[0].relative == Some(0.1));
        // Holm: 3 * .0455 = .1365: three looks at once make it insignificant.
        assert!((r[0].holm_p_value - 0.136_500_8).abs() < 1e-6 && !r[0].significant);
        assert_eq!(r[2].p_value, 1.0);
        let alone = revisions(&[(v(100.0, 3.0), v(110.0, 4.0))], 0.0, 0.95).unwrap();
        assert!(alone[0].significant && alone[0].low > 0.0);
        // The same units again: s = sqrt(25 - 2 * .5 * 12) = sqrt(13).
        let paired = revisions(&[(v(100.0, 3.0), v(110.0, 4.0))], 0.5, 0.95).unwrap();
        assert!((paired[0].standard_error - 13f64.sqrt()).abs() < 1e-12);
        assert!(revisions(&[], 2.0, 0.95).is_err());
    }

    /// Newcombe 1998 (Statistics in Medicine 17:873), table II, method 10: differences of fractions by Wilson's limits of each.
    #[test]
    fn limits_of_a_difference_are_the_published_ones() {
        let of = |x: f64, n: f64| {
            let wilson = crate::wilson_interval(x / n, n, 0.95);
            Vintage::from_limits(x / n, 0.0, [wilson.low, wilson.high], 0.95)
        };
        for (new, old, low, high) in [
            (of(56.0, 70.0), of(48.0, 80.0), 0.0524, 0.3339),
            (of(9.0, 10.0), of(3.0, 10.0), 0.1705, 0.8090),
            (of(6.0, 7.0), of(2.0, 7.0), 0.0582, 0.8062),
            (of(5.0, 56.0), of(0.0, 29.0), -0.0381, 0.1926),
            (of(10.0, 10.0), of(0.0, 20.0), 0.6791, 1.0),
        ] {
            let found = revisions(&[(old, new)], 0.0, 0.95).unwrap()[0];
            assert!((found.low - low).abs() < 6e-5 && (found.high - high).abs() < 6e-5, "{found:?}");
            assert_eq!(found.significant, low > 0.0);
        }
    }

    /// The limits of a rounded table reach outward by up to a step, and had the variance of rounding once more: 103 +- 20 and 83 +- 20, rounded to 10,
    /// had an interval as if they were rounded twice.
    #[test]
    fn rounding_counts_once_in_a_comparison() {
        let of = |value, limits| Vintage::from_limits(value, 10.2, limits, 0.95).rounded(10.0);
        // 103 from 83 to 123 is 100 from 80 to 130, 83 from 63 to 103 is 80 from 60 to 110.
        let found = revisions(&[(of(80.0, [60.0, 110.0]), of(100.0, [80.0, 130.0]))], 0.0, 0.95).unwrap()[0];
        // 20 below the newer and 30 above the older, and the other way round.
        let reach = f64::hypot(20.0, 30.0);
        assert!((found.low - (20.0 - reach)).abs() < 1e-9 && (found.high - (20.0 + reach)).abs() < 1e-9, "{found:?}");
        // z = 20 / (36.056 / 1.96) = 1.0872.
        assert!((found.p_value - 0.277).abs() < 1e-3, "{found:?}");
        // Each has 10.2 and 10 / sqrt(12) = 2.887: sqrt(2 (104.04 + 8.333)).
        assert!((found.standard_error - 14.9915).abs() < 1e-3, "{found:?}");
    }

    /// A class of which nothing was missed in either sample had a standard error of .42 and an interval from -7 to +5: a loss of 2 was significant.
    #[test]
    fn a_class_whose_interval_is_wide_has_not_changed() {
        let of = |value: f64| Vintage::from_limits(value, 0.42, [value - 7.0, value + 5.0], 0.95);
        let found = revisions(&[(of(48.8), of(46.8))], 0.0, 0.95).unwrap()[0];
        // To no change the newer reaches up by 5 and the older down by 7: sqrt(74) = 8.602 over 1.96 is 4.389, z = .4557, p = .6486.
        assert!((found.p_value - 0.6486).abs() < 1e-3 && !found.significant, "{found:?}");
        assert!((found.high - (-2.0 + 8.602_33)).abs() < 1e-4 && (found.low - (-2.0 - 8.602_33)).abs() < 1e-4);
        // Its own standard error alone: z = 2 / .594.
        assert!((found.standard_error - 0.593_97).abs() < 1e-4);
    }
}
