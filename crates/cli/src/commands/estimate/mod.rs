pub mod codebook;
mod quantify;
mod read;

use std::path::PathBuf;

use areal_estimate::{
    Agreement, ClassSurvey, CvLimits, Design, EstimateRow, Estimator, Finding, FindingKind, MapClass, MapFact, MapZone,
    QualityInput, SurveySettings, ValueSurvey, ValueZone, ZoneMethod, ZoneSettings, disclosed, estimate_classes,
    estimate_value, quality_report, round_rows, settle, significant, suppress_rows, training_overlap,
};
use areal_formats::Provenance;
use areal_job::{FileError, StagedDir, write_json};
use areal_raster::input_file_with_companions;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use super::sample::{check_share, required, without_nulls};
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::survey::{SurveyMap, Tally, ZoneTally, print_rows, write_table};

/// Estimate class areas, or the mean of a value, from a labelled sample, with standard errors; whole map and zones.
///
/// Reads the prediction, the design that `areal sample` made and the labelled sample; writes `estimates.csv`,
/// `accuracy.csv` and `error_matrix.csv` (each with its CSV on the Web metadata), `estimates.json` and `quality.md`. A
/// number that the sample cannot carry is refused with the reason; --accept KIND goes on with a warning.
#[derive(Debug, Clone, Default, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  areal estimate --prediction out/prediction --design out/sample --sample labelled.csv --out out/estimates
  areal estimate --prediction out/prediction --design out/sample --sample labelled.gpkg --zones districts.gpkg \\
      --zone-id id --benchmark --suppress-below 10 --round 1 --out out/estimates
  areal estimate --prediction out/prediction --quantify emq --out out/quantified")]
pub struct Options {
    /// Folder of the prediction.
    #[arg(long, value_name = "DIR")]
    pub prediction: Option<PathBuf>,
    /// Folder that `areal sample` made: the design of the sample.
    #[arg(long, value_name = "DIR")]
    pub design: Option<PathBuf>,
    /// The labelled sample: CSV, GeoPackage or another vector file with the fields `unit_id` and `label`.
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// The units that a second interpreter labelled, for the agreement of both.
    #[arg(long, value_name = "FILE")]
    pub second_look: Option<PathBuf>,
    /// Field that holds the label: class name or code, or a number for a value [default: label].
    #[arg(long, value_name = "FIELD")]
    pub label_field: Option<String>,
    /// Folder to make.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Layer of zones to estimate for.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Field that identifies a zone.
    #[arg(long, value_name = "FIELD")]
    pub zone_id: Option<String>,
    /// Field with a zone's name.
    #[arg(long, value_name = "FIELD")]
    pub zone_name: Option<String>,
    /// Raster of strata, for a sample that was drawn with --strata raster.
    #[arg(long, value_name = "FILE")]
    pub strata_raster: Option<PathBuf>,
    /// Patch store of the training: accuracy on and off its training patches is told apart.
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Over the whole map: stratified, post-stratified, difference, regression or prediction-powered [default: stratified].
    #[arg(long, value_name = "HOW")]
    pub estimator: Option<Estimator>,
    /// In a zone: auto, direct, synthetic, composite or fay-herriot [default: auto, which is direct where the zone has
    /// --least-units and a CV up to --greatest-cv, and composite elsewhere if that is better].
    #[arg(long, value_name = "HOW")]
    pub zone_method: Option<ZoneMethod>,
    /// Least number of units for a direct estimate in a zone [default: 30].
    #[arg(long, value_name = "N")]
    pub least_units: Option<usize>,
    /// Greatest CV of a direct estimate in a zone, the mean of its classes weighted by area [default: the second of
    /// --cv-limits].
    #[arg(long, value_name = "SHARE")]
    pub greatest_cv: Option<f64>,
    /// Rake the zones' class areas to their areas and to the estimates of all zones together (population "zones"), which are
    /// the whole map's where the zones cover it.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub benchmark: Option<bool>,
    /// Level of confidence intervals [default: 0.95].
    #[arg(long, value_name = "SHARE")]
    pub level: Option<f64>,
    /// Finite population correction [default: true].
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub finite: Option<bool>,
    /// CVs at which the quality flag changes to caution and to unreliable [default: 0.165,0.333].
    #[arg(long, value_delimiter = ',', value_name = "SHARE")]
    pub cv_limits: Vec<f64>,
    /// Leave out direct zone numbers from fewer units, and others that would give them away [default: 0].
    #[arg(long, value_name = "N")]
    pub suppress_below: Option<usize>,
    /// Round published numbers to a multiple of this, the ends of intervals outward; errors keep two significant digits
    /// [default: 0, not at all].
    #[arg(long, value_name = "STEP")]
    pub round: Option<f64>,
    /// Flaws to go on with, as warnings: no-design, other-design, other-map, strata-sum, disclosed.
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    pub accept: Vec<FindingKind>,
    /// Without a sample: shares from the model alone, adjusted-count or emq; labelled model-based, without an error.
    #[arg(long, value_name = "HOW", conflicts_with_all = ["sample", "design"])]
    pub quantify: Option<quantify::Method>,
    /// Confusion matrix of held-out patches (confusion.csv of the bundle), for --quantify adjusted-count.
    #[arg(long, value_name = "FILE")]
    pub confusion: Option<PathBuf>,
    /// The time that the numbers speak of, for the quality report.
    #[arg(long, value_name = "TEXT")]
    pub reference_period: Option<String>,
    /// Replace what stands at --out.
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub overwrite: Option<bool>,
}

