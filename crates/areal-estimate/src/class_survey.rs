use crate::accuracy::{Accuracy, accuracy};
use crate::error::EstimateError;
use crate::estimator::{Auxiliary, Estimator};
use crate::finding::{Finding, FindingKind, training_overlap};
use crate::interval::{IntervalMethod, share_interval, whole_interval};
use crate::proportion::{GroupShare, clustered, thin_strata};
use crate::publication::CvLimits;
use crate::rows::{AccuracyRow, EstimateRow, MatrixRow, Population, Subject};
use crate::small_area::{ZoneEstimate, ZoneMethod, ZoneSettings, Zoning, rake, zone_shares};
use crate::stratified::{Estimate, StratifiedSample, Stratum};

/// One class of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct MapClass {
    /// Its code.
    pub code: u8,
    /// Its name.
    pub name: String,
    /// Its mapped area over the whole population.
    pub area: f64,
    /// Area-weighted mean of its probability over the population; `None` without probabilities.
    pub mean_probability: Option<f64>,
}

/// One zone of a survey.
#[derive(Debug, Clone, PartialEq)]
pub struct MapZone {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Mapped area of each class.
    pub mapped: Vec<f64>,
}

/// One labelled unit.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassUnit {
    /// Its stratum.
    pub stratum: usize,
    /// Its area.
    pub area: f64,
    /// Index of its class on the map.
    pub map: usize,
    /// Index of its class in the reference.
    pub reference: usize,
    /// Map probability of each class; empty without probabilities.
    pub probabilities: Vec<f64>,
    /// Zones it lies in and the fraction of its cell in each.
    pub zones: Vec<(usize, f64)>,
    /// True where it shares ground with a patch that the map's model was trained on.
    pub in_training: bool,
}

/// All that an estimate of class areas needs.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassSurvey {
    /// The strata with their known sizes.
    pub strata: Vec<Stratum>,
    /// The classes.
    pub classes: Vec<MapClass>,
    /// What the strata hold together.
    pub population: Population,
    /// For each stratum the pool that it shares its variance with ([`StratifiedSample::pooled`]); empty for none.
    pub pools: Vec<usize>,
    /// The zones; may be empty.
    pub zones: Vec<MapZone>,
    /// All zones together, each bit of ground once.
    pub together: MapZone,
    /// The labelled units.
    pub units: Vec<ClassUnit>,
    /// False when inclusion probabilities are unknown: then no error is given.
    pub designed: bool,
}

/// How estimates are made and flagged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SurveySettings {
    /// Over the whole map.
    pub estimator: Estimator,
    /// Level of the confidence intervals.
    pub level: f64,
    /// Finite population correction.
    pub finite: bool,
    /// Per zone.
    pub zones: ZoneSettings,
    /// Limits of the quality flag.
    pub limits: CvLimits,
    /// Rake the zones to the estimates of all zones together.
    pub benchmark: bool,
}

/// Estimates of class areas.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassEstimates {
    /// Areas, of the whole map and of each zone.
    pub rows: Vec<EstimateRow>,
    /// Accuracies.
    pub accuracy: Vec<AccuracyRow>,
    /// The error matrix.
    pub matrix: Vec<MatrixRow>,
    /// What the reader should know.
    pub findings: Vec<Finding>,
    /// How many times larger a sample the strata alone would need, by class; 1 for the stratified estimator.
    pub gains: Vec<f64>,
}

const UNIT: &str = "km2";

