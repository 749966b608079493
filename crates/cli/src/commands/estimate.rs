//! `areal estimate`: estimates from a labelled sample, or from the model alone.

use std::path::PathBuf;

use areal_estimate::{CvLimits, Estimator, FindingKind, MIN_UNITS_OF_GROUP, ZoneMethod, counted, counted_do};
use areal_job::StagedDir;
use areal_survey::{EstimateSettings, QuantifyMethod, estimate, quantify};
use areal_tables::{ClassNaming, Encoding, make_tables_spreadsheet_safe};
use areal_zones::ZoneSet;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::Stage;
use super::sample::check_fraction;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, OVERWRITE, name_of, required};
use crate::recipe::Planned;
use crate::survey::print_estimates;

/// The findings that refuse an estimate, and that --accept makes warnings.
const ACCEPTABLE: [&str; 5] = ["no-design", "other-design", "other-map", "strata-sum", "disclosed"];

/// Estimate class areas, or the mean of a value, from a labelled sample, with standard errors, for the map and its
/// zones.
///
/// Reads the prediction, the design that `areal sample` made and the labelled sample. Writes `estimates.csv`,
/// `accuracy.csv` and `error_matrix.csv` (each with CSV on the Web metadata), `estimates.json` and `quality.md`. If the
/// sample does not support an estimate, the command stops and gives the reason; --accept KIND turns this into a
/// warning.
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  areal estimate --prediction out/prediction --design out/sample --sample labelled.csv --out out/estimates
  areal estimate --prediction out/prediction --design out/sample --sample labelled.gpkg --zones districts.gpkg \\
      --zone-id id --benchmark --suppress-below 10 --round 1 --out out/estimates
  areal estimate --prediction out/prediction --quantify emq --out out/quantified")]
