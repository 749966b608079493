//! The mean of a continuous value from a labelled sample, over the whole map and in zones.

use crate::class_findings::worse_than_strata;
use crate::class_survey::{SurveySample, SurveySettings};
use crate::clustering::{GroupFraction, clustered, thin_strata};
use crate::counted::{counted, counted_do};
use crate::error::{EstimateError, Missing};
use crate::estimate::Estimate;
use crate::estimator::{Auxiliary, Estimator};
use crate::finding::{Finding, FindingKind};
use crate::interval::Interval;
use crate::rows::{EstimateRow, Population, Subject};
use crate::stratified::StratifiedSample;
use crate::value_interval::{Tails, value_interval};
use crate::zone_estimate::ZoneEstimate;
use crate::zone_estimates::zone_means;
use crate::zone_method::ZoneMethod;
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
    /// Least value of the map.
    pub map_least: f64,
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
    let mut unlike = None;
    if !survey.zones.is_empty() {
        rows.extend(data.together(&rows)?);
        let (zones, finding) = data.zones()?;
        rows.extend(zones);
        unlike = finding.filter(|_| designed);
    }
    if !survey.sample.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    let mut findings = data.findings()?;
    findings.extend(less_precise.into_iter().chain(unlike));
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
    /// Mean error of the map in the sample.
    level: f64,
    /// The least that a value can be: 0 where neither the map nor a unit has less, as of biomass.
    floor: f64,
    /// What the mean of each stratum can rest on: by the map, at the level of the sample.
    tails: Vec<Tails>,
}

