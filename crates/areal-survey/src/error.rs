//! Errors of sampling and estimating, with the file, the position and the offending value. The caller adds advice.

use std::path::PathBuf;

use areal_estimate::{EstimateError, FindingKind, counted_do};
use areal_formats::StrataBy;
use areal_grid::ProjectionError;
use areal_job::{FileError, Interrupted};
use areal_raster::RasterError;
use areal_store::StoreError;
use areal_tables::{DecimalFault, LabelFault, TableError};
use areal_zones::ZonesError;

use crate::NotCompared;

/// A sample that cannot be drawn or read, or an estimate that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// A CSV file that does not hold the expected table.
    #[error("{path} cannot be read: {message}", path = path.display())]
    Table { path: PathBuf, role: TableRole, message: String },
    #[error("{path} has no field \"{field}\"; it has {fields}", path = path.display())]
    NoField { path: PathBuf, field: String, fields: String },
    /// A user table that cannot be read.
    #[error(transparent)]
    PeoplesTable(#[from] TableError),
    /// Labels that may be names or codes.
    #[error("{path}: {fault}", path = path.display())]
    LabelReading {
        path: PathBuf,
        fault: LabelFault,
        /// Units whose labels are names and units whose labels are codes, where both are among them.
        kinds: Option<[String; 2]>,
    },
    /// A column of numbers whose decimal mark cannot be told.
    #[error("{path}, {column}: {fault}", path = path.display())]
    Decimals { path: PathBuf, column: String, fault: DecimalFault },
    #[error("{path}, row {row}: unit_id is \"{text}\", not a whole number", path = path.display())]
    UnitId { path: PathBuf, row: usize, text: String },
    #[error("{path} lists unit {unit} twice", path = path.display())]
    UnitTwice { path: PathBuf, unit: u64 },
    /// A unit of a sample without a design that has no coordinates.
    #[error("unit {unit} has no position")]
    NoPosition { unit: u64 },
    /// Labels that are neither classes of the map nor, for a map of a value, numbers.
    #[error("{}: {shown}", wrong_labels(*count, classes.is_empty()))]
    Labels {
        count: usize,
        /// The first of them, each with its unit.
        shown: String,
        /// The classes of the map with their codes; empty for a value.
        classes: String,
    },
    /// Labels that say that they are of another draw: their units are other cells, whatever is accepted.
    #[error("the labelled sample belongs to {found}, but the design is {expected}: their units are different cells")]
    OtherDraw { found: String, expected: String },
    /// One file for both interpreters.
    #[error("the second look {second} has the same content as the sample {first}", first = first.display(), second = second.display())]
    SameLook { first: PathBuf, second: PathBuf },
    #[error("{path} belongs to draw {found}, but design.json to draw {expected}", path = path.display())]
    DrawFiles { path: PathBuf, found: String, expected: String },
    /// Flaws of the sample or the map that the user has not accepted.
    #[error("{message}")]
    Refused {
        /// Those that are not accepted.
        refused: Vec<FindingKind>,
        /// Those that are.
        accepted: Vec<FindingKind>,
        message: String,
    },
    #[error("{path} has neither a class raster nor a value raster", path = path.display())]
    NoMap { path: PathBuf },
    #[error("{path} holds code {code}, which is not a class of its legend", path = path.display())]
    UnknownCode { path: PathBuf, code: f64 },
    #[error("\"{text}\" is not a class of the map")]
    UnknownClass { text: String, classes: String },
    /// Classes in a flag that may be names or codes, by the flag's key.
    #[error("{setting}: {fault}")]
    ClassReading { setting: &'static str, fault: LabelFault },
    #[error("the prediction is of a value, so it has no classes for strata")]
    NoClassStrata,
    #[error("strata by zones require a zone file")]
    NoZoneStrata,
    #[error("strata by raster require a strata raster")]
    NoStrataRaster,
    #[error("{path} has the value {value}, which is not a stratum", path = path.display())]
    StratumValue { path: PathBuf, value: f64 },
    #[error("the strata raster is in {found}, but the map is in {expected}")]
    StrataCrs { found: String, expected: String },
    #[error("the strata raster has {found}, but the map has {expected}")]
    StrataGrid { found: String, expected: String },
    /// A stratum of the design that the map does not have.
    #[error("stratum {name} of the design does not exist on the map")]
    MissingStratum { name: String },
    #[error("a sample of a value needs a number of units")]
    NoSize,
    #[error("a target CV needs the class that it is of")]
    NoTargetClass,
    #[error("adjusted counts need a confusion matrix")]
    NoConfusion,
    /// A wanted CV of a class where strata are not map classes.
    #[error("a target CV of a class needs strata of classes, not {strata}")]
    CvStrata { strata: StrataBy },
    /// An expected user's accuracy that is not `CLASS=FRACTION`.
    #[error("\"{text}\" is not CLASS=FRACTION")]
    Users { text: String },
    /// A setting that applies to classes only, by its key.
    #[error("{setting} applies only to classes, but the prediction is of a value")]
    ClassesOnly { setting: &'static str },
    /// A setting that applies to values only, by its key.
    #[error("{setting} applies only to values, but the prediction is of classes")]
    ValuesOnly { setting: &'static str },
    #[error("{path} has no {what}", path = path.display())]
    Store { path: PathBuf, what: &'static str },
    #[error("{path} cannot be used: {reason}", path = path.display())]
    Confusion { path: PathBuf, reason: String },
    #[error("the prediction does not record the class prior of its training")]
    NoPrior,
    /// Vintages of which no estimate can be compared.
    #[error("no estimate of the two tables can be compared{}", not_compared.told_after(": "))]
    NothingInCommon { not_compared: NotCompared },
    /// Vintages of which no estimate refers to the same ground.
    #[error(
        "the two vintages do not refer to the same ground: the older predicts {old_km2:.3} km2 of it, the newer {new_km2:.3} km2{also}",
        also = not_compared.told_after("; besides, left out: ")
    )]
    OtherGround { old_km2: f64, new_km2: f64, not_compared: NotCompared },
    #[error(transparent)]
    Estimate(#[from] EstimateError),
    #[error(transparent)]
    Raster(#[from] RasterError),
    #[error(transparent)]
    Zones(#[from] ZonesError),
    #[error(transparent)]
    PatchStore(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
}

/// Which table a CSV file should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableRole {
    /// `units.csv` of a design.
    DesignUnits,
    /// `estimates.csv`.
    Estimates,
}

impl TableRole {
    /// An error of the CSV reader as one of this table.
    pub(crate) fn fault(self, path: &std::path::Path) -> impl Fn(csv::Error) -> SurveyError + Copy {
        move |e| SurveyError::Table { path: path.to_path_buf(), role: self, message: e.to_string() }
    }
}

/// How many labels are not what the map holds.
fn wrong_labels(count: usize, numbers: bool) -> String {
    let (one, several) = if numbers { ("a number", "numbers") } else { ("a class of the map", "classes of the map") };
    counted_do(count, "label", [&format!("is not {one}"), &format!("are not {several}")])
}
