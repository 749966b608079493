use crate::class_survey::SurveySettings;
use crate::error::EstimateError;
use crate::estimator::{Auxiliary, Estimator};
use crate::finding::Finding;
use crate::interval::mean_interval;
use crate::proportion::{GroupShare, clustered, thin_strata};
use crate::rows::{EstimateRow, Population, Subject};
use crate::small_area::{ZoneMethod, Zoning, zone_means};
use crate::stratified::{Estimate, StratifiedSample, Stratum};

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
    /// What the strata hold together.
    pub population: Population,
    /// For each stratum the pool that it shares its variance with ([`StratifiedSample::pooled`]); empty for none.
    pub pools: Vec<usize>,
    /// The zones; may be empty.
    pub zones: Vec<ValueZone>,
    /// All zones together, each bit of ground once.
    pub together: ValueZone,
    /// The measured units.
    pub units: Vec<ValueUnit>,
    /// False when inclusion probabilities are unknown: then no error is given.
    pub designed: bool,
}

/// Estimates the area-weighted mean of a value over the whole map and in each zone. Also how many times larger a sample
/// the strata alone would need, and what the reader should know.
///
/// # Errors
/// Tables that do not fit, strata with too few units, post-stratification (there are no classes), a model that
/// cannot be fitted.
pub fn estimate_value(
    survey: &ValueSurvey,
    settings: &SurveySettings,
) -> Result<(Vec<EstimateRow>, f64, Vec<Finding>), EstimateError> {
    if survey.units.is_empty() {
        return Err(EstimateError::Empty { what: "measured unit" });
    }
    if settings.estimator == Estimator::PostStratified {
        return Err(EstimateError::Empty { what: "map class to post-stratify a value by" });
    }
    let run = Run::new(survey, settings)?;
    let (mut rows, gain) = run.whole()?;
    if !survey.zones.is_empty() {
        rows.extend(run.together(&rows)?);
        rows.extend(run.zones()?);
    }
    if !survey.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    Ok((rows, gain, run.findings()?))
}

struct Run<'a> {
    survey: &'a ValueSurvey,
    settings: &'a SurveySettings,
    sample: StratifiedSample,
    y: Vec<f64>,
    predicted: Vec<f64>,
    zoning: Zoning,
}

impl<'a> Run<'a> {
    fn new(survey: &'a ValueSurvey, settings: &'a SurveySettings) -> Result<Self, EstimateError> {
        let units: Vec<(usize, f64)> = survey.units.iter().map(|u| (u.stratum, u.area)).collect();
        let sample = StratifiedSample::new(survey.strata.clone(), &units, settings.finite)?;
        Ok(Self {
            sample: if survey.pools.is_empty() { sample } else { sample.pooled(survey.pools.clone())? },
            y: survey.units.iter().map(|u| u.value).collect(),
            predicted: survey.units.iter().map(|u| u.predicted).collect(),
            zoning: Zoning {
                membership: survey.units.iter().map(|u| u.zones.clone()).collect(),
                mapped: survey.zones.iter().map(|z| vec![z.area]).collect(),
            },
            survey,
            settings,
        })
    }

