//! `areal sample`: draws a probability sample of map cells.

use std::path::PathBuf;

use areal_estimate::{Allocation, Draw, counted, significant};
use areal_formats::{Design, StrataBy};
use areal_job::StagedDir;
use areal_survey::{
    ALLOCATION_TO_RISK, ClassPrecision, DEFAULT_TARGET_SE, DEFAULT_USERS, MIN_PER_CLASS, MIN_PER_RISK, MIN_PER_STRATUM,
    OTHER_ALLOCATION, STRATA_OF_CLASSES, STRATA_OF_VALUES, SampleRemark, SampleSettings, UNEXPECTED, draw_sample,
};
use areal_tables::{ClassNaming, Encoding};
use areal_zones::ZoneSet;
use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::options::{self, OVERWRITE, name_of, required};
use crate::recipe::Planned;
use crate::survey::print_aligned;

/// Draw a probability sample of map cells, ready to be labelled by an interpreter.
///
/// The units are cells of the prediction, drawn at random within strata with known probabilities. The folder contains
/// `sample.gpkg` and `sample.csv` (to be labelled; they hide the map class), `labelling.md` (instructions),
/// `second_look.gpkg` and `.csv` (units for a second interpreter), `design.json` and `units.csv` (input of `areal
/// estimate`; not for interpreters).
#[derive(Debug, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[command(after_help = "Examples:
  areal sample --prediction out/prediction --out out/sample
  areal sample --prediction out/prediction --target-cv 0.1 --class rubber --users rubber=0.7 --out out/sample
  areal sample --prediction out/prediction --strata both --zones districts.gpkg --zone-id id --size 900 --out out/sample")]
