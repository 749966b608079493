//! Areas of the map's classes from a labelled sample, over the whole map and in zones.

use crate::accuracy::accuracy;
use crate::assisted_interval::PostStrata;
use crate::class_intervals::ClassIntervals;
use crate::class_zones::ClassZones;
use crate::corrected_map::MapCorrection;
use crate::error::{EstimateError, Missing, same_length};
use crate::estimate::Estimate;
use crate::estimator::{Auxiliary, Estimator};
use crate::expected::ExpectedMatrix;
use crate::finding::Finding;
use crate::interval::{Interval, whole_interval};
use crate::labelled_unit::LabelledUnit;
use crate::publication::{CvLimits, Grading};
use crate::rows::{AREA, AccuracyRow, EstimateRow, MatrixRow, Population, Subject};
use crate::stratified::{StratifiedSample, Stratum};
use crate::zone_method::ZoneEstimateSettings;

/// One class of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct MapClass {
    pub code: u8,
    pub name: String,
    /// Its mapped area over the whole population.
    pub area: f64,
    /// Area-weighted mean of its probability over the population; `None` without probabilities.
    pub mean_probability: Option<f64>,
}

/// One zone of a survey.
#[derive(Debug, Clone, PartialEq)]
pub struct MapZone {
    pub id: String,
    pub name: String,
    /// Mapped area of each class.
    pub mapped: Vec<f64>,
    /// Area of each class by the map's probabilities; empty without probabilities.
    pub probable: Vec<f64>,
    /// Area of each group of cells ([`LabelledUnit::group`]).
    pub groups: Vec<f64>,
    /// The strata that lie in it, with their areas there; empty where that is not known.
    pub strata: Vec<(usize, f64)>,
}

/// The labelled sample and the population that it was drawn from.
#[derive(Debug, Clone, PartialEq)]
pub struct SurveySample {
    /// The strata with their known sizes.
    pub strata: Vec<Stratum>,
    /// Which ground the strata cover together.
    pub population: Population,
    /// For each stratum the pool that it shares its variance with ([`StratifiedSample::pooled`]); empty for none.
    pub pools: Vec<usize>,
    /// For each stratum what the map expects of its own errors there; empty for a value.
    pub expected: Vec<ExpectedMatrix>,
    pub units: Vec<LabelledUnit>,
    /// False when inclusion probabilities are unknown: then no error is given.
    pub designed: bool,
}

impl SurveySample {
    /// The sample as the estimators take it.
    pub(crate) fn stratified(&self, finite: bool) -> Result<StratifiedSample, EstimateError> {
        let units: Vec<(usize, f64)> = self.units.iter().map(|u| (u.stratum, u.area)).collect();
        let sample = StratifiedSample::new(self.strata.clone(), &units, finite)?;
        if self.pools.is_empty() { Ok(sample) } else { sample.pooled(self.pools.clone()) }
    }
}

/// All that an estimate of class areas needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSurvey {
    pub sample: SurveySample,
    pub classes: Vec<MapClass>,
    /// The zones; may be empty.
    pub zones: Vec<MapZone>,
    /// All zones together; ground that several zones share counts once.
    pub together: MapZone,
}

/// How estimates are made and flagged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurveySettings {
    /// Over the whole map.
    pub estimator: Estimator,
    /// Level of the confidence intervals.
    pub level: f64,
    /// Whether variances have the finite population correction.
    pub finite: bool,
    pub zones: ZoneEstimateSettings,
    /// Limits of the quality flag.
    pub limits: CvLimits,
    /// Draws from the posterior for each end of an interval over the whole map; their seed is constant.
    pub draws: usize,
    /// Rake the zones to the estimates of all zones together.
    pub benchmark: bool,
}

impl SurveySettings {
    pub(crate) fn grading(&self) -> Grading {
        Grading { limits: self.limits, level: self.level }
    }
}