    fn subject(&self, population: Population, zone: Option<&'a ValueZone>, mapped: f64) -> Subject<'a> {
        Subject {
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

    fn row(&self, subject: &Subject, mean: &Estimate, method: &str) -> EstimateRow {
        let interval = mean_interval(mean, self.settings.level);
        EstimateRow::new(subject, mean, interval, method, &self.settings.limits)
    }

    fn findings(&self) -> Result<Vec<Finding>, EstimateError> {
        let designed = self.survey.designed;
        let zones = self.survey.zones.iter().map(|z| (z.id.as_str(), z.area));
        let groups = GroupShare::of_zones(&self.sample, designed, zones, &self.zoning.membership, self.sample.area())?;
        let thin = if designed { thin_strata(&self.sample) } else { None };
        Ok(thin.into_iter().chain(clustered("zones", &groups)).collect())
    }

    fn whole(&self) -> Result<(Vec<EstimateRow>, f64), EstimateError> {
        let map_mean = self.survey.map_mean;
        let aux = Auxiliary { predicted: &self.predicted, map_mean, group: &[], shares: &[] };
        let (mean, gain) = self.settings.estimator.mean(&self.sample, &self.y, &aux)?;
        let subject = self.subject(self.survey.population, None, map_mean);
        Ok((vec![self.row(&subject, &mean, &self.settings.estimator.to_string())], gain))
    }

    /// All zones together: the whole where they are all of it, else a domain of it.
    fn together(&self, whole: &[EstimateRow]) -> Result<Vec<EstimateRow>, EstimateError> {
        let all = &self.survey.together;
        if (all.area / self.sample.area() - 1.0).abs() < 1e-6 {
            return Ok(whole.iter().map(|r| EstimateRow { population: Population::Zones, ..r.clone() }).collect());
        }
        let found = self.sample.domain(&self.y, &self.zoning.inside())?;
        let subject = self.subject(Population::Zones, None, all.map_mean);
        Ok(found.iter().map(|mean| self.row(&subject, mean, &ZoneMethod::Direct.to_string())).collect())
    }

    fn zones(&self) -> Result<Vec<EstimateRow>, EstimateError> {
        let errors: Vec<f64> = self.y.iter().zip(&self.predicted).map(|(y, f)| y - f).collect();
        let means: Vec<f64> = self.survey.zones.iter().map(|z| z.map_mean).collect();
        let found = zone_means(&self.sample, &self.y, &errors, &means, &self.zoning, &self.settings.zones)?;
        let row = |(zone, found): (&'a ValueZone, crate::ZoneEstimate)| {
            let subject = self.subject(Population::Zone, Some(zone), zone.map_mean);
            EstimateRow::zone(&subject, &found, 1.0, &found.method.to_string(), &self.settings.limits)
        };
        Ok(self.survey.zones.iter().zip(found).filter(|(z, _)| z.area > 0.0).map(row).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CvLimits;
    use crate::small_area::ZoneSettings;

    /// A zone without a predicted cell has no row; the rows of the zones after it were those of their neighbours once.
    #[test]
    fn rows_stay_with_their_zones_where_one_is_empty() {
        let zone =
            |id: &str, area: f64, map_mean: f64| ValueZone { id: id.into(), name: String::new(), area, map_mean };
        // Ten units a zone: 1 and 3 by turns in b, 11 and 13 in c. The map is right but for its mean error of 0.
        let unit = |k: usize| {
            let z = 1 + k / 10;
            let value = [2.0, 12.0][k / 10] + if k.is_multiple_of(2) { -1.0 } else { 1.0 };
            ValueUnit { stratum: 0, area: 1.0, value, predicted: [2.0, 12.0][k / 10], zones: vec![(z, 1.0)] }
        };
        let survey = ValueSurvey {
            name: "wealth".into(),
            unit: String::new(),
            strata: vec![Stratum { name: "whole".into(), population: 2000, area: 2000.0 }],
            map_mean: 7.0,
            population: Population::Map,
            pools: Vec::new(),
            zones: vec![zone("a", 0.0, f64::NAN), zone("b", 1000.0, 2.0), zone("c", 1000.0, 12.0)],
            together: zone("", 2000.0, 7.0),
            units: (0..20).map(unit).collect(),
            designed: true,
        };
        let settings = SurveySettings {
            estimator: Estimator::Stratified,
            level: 0.95,
            finite: false,
            zones: ZoneSettings { method: ZoneMethod::Direct, least_units: 5, greatest_cv: 1.0, level: 0.95 },
            limits: CvLimits::default(),
            benchmark: false,
        };
        let (rows, _, findings) = estimate_value(&survey, &settings).unwrap();
        assert_eq!(findings, []);
        let zones: Vec<_> = rows.iter().filter(|r| r.population == Population::Zone).collect();
        let found: Vec<_> = zones.iter().map(|r| (r.zone_id.as_str(), r.mapped, r.estimate.unwrap())).collect();
        assert_eq!(found, [("b", 2.0, 2.0), ("c", 12.0, 12.0)]);
    }
}
