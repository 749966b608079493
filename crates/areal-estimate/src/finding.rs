use std::fmt;

use serde::{Deserialize, Serialize};

use crate::EstimateError;

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The number stands; the reader should know.
    Warning,
    /// The number is not given, unless the user says that they know better.
    Refusal,
}

/// Which flaw was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// No design, so no known inclusion probabilities.
    NoDesign,
    /// Units lie in patches that the model was trained on.
    TrainingOverlap,
    /// The map is not the one the sample was drawn from.
    OtherMap,
    /// The labelled sample is not the one of the design.
    OtherDesign,
    /// A stratum whose variance cannot be estimated.
    FewUnits,
    /// Too few units of a class for a normal interval.
    SmallSample,
    /// Units on cells without a prediction.
    OnNodata,
    /// The strata's areas do not add up to the map's.
    StrataSum,
    /// The sample lies away from the mapped area.
    Clustered,
    /// Drawn units without a label.
    Unlabelled,
    /// A class of the map that no unit shows.
    UnseenClass,
    /// The model's number, not the design's.
    ModelBased,
    /// Suppressed numbers that the totals give away.
    Disclosed,
}

/// A flaw of a sample or a table, with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// How grave.
    pub severity: Severity,
    /// Which.
    pub kind: FindingKind,
    /// What was found, with numbers, and why it matters.
    pub message: String,
}

impl Finding {
    /// The number stands; the reader should know.
    pub fn warning(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, kind, message: message.into() }
    }

    /// The number is not given.
    pub fn refusal(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { severity: Severity::Refusal, kind, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Fails with the first refusal whose kind is not `accepted`; an accepted refusal becomes a warning.
///
/// # Errors
/// [`EstimateError::Refused`] with the reason.
pub fn settle(findings: Vec<Finding>, accepted: &[FindingKind]) -> Result<Vec<Finding>, EstimateError> {
    findings
        .into_iter()
        .map(|f| match f.severity {
            Severity::Refusal if !accepted.contains(&f.kind) => Err(EstimateError::Refused(f.kind, f.message)),
            _ => Ok(Finding { severity: Severity::Warning, ..f }),
        })
        .collect()
}

/// A sample without a design has no known inclusion probabilities: point estimates only.
pub fn without_design() -> Finding {
    Finding::refusal(
        FindingKind::NoDesign,
        "the sample has no design: units of unknown inclusion probability give no standard error and no interval",
    )
}

/// Strata that do not add up to the map, beyond a relative difference of 1e-6.
pub fn strata_sum(strata_area: f64, map_area: f64) -> Option<Finding> {
    let apart = (strata_area - map_area).abs() > 1e-6 * map_area.abs().max(strata_area.abs());
    apart.then(|| {
        Finding::refusal(
            FindingKind::StrataSum,
            format!(
                "the strata hold {strata_area:.6} km2 but the map holds {map_area:.6} km2: the weights would be wrong"
            ),
        )
    })
}

/// The map is not the one the sample was drawn from.
pub fn other_map(design: &str, found: &str) -> Option<Finding> {
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

/// Labelled units that share ground with training patches. The map is fixed once it is made, so a probability sample over
/// all of it, training ground included, has no bias for the areas and the accuracy of this map; leaving those units out
/// would have one. `accuracies` says how the map fares there and elsewhere, where that is known.
pub fn training_overlap(units: usize, accuracies: &str) -> Finding {
    Finding::warning(
        FindingKind::TrainingOverlap,
        format!(
            "{units} units lie in patches the model was trained on{accuracies}. They belong to the sample: areas and \
             accuracy of this map stay without bias as long as their labels were made independently of the training \
             labels. Accuracy on training ground overstates what the model would reach elsewhere"
        ),
    )
}

/// The labelled sample is of another draw than the design: `found` and `expected` name both.
pub fn other_design(found: &str, expected: &str) -> Finding {
    Finding::refusal(
        FindingKind::OtherDesign,
        format!("the labelled sample is of {found}, but the design is {expected}: its units are other cells"),
    )
}

/// Labelled units on cells without a prediction: they belong to no stratum and are set aside.
pub fn on_nodata(units: &[u64]) -> Option<Finding> {
    let first = units.first()?;
    Some(Finding::warning(
        FindingKind::OnNodata,
        format!(
            "{} units (the first is {first}) lie on cells without a prediction; they are set aside, and the estimate \
             says nothing of such cells",
            units.len()
        ),
    ))
}

/// Drawn units that nobody labelled. What is left is a probability sample only if they are missing by chance.
pub fn unlabelled(missing: usize, drawn: usize) -> Option<Finding> {
    (missing > 0).then(|| {
        Finding::warning(
            FindingKind::Unlabelled,
            format!(
                "{missing} of {drawn} units have no label; the others stand for them, which is right only if they are \
                 missing by chance"
            ),
        )
    })
}

/// Suppressed numbers that follow from the published totals, whatever else is left out.
pub fn disclosed(given_away: usize) -> Option<Finding> {
    (given_away > 0).then(|| {
        Finding::refusal(
            FindingKind::Disclosed,
            format!(
                "{given_away} suppressed numbers follow from the published totals: there are too few zones to hide them \
                 among"
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
        assert!(matches!(settle(all(), &[]), Err(EstimateError::Refused(FindingKind::NoDesign, _))));
        let left = settle(all(), &[FindingKind::NoDesign]).unwrap();
        assert_eq!(left[0].severity, Severity::Warning);
    }

    #[test]
    fn strata_that_fall_short_are_refused() {
        assert_eq!(strata_sum(100.0, 100.000_01), None);
        assert!(strata_sum(100.0, 101.0).unwrap().message.contains("101.000000 km2"));
        assert!(other_map("aa", "aa").is_none() && other_map("aa", "ab").is_some());
    }
}