pub struct Options {
    /// Folder of the prediction.
    #[arg(long, value_name = "FOLDER")]
    pub prediction: Option<PathBuf>,
    /// Folder to write.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    #[arg(long, value_name = "KIND", value_parser = name_of::<StrataBy>(),
        help = format!("Kind of strata; risk cuts each class into confident and uncertain cells by its probability [default: \
            {STRATA_OF_CLASSES}; {STRATA_OF_VALUES} for a value]"))]
    pub strata: Option<StrataBy>,
    /// Raster of strata (whole numbers 0 to 255) on the map's grid, for --strata raster.
    #[arg(long, value_name = "FILE")]
    pub strata_raster: Option<PathBuf>,
    /// Value of --strata-raster that means nodata, in addition to the nodata value of the file.
    #[arg(long, allow_negative_numbers = true, value_name = "NUMBER", requires = "strata_raster")]
    pub strata_nodata: Option<f64>,
    /// File of zones, for --strata zones or both. A cell belongs to the zone that covers most of it.
    #[arg(long, value_name = "FILE")]
    pub zones: Option<PathBuf>,
    /// Layer of --zones. [default: its only one]
    #[arg(long, value_name = "LAYER", requires = "zones")]
    pub zone_layer: Option<String>,
    /// Encoding of the text in --zones, where it is not UTF-8: windows-1252, iso-8859-2 ...
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<Encoding>,
    /// Field that identifies a zone.
    #[arg(long, value_name = "FIELD")]
    pub zone_id: Option<String>,
    /// Number of units [default: computed from --target-se or --target-cv].
    #[arg(long, value_name = "N", conflicts_with_all = ["target_se", "target_cv"])]
    pub size: Option<u64>,
    #[arg(long, value_name = "FRACTION", conflicts_with = "target_cv",
        help = format!("Target standard error of overall accuracy, as a fraction [default: {DEFAULT_TARGET_SE}]"))]
    pub target_se: Option<f64>,
    /// Target coefficient of variation of the area of --class, as a fraction: 0.1 is 10 %.
    #[arg(long, value_name = "FRACTION", requires = "class")]
    pub target_cv: Option<f64>,
    /// Class for --target-cv, by name or code.
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// How --class and --users name classes [default: whichever fits all of them].
    #[arg(long, value_name = "HOW", value_parser = name_of::<ClassNaming>())]
    pub class_by: Option<ClassNaming>,
    #[arg(long, value_delimiter = ',', value_name = "CLASS=FRACTION",
        help = format!("Expected user's accuracies, by class: rubber=0.7,forest=0.9 [default: what the probabilities of the map \
            expect with --strata risk, otherwise {DEFAULT_USERS} each]"))]
    pub users: Vec<String>,
    #[arg(long, value_name = "HOW", value_parser = name_of::<Allocation>(),
        help = format!("How the sample is allocated to the strata [default: {ALLOCATION_TO_RISK} with --strata risk, otherwise \
            {OTHER_ALLOCATION}]"))]
    pub allocation: Option<Allocation>,
    #[arg(long, value_name = "N",
        help = format!("Minimum number of units in a stratum [default: {MIN_PER_CLASS} with --strata classes, {MIN_PER_RISK} with \
            risk, otherwise {MIN_PER_STRATUM}]"))]
    pub min_per_stratum: Option<u64>,
    /// How units are drawn within a stratum; balanced spreads them over the map.
    #[arg(long, value_name = "HOW", value_parser = name_of::<Draw>(), default_value_t = SampleSettings::default().draw)]
    pub draw: Draw,
    /// Fraction of the units to be labelled by a second interpreter.
    #[arg(long, value_name = "FRACTION", default_value_t = SampleSettings::default().second_look)]
    pub second_look: f64,
    /// Show the map class in the files for interpreters.
    #[arg(long)]
    pub show_map: bool,
    /// Seed of the draw.
    #[arg(long, value_name = "N", default_value_t = SampleSettings::default().seed)]
    pub seed: u64,
    #[arg(long, help = OVERWRITE)]
    pub overwrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        options::defaults()
    }
}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        self.settings().inputs()
    }

    fn output(&self) -> Option<PathBuf> {
        self.out.clone()
    }

    fn check(&self, planned: &mut Planned) -> Result<(), CliError> {
        self.check_fractions()?;
        let settings = self.settings();
        let of_users = settings.users.iter().map(|text| text.split('=').next().unwrap_or(text));
        if self.prediction.as_deref().is_some_and(|prediction| planned.makes(prediction)) {
            planned.check_classes(settings.class.as_deref().into_iter().chain(of_users), settings.class_by)?;
        }
        if let Some(zones) = &settings.zones {
            ZoneSet::read(zones, &settings.zone_settings())?;
        }
        Ok(())
    }

    fn run(self, context: &Context) -> Result<(), CliError> {
        let settings = self.settings();
        required(self.prediction.as_ref(), "--prediction", "the prediction to sample from")?;
        let mut out = StagedDir::new(required(self.out.as_ref(), "--out", "the folder to write")?, self.overwrite)?;
        // Interpreters fill these in.
        out.open_to_edits(["sample.csv", "second_look.csv"]);
        self.check_fractions()?;
        let drawn = draw_sample(&settings, &out, context.job())?;
        for remark in &drawn.remarks {
            if matches!(remark, SampleRemark::Raised { .. }) {
                tracing::info!("{}", remark_text(remark));
            } else {
                tracing::warn!("{}", remark_text(remark));
            }
        }
        out.commit()?;
        tracing::info!(
            "drew {}; fill in the field \"label\" of sample.gpkg or sample.csv (labelling.md)",
            counted(drawn.units, "unit")
        );
        print_design(&drawn.design);
        print_precision(&drawn.precision, drawn.expected_error);
        Ok(())
    }
}

impl Options {
    /// The settings: what was said, over the defaults.
    fn settings(&self) -> SampleSettings {
        let own = self.clone();
        let default = SampleSettings::default();
        SampleSettings {
            prediction: own.prediction.unwrap_or(default.prediction),
            out: own.out.unwrap_or(default.out),
            strata: own.strata,
            strata_raster: own.strata_raster,
            strata_nodata: own.strata_nodata,
            zones: own.zones,
            zone_layer: own.zone_layer,
            encoding: own.encoding,
            zone_id: own.zone_id,
            size: own.size,
            target_se: own.target_se,
            target_cv: own.target_cv,
            class: own.class,
            class_by: own.class_by,
            users: own.users,
            allocation: own.allocation,
            min_per_stratum: own.min_per_stratum,
            draw: own.draw,
            second_look: own.second_look,
            show_map: own.show_map,
            seed: own.seed,
        }
    }

