//! Drawing a probability sample of map cells, with the files that interpreters fill in.

mod labelling;
mod precision;
mod risk;
mod settings;
mod sizes;
mod units;

use areal_estimate::{Allocation, Census, MIN_UNITS_IN_STRATUM, number_units};
use areal_formats::{DESIGN_FORMAT, Design, DesignStratum, DesignUnit, StrataBy};
use areal_job::{Job, StagedDir, hash_file, write_json};
use areal_raster::Prediction;

pub use precision::ClassPrecision;
use risk::RiskPlan;
pub use risk::UNEXPECTED;
pub use settings::{
    ALLOCATION_TO_RISK, DEFAULT_TARGET_SE, DEFAULT_USERS, MIN_PER_CLASS, MIN_PER_RISK, MIN_PER_STRATUM,
    OTHER_ALLOCATION, STRATA_OF_CLASSES, STRATA_OF_VALUES, SampleSettings,
};
use units::{InterpreterFiles, describe, write_units};

use crate::{FrameSource, MapFrame, SurveyError};

/// A sample that was drawn.
pub struct DrawnSample {
    pub design: Design,
    pub units: usize,
    pub remarks: Vec<SampleRemark>,
    /// What is expected of each class; empty without strata of risk.
    pub precision: Vec<ClassPrecision>,
    /// Fraction of the area that the map's probabilities expect to be of another class than the mapped one, for strata of risk.
    pub expected_error: Option<f64>,
}

/// What the user should know of a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleRemark {
    /// The minimum number of units in every stratum makes the sample larger than it was to be.
    OtherSize { drawn: usize, wanted: u64, strata: usize, min_per_stratum: u64 },
    /// Strata that the minimum number of units raises above what their allocation gives them, from `fewest` to `most`; the others have `rest` units, of
    /// `rest_allocated`.
    Raised {
        raised: usize,
        strata: usize,
        min_per_stratum: u64,
        allocation: Allocation,
        fewest: u64,
        most: u64,
        rest: u64,
        rest_allocated: u64,
    },
    /// Strata with fewer units than a variance of their own needs.
    ThinStrata { thin: usize, strata: usize, min_units: usize },
    /// The size follows from the errors that the map's probabilities expect.
    SizedByMap,
    /// Strata of risk that are expected to do worse than strata of classes with as many units, for so many of the classes.
    NoGain { worse: usize, classes: usize, strata: usize, min_per_stratum: u64 },
}

/// Draws a sample and writes its folder.
///
/// # Errors
/// Settings that do not fit the map, files that cannot be read or written.
pub fn draw_sample(settings: &SampleSettings, out: &StagedDir, job: Job<'_>) -> Result<DrawnSample, SurveyError> {
    let strata_by = match settings.strata {
        Some(by) => by,
        None if Prediction::open(&settings.prediction)?.classes_path().is_none() => STRATA_OF_VALUES,
        None => STRATA_OF_CLASSES,
    };
    let source = FrameSource {
        prediction: &settings.prediction,
        strata_by,
        strata_raster: settings.strata_raster.as_deref(),
        zones: settings.zones.as_deref(),
        strata_nodata: settings.strata_nodata,
        zone_settings: settings.zone_settings(),
    };
    let mut frame = MapFrame::open(&source, job)?;
    let risk = (strata_by == StrataBy::Risk).then(|| RiskPlan::cut(settings, &mut frame)).transpose()?;
    let strata = frame.strata_count();
    let census = Census::take(&mut frame, strata)?;
    let anticipated = settings.anticipated(&frame, &census, risk.as_ref())?;
    let numbers = settings.units_by_stratum(&frame, &anticipated, risk.as_ref())?;
    let allocated = settings.allocated(&frame, &anticipated, &numbers)?;
    let precision = risk.as_ref().map(|risk| precision::precision(risk, &anticipated, &numbers, &frame));
    let precision = precision.transpose()?.unwrap_or_default();
    let drawn = census.draw(&mut frame, &numbers, settings.draw, settings.seed)?;
    let second = (settings.second_look * drawn.len() as f64).round() as usize;
    let units = describe(&mut frame, &census, &numbers, number_units(drawn, second, settings.seed))?;
    write_units(&out.file("units.csv"), &units)?;
    let mut design = design(settings, &frame, &census, [&numbers, &allocated], second as u64)?;
    hash_file(&out.file("units.csv"))?.short().clone_into(&mut design.design_id);
    write_json(&out.file("design.json"), &design)?;
    let blind = InterpreterFiles { frame: &frame, design: &design, show_map: settings.show_map };
    blind.write(out, "sample", &units)?;
    let twice: Vec<DesignUnit> = units.iter().filter(|u| u.second_look).cloned().collect();
    if !twice.is_empty() {
        blind.write(out, "second_look", &twice)?;
    }
    labelling::write(out, &frame, &design, units.len(), twice.len())?;
    Ok(DrawnSample {
        remarks: remarks(settings, &design, units.len(), &precision),
        units: units.len(),
        design,
        precision,
        expected_error: risk.as_ref().map(RiskPlan::expected_error),
    })
}