/// Format of `estimates.json`.
pub const FORMAT: &str = "areal-estimates/1";

/// `estimates.json`: how the numbers were made and what to know of them.
#[derive(Serialize)]
struct EstimatesMeta<'a> {
    format: &'static str,
    /// Area of the population: of the map, or of what the strata hold.
    population_km2: f64,
    /// Area of cells without a prediction: no number speaks of it.
    unobserved_km2: f64,
    /// Area of predicted cells in no stratum: no number of the strata speaks of it.
    outside_strata_km2: f64,
    units: usize,
    findings: &'a [Finding],
    agreement: Option<Agreement>,
    gains: Vec<(String, f64)>,
    provenance: &'a Provenance,
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        let all = [
            &self.prediction,
            &self.design,
            &self.sample,
            &self.second_look,
            &self.zones,
            &self.strata_raster,
            &self.store,
            &self.confusion,
        ];
        all.into_iter().flatten().cloned().collect()
    }

    fn output(&self) -> PathBuf {
        self.out.clone().unwrap_or_default()
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        self.check_flags()?;
        let out = StagedDir::new(required(self.out.as_deref(), "--out")?, self.overwrite == Some(true))?;
        match self.quantify {
            Some(method) => quantify::run(&self, method, out, context),
            None => self.survey(out, context),
        }
    }
}

impl Options {
    /// Refuses what would have no effect, which whoever asks for it should know.
    fn check_flags(&self) -> Result<(), CliError> {
        let zones = [
            ("--zone-id", self.zone_id.is_some()),
            ("--zone-name", self.zone_name.is_some()),
            ("--zone-method", self.zone_method.is_some()),
            ("--benchmark", self.benchmark == Some(true)),
        ];
        let of_sample = [
            ("--zones", self.zones.is_some()),
            ("--second-look", self.second_look.is_some()),
            ("--store", self.store.is_some()),
            ("--estimator", self.estimator.is_some()),
            ("--suppress-below", self.suppress_below.is_some()),
            ("--level", self.level.is_some()),
            ("--cv-limits", !self.cv_limits.is_empty()),
        ];
        let first = |flags: &[(&'static str, bool)]| flags.iter().find(|f| f.1).map(|f| f.0);
        let fault = |flag: &str, why: &str, help: &str| {
            Err(CliError::new(Exit::Usage, format!("{flag} has no effect {why}")).help(help.to_owned()))
        };
        if let Some(flag) = first(&zones).filter(|_| self.zones.is_none()) {
            return fault(flag, "without zones", "name their layer with --zones, or leave it out");
        }
        match (self.quantify, first(&of_sample)) {
            (Some(_), Some(flag)) => fault(flag, "with --quantify, which has no sample and no errors", "leave it out"),
            (None, _) if self.confusion.is_some() => {
                fault("--confusion", "on a sample", "it goes with --quantify adjusted-count")
            }
            _ => Ok(()),
        }
    }
}

/// A level must be a share below 1.
pub(super) fn check_level(level: f64) -> Result<(), CliError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(CliError::new(Exit::Usage, format!("--level {level} is no confidence level"))
        .help("give a share between 0 and 1, such as 0.95: 95 % is 0.95"))
}

/// What the numbers rest on.
struct Basis<'a> {
    tally: &'a Tally,
    design: Option<&'a Design>,
    agreement: Option<Agreement>,
    /// Labelled units.
    units: usize,
    limits: CvLimits,
}

