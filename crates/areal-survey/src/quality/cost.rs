//! Cost effectiveness: how many units were labelled, and what more precision would need.

use std::fmt::Write as _;

use areal_estimate::{EstimateRow, IntervalMethod, counted_do};

use super::QualityInput;

pub(super) fn write(text: &mut String, q: &QualityInput) {
    text.push_str("## Cost effectiveness\n\n");
    let twice = q.agreement.map_or(0, |a| a.n);
    let _ =
        writeln!(text, "{} labelled by hand, {twice} of them twice.\n", counted_do(q.units, "unit", ["was", "were"]));
    let is_uncertain = |name: &str| q.whole().any(|row| row.class_name == name && has_uncertain_error(row));
    text.push_str(&savings(q.gains, is_uncertain));
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

/// How many units the map saves beside the strata alone, by class. An estimator that is worse than these is a finding with both standard errors; one that
/// seems better is not said to be where its standard error rests on few missed units.
fn savings(gains: &[(String, f64)], is_uncertain: impl Fn(&str) -> bool) -> String {
    let (mut text, mut unknown) = (String::new(), Vec::new());
    for (name, gain) in gains.iter().filter(|(_, g)| g.is_finite() && (g - 1.0).abs() >= 0.005) {
        if *gain > 1.0 && is_uncertain(name) {
            unknown.push(name.as_str());
            continue;
        }
        let only = if *gain < 1.0 { "only " } else { "" };
        let _ = writeln!(
            text,
            "- {name}: with the strata alone the same standard error would need {only}{gain:.2} times as many units."
        );
    }
    if !unknown.is_empty() {
        let _ = writeln!(
            text,
            "- {}: no saving by the map beside the strata is claimed, because too few units tell how often the class is missed and \
             standard errors do not count that. The lines below go by the intervals, which do.",
            unknown.join(", ")
        );
    }
    text
}

/// An area by an estimator that uses the map whose interval does not rest on its standard error.
fn has_uncertain_error(row: &EstimateRow) -> bool {
    row.interval == IntervalMethod::Dirichlet.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A finding said that the difference estimator has a larger standard error than the strata, and this section that neither is known; then it compared them
    /// in the next lines.
    #[test]
    fn what_the_map_saves_agrees_with_the_findings() {
        let gains =
            [("water", 0.51), ("forest", 2.5), ("rubber", 1.4), ("paddy", 1.001)].map(|(n, g)| (n.to_owned(), g));
        let text = savings(&gains, |name| name != "forest");
        assert_eq!(
            text,
            "- water: with the strata alone the same standard error would need only 0.51 times as many units.\n\
             - forest: with the strata alone the same standard error would need 2.50 times as many units.\n\
             - rubber: no saving by the map beside the strata is claimed, because too few units tell how often the class is missed and \
             standard errors do not count that. The lines below go by the intervals, which do.\n"
        );
        assert_eq!(savings(&[], |_| true), "");
    }
}
