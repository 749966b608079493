//! A map as a population of cells: sampling it, reading the labels, estimating, and publishing with an account of quality.
//!
//! Nothing here knows flags: each command has a plain settings struct whose `Default` holds all defaults.

mod compare;
mod error;
mod estimate;
mod frame;
mod labels;
mod not_compared;
mod quality;
mod sample;
mod settings;
mod tables;

pub use compare::{CompareSettings, Comparison, OtherGround, RevisionRow, Shared, compare, write_revisions};
pub use error::{SurveyError, TableRole};
pub use estimate::{EstimateSettings, Published, QuantifyMethod, estimate, quantify};
pub use not_compared::NotCompared;
pub use quality::Resolution;
pub use sample::{
    ALLOCATION_TO_RISK, ClassPrecision, DEFAULT_TARGET_SE, DEFAULT_USERS, DrawnSample, MIN_PER_CLASS, MIN_PER_RISK,
    MIN_PER_STRATUM, OTHER_ALLOCATION, STRATA_OF_CLASSES, STRATA_OF_VALUES, SampleRemark, SampleSettings, UNEXPECTED,
    draw_sample,
};

use frame::{FrameSource, GroundTotals, MapFrame, MapTotals};