impl<'a> Basis<'a> {
    /// Nothing but the map.
    fn model(tally: &'a Tally) -> Self {
        Self { tally, design: None, agreement: None, units: 0, limits: CvLimits::default() }
    }
}

/// What a reader of the quality report should know of the map, from its own documents.
fn map_facts(meta: &areal_raster::PredictionMeta) -> Vec<MapFact> {
    let fact = |name: &'static str, text: String| MapFact { name, text };
    let [width, height] = meta.grid.transform.pixel_size();
    let names: Vec<&str> = meta.target.classes().iter().map(|c| c.name.as_str()).collect();
    let bands: Vec<String> = meta.scene.bands.iter().map(ToString::to_string).collect();
    let files: Vec<String> = meta.scene.files.iter().map(|f| f.display().to_string()).collect();
    let prior: Vec<String> =
        names.iter().zip(&meta.training_prior).map(|(name, p)| format!("{name} {:.1} %", 100.0 * p)).collect();
    let mut facts = vec![
        fact("classes", names.join(", ")),
        fact("class shares that its training implies", prior.join(", ")),
        fact("bands", bands.join(", ")),
        fact("scene", files.join(", ")),
        fact("cell", format!("{width} x {height} in units of {}", meta.grid.crs.name)),
        fact("patch that a cell is decided by", format!("{} pixels, every {}", meta.patch_size, meta.stride)),
        fact("digest of its model", meta.bundle_sha256.to_string()),
    ];
    facts.retain(|f| !f.text.is_empty());
    facts
}

/// The tables of a run, whatever was estimated.
struct Results {
    rows: Vec<EstimateRow>,
    accuracy: Vec<areal_estimate::AccuracyRow>,
    matrix: Vec<areal_estimate::MatrixRow>,
    findings: Vec<Finding>,
    gains: Vec<(String, f64)>,
}

impl Options {
    fn settings(&self) -> Result<SurveySettings, CliError> {
        let limits = match self.cv_limits[..] {
            [] => CvLimits::default(),
            [good, caution] => {
                check_share("--cv-limits", good, 1.0)?;
                check_share("--cv-limits", caution, 1.0)?;
                CvLimits::new(good, caution)?
            }
            _ => {
                return Err(CliError::new(Exit::Usage, "--cv-limits wants two numbers").help("such as 0.165,0.333"));
            }
        };
        let level = self.level.unwrap_or(0.95);
        check_level(level)?;
        if let Some(cv) = self.greatest_cv {
            check_share("--greatest-cv", cv, 1.0)?;
        }
        if let Some(step) = self.round.filter(|s| !s.is_finite() || *s < 0.0) {
            return Err(CliError::new(Exit::Usage, format!("--round {step} is no step")).help("such as 0.1, 1 or 100"));
        }
        Ok(SurveySettings {
            estimator: self.estimator.unwrap_or(Estimator::Stratified),
            level,
            finite: self.finite.unwrap_or(true),
            zones: ZoneSettings {
                method: self.zone_method.unwrap_or(ZoneMethod::Auto),
                least_units: self.least_units.unwrap_or(30),
                greatest_cv: self.greatest_cv.unwrap_or(limits.caution),
                level,
            },
            limits,
            benchmark: self.benchmark == Some(true),
        })
    }