/// Estimates of class areas.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassEstimates {
    /// Areas, of the whole map and of each zone.
    pub rows: Vec<EstimateRow>,
    pub accuracy: Vec<AccuracyRow>,
    pub matrix: Vec<MatrixRow>,
    pub findings: Vec<Finding>,
    /// How many times larger a sample with the strata alone would have to be, by class; 1 for the stratified estimator.
    pub gains: Vec<f64>,
    /// Where a zone has the map's corrected sums: how far they are corrected.
    pub correction: Option<MapCorrection>,
}

/// Unit of the areas in [`EstimateRow`].
pub(crate) const AREA_UNIT: &str = "km2";

/// Estimates the area of every class, over the whole map and in each zone, with accuracies and error matrix.
///
/// # Errors
/// Tables that do not fit, strata with too few units, units whose values are not classes, a model or benchmark that
/// cannot be computed.
pub fn estimate_classes(survey: &ClassSurvey, settings: &SurveySettings) -> Result<ClassEstimates, EstimateError> {
    if survey.sample.units.is_empty() {
        return Err(EstimateError::Empty(Missing::LabelledUnit));
    }
    let data = ClassData::new(survey, settings)?;
    let strata = data.accuracy_strata()?;
    let accuracy = accuracy(&strata.0, &data.map, &data.reference, survey.classes.len())?;
    let (mut rows, whole, gains) = data.whole(&strata)?;
    let mut findings = data.findings(&accuracy, &rows)?;
    findings.extend(data.less_precise(&rows, &gains));
    let mut correction = None;
    if !survey.zones.is_empty() {
        let mut zones = ClassZones::new(&data).tables(&whole)?;
        rows.append(&mut zones.rows);
        findings.append(&mut zones.findings);
        correction = zones.correction;
    }
    let (accuracies, training) = data.accuracy_rows(&accuracy, &strata)?;
    findings.extend(training);
    if !survey.sample.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    Ok(ClassEstimates { rows, accuracy: accuracies, matrix: data.matrix_rows(&accuracy), findings, gains, correction })
}

/// Rows of the whole map, its estimates as fractions of the area with their intervals, and the gains over the strata alone, by class.
type Whole = (Vec<EstimateRow>, Vec<(Estimate, Interval)>, Vec<f64>);

/// The survey as tables of numbers.
pub(crate) struct ClassData<'a> {
    pub survey: &'a ClassSurvey,
    pub settings: &'a SurveySettings,
    pub sample: StratifiedSample,
    /// Map class of each unit.
    pub map: Vec<usize>,
    /// Reference class of each unit.
    pub reference: Vec<usize>,
    /// Fraction of the mapped area that each map class has.
    pub fractions: Vec<f64>,
}

impl<'a> ClassData<'a> {
    fn new(survey: &'a ClassSurvey, settings: &'a SurveySettings) -> Result<Self, EstimateError> {
        let units = || survey.sample.units.iter().enumerate();
        let total: f64 = survey.classes.iter().map(|c| c.area).sum();
        let expected = &survey.sample.expected;
        same_length("what the map expects of the strata", expected.len(), survey.sample.strata.len())?;
        for matrix in expected {
            same_length("the classes of the expected error matrix", matrix.classes(), survey.classes.len())?;
        }
        Ok(Self {
            sample: survey.sample.stratified(settings.finite)?,
            map: units().map(|(k, u)| u.mapped.class(k)).collect::<Result<_, _>>()?,
            reference: units().map(|(k, u)| u.reference.class(k)).collect::<Result<_, _>>()?,
            fractions: survey.classes.iter().map(|c| c.area / total).collect(),
            survey,
            settings,
        })
    }

    /// For each unit 1 where its reference class is this one, else 0.
    pub(crate) fn is_class(&self, class: usize) -> Vec<f64> {
        self.reference.iter().map(|&r| f64::from(r == class)).collect()
    }

    /// True where every unit has the map's probability of each class.
    pub(crate) fn has_probabilities(&self) -> bool {
        self.survey.sample.units.iter().all(|u| u.probabilities.len() == self.survey.classes.len())
    }

