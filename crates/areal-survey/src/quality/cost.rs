//! Cost effectiveness: how many units were labelled, and what more precision would need.

use std::fmt::Write as _;

use areal_estimate::{EstimateRow, IntervalMethod, counted_do};

use super::QualityInput;

pub(super) fn write(text: &mut String, q: &QualityInput) {
    text.push_str("## Cost effectiveness\n\n");
    let twice = q.agreement.map_or(0, |a| a.n);
    let _ =
        writeln!(text, "{} labelled by hand, {twice} of them twice.\n", counted_do(q.units, "unit", ["was", "were"]));
    for (name, gain) in q.gains.iter().filter(|(_, g)| g.is_finite() && *g != 1.0) {
        if q.whole().any(|row| row.class_name == *name && has_uncertain_error(row)) {
            let _ = writeln!(
                text,
                "- {name}: - times as many units with the strata alone: too few units tell how often the class is missed, so that neither standard \
                 error is known well enough."
            );
        } else {
            let _ = writeln!(
                text,
                "- {name}: with the strata alone the same error would need {gain:.2} times as many units."
            );
        }
    }
    for row in q.whole().filter(|r| !q.resolution().is_below(r)) {
        if let Some(effective) = row.effective_n {
            let _ = writeln!(
                text,
                "- {}: the {} units have the same error as {effective:.0} units drawn without strata or map.",
                row.class_name, row.n
            );
        }
        // The error goes with one over the root of the number of units.
        if let Some(error) = row.relative_error.filter(|error| *error >= q.limits.good) {
            let units = (row.n as f64 * (error / q.limits.good).powi(2)).ceil();
            let _ = writeln!(
                text,
                "- {}: a relative error of {:.1} % would need about {units:.0} units drawn in the same way; this sample gives {:.1} %.",
                row.class_name,
                100.0 * q.limits.good,
                100.0 * error
            );
        }
    }
    if q.whole().any(|row| row.relative_error.is_some()) {
        text.push_str(
            "\nThe error is the larger of the standard error and the longer side of the interval over the normal quantile: a sample without \
             the map's errors has next to no standard error.\n",
        );
    }
}

/// An area by an estimator that uses the map whose interval does not rest on its standard error.
fn has_uncertain_error(row: &EstimateRow) -> bool {
    row.interval == IntervalMethod::Dirichlet.to_string()
}