    /// Refuses percents given for fractions, and a class that would have no effect.
    fn check_fractions(&self) -> Result<(), CliError> {
        if self.class.is_some() && self.target_cv.is_none() {
            return Err(CliError::new(Exit::Usage, "--class has no effect without --target-cv".to_owned()).help(
                "give the CV that the area of the class should have, such as --target-cv 0.1, or remove --class",
            ));
        }
        let second_look = Some(self.second_look).filter(|fraction| *fraction != 0.0);
        for (flag, fraction, max) in [
            ("--target-se", self.target_se, 0.5),
            ("--target-cv", self.target_cv, 1.0),
            ("--second-look", second_look, 1.0),
        ] {
            if let Some(fraction) = fraction {
                check_fraction(flag, fraction, max)?;
            }
        }
        Ok(())
    }
}

/// Refuses what is not a fraction, with a hint where it may be a percent.
pub(super) fn check_fraction(flag: &str, fraction: f64, max: f64) -> Result<f64, CliError> {
    if fraction > 0.0 && fraction <= max {
        return Ok(fraction);
    }
    let percent = if fraction > max && fraction <= 100.0 { fraction } else { 10.0 };
    Err(CliError::new(Exit::Usage, format!("{flag} {fraction} must be a fraction in (0, {max}]"))
        .help(format!("give a fraction, not a percent: {} is {percent} %", significant(percent / 100.0, 6))))
}

fn remark_text(remark: &SampleRemark) -> String {
    match remark {
        SampleRemark::OtherSize { drawn, wanted, strata, min_per_stratum } => format!(
            "{drawn} units are drawn, not the {wanted} of --size: {strata} strata have at least {min_per_stratum} units \
             each (--min-per-stratum)"
        ),
        SampleRemark::Raised { raised, strata, min_per_stratum, allocation, fewest, most, rest, rest_allocated } => {
            let would = if fewest == most { fewest.to_string() } else { format!("{fewest} to {most}") };
            let others = if raised == strata {
                String::new()
            } else {
                format!(". The other strata share {rest} units instead of {rest_allocated}")
            };
            format!(
                "{raised} of {strata} strata were raised to the minimum of {min_per_stratum} units (--min-per-stratum); {allocation} \
                 allocation alone would give them {would} each{others}"
            )
        }
        SampleRemark::SizedByMap => {
            "the number of units is based on the errors that the map's probabilities predict; an overconfident map \
             needs more (--size or --users)"
                .to_owned()
        }
        SampleRemark::NoGain { worse, classes, strata, min_per_stratum } => format!(
            "strata of risk are expected to do worse than strata of classes for {worse} of {classes} classes: at least \
             {min_per_stratum} units in each of {strata} strata leave few to allocate; draw more units, lower --min-per-stratum, or \
             use --strata classes"
        ),
        SampleRemark::ThinStrata { thin, strata, min_units } => format!(
            "{thin} of {strata} strata have fewer than {min_units} units, too few to estimate their own variance; raise \
             --size or --min-per-stratum, or use fewer strata"
        ),
    }
}

fn print_design(design: &Design) {
    let head = ["stratum", "cells", "area_km2", "units", "inclusion_probability"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for s in &design.strata {
        lines.push(vec![
            s.name.clone(),
            s.population.to_string(),
            format!("{:.4}", s.area),
            s.sample.to_string(),
            significant(s.inclusion_probability, 4).to_string(),
        ]);
    }
    print_aligned(&lines);
}

/// What is expected of each class with these strata, and with strata of classes.
fn print_precision(classes: &[ClassPrecision], expected_error: Option<f64>) {
    let Some(error) = expected_error else { return };
    let head = ["class", "expected_km2", "expected_cv", "planned_cv", "planned_cv_with_strata_of_classes"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    let percent = |cv: f64| format!("{:.1} %", 100.0 * cv);
    for c in classes {
        let cvs = [c.expected_cv, c.cv, c.cv_without_risk].map(percent);
        lines.push([vec![c.class.clone(), format!("{:.4}", c.area)], cvs.to_vec()].concat());
    }
    outln!("");
    print_aligned(&lines);
    tracing::info!(
        "expected_cv: the map's probabilities imply that {:.1} % of the area is misclassified; if the map is better than that, CVs are \
         smaller (pass --users from an earlier sample). planned_cv: adds errors on {} % of each stratum that the probabilities do not imply",
        100.0 * error,
        100.0 * UNEXPECTED
    );
}