    /// The map at the units for one class, and its mean: probabilities where there are any, else zeros and ones.
    fn prediction(&self, class: usize) -> (Vec<f64>, f64) {
        match self.survey.classes[class].mean_probability {
            Some(mean) if self.has_probabilities() => {
                (self.survey.sample.units.iter().map(|u| u.probabilities[class]).collect(), mean)
            }
            _ => (self.map.iter().map(|&m| f64::from(m == class)).collect(), self.fractions[class]),
        }
    }

    /// `strata` are those of [`accuracy_strata`](Self::accuracy_strata).
    fn whole(&self, strata: &PostStrata) -> Result<Whole, EstimateError> {
        let (mut rows, mut estimates, mut gains) = (Vec::new(), Vec::new(), Vec::new());
        let area = self.sample.area();
        let assisted = self.settings.estimator != Estimator::Stratified;
        let strata = assisted.then_some(strata);
        for (c, class) in self.survey.classes.iter().enumerate() {
            let (predicted, map_mean) = self.prediction(c);
            let aux = Auxiliary { predicted: &predicted, map_mean, group: &self.map, fractions: &self.fractions };
            let (estimate, gain) = self.settings.estimator.mean(&self.sample, &self.is_class(c), &aux)?;
            let estimate = Estimate { value: estimate.value.clamp(0.0, 1.0), ..estimate };
            let subject = self.subject(self.survey.sample.population, None, c, class.area);
            let interval = self.whole_interval(c, &estimate, strata)?;
            rows.push(self.row(&subject, &estimate, interval, area, &self.settings.estimator.to_string()));
            estimates.push((estimate, interval));
            gains.push(gain);
        }
        Ok((rows, estimates, gains))
    }

    pub(crate) fn row(
        &self,
        subject: &Subject,
        fraction: &Estimate,
        interval: Interval,
        area: f64,
        method: &str,
    ) -> EstimateRow {
        EstimateRow::new(subject, &fraction.scaled(area), interval.scaled(area), method, &self.settings.grading())
    }

    /// Intervals that count what was not drawn, of the map and of its parts.
    pub(crate) fn intervals(&self) -> ClassIntervals<'_> {
        ClassIntervals {
            sample: &self.sample,
            map: &self.map,
            reference: &self.reference,
            expected: &self.survey.sample.expected,
            draws: self.settings.draws,
            level: self.settings.level,
        }
    }

    /// Interval of a class's fraction of the whole area, which counts what was not drawn. `strata` are those of [`post_strata`](Self::post_strata)
    /// for an estimator other than the stratified one.
    fn whole_interval(
        &self,
        class: usize,
        fraction: &Estimate,
        strata: Option<&PostStrata>,
    ) -> Result<Interval, EstimateError> {
        match strata {
            _ if !self.survey.sample.designed => Ok(self.moments_interval(class, fraction)),
            None => Ok(self.intervals().area(class)?.holding(fraction.value)),
            Some(strata) => self.assisted_interval(class, fraction, strata),
        }
    }

    /// Interval of a class's fraction from the moments of the sample.
    pub(crate) fn moments_interval(&self, class: usize, fraction: &Estimate) -> Interval {
        let found = self.reference.iter().filter(|r| **r == class).count();
        whole_interval(fraction, found, self.settings.level)
    }

    pub(crate) fn subject<'s>(
        &'s self,
        population: Population,
        zone: Option<&'s MapZone>,
        class: usize,
        mapped: f64,
    ) -> Subject<'s> {
        let class = &self.survey.classes[class];
        let ground: f64 = match (population, zone) {
            (Population::Zone, Some(zone)) => zone.mapped.iter().sum(),
            (Population::Zones, _) => self.survey.together.mapped.iter().sum(),
            _ => self.sample.area(),
        };
        Subject {
            cells: self.sample.cells(ground),
            population,
            zone_id: zone.map_or("", |z| &z.id),
            zone_name: zone.map_or("", |z| &z.name),
            measure: AREA,
            class_code: Some(class.code),
            class_name: &class.name,
            unit: AREA_UNIT,
            mapped,
        }
    }
}
