//! `estimates.json`: how estimates were made, and the findings about them.

use areal_estimate::{Finding, Kappa, MapCorrection};
use serde::Serialize;

use crate::Provenance;

/// Format of `estimates.json`.
pub const ESTIMATES_FORMAT: &str = "areal-estimates/2";
/// Formats that are read: areal 0.1.0 wrote the second.
pub const ESTIMATES_FORMATS: [&str; 2] = [ESTIMATES_FORMAT, "areal-estimates/1"];

/// True where an estimate is too small to be shown beside numbers that are told apart from half of `step` on. A zero without an error is none: nothing of
/// the class was found. One with an error was rounded to it.
pub fn is_below_resolution(estimate: f64, standard_error: Option<f64>, step: f64) -> bool {
    let is_zero = estimate == 0.0 && standard_error.is_none_or(|error| error == 0.0);
    !is_zero && estimate.abs() < 0.5 * step
}

/// `estimates.json`: how the estimates were made, and the findings about them. A gain may be infinite, which JSON writes as
/// null.
#[derive(Debug, Serialize)]
pub struct EstimatesMeta<'a> {
    /// [`ESTIMATES_FORMAT`].
    pub format: &'static str,
    /// Area of the population: of the map, or of the strata.
    pub population_km2: f64,
    /// Area of cells without a prediction, which no estimate refers to.
    pub unobserved_km2: f64,
    /// Area of predicted cells in no stratum, which no estimate of the strata refers to.
    pub outside_strata_km2: f64,
    /// Mean area of a cell of the population: of a sample unit.
    pub cell_km2: f64,
    /// Labelled units.
    pub units: usize,
    pub findings: &'a [Finding],
    /// Agreement of two interpreters, where some units were labelled twice.
    pub agreement: Option<Kappa>,
    /// How many times larger a sample without the map would have to be, by class or value.
    pub gains: &'a [(String, f64)],
    /// Where zones have the map's own sums: what they are of, and which part of the error that the sample shows is taken off.
    pub zone_correction: Option<MapCorrection>,
    pub provenance: &'a Provenance,
}
