//! The survey as the estimators take it, and their results as tables.

use areal_estimate::{
    AccuracyRow, ClassSurvey, EstimateError, EstimateRow, Finding, LabelledUnit, MapClass, MapCorrection, MapZone,
    MatrixRow, Missing, SurveySample, SurveySettings, Tails, ValueSurvey, ValueZone, estimate_classes, estimate_value,
    significant,
};
use areal_grid::Target;

use super::labelled_sample::LabelledSample;
use crate::{GroundTotals, MapFrame, MapTotals, SurveyError};

/// Digits of accuracies: more than any sample can tell.
const DIGITS: usize = 10;

/// The tables of one estimation, of classes or of a value.
pub(super) struct EstimateTables {
    pub rows: Vec<EstimateRow>,
    /// Empty for a value.
    pub accuracy: Vec<AccuracyRow>,
    /// Empty for a value.
    pub matrix: Vec<MatrixRow>,
    pub findings: Vec<Finding>,
    /// How many times larger a sample with the strata alone would have to be, by class or value.
    pub gains: Vec<(String, f64)>,
    /// Where a zone has the map's corrected sums: how far they are corrected.
    pub correction: Option<MapCorrection>,
}

/// Estimates class areas, or the mean of a value, from the units.
pub(super) fn estimate(
    sample: &LabelledSample,
    totals: &MapTotals,
    units: Vec<LabelledUnit>,
    settings: &SurveySettings,
) -> Result<EstimateTables, SurveyError> {
    let survey = SurveySample {
        strata: sample.strata(totals),
        population: sample.population(),
        pools: sample.pools(),
        expected: sample.expected(totals)?,
        units,
        designed: sample.design().is_some(),
    };
    match &sample.frame.meta.target {
        Target::Classes { .. } => of_classes(sample, totals, survey, settings),
        Target::Value { name, unit } => {
            let map_mean = totals.whole.mean().ok_or(EstimateError::Empty(Missing::PredictedCell))?;
            let zone = |(id, name): (String, String), ground: &GroundTotals| ValueZone {
                id,
                name,
                area: ground.area(),
                map_mean: ground.mean().unwrap_or(0.0),
                // A zone without a predicted cell has no row.
                tails: ground.tails().unwrap_or(Tails { low: 0.0, mean: 0.0, high: 0.0 }),
            };
            let survey = ValueSurvey {
                sample: survey,
                name: name.clone(),
                unit: unit.clone(),
                map_mean,
                map_least: totals.whole.least().ok_or(EstimateError::Empty(Missing::PredictedCell))?,
                tails: sample.tails(totals)?,
                zones: zone_names(&sample.frame).zip(&totals.zones).map(|(names, t)| zone(names, t)).collect(),
                together: zone(Default::default(), &totals.together),
            };
            let found = estimate_value(&survey, settings)?;
            Ok(EstimateTables {
                rows: found.rows,
                accuracy: Vec::new(),
                matrix: Vec::new(),
                findings: found.findings,
                correction: None,
                gains: vec![(survey.name, found.gain)],
            })
        }
    }
}

fn of_classes(
    from: &LabelledSample,
    totals: &MapTotals,
    sample: SurveySample,
    settings: &SurveySettings,
) -> Result<EstimateTables, SurveyError> {
    let frame = &from.frame;
    let with_probabilities = frame.has_probabilities();
    let places = from.places()?;
    let zone = |(id, name): (String, String), ground: &GroundTotals| match ground {
        GroundTotals::Classes { mapped, probable, groups, strata } => MapZone {
            id,
            name,
            mapped: mapped.clone(),
            probable: if with_probabilities { probable.clone() } else { Vec::new() },
            groups: groups.clone(),
            strata: strata.iter().filter_map(|(h, area)| Some((*places.get(&(*h as usize))?, *area))).collect(),
        },
        GroundTotals::Value { .. } => unreachable!("the map is of classes"),
    };
    let survey = ClassSurvey {
        sample,
        classes: map_classes(frame, totals),
        zones: zone_names(frame).zip(&totals.zones).map(|(names, t)| zone(names, t)).collect(),
        together: zone(Default::default(), &totals.together),
    };
    let mut found = estimate_classes(&survey, settings)?;
    let digits = |v: f64| significant(v, DIGITS);
    for row in &mut found.accuracy {
        for value in [&mut row.estimate, &mut row.standard_error, &mut row.low, &mut row.high] {
            *value = value.map(digits);
        }
    }
    for row in &mut found.matrix {
        row.fraction = digits(row.fraction);
    }
    Ok(EstimateTables {
        correction: found.correction,
        gains: survey.classes.into_iter().map(|c| c.name).zip(found.gains).collect(),
        rows: found.rows,
        accuracy: found.accuracy,
        matrix: found.matrix,
        findings: found.findings,
    })
}

/// Id and name of each zone.
fn zone_names<'a>(frame: &'a MapFrame) -> impl Iterator<Item = (String, String)> + 'a {
    frame.zones.iter().map(|zone| (zone.id.clone(), zone.name.clone()))
}

/// The classes of the map with their mapped areas.
pub(super) fn map_classes(frame: &MapFrame, totals: &MapTotals) -> Vec<MapClass> {
    let mapped = totals.whole.mapped().into_iter().zip(&totals.probabilities);
    let classes = frame.meta.target.classes().iter().zip(mapped);
    classes
        .map(|(class, (area, probability))| MapClass {
            code: class.code,
            name: class.name.clone(),
            area,
            mean_probability: probability.is_finite().then_some(*probability),
        })
        .collect()
}