impl<'a> ValueData<'a> {
    fn new(survey: &'a ValueSurvey, settings: &'a SurveySettings) -> Result<Self, EstimateError> {
        let units = || survey.sample.units.iter().enumerate();
        let sample = survey.sample.stratified(settings.finite)?;
        let y: Vec<f64> = units().map(|(k, u)| u.reference.number(k)).collect::<Result<_, _>>()?;
        let predicted: Vec<f64> = units().map(|(k, u)| u.mapped.number(k)).collect::<Result<_, _>>()?;
        let errors: Vec<f64> = y.iter().zip(&predicted).map(|(y, f)| y - f).collect();
        let level = sample.sum(&errors)? / sample.area();
        let least = y.iter().copied().fold(survey.map_least, f64::min);
        let floor = if least >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        Ok(Self {
            tails: survey.tails.iter().map(|t| t.shifted(level)).collect(),
            sample,
            y,
            predicted,
            level,
            floor,
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

    /// Interval of a mean over a part of the map. The units there tell of its error, those of the strata elsewhere do not.
    fn part_interval(
        &self,
        mean: &Estimate,
        inside: &[f64],
        tails: Tails,
        level: f64,
    ) -> Result<Interval, EstimateError> {
        let mean = &Estimate { degrees: mean.degrees.min(mean.n as f64 - 1.0), ..*mean };
        // The map may be off otherwise here than elsewhere.
        let errors = self.y.iter().zip(&self.predicted).map(|(y, f)| y - f);
        let weights = self.sample.weights();
        let (ground, sum) = weights
            .iter()
            .zip(inside)
            .zip(errors)
            .fold((0.0, 0.0), |(ground, sum), ((w, z), error)| (ground + w * z, sum + w * z * error));
        // Few units would count twice: as units, and as what all others are expected to be like.
        let is_known = mean.n >= MIN_UNITS_OF_LEVEL && ground > 0.0;
        let tails = tails.shifted(if is_known { sum / ground } else { self.level });
        let mut pieces = self.sample.pieces_of_part(&self.y, inside, tails, &self.tails)?;
        for piece in &mut pieces {
            piece.tails = piece.tails.at_least(self.floor);
        }
        Ok(value_interval(mean, &pieces, self.settings.zones.draws, level).at_least(self.floor, mean.value))
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
        let (sample, y, level) = (&self.sample, &self.y, self.level);
        let tails: &Vec<Tails> = &self.tails.iter().map(|tails| tails.at_least(self.floor)).collect();
        let pieces = match self.settings.estimator {
            Estimator::Stratified | Estimator::PostStratified => sample.pieces(y, tails)?,
            Estimator::Difference => sample.residual_pieces(y, &self.predicted, [1.0, level], tails)?,
            Estimator::Regression | Estimator::PredictionPowered => {
                let slope = sample.slope(y, &self.predicted)?;
                sample.residual_pieces(y, &self.predicted, [slope, level], tails)?
            }
        };
        let interval = value_interval(&mean, &pieces, self.settings.draws, self.settings.level);
        let interval = interval.at_least(self.floor, mean.value);
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
            let interval = self.part_interval(mean, &self.zoning.inside, all.tails, self.settings.level)?;
            Ok(self.row(&subject, mean, interval, &ZoneMethod::Direct.to_string()))
        };
        found.iter().map(row).collect()
    }

    /// Rows of every zone. A model's number that lies outside the interval of the zone's own units is unreliable, whatever the error of
    /// an average zone; the level of that interval is such that chance alone contradicts one zone of all in 1 - level of samples.
    fn zones(&self) -> Result<(Vec<EstimateRow>, Option<Finding>), EstimateError> {
        let means: Vec<f64> = self.survey.zones.iter().map(|z| z.map_mean).collect();
        let found = zone_means(&self.sample, &self.y, &self.predicted, &means, &self.zoning, &self.settings.zones)?;
        let (mut rows, mut unlike) = (Vec::new(), Vec::new());
        let zones = means.len() as f64;
        for (z, (zone, found)) in self.survey.zones.iter().zip(found).enumerate().filter(|(_, (z, _))| z.area > 0.0) {
            let inside = self.zoning.indicator(z);
            let is_direct = found.method == ZoneMethod::Direct;
            let own = if is_direct { Some(found.estimate) } else { self.sample.domain(&self.y, &inside)? };
            let own = own.filter(|own| is_direct || own.n >= MIN_UNITS_OF_LEVEL);
            let level = if is_direct { self.settings.level } else { 1.0 - (1.0 - self.settings.level) / zones };
            let own = own.map(|own| self.part_interval(&own, &inside, zone.tails, level)).transpose()?;
            let interval = own.filter(|_| is_direct).unwrap_or(found.interval);
            let subject = self.subject(Population::Zone, Some(zone), zone.map_mean);
            let estimate = ZoneEstimate { interval, ..found };
            let mut row =
                EstimateRow::zone(&subject, &estimate, 1.0, &found.method.to_string(), &self.settings.grading());
            if own.is_some_and(|own| !is_direct && !own.covers(found.estimate.value)) {
                row = row.unreliable();
                unlike.push(zone.id.as_str());
            }
            // One unit has no spread, so its standard error is 0.
            if is_direct && found.estimate.n < 2 {
                row = row.unreliable();
            }
            rows.push(row);
        }
        Ok((rows, unlike_others(&unlike)))
    }
}

/// Zones whose model-based numbers their own units contradict. Their intervals are not told: they may have to be suppressed.
fn unlike_others(zones: &[&str]) -> Option<Finding> {
    (!zones.is_empty()).then(|| {
        let more = if zones.len() > ZONES_NAMED { ", ..." } else { "" };
        let named = zones.iter().take(ZONES_NAMED).copied().collect::<Vec<_>>().join(", ");
        Finding::warning(
            FindingKind::ModelBased,
            format!(
                "{} outside the interval of the zone's own units ({named}{more}): such a zone may be unlike the others, and its number \
                 is called unreliable",
                counted_do(zones.len(), "model-based zone number", ["lies", "lie"]),
            ),
        )
    })
}

/// Units of a part of the map from which on they tell how far the map is off there, and may contradict a model-based number.
const MIN_UNITS_OF_LEVEL: usize = 5;

/// Zones that a finding names.
const ZONES_NAMED: usize = 5;

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
mod tests;
