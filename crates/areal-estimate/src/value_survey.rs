use crate::class_survey::SurveySettings;
use crate::error::EstimateError;
use crate::estimator::{Auxiliary, Estimator};
use crate::interval::normal_interval;
use crate::rows::{EstimateRow, Subject};
use crate::small_area::{Kind, Zoning, direct, synthetic_means, zone_estimates};
use crate::stratified::{StratifiedSample, Stratum};

/// One measured unit.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueUnit {
    /// Its stratum.
    pub stratum: usize,
    /// Its area.
    pub area: f64,
    /// The measured value.
    pub value: f64,
    /// The map's value there.
    pub predicted: f64,
    /// Zones it lies in and the fraction of its cell in each.
    pub zones: Vec<(usize, f64)>,
}

/// One zone of a survey of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueZone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its predicted area.
    pub area: f64,
    /// Area-weighted mean of the map in it.
    pub map_mean: f64,
}

/// All that an estimate of a continuous value's mean needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueSurvey {
    /// Name of the value.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// The strata with their known sizes.
    pub strata: Vec<Stratum>,
    /// Area-weighted mean of the map over the population.
    pub map_mean: f64,
    /// The zones; may be empty.
    pub zones: Vec<ValueZone>,
    /// The measured units.
    pub units: Vec<ValueUnit>,
    /// False when inclusion probabilities are unknown: then no error is given.
    pub designed: bool,
}

/// Estimates the area-weighted mean of a value over the whole map and in each zone. Also how many times larger a sample
/// the strata alone would need.
///
/// # Errors
/// Tables that do not fit, strata with too few units, post-stratification (there are no classes), a model that
/// cannot be fitted.
pub fn estimate_value(
    survey: &ValueSurvey,
    settings: &SurveySettings,
) -> Result<(Vec<EstimateRow>, f64), EstimateError> {
    if survey.units.is_empty() {
        return Err(EstimateError::Empty { what: "measured unit" });
    }
    if settings.estimator == Estimator::PostStratified {
        return Err(EstimateError::Empty { what: "map class to post-stratify a value by" });
    }
    let units: Vec<(usize, f64)> = survey.units.iter().map(|u| (u.stratum, u.area)).collect();
    let sample = StratifiedSample::new(survey.strata.clone(), &units, settings.finite)?;
    let y: Vec<f64> = survey.units.iter().map(|u| u.value).collect();
    let predicted: Vec<f64> = survey.units.iter().map(|u| u.predicted).collect();
    let aux = Auxiliary { predicted: &predicted, map_mean: survey.map_mean, group: &[], shares: &[] };
    let (mean, gain) = settings.estimator.mean(&sample, &y, &aux)?;
    let interval = normal_interval(mean.value, mean.standard_error, settings.level);
    let subject = |zone_id, zone_name, mapped| Subject {
        zone_id,
        zone_name,
        measure: "mean",
        class_code: None,
        class_name: &survey.name,
        unit: &survey.unit,
        mapped,
    };
    let whole = subject("", "", survey.map_mean);
    let mut rows = vec![EstimateRow::new(&whole, &mean, interval, &settings.estimator.to_string(), &settings.limits)];
    if !survey.zones.is_empty() {
        let zoning = Zoning {
            membership: survey.units.iter().map(|u| u.zones.clone()).collect(),
            mapped: survey.zones.iter().map(|z| vec![z.area]).collect(),
        };
        let own = direct(&sample, &y, &zoning)?;
        let errors: Vec<f64> = y.iter().zip(&predicted).map(|(y, f)| y - f).collect();
        let means: Vec<f64> = survey.zones.iter().map(|z| z.map_mean).collect();
        let other = synthetic_means(&means, &sample.mean(&errors)?);
        for (zone, found) in survey.zones.iter().zip(zone_estimates(&own, &other, Kind::Value, &settings.zones)?) {
            let subject = subject(&zone.id, &zone.name, zone.map_mean);
            let method = found.method.to_string();
            rows.push(EstimateRow::new(&subject, &found.estimate, found.interval, &method, &settings.limits));
        }
    }
    if !survey.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    Ok((rows, gain))
}
