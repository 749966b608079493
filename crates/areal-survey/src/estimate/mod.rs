//! Estimates from a labelled sample, or from the model alone, with their documents.

mod flaws;
mod labelled_sample;
mod output;
mod quantify;
mod same_draw;
mod second_look;
mod settings;
mod tables;
mod training;
mod units;

use std::path::Path;

use areal_estimate::{
    EstimateRow, Estimator, Finding, LabelledUnit, MIN_UNITS_OF_GROUP, ZoneMethod, counted, round_rows, suppress_rows,
    training_overlap,
};
use areal_formats::{Design, StrataBy};
use areal_job::{Job, StagedDir};

use flaws::{disclosed, on_nodata, settle, unlabelled};
use labelled_sample::LabelledSample;
use output::{Basis, write};
pub use quantify::QuantifyMethod;
pub use settings::EstimateSettings;
use training::TrainingPatches;

use crate::{GroundTotals, MapFrame, MapTotals, SurveyError};

/// Estimates as published.
pub struct Published {
    pub rows: Vec<EstimateRow>,
    pub findings: Vec<Finding>,
    /// How many numbers are suppressed.
    pub suppressed: usize,
    /// Mean area of a cell of the population, km2.
    pub cell_km2: f64,
}

/// Estimates from the labelled sample at `sample`, and writes the documents of `estimates.csv` into `out`.
///
/// # Errors
/// Files that cannot be read or written, a flaw that is not accepted, tables that no estimator can use.
pub fn estimate(
    settings: &EstimateSettings,
    sample: &Path,
    out: &StagedDir,
    job: Job<'_>,
) -> Result<Published, SurveyError> {
    let mut read = LabelledSample::read(settings, sample, job)?;
    check_target(settings, &read.frame)?;
    let totals = MapTotals::of(&mut read.frame)?;
    read.fit_ellipsoid(&totals)?;
    let mut flaws = read.flaws(&totals)?;
    let training = match &settings.store {
        Some(store) => TrainingPatches::read(store, read.frame.grid())?,
        None => TrainingPatches::default(),
    };
    let on_map = read.units(&training)?;
    flaws.extend(on_nodata(&on_map.on_nodata));
    flaws.extend(unlabelled(on_map.unlabelled, on_map.drawn));
    let in_training = on_map.units.iter().filter(|u| u.in_training).count();
    if in_training > 0 && read.frame.is_value() {
        flaws.push(training_overlap(in_training, ""));
    }
    let mut findings = settle(flaws, &settings.accept)?;
    let second = settings.second_look.as_deref();
    let agreement = second.map(|second| second_look::agreement(settings, sample, second, &read)).transpose()?;
    let units = on_map.units.len();
    let estimator = settings.estimator.unwrap_or_else(|| usual_estimator(&read, &on_map.units, &totals));
    let settings = &EstimateSettings { estimator: Some(estimator), ..settings.clone() };
    let statistics = settings.statistics()?;
    let mut tables = tables::estimate(&read, &totals, on_map.units, &statistics)?;
    findings.append(&mut tables.findings);
    let (suppressed, still_disclosed) = suppress_rows(&mut tables.rows, settings.suppress_below)?;
    findings.extend(settle(disclosed(still_disclosed).into_iter().collect(), &settings.accept)?);
    round_rows(&mut tables.rows, settings.round);
    tables.findings = findings;
    let basis = Basis { frame: &read.frame, totals: &totals, design: read.design(), agreement, units };
    write(settings, out, &basis, &tables)?;
    Ok(Published { rows: tables.rows, findings: tables.findings, suppressed, cell_km2: totals.cell_area() })
}

/// Estimates class areas without a sample, from the model alone, and writes the same documents.
///
/// # Errors
/// Files that cannot be read or written, a prediction of a value.
pub fn quantify(
    settings: &EstimateSettings,
    method: QuantifyMethod,
    out: &StagedDir,
    job: Job<'_>,
) -> Result<Published, SurveyError> {
    let found = quantify::quantify(settings, method, job)?;
    let basis = Basis { frame: &found.frame, totals: &found.totals, design: None, agreement: None, units: 0 };
    write(settings, out, &basis, &found.tables)?;
    let cell_km2 = found.totals.cell_area();
    Ok(Published { rows: found.tables.rows, findings: found.tables.findings, suppressed: 0, cell_km2 })
}

/// The estimator where none is asked for: by the areas of the map's classes, which are known, where the strata do not tell them apart and
/// every class has the units that this needs. Estimates of zones rest on these areas too, so that the zones and the map agree.
fn usual_estimator(read: &LabelledSample, units: &[LabelledUnit], totals: &MapTotals) -> Estimator {
    let apart = |design: &Design| matches!(design.strata_by, StrataBy::Classes | StrataBy::Both | StrataBy::Risk);
    let GroundTotals::Classes { mapped, .. } = &totals.whole else { return Estimator::Stratified };
    if read.design().is_none_or(apart) {
        return Estimator::Stratified;
    }
    let of = |class: usize| units.iter().filter(|u| u.mapped.class_index() == Some(class)).count();
    let few = |(class, area): &(usize, &f64)| **area > 0.0 && of(*class) < MIN_UNITS_OF_GROUP;
    if let Some((class, _)) = mapped.iter().enumerate().find(few) {
        tracing::warn!(
            "estimator {}: the estimates of the map do not use the known areas of its classes, as those of zones do, because {} has {}, fewer \
             than {MIN_UNITS_OF_GROUP}; the two may differ by much",
            Estimator::Stratified,
            read.frame.meta.target.classes()[class].name,
            counted(of(class), "labelled unit")
        );
        return Estimator::Stratified;
    }
    tracing::info!(
        "estimator {}: the strata do not tell the classes of the map apart, but their areas are known (--estimator stratified does not use them)",
        Estimator::PostStratified
    );
    Estimator::PostStratified
}

/// Settings about classes are refused for a map of a value, and the other way round.
fn check_target(settings: &EstimateSettings, frame: &MapFrame) -> Result<(), SurveyError> {
    if !frame.is_value() {
        return match settings.zone_method {
            ZoneMethod::UnitLevel => Err(SurveyError::ValuesOnly { setting: "zone-method unit-level" }),
            _ => Ok(()),
        };
    }
    let about_classes = [
        ("benchmark", settings.benchmark),
        ("second-look", settings.second_look.is_some()),
        ("zone-method corrected-map", settings.zone_method == ZoneMethod::CorrectedMap),
    ];
    match about_classes.into_iter().find(|(_, given)| *given) {
        Some((setting, _)) => Err(SurveyError::ClassesOnly { setting }),
        None => Ok(()),
    }
}
