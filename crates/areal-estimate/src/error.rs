//! Errors of the estimators.

use crate::counted::counted;

/// An estimate that cannot be computed, with the unit, stratum or zone at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EstimateError {
    /// Tables that must have one row for the same thing have different lengths.
    #[error("{what} has {found} values; expected {expected}")]
    Length { what: &'static str, found: usize, expected: usize },
    /// A number that is not finite, negative where that means nothing, or outside its range.
    #[error("{what} of {name} is {value}, {expected}")]
    Value {
        what: &'static str,
        /// The stratum, class, zone or unit at fault.
        name: String,
        value: f64,
        /// What it should be: `must be positive` ...
        expected: &'static str,
    },
    /// A stratum whose variance cannot be estimated.
    #[error("stratum {stratum} has {}; an estimate of variance needs at least 2", counted(*n, "labelled unit"))]
    FewUnits { stratum: String, n: usize },
    /// More units were asked for, or labelled, than the stratum holds.
    #[error("stratum {stratum} has {population} units, but the sample has {n} of them")]
    MoreThanAll { stratum: String, population: u64, n: u64 },
    /// More units were asked for than all strata hold.
    #[error("a sample of {n} units is larger than the map: it has {population} cells to draw from")]
    MoreThanPopulation { population: u64, n: u64 },
    /// A table with nothing in it.
    #[error("there is no {0}")]
    Empty(Missing),
    /// A matrix that cannot be inverted.
    #[error("{what} cannot be solved: {why}")]
    Singular { what: &'static str, why: &'static str },
    /// A stratum, class or unit in the sample that the design does not have.
    #[error("unit {unit} has {what} {value}, which is not in the design")]
    Unknown {
        unit: String,
        /// What: `class`, `stratum` ...
        what: &'static str,
        value: String,
    },
    /// Zones that overlap, to be raked to one total.
    #[error(
        "the areas of the zones add up to {sum:.4} km2, but together they cover {union:.4} km2: zones that overlap cannot be raked to the \
         total of all zones"
    )]
    OverlappingZones {
        /// Of their areas, in square kilometres.
        sum: f64,
        /// What they cover together, in square kilometres.
        union: f64,
    },
    /// An estimator that did not converge.
    #[error("{what} did not converge in {iterations} iterations")]
    NoConvergence { what: &'static str, iterations: usize },
}

/// What a table lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Missing {
    #[strum(to_string = "labelled unit")]
    LabelledUnit,
    #[strum(to_string = "measured unit")]
    MeasuredUnit,
    #[strum(to_string = "unit labelled twice")]
    UnitLabelledTwice,
    #[strum(to_string = "predicted cell")]
    PredictedCell,
    #[strum(to_string = "area")]
    Area,
    #[strum(to_string = "area beyond the number of coefficients: too few direct estimates")]
    DirectEstimate,
    #[strum(to_string = "unit beyond the number of coefficients")]
    UnitBeyondCoefficients,
    #[strum(to_string = "map class to post-stratify a value by")]
    PostStratum,
    #[strum(to_string = "value for the unit-level model: the map has classes")]
    UnitLevelValue,
    #[strum(to_string = "class for the corrected map: the map has a value")]
    ClassToCorrect,
}

/// `Length` unless both agree.
pub(crate) fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), EstimateError> {
    if found == expected { Ok(()) } else { Err(EstimateError::Length { what, found, expected }) }
}

/// `Value` unless `ok`.
pub(crate) fn require(
    ok: bool,
    what: &'static str,
    name: &str,
    value: f64,
    expected: &'static str,
) -> Result<(), EstimateError> {
    if ok { Ok(()) } else { Err(EstimateError::Value { what, name: name.to_owned(), value, expected }) }
}
