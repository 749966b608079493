//! Advice about samples and estimates that cannot be made.

use areal_estimate::{EstimateError, FindingKind, Missing};
use areal_formats::StrataBy;
use areal_survey::{NotCompared, SurveyError, TableRole};
use areal_tables::TableError;

use super::{CliError, Exit};

impl From<EstimateError> for CliError {
    fn from(error: EstimateError) -> Self {
        let (exit, help) = match &error {
            EstimateError::FewUnits { .. } => (
                Exit::Input,
                "label more units of that stratum, or draw again with --min-per-stratum 2 or more, or with fewer \
                 strata",
            ),
            EstimateError::MoreThanPopulation { .. } => (Exit::Usage, "ask for fewer units with --size"),
            EstimateError::MoreThanAll { .. } => (Exit::Usage, "ask for fewer units with --size or --min-per-stratum"),
            EstimateError::Empty(missing) => (Exit::Input, what_to_give(*missing)),
            EstimateError::Unknown { .. } => {
                (Exit::Input, "use the codes or names of the map's legend, and the unit_id of the design")
            }
            EstimateError::Singular { .. } => (Exit::Failure, "use --estimator stratified, which needs no model"),
            EstimateError::OverlappingZones { .. } => {
                (Exit::Input, "leave out --benchmark, or pass zones that do not overlap as --zones")
            }
            EstimateError::NoConvergence { .. } => {
                (Exit::Failure, "use another --zone-method or --quantify method for these data")
            }
            EstimateError::Value { .. } | EstimateError::Length { .. } => {
                (Exit::Input, "check the settings and the input files of the command")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// What to do about a table that lacks something.
fn what_to_give(missing: Missing) -> &'static str {
    match missing {
        Missing::LabelledUnit | Missing::MeasuredUnit => {
            "fill in the label field of the sample, then pass the file as --sample"
        }
        Missing::UnitLabelledTwice => {
            "fill in the label field of the second look; its unit_id must be those of units labelled in --sample"
        }
        Missing::PredictedCell => "pass a prediction with predicted cells as --prediction",
        Missing::PostStratum => "use another --estimator: post-stratification needs classes",
        Missing::ClassToCorrect => "use another --zone-method: corrected-map needs classes",
        Missing::Area | Missing::DirectEstimate | Missing::UnitBeyondCoefficients | Missing::UnitLevelValue => {
            "use more units or zones, or another --zone-method"
        }
    }
}

impl From<SurveyError> for CliError {
    fn from(error: SurveyError) -> Self {
        let exit = match error {
            SurveyError::Estimate(inner) => return inner.into(),
            SurveyError::Raster(inner) => return inner.into(),
            SurveyError::Zones(inner) => return inner.into(),
            SurveyError::PatchStore(inner) => return inner.into(),
            SurveyError::File(inner) | SurveyError::PeoplesTable(TableError::File(inner)) => return inner.into(),
            SurveyError::Interrupted(inner) => return inner.into(),
            SurveyError::Projection(inner) => return inner.into(),
            SurveyError::UnknownClass { .. }
            | SurveyError::NoClassStrata
            | SurveyError::NoZoneStrata
            | SurveyError::NoStrataRaster
            | SurveyError::StrataCrs { .. }
            | SurveyError::StrataGrid { .. }
            | SurveyError::NoSize
            | SurveyError::NoTargetClass
            | SurveyError::NoConfusion
            | SurveyError::CvStrata { .. }
            | SurveyError::Users { .. }
            | SurveyError::ClassReading { .. }
            | SurveyError::ClassesOnly { .. }
            | SurveyError::ValuesOnly { .. } => Exit::Usage,
            _ => Exit::Input,
        };
        let message = match &error {
            SurveyError::CvStrata { strata } => Some(cv_strata(*strata)),
            SurveyError::Users { .. } => Some(format!("--users {error}")),
            SurveyError::ClassesOnly { .. } | SurveyError::ValuesOnly { .. } | SurveyError::ClassReading { .. } => {
                Some(format!("--{error}"))
            }
            _ => None,
        };
        let said = message.map_or_else(|| Self::from_source(exit, &error), |message| Self::new(exit, message));
        said.help(help(&error))
    }
}

fn cv_strata(strata: StrataBy) -> String {
    format!("--target-cv needs strata of classes, not {strata}")
}

/// What to do about labels.
fn label_help(error: &SurveyError) -> String {
    match error {
        SurveyError::LabelReading { kinds: Some([names, codes]), .. } => {
            format!("write all labels as names or all as codes; names: units {names}; codes: units {codes}")
        }
        SurveyError::LabelReading { fault, .. } | SurveyError::ClassReading { fault, .. } => {
            super::tables::class_by(fault).into()
        }
        SurveyError::Decimals { .. } => areal_tables::DECIMAL_ADVICE.into(),
        SurveyError::Labels { classes, .. } if classes.is_empty() => "write a number with a decimal point".into(),
        SurveyError::Labels { classes, .. } => format!("valid labels, all names or all codes: {classes}"),
        _ => String::new(),
    }
}

/// What to do about it.
fn help(error: &SurveyError) -> String {
    match error {
        SurveyError::Table { role, .. } => table(*role).into(),
        SurveyError::NoField { .. } => {
            "the label is read from --label-field [default: label], the number of the unit from unit_id".into()
        }
        SurveyError::PeoplesTable(error) => super::tables::table(error).into(),
        SurveyError::LabelReading { .. }
        | SurveyError::ClassReading { .. }
        | SurveyError::Decimals { .. }
        | SurveyError::Labels { .. } => label_help(error),
        SurveyError::UnitId { .. } => "keep the unit_id that `areal sample` assigned".into(),
        SurveyError::UnitTwice { .. } => "keep one row per unit".into(),
        SurveyError::NoPosition { .. } => "without a design, the sample needs fields lon and lat, or geometries".into(),
        SurveyError::OtherDraw { .. } => {
            "pass the folder of one sample as --design, and the labelled files of that sample as --sample and --second-look".into()
        }
        SurveyError::SameLook { .. } => {
            "pass the labels of a second interpreter, who labelled without seeing the first ones, or leave out --second-look".into()
        }
        SurveyError::DrawFiles { .. } => table(TableRole::DesignUnits).into(),
        SurveyError::Refused { refused, accepted, .. } => flaws(refused, accepted).into(),
        SurveyError::NoMap { .. } => "make it again with `areal predict`".into(),
        SurveyError::UnknownCode { .. } => {
            "make the prediction again; its raster does not match its prediction.json".into()
        }
        SurveyError::UnknownClass { classes, .. } => format!("the classes are {classes}"),
        SurveyError::NoClassStrata => "use --strata zones, raster or whole".into(),
        SurveyError::NoZoneStrata => "pass the file of zones as --zones".into(),
        SurveyError::NoStrataRaster => "pass the raster as --strata-raster".into(),
        SurveyError::StratumValue { .. } | SurveyError::StrataCrs { .. } | SurveyError::StrataGrid { .. } => {
            strata_raster(error).into()
        }
        SurveyError::MissingStratum { .. } => "pass the zones or strata raster that the sample was drawn with".into(),
        SurveyError::NoSize => "give the number of units with --size".into(),
        SurveyError::NoTargetClass => "name the class with --class".into(),
        SurveyError::NoConfusion => "pass the confusion.csv of the bundle with --confusion".into(),
        SurveyError::CvStrata { .. } => "use --strata classes or both, or give the number of units with --size".into(),
        SurveyError::Users { .. } => "for example: --users rubber=0.7,forest=0.9".into(),
        SurveyError::ClassesOnly { setting: "quantify" } => {
            "estimate a value from a sample, with --design and --sample".into()
        }
        SurveyError::ClassesOnly { .. } => "remove the flag".into(),
        SurveyError::ValuesOnly { .. } => "choose another --zone-method".into(),
        SurveyError::Store { .. } => "pass the patch store as --store".into(),
        SurveyError::Confusion { .. } => "pass the confusion.csv of the bundle that made the prediction".into(),
        SurveyError::NoPrior => "predict again with a bundle that records it".into(),
        SurveyError::NothingInCommon { not_compared } => nothing_in_common(not_compared),
        SurveyError::OtherGround { .. } => {
            "what a map does not predict, as under clouds, is no change; give both estimates of classes the same --zones with \
             --zone-method direct: zones that both maps cover completely are compared"
                .into()
        }
        SurveyError::Estimate(_)
        | SurveyError::Raster(_)
        | SurveyError::Zones(_)
        | SurveyError::PatchStore(_)
        | SurveyError::File(_)
        | SurveyError::Interrupted(_)
        | SurveyError::Projection(_) => String::new(),
    }
}

/// Advice for each reason for which estimates are left out.
fn nothing_in_common(left_out: &NotCompared) -> String {
    let reasons = [
        (left_out.in_one_only > 0, "compare estimates of the same zones and classes"),
        (left_out.suppressed > 0, "estimate again with a lower --suppress-below, or label more units"),
        (
            left_out.without_interval > 0,
            "estimate both from samples with a design, and zones with --zone-method direct: these have intervals",
        ),
        (!left_out.without_width.is_empty(), "estimate again with a smaller --round, or label more units"),
    ];
    let advice: Vec<&str> = reasons.into_iter().filter(|(holds, _)| *holds).map(|(_, advice)| advice).collect();
    if advice.is_empty() { "pass two folders that `areal estimate` made".to_owned() } else { advice.join("; ") }
}

fn strata_raster(error: &SurveyError) -> &'static str {
    match error {
        SurveyError::StratumValue { .. } => {
            "strata are whole numbers from 0 to 255: pass the value that stands for no data as --strata-nodata, or reclassify the \
             raster first"
        }
        SurveyError::StrataCrs { .. } => {
            "warp it onto the map's grid first: gdalwarp -r near -t_srs ... -te ... -ts ..."
        }
        _ => "warp it onto the map's grid first: gdalwarp -r near -te ... -ts ...",
    }
}

fn table(role: TableRole) -> &'static str {
    match role {
        TableRole::DesignUnits => "pass the folder that `areal sample` made, unchanged",
        TableRole::Estimates => "pass two folders that `areal estimate` made",
    }
}

fn flaws(refused: &[FindingKind], accepted: &[FindingKind]) -> &'static str {
    let is_other_map = refused.iter().chain(accepted).any(|kind| *kind == FindingKind::OtherMap);
    if is_other_map && refused.contains(&FindingKind::StrataSum) {
        return "draw a new sample from this map with `areal sample` and label it, or pass the prediction that the sample was drawn \
                from; --accept other-map,strata-sum continues, with weights that are wrong";
    }
    refused.first().map_or("", |kind| one_flaw(*kind))
}

fn one_flaw(kind: FindingKind) -> &'static str {
    match kind {
        FindingKind::NoDesign => {
            "draw the sample with `areal sample` and pass its folder as --design; or pass --accept no-design for \
             estimates without errors"
        }
        FindingKind::OtherDesign => {
            "pass the folder of the draw as --design and the labelled file of the same draw as --sample; if positions \
             were moved on purpose, pass --accept other-design"
        }
        FindingKind::OtherMap => {
            "pass the prediction that the sample was drawn from; or pass --accept other-map to keep the strata of the \
             design and read the classes of this map at the units"
        }
        FindingKind::StrataSum => {
            "pass the zones and strata raster that the sample was drawn with; --accept strata-sum continues with a \
             warning"
        }
        FindingKind::Disclosed => {
            "use larger zones or a smaller --suppress-below; --accept disclosed continues with a warning"
        }
        _ => "see the message; --accept KIND continues with a warning",
    }
}

impl From<areal_grid::ProjectionError> for CliError {
    fn from(error: areal_grid::ProjectionError) -> Self {
        Self::from_source(Exit::Input, &error)
            .help("the map extends beyond the area of use of its CRS; warp it to another CRS")
    }
}