/// Estimates the area of every class, over the whole map and in each zone, with accuracies and error matrix.
///
/// # Errors
/// Tables that do not fit, strata with too few units, a model or benchmark that cannot be had.
pub fn estimate_classes(survey: &ClassSurvey, settings: &SurveySettings) -> Result<ClassEstimates, EstimateError> {
    if survey.units.is_empty() {
        return Err(EstimateError::Empty { what: "labelled unit" });
    }
    let run = Run::new(survey, settings)?;
    let accuracy = accuracy(&run.sample, &run.map, &run.reference, survey.classes.len())?;
    let (mut rows, whole, gains) = run.whole()?;
    let mut findings = run.findings(&accuracy)?;
    if survey.designed {
        findings.extend(small_samples(&rows));
    }
    if !survey.zones.is_empty() {
        let (together, shares) = run.together(&whole)?;
        rows.extend(together);
        rows.extend(run.zones(&shares)?);
    }
    if !survey.designed {
        rows = rows.into_iter().map(EstimateRow::without_error).collect();
    }
    let mut accuracies = run.accuracy_rows(&accuracy);
    let (inside, elsewhere) = run.training()?;
    findings.extend(run.training_finding(inside, elsewhere));
    if inside.is_some() {
        accuracies.insert(1, run.accuracy_row("overall-in-training", None, inside));
        accuracies.insert(2, run.accuracy_row("overall-elsewhere", None, elsewhere));
    }
    if !survey.designed {
        for row in &mut accuracies {
            (row.standard_error, row.low, row.high) = (None, None, None);
        }
    }
    Ok(ClassEstimates { rows, accuracy: accuracies, matrix: run.matrix_rows(&accuracy), findings, gains })
}

/// Rows of the whole map, its estimates as shares, and the gains over the strata alone, by class.
type Whole = (Vec<EstimateRow>, Vec<Estimate>, Vec<f64>);

struct Run<'a> {
    survey: &'a ClassSurvey,
    settings: &'a SurveySettings,
    sample: StratifiedSample,
    map: Vec<usize>,
    reference: Vec<usize>,
    /// Share of each map class of the mapped area.
    shares: Vec<f64>,
}

impl<'a> Run<'a> {
    fn new(survey: &'a ClassSurvey, settings: &'a SurveySettings) -> Result<Self, EstimateError> {
        let units: Vec<(usize, f64)> = survey.units.iter().map(|u| (u.stratum, u.area)).collect();
        let total: f64 = survey.classes.iter().map(|c| c.area).sum();
        let sample = StratifiedSample::new(survey.strata.clone(), &units, settings.finite)?;
        Ok(Self {
            sample: if survey.pools.is_empty() { sample } else { sample.pooled(survey.pools.clone())? },
            map: survey.units.iter().map(|u| u.map).collect(),
            reference: survey.units.iter().map(|u| u.reference).collect(),
            shares: survey.classes.iter().map(|c| c.area / total).collect(),
            survey,
            settings,
        })
    }

    fn is_class(&self, class: usize) -> Vec<f64> {
        self.reference.iter().map(|&r| f64::from(r == class)).collect()
    }

    /// The map at the units for one class, and its mean: probabilities where there are any, else zeros and ones.
    fn prediction(&self, class: usize) -> (Vec<f64>, f64) {
        let with = self.survey.units.iter().all(|u| u.probabilities.len() == self.survey.classes.len());
        match self.survey.classes[class].mean_probability {
            Some(mean) if with => (self.survey.units.iter().map(|u| u.probabilities[class]).collect(), mean),
            _ => (self.map.iter().map(|&m| f64::from(m == class)).collect(), self.shares[class]),
        }
    }

    fn whole(&self) -> Result<Whole, EstimateError> {
        let (mut rows, mut estimates, mut gains) = (Vec::new(), Vec::new(), Vec::new());
        let area = self.sample.area();
        for (c, class) in self.survey.classes.iter().enumerate() {
            let (predicted, map_mean) = self.prediction(c);
            let aux = Auxiliary { predicted: &predicted, map_mean, group: &self.map, shares: &self.shares };
            let (estimate, gain) = self.settings.estimator.mean(&self.sample, &self.is_class(c), &aux)?;
            let estimate = Estimate { value: estimate.value.clamp(0.0, 1.0), ..estimate };
            let subject = self.subject(self.survey.population, None, c, class.area);
            rows.push(self.row(&subject, c, &estimate, area, &self.settings.estimator.to_string()));
            estimates.push(estimate);
            gains.push(gain);
        }
        Ok((rows, estimates, gains))
    }