    fn survey(&self, out: StagedDir, context: &Context) -> Result<(), CliError> {
        let settings = self.settings()?;
        let sample = required(self.sample.as_deref(), "--sample")?;
        let mut read = read::Sample::read(self, sample, context)?;
        if read.map.classes() == 0 && (self.benchmark == Some(true) || self.second_look.is_some()) {
            let flag = if self.benchmark == Some(true) { "--benchmark" } else { "--second-look" };
            return Err(CliError::new(
                Exit::Usage,
                format!("{flag} is about classes, and the prediction is of a value"),
            )
            .help("leave it out"));
        }
        let tally = Tally::take(&mut read.map, context)?;
        let mut flaws = read.flaws(&tally)?;
        let mut reading = read.units()?;
        flaws.extend(areal_estimate::on_nodata(&reading.on_nodata));
        flaws.extend(areal_estimate::unlabelled(reading.unlabelled, reading.drawn));
        if let Some(store) = &self.store {
            let units = read::mark_training(store, &read.map, &mut reading)?;
            if units > 0 && read.map.classes() == 0 {
                flaws.push(training_overlap(units, ""));
            }
        }
        let mut findings = settle(flaws, &self.accept)?;
        let agreement = read::agreement(self, sample, &read.map, read.design())?;
        let mut results = match read.map.classes() {
            0 => value_results(&read, &tally, &reading, &settings)?,
            _ => class_results(&read, &tally, &reading, &settings)?,
        };
        findings.append(&mut results.findings);
        let (hidden, given_away) = suppress_rows(&mut results.rows, self.suppress_below.unwrap_or(0))?;
        findings.extend(settle(disclosed(given_away).into_iter().collect(), &self.accept)?);
        for finding in &findings {
            tracing::warn!("{finding}");
        }
        if hidden > 0 {
            tracing::info!("{hidden} numbers are suppressed");
        }
        round_rows(&mut results.rows, self.round.unwrap_or(0.0));
        results.findings = findings;
        let basis = Basis {
            tally: &tally,
            design: read.design(),
            agreement,
            units: reading.units.len(),
            limits: settings.limits,
        };
        self.write(out, &read.map, &results, &basis)
    }

    /// The settings as used: defaults filled in, what does not apply left out.
    fn used(&self) -> Result<serde_json::Value, CliError> {
        let settings = self.settings()?;
        let with_sample = self.quantify.is_none();
        let filled = Self {
            label_field: self.label_field.clone().or_else(|| with_sample.then(|| "label".to_owned())),
            estimator: with_sample.then_some(settings.estimator),
            zone_method: self.zones.as_ref().map(|_| settings.zones.method),
            least_units: self.zones.as_ref().map(|_| settings.zones.least_units),
            greatest_cv: self.zones.as_ref().map(|_| settings.zones.greatest_cv),
            benchmark: self.zones.as_ref().map(|_| settings.benchmark),
            level: with_sample.then_some(settings.level),
            finite: with_sample.then_some(settings.finite),
            cv_limits: vec![settings.limits.good, settings.limits.caution],
            suppress_below: Some(self.suppress_below.unwrap_or(0)),
            round: Some(self.round.unwrap_or(0.0)),
            ..self.clone()
        };
        Ok(without_nulls(serde_json::to_value(filled).unwrap_or_default()))
    }

    fn provenance(&self) -> Result<Provenance, CliError> {
        Ok(Provenance {
            made_by: areal_formats::MADE_BY.to_owned(),
            command: "estimate".to_owned(),
            inputs: self.inputs().iter().map(|p| input_file_with_companions(p)).collect::<Result<_, _>>()?,
            settings: self.used()?,
            seed: None,
        })
    }

