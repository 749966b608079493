//! The mean of a continuous value from a labelled sample, over the whole map and in zones.

use crate::class_findings::worse_than_strata;
use crate::class_survey::{SurveySample, SurveySettings};
use crate::clustering::{GroupFraction, clustered, thin_strata};
use crate::counted::counted;
use crate::error::{EstimateError, Missing};
use crate::estimate::Estimate;
use crate::estimator::{Auxiliary, Estimator};
use crate::finding::{Finding, FindingKind};
use crate::interval::Interval;
use crate::rows::{EstimateRow, Population, Subject};
use crate::stratified::StratifiedSample;
use crate::value_interval::{Tails, value_interval};
use crate::zone_estimates::{ZoneEstimate, ZoneMethod, zone_means};
use crate::zoning::Zoning;

/// One zone of a survey of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueZone {
    pub id: String,
    pub name: String,
    /// Its predicted area.
    pub area: f64,
    /// Area-weighted mean of the map in it.
    pub map_mean: f64,
    /// What its mean can rest on by the map.
    pub tails: Tails,
}

/// All that an estimate of a continuous value's mean needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueSurvey {
    pub sample: SurveySample,
    /// Name of the value.
    pub name: String,
    /// Unit of the value.
    pub unit: String,
    /// Area-weighted mean of the map over the population.
    pub map_mean: f64,
    /// What the mean of each stratum can rest on by the map.
    pub tails: Vec<Tails>,
    /// The zones; may be empty.
    pub zones: Vec<ValueZone>,
    /// All zones together; ground that several zones share counts once.
    pub together: ValueZone,
}

/// Estimates of the mean of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueEstimates {
    /// Means, of the whole map and of each zone.
    pub rows: Vec<EstimateRow>,
    /// How many times larger a sample with the strata alone would have to be; 1 for the stratified estimator.
    pub gain: f64,
    pub findings: Vec<Finding>,
}

/// Estimates the area-weighted mean of a value over the whole map and in each zone.
///
/// # Errors
/// Tables that do not fit, strata with too few units, units whose values are classes, post-stratification (there are no
/// classes), a model that cannot be fitted.
pub fn estimate_value(survey: &ValueSurvey, settings: &SurveySettings) -> Result<ValueEstimates, EstimateError> {
    if survey.sample.units.is_empty() {
        return Err(EstimateError::Empty(Missing::MeasuredUnit));
    }
    if settings.estimator == Estimator::PostStratified {
        return Err(EstimateError::Empty(Missing::PostStratum));
    }
    let data = ValueData::new(survey, settings)?;
    let (mut rows, gain) = data.whole()?;
    let designed = survey.sample.designed;
    let less_precise = worse_than_strata(settings.estimator, &rows, &[gain]).filter(|_| designed);
    if !survey.zones.is_empty() {
        rows.extend(data.together(&rows)?);
        rows.extend(data.zones()?);
    }
    if !survey.sample.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    let mut findings = data.findings()?;
    findings.extend(less_precise);
    Ok(ValueEstimates { rows, gain, findings })
}

/// The survey as tables of numbers.
struct ValueData<'a> {
    survey: &'a ValueSurvey,
    settings: &'a SurveySettings,
    sample: StratifiedSample,
    y: Vec<f64>,
    predicted: Vec<f64>,
    zoning: Zoning,
}

impl<'a> ValueData<'a> {
    fn new(survey: &'a ValueSurvey, settings: &'a SurveySettings) -> Result<Self, EstimateError> {
        let units = || survey.sample.units.iter().enumerate();
        Ok(Self {
            sample: survey.sample.stratified(settings.finite)?,
            y: units().map(|(k, u)| u.reference.number(k)).collect::<Result<_, _>>()?,
            predicted: units().map(|(k, u)| u.mapped.number(k)).collect::<Result<_, _>>()?,
            zoning: Zoning::new(&survey.sample.units, survey.zones.iter().map(|z| vec![z.area]).collect()),
            survey,
            settings,
        })
    }