    fn row(&self, subject: &Subject, class: usize, share: &Estimate, area: f64, method: &str) -> EstimateRow {
        let found = self.reference.iter().filter(|r| **r == class).count();
        let interval = whole_interval(share, found, self.settings.level);
        EstimateRow::new(subject, &share.scaled(area), interval.scaled(area), method, &self.settings.limits)
    }

    /// All zones together, as rows and as shares: the whole where they are all of it, else a domain of it.
    fn together(&self, whole: &[Estimate]) -> Result<(Vec<EstimateRow>, Vec<f64>), EstimateError> {
        let all = &self.survey.together;
        let area: f64 = all.mapped.iter().sum();
        let inside = self.zoning().inside();
        let same = (area / self.sample.area() - 1.0).abs() < 1e-6;
        let method = if same { self.settings.estimator.to_string() } else { ZoneMethod::Direct.to_string() };
        let of_class =
            |c: usize| if same { Ok(Some(whole[c])) } else { self.sample.domain(&self.is_class(c), &inside) };
        let found: Vec<Option<Estimate>> = (0..whole.len()).map(of_class).collect::<Result<_, _>>()?;
        // Estimators that use the map class by class add up but nearly, and zones can only be raked to what adds up.
        let sum: f64 = found.iter().flatten().map(|e| e.value).sum();
        let scale = if self.settings.benchmark && sum > 0.0 { 1.0 / sum } else { 1.0 };
        let (mut rows, mut shares) = (Vec::new(), Vec::new());
        for (c, share) in found.into_iter().enumerate() {
            let share = share.map(|e| e.scaled(scale));
            let subject = self.subject(Population::Zones, None, c, all.mapped[c]);
            rows.extend(share.iter().map(|s| self.row(&subject, c, s, area, &method)));
            shares.push(share.map_or(0.0, |s| s.value));
        }
        Ok((rows, shares))
    }

