//! Sample designs and estimators of area with their errors; statistics on tables.
//!
//! Nothing here knows rasters or files: units, strata and zones come as tables. Areas may be in any unit, the same
//! throughout; the program uses square kilometres of true area on the ellipsoid.

mod accuracy;
mod agreement;
mod error;
mod fay_herriot;
mod interval;
mod quantify;
mod regression;
mod sample_size;
mod stratified;
mod unit_level;

pub use accuracy::{Accuracy, ClassAccuracy, accuracy, from_matrix};
pub use agreement::{Agreement, kappa};
pub use error::EstimateError;
pub use fay_herriot::{AreaEstimate, AreaInput, FayHerriot, fay_herriot};
pub use interval::{
    Interval, IntervalMethod, LEAST_COUNT, logit_interval, normal_interval, normal_p_value, normal_quantile,
    share_interval, wilson_interval,
};
pub use quantify::{Quantified, adjusted_count, adjusted_counts, expectation_maximisation, population_stability_index};
pub use regression::{
    Assisted, Tuning, difference, post_stratified, prediction_powered, prediction_powered_mean, regression,
};
pub use sample_size::{
    Allocation, Anticipated, allocate, anticipated_class_shares, share_deviation, size_for_cv, size_for_standard_error,
};
pub use stratified::{Estimate, StratifiedSample, Stratum};
pub use unit_level::{AreaTotals, UnitInput, UnitLevel, unit_level};
