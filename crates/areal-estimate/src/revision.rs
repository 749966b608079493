//! Comparison of two vintages of estimates.

use crate::error::{EstimateError, require};
use crate::interval::{normal_p_value, normal_quantile};

/// One number in one vintage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vintage {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
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

/// Compares pairs of estimates: `z = d / sqrt(s1^2 + s2^2 - 2 r s1 s2)`, `r` the correlation of the two samples (0 for
/// independent ones; positive where the same units were labelled again). Significance holds for all comparisons together
/// (Holm 1979, Scandinavian Journal of Statistics 6:65).
///
/// # Errors
/// A correlation outside -1..1, or a standard error that is negative.
pub fn revisions(pairs: &[(Vintage, Vintage)], correlation: f64, level: f64) -> Result<Vec<Revision>, EstimateError> {
    let expected = "must be between -1 and 1";
    require((-1.0..=1.0).contains(&correlation), "correlation", "the two samples", correlation, expected)?;
    let z = normal_quantile(level);
    let mut result = Vec::with_capacity(pairs.len());
    for (k, (old, new)) in pairs.iter().enumerate() {
        let (s1, s2) = (old.standard_error, new.standard_error);
        for s in [s1, s2] {
            require(s >= 0.0, "standard error", &format!("row {}", k + 1), s, "must not be negative")?;
        }
        let standard_error = (s1 * s1 + s2 * s2 - 2.0 * correlation * s1 * s2).max(0.0).sqrt();
        let difference = new.value - old.value;
        let p_value = match (difference == 0.0, standard_error > 0.0) {
            (true, _) => 1.0,
            (false, true) => normal_p_value(difference / standard_error),
            (false, false) => 0.0,
        };
        result.push(Revision {
            difference,
            relative: (old.value != 0.0).then(|| difference / old.value),
            standard_error,
            low: difference - z * standard_error,
            high: difference + z * standard_error,
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
        let v = |value, standard_error| Vintage { value, standard_error };
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
}