    fn subject<'s>(
        &'s self,
        population: Population,
        zone: Option<&'s MapZone>,
        class: usize,
        mapped: f64,
    ) -> Subject<'s> {
        let class = &self.survey.classes[class];
        Subject {
            population,
            zone_id: zone.map_or("", |z| &z.id),
            zone_name: zone.map_or("", |z| &z.name),
            measure: "area",
            class_code: Some(class.code),
            class_name: &class.name,
            unit: UNIT,
            mapped,
        }
    }

    fn zoning(&self) -> Zoning {
        Zoning {
            membership: self.survey.units.iter().map(|u| u.zones.clone()).collect(),
            mapped: self.survey.zones.iter().map(|z| z.mapped.clone()).collect(),
        }
    }

    /// Rows of every zone; `together` are the shares of all zones together, for raking.
    fn zones(&self, together: &[f64]) -> Result<Vec<EstimateRow>, EstimateError> {
        let zones = &self.survey.zones;
        let areas: Vec<f64> = zones.iter().map(|z| z.mapped.iter().sum()).collect();
        let found = zone_shares(&self.sample, &self.map, &self.reference, &self.zoning(), &self.settings.zones)?;
        let factors = self.factors(&found, &areas, together)?;
        let mut rows = Vec::new();
        for (z, zone) in zones.iter().enumerate().filter(|(z, _)| areas[*z] > 0.0) {
            for (c, found) in found[z].iter().enumerate() {
                let factor = factors.as_ref().map_or(1.0, |f| f[z][c]);
                let subject = self.subject(Population::Zone, Some(zone), c, zone.mapped[c]);
                let method = match factors {
                    Some(_) => format!("{}, raked", found.method),
                    None => found.method.to_string(),
                };
                let mut row = EstimateRow::zone(&subject, found, areas[z] * factor, &method, &self.settings.limits);
                row.high = row.high.map(|v| v.min(areas[z]));
                row.low = row.low.zip(row.high).map(|(low, high)| low.min(high));
                rows.push(row);
            }
        }
        Ok(rows)
    }

    /// What raking multiplies each zone's classes by; `None` unless asked for. Errors are multiplied likewise: raking to
    /// a total that is itself estimated changes them little (Rao and Molina 2015, section 6.4.6).
    fn factors(
        &self,
        found: &[Vec<ZoneEstimate>],
        areas: &[f64],
        together: &[f64],
    ) -> Result<Option<Vec<Vec<f64>>>, EstimateError> {
        if !self.settings.benchmark {
            return Ok(None);
        }
        let sum: f64 = areas.iter().sum();
        let union: f64 = self.survey.together.mapped.iter().sum();
        if (sum / union - 1.0).abs() > 1e-3 {
            return Err(EstimateError::Value {
                what: "sum of the zones' areas (km2)",
                name: "the benchmark".into(),
                value: sum,
                expected: "must be the area that they cover together: zones that overlap cannot be raked to one total",
            });
        }
        let table: Vec<Vec<f64>> = found
            .iter()
            .zip(areas)
            .map(|(row, area)| row.iter().map(|e| e.estimate.value.max(0.0) * area).collect())
            .collect();
        let shares: f64 = together.iter().sum();
        let columns: Vec<f64> = together.iter().map(|share| share / shares * sum).collect();
        let raked = rake(&table, areas, &columns)?;
        let ratio = |(a, b): (&f64, &f64)| if *b > 0.0 { a / b } else { 1.0 };
        Ok(Some(raked.iter().zip(&table).map(|(a, b)| a.iter().zip(b).map(ratio).collect()).collect()))
    }

    /// Overall accuracy on ground that the model was trained on, and elsewhere.
    fn training(&self) -> Result<(Option<Estimate>, Option<Estimate>), EstimateError> {
        let right: Vec<f64> = self.map.iter().zip(&self.reference).map(|(m, r)| f64::from(m == r)).collect();
        let inside: Vec<f64> = self.survey.units.iter().map(|u| f64::from(u.in_training)).collect();
        let outside: Vec<f64> = inside.iter().map(|i| 1.0 - i).collect();
        Ok((self.sample.domain(&right, &inside)?, self.sample.domain(&right, &outside)?))
    }

    fn training_finding(&self, inside: Option<Estimate>, elsewhere: Option<Estimate>) -> Option<Finding> {
        let shown = |e: Estimate| {
            let (share, error) = (100.0 * e.value, 100.0 * e.standard_error);
            if self.survey.designed {
                format!("{share:.1} % (standard error {error:.1}, {} units)", e.n)
            } else {
                format!("{share:.1} % of {} units", e.n)
            }
        };
        let percent = |e: Option<Estimate>| e.map_or_else(|| "not known".to_owned(), shown);
        inside.map(|e| {
            training_overlap(e.n, &format!("; accuracy there {}, elsewhere {}", percent(inside), percent(elsewhere)))
        })
    }

    fn findings(&self, accuracy: &Accuracy) -> Result<Vec<Finding>, EstimateError> {
        let mut findings = Vec::new();
        for (c, class) in self.survey.classes.iter().enumerate() {
            if class.area > 0.0 && accuracy.counts[c].iter().sum::<u64>() == 0 {
                findings.push(Finding::warning(
                    FindingKind::UnseenClass,
                    format!("no unit lies on map class {}: its user's accuracy is unknown", class.name),
                ));
            }
        }
        if self.survey.designed {
            findings.extend(self.rarely_missed(accuracy));
            findings.extend(thin_strata(&self.sample));
        }
        findings.extend(clustered("classes", &self.class_groups()?));
        findings.extend(clustered("zones", &self.zone_groups()?));
        Ok(findings)
    }

    /// Classes whose omissions rest on a unit or two: each stands for much of another class's area, and the next sample
    /// may find none or twice as many. The standard error cannot tell.
    fn rarely_missed(&self, accuracy: &Accuracy) -> Option<Finding> {
        let outside =
            |c: usize| (0..accuracy.counts.len()).filter(|&i| i != c).map(|i| accuracy.counts[i][c]).sum::<u64>();
        let names: Vec<&str> = self
            .survey
            .classes
            .iter()
            .enumerate()
            .filter(|(c, _)| (1..5).contains(&outside(*c)))
            .map(|(_, class)| class.name.as_str())
            .collect();
        (!names.is_empty()).then(|| {
            let message = format!(
                "fewer than five units of {} were found outside the area mapped so: their standard errors are themselves \
                 uncertain; label more units where the class is missed",
                names.join(", ")
            );
            Finding::warning(FindingKind::SmallSample, message)
        })
    }

    fn class_groups(&self) -> Result<Vec<GroupShare>, EstimateError> {
        let each = |(c, class): (usize, &MapClass)| {
            let inside: Vec<f64> = self.map.iter().map(|&m| f64::from(m == c)).collect();
            GroupShare::new(&self.sample, self.survey.designed, &class.name, self.shares[c], &inside)
        };
        self.survey.classes.iter().enumerate().map(each).collect()
    }

    fn zone_groups(&self) -> Result<Vec<GroupShare>, EstimateError> {
        let total: f64 = self.survey.classes.iter().map(|c| c.area).sum();
        let zones = self.survey.zones.iter().map(|z| (z.id.as_str(), z.mapped.iter().sum()));
        GroupShare::of_zones(&self.sample, self.survey.designed, zones, &self.zoning().membership, total)
    }

    fn accuracy_row(&self, measure: &str, class: Option<&MapClass>, e: Option<Estimate>) -> AccuracyRow {
        let interval = e.map(|e| share_interval(&e, self.settings.level));
        AccuracyRow {
            measure: measure.to_owned(),
            class_code: class.map(|c| c.code),
            class_name: class.map(|c| c.name.clone()).unwrap_or_default(),
            estimate: e.map(|e| e.value),
            standard_error: e.map(|e| e.standard_error),
            low: interval.map(|i| i.low),
            high: interval.map(|i| i.high),
            n: e.map_or(0, |e| e.n),
        }
    }

    fn accuracy_rows(&self, accuracy: &Accuracy) -> Vec<AccuracyRow> {
        let mut rows = vec![self.accuracy_row("overall", None, Some(accuracy.overall))];
        for (class, found) in self.survey.classes.iter().zip(&accuracy.classes) {
            rows.push(self.accuracy_row("users", Some(class), found.users));
            rows.push(self.accuracy_row("producers", Some(class), found.producers));
        }
        rows
    }

    fn matrix_rows(&self, accuracy: &Accuracy) -> Vec<MatrixRow> {
        let classes = &self.survey.classes;
        let cell = |i: usize, j: usize| MatrixRow {
            map_code: classes[i].code,
            map_name: classes[i].name.clone(),
            reference_code: classes[j].code,
            reference_name: classes[j].name.clone(),
            count: accuracy.counts[i][j],
            share: accuracy.proportions[i][j],
        };
        (0..classes.len()).flat_map(|i| (0..classes.len()).map(move |j| (i, j))).map(|(i, j)| cell(i, j)).collect()
    }
}

fn small_samples(rows: &[EstimateRow]) -> Option<Finding> {
    let wilson = IntervalMethod::Wilson.to_string();
    let names: Vec<&str> = rows.iter().filter(|r| r.interval == wilson).map(|r| r.class_name.as_str()).collect();
    (!names.is_empty()).then(|| {
        Finding::warning(
            FindingKind::SmallSample,
            format!(
                "too few units speak for {}: a normal interval would be too short, Wilson's is given",
                names.join(", ")
            ),
        )
    })
}