pub struct Options {
    /// Folder of the prediction.
    #[arg(long, value_name = "FOLDER")]
    pub prediction: Option<PathBuf>,
    /// Folder that `areal sample` made: the design of the sample.
    #[arg(long, value_name = "FOLDER")]
    pub design: Option<PathBuf>,
    /// The labelled sample: a CSV table (cells separated by commas, semicolons or tabs), or a GeoPackage or another vector file, with
    /// the fields `unit_id` and `label`.
    #[arg(long, value_name = "FILE")]
    pub sample: Option<PathBuf>,
    /// Units labelled by a second interpreter, to measure the agreement of both.
    #[arg(long, value_name = "FILE")]
    pub second_look: Option<PathBuf>,
    /// Layer of --sample and --second-look. [default: the only one with geometries]
    #[arg(long, value_name = "LAYER")]
    pub sample_layer: Option<String>,
    /// Encoding of the text in tables and layers, where it is not UTF-8: windows-1252, iso-8859-2 ...
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<Encoding>,
    /// How the labels name classes [default: whichever fits all of them].
    #[arg(long, value_name = "HOW", value_parser = name_of::<ClassNaming>())]
    pub class_by: Option<ClassNaming>,
    /// Field that holds the label: class name or code, or a number for a value.
    #[arg(long, value_name = "FIELD", default_value_t = EstimateSettings::default().label_field)]
    pub label_field: String,
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// File of zones to make estimates for.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Layer of --zones. [default: its only one]
    #[arg(long, value_name = "LAYER")]
    pub zone_layer: Option<String>,
    /// Field that identifies a zone.
    #[arg(long, value_name = "FIELD")]
    pub zone_id: Option<String>,
    /// Field with the zone names.
    #[arg(long, value_name = "FIELD")]
    pub zone_name: Option<String>,
    /// Raster of strata, for a sample that was drawn with --strata raster.
    #[arg(long, value_name = "FILE")]
    pub strata_raster: Option<PathBuf>,
    /// Value of --strata-raster that means nodata, in addition to the nodata value of the file.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER", requires = "strata_raster")]
    pub strata_nodata: Option<f64>,
    /// Patch store that the model was trained on, to report accuracy on and off its training patches.
    #[arg(long, value_name = "FOLDER")]
    pub store: Option<PathBuf>,
    #[arg(long, value_name = "HOW", value_parser = name_of::<Estimator>(),
        help = format!("Estimator for the whole map [default: {}; {} where the strata do not tell the classes of the map apart and each \
            class has at least {MIN_UNITS_OF_GROUP} units]", Estimator::Stratified, Estimator::PostStratified))]
    pub estimator: Option<Estimator>,
    #[arg(long, value_name = "HOW", value_parser = name_of::<ZoneMethod>(),
        help = format!("Estimator for zones; auto is direct where the zone has --min-units, a CV up to --max-cv and no larger error \
            than corrected-map, and otherwise corrected-map (of a value: direct where the zone has --min-units, and a CV up to --max-cv or no larger \
            error than composite, and otherwise composite) [default: {}]", EstimateSettings::default().zone_method))]
    pub zone_method: Option<ZoneMethod>,
    /// Minimum number of units for a direct estimate in a zone.
    #[arg(long, value_name = "N", default_value_t = EstimateSettings::default().min_units)]
    pub min_units: usize,
    /// Maximum CV of a direct estimate in a zone: the area-weighted mean over its classes [default: the second value of
    /// --cv-limits].
    #[arg(long, value_name = "FRACTION")]
    pub max_cv: Option<f64>,
    /// Rake the class areas of the zones to the zone areas and to the estimates for all zones together (population
    /// "zones"). If the zones cover the map, these are the estimates for the whole map.
    #[arg(long)]
    pub benchmark: bool,
    #[arg(long, value_name = "FRACTION",
        help = format!("Confidence level of intervals [default: {}]", EstimateSettings::default().level))]
    pub level: Option<f64>,
    /// Apply the finite population correction.
    #[arg(long, action = ArgAction::Set, default_value_t = EstimateSettings::default().finite, value_name = "BOOL")]
    pub finite: bool,
    #[arg(long, value_delimiter = ',', value_name = "FRACTION", help = cv_limits_help())]
    pub cv_limits: Vec<f64>,
    #[arg(long, value_name = "N",
        help = format!("Suppress direct zone estimates from fewer units than this, and other estimates that would disclose them \
            [default: {}]", EstimateSettings::default().suppress_below))]
    pub suppress_below: Option<usize>,
    #[arg(long, value_name = "STEP",
        help = format!("Round published numbers to a multiple of this, and the ends of intervals outward. Errors keep two \
            significant digits. 0 is no rounding [default: {}]", EstimateSettings::default().round))]
    pub round: Option<f64>,
    /// Kinds of findings to report as warnings instead of errors.
    #[arg(long, value_delimiter = ',', value_name = "KIND", value_parser = acceptable())]
    #[serde(deserialize_with = "acceptable_kinds")]
    pub accept: Vec<FindingKind>,
    /// Estimate areas without a sample, from the model alone. They are marked model-based and have no error.
    #[arg(long, value_name = "HOW", conflicts_with_all = ["sample", "design"], value_parser = name_of::<QuantifyMethod>())]
    pub quantify: Option<QuantifyMethod>,
    /// Confusion matrix of held-out patches (confusion.csv of the bundle), for --quantify adjusted-count.
    #[arg(long, value_name = "FILE")]
    pub confusion: Option<PathBuf>,
    /// Reference period of the estimates, for the quality report.
    #[arg(long, value_name = "TEXT")]
    pub reference_period: Option<String>,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
    /// Put an apostrophe before cells of the tables that a spreadsheet would take for formulas: those that begin with = + - @ or an apostrophe.
    /// areal reads such tables back as they were.
    #[arg(long)]
    pub spreadsheet_safe: bool,
}

fn cv_limits_help() -> String {
    let [caution, unreliable] = EstimateSettings::default().cv_limits;
    format!(
        "Relative errors at which the quality flag changes to caution and to unreliable: the larger of the CV and the \
         longer side of the interval over the estimate and the normal quantile [default: {caution},{unreliable}]"
    )
}

/// Parses a kind of finding that may be accepted.
fn acceptable() -> impl TypedValueParser<Value = FindingKind> {
    PossibleValuesParser::new(ACCEPTABLE).map(|name| name.parse().expect("the names are those of kinds"))
}