    fn write(&self, out: StagedDir, map: &SurveyMap, results: &Results, basis: &Basis) -> Result<(), CliError> {
        let provenance = self.provenance()?;
        write_table(&out, "estimates.csv", &codebook::estimates(), &results.rows)?;
        if !results.accuracy.is_empty() {
            write_table(&out, "accuracy.csv", &codebook::accuracy(), &results.accuracy)?;
            write_table(&out, "error_matrix.csv", &codebook::error_matrix(), &results.matrix)?;
        }
        let meta = EstimatesMeta {
            format: FORMAT,
            population_km2: basis.tally.area(),
            unobserved_km2: basis.tally.unobserved,
            outside_strata_km2: basis.tally.outside,
            units: basis.units,
            findings: &results.findings,
            agreement: basis.agreement,
            gains: results.gains.clone(),
            provenance: &provenance,
        };
        write_json(&out.file("estimates.json"), &meta)?;
        let report = quality_report(&QualityInput {
            rows: &results.rows,
            accuracy: &results.accuracy,
            matrix: &results.matrix,
            agreement: basis.agreement,
            findings: &results.findings,
            gains: results.gains.clone(),
            units: basis.units,
            limits: basis.limits,
            design: basis.design,
            population_km2: basis.tally.area(),
            unobserved_km2: basis.tally.unobserved,
            outside_strata_km2: basis.tally.outside,
            provenance: &provenance,
            map: &map.meta.provenance,
            map_facts: &map_facts(&map.meta),
            reference_period: self.reference_period.as_deref(),
        });
        let path = out.file("quality.md");
        std::fs::write(&path, report).map_err(FileError::io("write", &path))?;
        out.commit()?;
        print_rows(&results.rows, self.round.is_some_and(|step| step > 0.0));
        Ok(())
    }
}

fn class_results(
    read: &read::Sample,
    tally: &Tally,
    reading: &read::Reading,
    settings: &SurveySettings,
) -> Result<Results, CliError> {
    let classes: Vec<MapClass> = map_classes(&read.map, tally);
    let zones = read.map.zones.iter().flat_map(|set| &set.zones).zip(&tally.zones);
    let survey = ClassSurvey {
        strata: read.strata(tally),
        zones: zones
            .map(|(z, t)| MapZone { id: z.id.clone(), name: z.name.clone(), mapped: t.mapped.clone() })
            .collect(),
        together: MapZone { id: String::new(), name: String::new(), mapped: tally.together.mapped.clone() },
        population: read.population(),
        pools: read.pools(),
        units: reading.units.iter().map(read::Unit::class).collect(),
        designed: read.design().is_some(),
        classes,
    };
    let mut found = estimate_classes(&survey, settings)?;
    // Ten digits are more than any sample can tell.
    let digits = |v: f64| significant(v, 10);
    for row in &mut found.accuracy {
        for value in [&mut row.estimate, &mut row.standard_error, &mut row.low, &mut row.high] {
            *value = value.map(digits);
        }
    }
    for row in &mut found.matrix {
        row.share = digits(row.share);
    }
    Ok(Results {
        gains: survey.classes.iter().map(|c| c.name.clone()).zip(found.gains).collect(),
        rows: found.rows,
        accuracy: found.accuracy,
        matrix: found.matrix,
        findings: found.findings,
    })
}

fn map_classes(map: &SurveyMap, tally: &Tally) -> Vec<MapClass> {
    let classes = map.meta.target.classes().iter().enumerate();
    classes
        .map(|(k, class)| MapClass {
            code: class.code,
            name: class.name.clone(),
            area: tally.mapped[k],
            mean_probability: tally.means[k].is_finite().then_some(tally.means[k]),
        })
        .collect()
}

fn value_results(
    read: &read::Sample,
    tally: &Tally,
    reading: &read::Reading,
    settings: &SurveySettings,
) -> Result<Results, CliError> {
    let (name, unit) = match &read.map.meta.target {
        areal_grid::Target::Value { name, unit } => (name.clone(), unit.clone()),
        areal_grid::Target::Classes { .. } => Default::default(),
    };
    let zones = read.map.zones.iter().flat_map(|set| &set.zones).zip(&tally.zones);
    let zone = |id: String, name: String, t: &ZoneTally| {
        let area = t.mapped[0];
        ValueZone { id, name, area, map_mean: if area > 0.0 { t.value / area } else { 0.0 } }
    };
    let survey = ValueSurvey {
        strata: read.strata(tally),
        map_mean: tally.means[0],
        zones: zones.map(|(z, t)| zone(z.id.clone(), z.name.clone(), t)).collect(),
        together: zone(String::new(), String::new(), &tally.together),
        population: read.population(),
        pools: read.pools(),
        units: reading.units.iter().map(read::Unit::value).collect(),
        designed: read.design().is_some(),
        name: name.clone(),
        unit,
    };
    let (rows, gain, findings) = estimate_value(&survey, settings)?;
    let (accuracy, matrix) = Default::default();
    Ok(Results { rows, accuracy, matrix, findings, gains: vec![(name, gain)] })
}