fn design(
    settings: &SampleSettings,
    frame: &MapFrame,
    census: &Census,
    [numbers, allocated]: [&[u64]; 2],
    second_look: u64,
) -> Result<Design, SurveyError> {
    let populations = census.populations();
    let min_per_stratum = settings.min_per_stratum(frame.strata_by);
    let stratum = |h: usize| {
        let label = frame.stratum_label(h);
        DesignStratum {
            name: label.name,
            class_code: label.class_code,
            min_probability: label.min_probability,
            below_probability: label.below_probability,
            zone_id: label.zone_id,
            population: populations[h],
            area: census.areas()[h],
            sample: numbers[h],
            allocated: Some(allocated[h]).filter(|n| *n < numbers[h] && numbers[h] <= min_per_stratum),
            inclusion_probability: numbers[h] as f64 / populations[h] as f64,
        }
    };
    let classes = frame.meta.target.classes();
    let users = settings.users_accuracies(classes)?;
    let expected = match frame.strata_by {
        StrataBy::Risk => settings.users.clone(),
        _ => classes.iter().zip(users).map(|(c, u)| format!("{}={u}", c.name)).collect(),
    };
    let cells = frame.grid().height as u64 * frame.grid().width as u64;
    Ok(Design {
        format: DESIGN_FORMAT.to_owned(),
        design_id: String::new(),
        strata_by: frame.strata_by,
        draw: settings.draw,
        allocation: settings.allocation(frame.strata_by),
        seed: settings.seed,
        map: frame.path.clone(),
        map_sha256: hash_file(&frame.path)?,
        area_unit: "km2".to_owned(),
        strata: (0..numbers.len()).filter(|&h| populations[h] > 0).map(stratum).collect(),
        outside_population: cells - populations.iter().sum::<u64>(),
        second_look,
        provenance: settings.provenance(frame.strata_by, expected)?,
    })
}

fn remarks(
    settings: &SampleSettings,
    design: &Design,
    drawn: usize,
    precision: &[ClassPrecision],
) -> Vec<SampleRemark> {
    let strata = design.strata.len();
    let min_per_stratum = settings.min_per_stratum(design.strata_by);
    let size = settings.size.filter(|n| *n != drawn as u64);
    let size = size.map(|wanted| SampleRemark::OtherSize { drawn, wanted, strata, min_per_stratum });
    let is_thin = |s: &&DesignStratum| s.sample < MIN_UNITS_IN_STRATUM as u64 && s.sample < s.population;
    let thin = design.strata.iter().filter(is_thin).count();
    let thin = (thin > 0).then_some(SampleRemark::ThinStrata { thin, strata, min_units: MIN_UNITS_IN_STRATUM });
    let by_map = design.strata_by == StrataBy::Risk && settings.size.is_none() && settings.users.is_empty();
    let by_map = by_map.then_some(SampleRemark::SizedByMap);
    let worse = precision.iter().filter(|c| c.cv > c.cv_without_risk).count();
    let no_gain = (2 * worse > precision.len()).then_some(SampleRemark::NoGain {
        worse,
        classes: precision.len(),
        strata,
        min_per_stratum,
    });
    let raised = raised(design, settings.allocation(design.strata_by), min_per_stratum, drawn as u64);
    size.into_iter().chain(raised).chain(thin).chain(by_map).chain(no_gain).collect()
}

/// Where the minimum number of units in a stratum decides the split.
fn raised(design: &Design, allocation: Allocation, min_per_stratum: u64, drawn: u64) -> Option<SampleRemark> {
    let raised: Vec<(u64, u64)> = design.strata.iter().filter_map(|s| Some((s.allocated?, s.sample))).collect();
    let allocated = || raised.iter().map(|r| r.0);
    let rest = drawn - raised.iter().map(|r| r.1).sum::<u64>();
    Some(SampleRemark::Raised {
        raised: raised.len(),
        strata: design.strata.len(),
        min_per_stratum,
        allocation,
        fewest: allocated().min()?,
        most: allocated().max()?,
        rest,
        rest_allocated: drawn - allocated().sum::<u64>(),
    })
}