/// The kinds under a recipe's key, which may be no others than those of the flag.
fn acceptable_kinds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<FindingKind>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    let kind = |name: String| match name.parse() {
        Ok(kind) if ACCEPTABLE.contains(&name.as_str()) => Ok(kind),
        _ => Err(D::Error::custom(format!("unknown finding \"{name}\"; expected one of {}", ACCEPTABLE.join(", ")))),
    };
    names.into_iter().map(kind).collect()
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.settings_unchecked().inputs()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, _: &mut Planned) -> Result<(), CliError> {
        self.check_flags()?;
        let settings = self.settings()?;
        if let Some(zones) = &settings.zones {
            ZoneSet::read(zones, &settings.zone_settings())?;
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        self.check_flags()?;
        let out = StagedDir::new(required(self.out.as_ref(), "--out", "the folder to write")?, self.overwrite)?;
        let settings = self.settings()?;
        required(self.prediction.as_ref(), "--prediction", "the prediction to estimate from")?;
        let published = match self.quantify {
            Some(method) => {
                if method == QuantifyMethod::AdjustedCount {
                    required(self.confusion.as_ref(), "--confusion", "the confusion matrix")?;
                }
                quantify(&settings, method, &out, context.job())?
            }
            None => estimate(
                &settings,
                required(self.sample.as_ref(), "--sample", "the labelled sample")?,
                &out,
                context.job(),
            )?,
        };
        for finding in &published.findings {
            tracing::warn!("{finding}");
        }
        match (published.suppressed, self.suppress_below) {
            (0, Some(units)) if units > 0 => {
                tracing::info!("nothing is suppressed: no direct zone estimate uses fewer than {units} units");
            }
            (0, _) => {}
            (hidden, _) => tracing::info!("{} suppressed", counted_do(hidden, "estimate", ["is", "are"])),
        }
        if self.spreadsheet_safe {
            let cells = make_tables_spreadsheet_safe(out.path())?;
            tracing::info!("an apostrophe was added to {} (--spreadsheet-safe)", counted(cells, "table cell"));
        }
        out.commit()?;
        let [good, caution] = settings.cv_limits;
        print_estimates(&published, settings.round, &CvLimits { good, caution });
        Ok(())
    }
}

impl Options {
    /// The settings: what was said, over the defaults.
    fn settings_unchecked(&self) -> EstimateSettings {
        let own = self.clone();
        let default = EstimateSettings::default();
        EstimateSettings {
            prediction: own.prediction.unwrap_or(default.prediction),
            design: own.design,
            sample: own.sample,
            second_look: own.second_look,
            label_field: own.label_field,
            sample_layer: own.sample_layer,
            encoding: own.encoding,
            class_by: own.class_by,
            out: own.out.unwrap_or(default.out),
            zones: own.zones,
            zone_layer: own.zone_layer,
            zone_id: own.zone_id,
            zone_name: own.zone_name,
            strata_raster: own.strata_raster,
            strata_nodata: own.strata_nodata,
            store: own.store,
            estimator: own.estimator,
            zone_method: own.zone_method.unwrap_or(default.zone_method),
            min_units: own.min_units,
            max_cv: own.max_cv,
            benchmark: own.benchmark,
            level: own.level.unwrap_or(default.level),
            finite: own.finite,
            cv_limits: <[f64; 2]>::try_from(own.cv_limits).unwrap_or(default.cv_limits),
            suppress_below: own.suppress_below.unwrap_or(default.suppress_below),
            round: own.round.unwrap_or(default.round),
            accept: own.accept,
            quantify: own.quantify,
            confusion: own.confusion,
            reference_period: own.reference_period,
        }
    }

    /// The settings, checked for consistency.
    fn settings(&self) -> Result<EstimateSettings, CliError> {
        let fault = |message: String, help: &str| Err(CliError::new(Exit::Usage, message).help(help.to_owned()));
        if !matches!(self.cv_limits.len(), 0 | 2) {
            return fault("--cv-limits takes exactly two values".to_owned(), "for example: --cv-limits 0.165,0.333");
        }
        for limit in &self.cv_limits {
            check_fraction("--cv-limits", *limit, 1.0)?;
        }
        let settings = self.settings_unchecked();
        check_level(settings.level)?;
        if let Some(cv) = settings.max_cv {
            check_fraction("--max-cv", cv, 1.0)?;
        }
        if !settings.round.is_finite() || settings.round < 0.0 {
            return fault(format!("--round {} must be 0 or positive", settings.round), "for example 0.1, 1 or 100");
        }
        Ok(settings)
    }

    /// Refuses flags that would have no effect.
    fn check_flags(&self) -> Result<(), CliError> {
        let zones = [
            ("--zone-layer", self.zone_layer.is_some()),
            ("--zone-id", self.zone_id.is_some()),
            ("--zone-name", self.zone_name.is_some()),
            ("--zone-method", self.zone_method.is_some()),
            ("--benchmark", self.benchmark),
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
            return fault(flag, "without zones", "pass the zones as --zones, or remove the flag");
        }
        match (self.quantify, first(&of_sample)) {
            (Some(_), Some(flag)) => {
                fault(flag, "with --quantify, which uses no sample and gives no errors", "remove the flag")
            }
            (None, _) if self.confusion.is_some() => {
                fault("--confusion", "without --quantify", "use it with --quantify adjusted-count")
            }
            _ => Ok(()),
        }
    }
}

/// A confidence level is a fraction below 1.
pub(super) fn check_level(level: f64) -> Result<(), CliError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(CliError::new(Exit::Usage, format!("--level {level} must be a fraction between 0 and 1"))
        .help("for example 0.95 for 95 %"))
}
