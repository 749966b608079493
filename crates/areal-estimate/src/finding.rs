//! What the reader of estimates should know of their sample.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::counted::counted_do;

/// Consequence of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The estimate is given with a warning.
    Warning,
    /// The estimate is not given unless the user accepts the finding.
    Refusal,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::EnumString)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum FindingKind {
    /// No design, so no known inclusion probabilities.
    NoDesign,
    /// Units lie in patches that the model was trained on.
    TrainingOverlap,
    /// The map is not the one the sample was drawn from.
    OtherMap,
    /// The labelled sample is not the one of the design.
    OtherDesign,
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
    /// Zone numbers that raking moved by more than their error.
    RakedFar,
    /// Numbers whose error is larger than that of the strata alone.
    LessPrecise,
    /// Zone numbers that do not add up to those of all zones together.
    NotAdditive,
    /// Suppressed numbers that follow from the published totals.
    Disclosed,
}

/// A flaw of a sample, a map or a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub severity: Severity,
    pub kind: FindingKind,
    /// What was found, with numbers, and what follows from it.
    pub message: String,
}

impl Finding {
    pub fn warning(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, kind, message: message.into() }
    }

    pub fn refusal(kind: FindingKind, message: impl Into<String>) -> Self {
        Self { severity: Severity::Refusal, kind, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Labelled units that lie in training patches. The map is fixed once it is made, so a probability sample over
/// all of it, training ground included, has no bias for the areas and the accuracy of this map; leaving those units out
/// would have one. `accuracies` holds the accuracy there and elsewhere, where it is known.
pub fn training_overlap(units: usize, accuracies: &str) -> Finding {
    Finding::warning(
        FindingKind::TrainingOverlap,
        format!(
            "{} in patches the model was trained on{accuracies}. Such units belong to the sample: areas and \
             accuracy of this map stay without bias as long as their labels were made independently of the training \
             labels. Accuracy on training ground overstates what the model would reach elsewhere",
            counted_do(units, "unit", ["lies", "lie"])
        ),
    )
}