    fn subject(&self, population: Population, zone: Option<&'a ValueZone>, mapped: f64) -> Subject<'a> {
        let ground = match (population, zone) {
            (Population::Zone, Some(zone)) => zone.area,
            (Population::Zones, _) => self.survey.together.area,
            _ => self.sample.area(),
        };
        Subject {
            cells: self.sample.cells(ground),
            population,
            zone_id: zone.map_or("", |z| &z.id),
            zone_name: zone.map_or("", |z| &z.name),
            measure: "mean",
            class_code: None,
            class_name: &self.survey.name,
            unit: &self.survey.unit,
            mapped,
        }
    }

    fn row(&self, subject: &Subject, mean: &Estimate, interval: Interval, method: &str) -> EstimateRow {
        EstimateRow::new(subject, mean, interval, method, &self.settings.grading())
    }

    /// Interval of a mean over a part of the map.
    fn part_interval(&self, mean: &Estimate, inside: &[f64], tails: Tails) -> Result<Interval, EstimateError> {
        let pieces = self.sample.pieces_of_part(&self.y, inside, tails, &self.survey.tails)?;
        Ok(value_interval(mean, &pieces, self.settings.zones.draws, self.settings.level))
    }

    fn findings(&self) -> Result<Vec<Finding>, EstimateError> {
        let designed = self.survey.sample.designed;
        let zones = self.survey.zones.iter().map(|z| (z.id.as_str(), z.area));
        let groups =
            GroupFraction::of_zones(&self.sample, designed, zones, &self.zoning.membership, self.sample.area())?;
        let thin = if designed { thin_strata(&self.sample) } else { None };
        let few = if designed { few_values(&self.y, &self.survey.name) } else { None };
        Ok(few.into_iter().chain(thin).chain(clustered("zones", &groups)).collect())
    }

    fn whole(&self) -> Result<(Vec<EstimateRow>, f64), EstimateError> {
        let map_mean = self.survey.map_mean;
        let aux = Auxiliary { predicted: &self.predicted, map_mean, group: &[], fractions: &[] };
        let (mean, gain) = self.settings.estimator.mean(&self.sample, &self.y, &aux)?;
        let subject = self.subject(self.survey.sample.population, None, map_mean);
        let (sample, y, tails) = (&self.sample, &self.y, &self.survey.tails);
        let pieces = match self.settings.estimator {
            Estimator::Stratified | Estimator::PostStratified => sample.pieces(y, tails)?,
            Estimator::Difference => sample.residual_pieces(y, &self.predicted, 1.0, tails)?,
            Estimator::Regression | Estimator::PredictionPowered => {
                let slope = sample.slope(y, &self.predicted)?;
                sample.residual_pieces(y, &self.predicted, slope, tails)?
            }
        };
        let interval = value_interval(&mean, &pieces, self.settings.draws, self.settings.level);
        Ok((vec![self.row(&subject, &mean, interval, &self.settings.estimator.to_string())], gain))
    }

    /// All zones together: the whole where they are all of it, else a domain of it.
    fn together(&self, whole: &[EstimateRow]) -> Result<Vec<EstimateRow>, EstimateError> {
        let all = &self.survey.together;
        if (all.area / self.sample.area() - 1.0).abs() < 1e-6 {
            return Ok(whole.iter().map(|r| EstimateRow { population: Population::Zones, ..r.clone() }).collect());
        }
        let found = self.sample.domain(&self.y, &self.zoning.inside)?;
        let subject = self.subject(Population::Zones, None, all.map_mean);
        let row = |mean: &Estimate| {
            let interval = self.part_interval(mean, &self.zoning.inside, all.tails)?;
            Ok(self.row(&subject, mean, interval, &ZoneMethod::Direct.to_string()))
        };
        found.iter().map(row).collect()
    }

    fn zones(&self) -> Result<Vec<EstimateRow>, EstimateError> {
        let means: Vec<f64> = self.survey.zones.iter().map(|z| z.map_mean).collect();
        let found = zone_means(&self.sample, &self.y, &self.predicted, &means, &self.zoning, &self.settings.zones)?;
        let row = |(z, (zone, found)): (usize, (&'a ValueZone, ZoneEstimate))| {
            let interval = match found.method {
                ZoneMethod::Direct => self.part_interval(&found.estimate, &self.zoning.indicator(z), zone.tails)?,
                _ => found.interval,
            };
            let found = ZoneEstimate { interval, ..found };
            let subject = self.subject(Population::Zone, Some(zone), zone.map_mean);
            Ok(EstimateRow::zone(&subject, &found, 1.0, &found.method.to_string(), &self.settings.grading()))
        };
        self.survey.zones.iter().zip(found).enumerate().filter(|(_, (zone, _))| zone.area > 0.0).map(row).collect()
    }
}

/// From this number of units on that are not of the commonest value, intervals hold whatever the map shows (`tests/coverage`).
const MIN_VALUES: usize = 6;

/// A mean that a few units make up, where all others have one value.
fn few_values(y: &[f64], name: &str) -> Option<Finding> {
    let mut sorted = y.to_vec();
    sorted.sort_by(f64::total_cmp);
    let commonest = sorted.chunk_by(|a, b| a == b).max_by_key(|alike| alike.len())?;
    let others = y.len() - commonest.len();
    let (units, value) = (counted(y.len(), "unit"), commonest[0]);
    let (whose, unknown) = match others {
        0 => (format!("all {units} have"), "other values"),
        _ => (format!("all but {others} of {units} have"), "the others"),
    };
    (2 * commonest.len() > y.len() && others < MIN_VALUES).then(|| {
        Finding::warning(
            FindingKind::SmallSample,
            format!(
                "{whose} a {name} of {value}: where the map does not show {unknown} either, no interval can tell how much was \
                 missed; label more units where there may be some"
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labelled_unit::{CellValue, LabelledUnit};
    use crate::stratified::Stratum;
    use crate::{CvLimits, ZoneSettings};

    /// A zone without a predicted cell has no row; the rows of the zones after it were those of their neighbours once.
    #[test]
    fn rows_stay_with_their_zones_where_one_is_empty() {
        let tails = Tails { low: 2.0, mean: 7.0, high: 12.0 };
        let zone = |id: &str, area: f64, map_mean: f64| ValueZone {
            id: id.into(),
            name: String::new(),
            area,
            map_mean,
            tails,
        };
        // Ten units a zone: 1 and 3 by turns in b, 11 and 13 in c. The map is right but for its mean error of 0.
        let unit = |k: usize| {
            let z = 1 + k / 10;
            let value = [2.0, 12.0][k / 10] + if k.is_multiple_of(2) { -1.0 } else { 1.0 };
            LabelledUnit {
                stratum: 0,
                area: 1.0,
                mapped: CellValue::Number([2.0, 12.0][k / 10]),
                reference: CellValue::Number(value),
                probabilities: Vec::new(),
                group: 0,
                zones: vec![(z, 1.0)],
                in_zones: 1.0,
                in_training: false,
            }
        };
        let survey = ValueSurvey {
            name: "wealth".into(),
            unit: String::new(),
            sample: SurveySample {
                strata: vec![Stratum { name: "whole".into(), population: 2000, area: 2000.0 }],
                population: Population::Map,
                pools: Vec::new(),
                expected: Vec::new(),
                units: (0..20).map(unit).collect(),
                designed: true,
            },
            map_mean: 7.0,
            tails: vec![tails],
            zones: vec![zone("a", 0.0, f64::NAN), zone("b", 1000.0, 2.0), zone("c", 1000.0, 12.0)],
            together: zone("", 2000.0, 7.0),
        };
        let settings = SurveySettings {
            estimator: Estimator::Stratified,
            level: 0.95,
            finite: false,
            zones: ZoneSettings { method: ZoneMethod::Direct, min_units: 5, max_cv: 1.0, level: 0.95, draws: 400 },
            limits: CvLimits::default(),
            draws: 1000,
            benchmark: false,
        };
        let found = estimate_value(&survey, &settings).unwrap();
        assert_eq!(found.findings, []);
        let zones: Vec<_> = found.rows.iter().filter(|r| r.population == Population::Zone).collect();
        // Five of thirty units make up a mean.
        let sparse: Vec<f64> = (0..30).map(|k| if k < 5 { 9.0 } else { 0.0 }).collect();
        let finding = few_values(&sparse, "biomass").unwrap();
        assert!(finding.message.contains("all but 5 of 30 units have a biomass of 0"), "{finding}");
        assert!(few_values(&[0.0, 1.0, 2.0], "biomass").is_none());
        let found: Vec<_> = zones.iter().map(|r| (r.zone_id.as_str(), r.mapped, r.estimate.unwrap())).collect();
        assert_eq!(found, [("b", 2.0, 2.0), ("c", 12.0, 12.0)]);
    }

    /// It was "all but 0 of 40 units have a wealth of 5".
    #[test]
    fn units_of_one_value_are_all_units() {
        let finding = few_values(&[5.0; 40], "wealth").unwrap();
        let said = "all 40 units have a wealth of 5: where the map does not show other values either, ";
        assert!(finding.message.starts_with(said), "{finding}");
    }
}
