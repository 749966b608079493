//! Flaws of a sample and its map, and whether the user accepts them.

use areal_estimate::{Finding, FindingKind, Severity, counted_do};

use crate::SurveyError;

/// Fails with all refusals whose kind is not `accepted`; an accepted refusal becomes a warning.
///
/// # Errors
/// [`SurveyError::Refused`] with the reasons.
pub(super) fn settle(findings: Vec<Finding>, accepted: &[FindingKind]) -> Result<Vec<Finding>, SurveyError> {
    let (refusals, others): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|f| f.severity == Severity::Refusal && !accepted.contains(&f.kind));
    if !refusals.is_empty() {
        let kinds = |findings: &[Finding]| findings.iter().map(|f| f.kind).collect();
        let message = refusals.iter().map(|f| f.message.as_str()).collect::<Vec<_>>().join("; ");
        return Err(SurveyError::Refused { refused: kinds(&refusals), accepted: kinds(&others), message });
    }
    Ok(others.into_iter().map(|f| Finding { severity: Severity::Warning, ..f }).collect())
}

/// A sample without a design has no known inclusion probabilities: point estimates only.
pub(super) fn without_design() -> Finding {
    Finding::refusal(
        FindingKind::NoDesign,
        "the sample has no design: without inclusion probabilities there are no standard errors or intervals",
    )
}

/// Areas that differ by more than this share are not the same.
const SAME_AREA: f64 = 1e-6;
/// Areas of the same ground on two ellipsoids of the Earth differ by less than this share.
const OTHER_ELLIPSOID: f64 = 1e-3;

/// From the area of each stratum on the map over that in the design: the factor between two ellipsoids, where that is all in which
/// they differ.
pub(super) fn other_ellipsoid(ratios: &[f64]) -> Option<f64> {
    let first = *ratios.first()?;
    let alike = ratios.iter().all(|ratio| (ratio / first - 1.0).abs() <= SAME_AREA);
    let apart = (first - 1.0).abs();
    (alike && apart > SAME_AREA && apart < OTHER_ELLIPSOID).then_some(first)
}

/// Strata whose areas do not add up to the map's, beyond a relative difference of 1e-6.
pub(super) fn strata_sum(strata_area: f64, map_area: f64) -> Option<Finding> {
    let apart = (strata_area - map_area).abs() > SAME_AREA * map_area.abs().max(strata_area.abs());
    apart.then(|| {
        Finding::refusal(
            FindingKind::StrataSum,
            format!(
                "the strata hold {strata_area:.6} km2 but the map holds {map_area:.6} km2: the weights would be wrong"
            ),
        )
    })
}

/// The map is not the one that the sample was drawn from.
pub(super) fn other_map(design: &str, found: &str) -> Option<Finding> {
    (design != found).then(|| {
        Finding::refusal(
            FindingKind::OtherMap,
            format!(
                "the map (SHA-256 {found:.12}) is not the one the sample was drawn from ({design:.12}): its classes are \
                 not the strata of the design"
            ),
        )
    })
}

/// The labelled sample is of another draw than the design: `found` and `expected` name both.
pub(super) fn other_design(found: &str, expected: &str) -> Finding {
    Finding::refusal(
        FindingKind::OtherDesign,
        format!(
            "the labelled sample belongs to {found}, but the design is {expected}: their units are different cells"
        ),
    )
}

/// Labelled units on cells without a prediction: they belong to no stratum.
pub(super) fn on_nodata(units: &[u64]) -> Option<Finding> {
    let first = units.first()?;
    Some(Finding::warning(
        FindingKind::OnNodata,
        format!(
            "{} on cells without a prediction (the first is {first}) and left out; the estimates do not refer to such cells",
            counted_do(units.len(), "unit", ["is", "are"])
        ),
    ))
}

/// Drawn units without a label. The rest is a probability sample only if they are missing at random.
pub(super) fn unlabelled(missing: usize, drawn: usize) -> Option<Finding> {
    (missing > 0).then(|| {
        Finding::warning(
            FindingKind::Unlabelled,
            format!(
                "{missing} of {} no label; the other units represent them, which is valid only if labels \
                 are missing at random",
                if missing == 1 { format!("{drawn} units has") } else { format!("{drawn} units have") }
            ),
        )
    })
}

/// Suppressed numbers that can be derived from the published totals, whatever else is left out.
pub(super) fn disclosed(numbers: usize) -> Option<Finding> {
    (numbers > 0).then(|| {
        Finding::refusal(
            FindingKind::Disclosed,
            format!(
                "{} from the published totals: there are too few zones to protect them",
                counted_do(numbers, "suppressed number", ["follows", "follow"])
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_stops_unless_accepted() {
        let all = || vec![without_design()];
        let kinds = |found: Result<Vec<Finding>, SurveyError>| match found {
            Err(SurveyError::Refused { refused, accepted, .. }) => (refused, accepted),
            other => panic!("{other:?}"),
        };
        assert_eq!(kinds(settle(all(), &[])), (vec![FindingKind::NoDesign], vec![]));
        let both = || vec![other_map("aa", "ab").unwrap(), strata_sum(100.0, 101.0).unwrap()];
        assert_eq!(kinds(settle(both(), &[])), (vec![FindingKind::OtherMap, FindingKind::StrataSum], vec![]));
        let rest = kinds(settle(both(), &[FindingKind::OtherMap]));
        assert_eq!(rest, (vec![FindingKind::StrataSum], vec![FindingKind::OtherMap]));
        let left = settle(all(), &[FindingKind::NoDesign]).unwrap();
        assert_eq!(left[0].severity, Severity::Warning);
    }

    #[test]
    fn strata_on_another_ellipsoid_differ_by_one_factor() {
        // Clarke 1866 and WGS 84: (6378206.4 * 6356583.8) / (6378137 * 6356752.314) is about 1 - 1.6e-5.
        assert_eq!(other_ellipsoid(&[0.999_984, 0.999_984_1]), Some(0.999_984));
        assert_eq!(other_ellipsoid(&[1.0, 1.000_000_1]), None);
        assert_eq!(other_ellipsoid(&[0.999_984, 0.999_9]), None);
        assert_eq!(other_ellipsoid(&[0.99, 0.99]), None);
        assert_eq!(other_ellipsoid(&[]), None);
    }

    #[test]
    fn strata_that_fall_short_are_refused() {
        assert_eq!(strata_sum(100.0, 100.000_01), None);
        assert!(strata_sum(100.0, 101.0).unwrap().message.contains("101.000000 km2"));
        assert!(other_map("aa", "aa").is_none() && other_map("aa", "ab").is_some());
    }
}
