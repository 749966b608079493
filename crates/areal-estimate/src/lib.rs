//! Sample designs and estimators of area with their errors; statistics on tables.
//!
//! Nothing here knows rasters or files: units, strata and zones come as tables. Areas may be in any unit, the same
//! throughout; the program uses square kilometres of true area on the ellipsoid.

mod accuracy;
mod area_model;
mod assisted_interval;
mod bridges;
mod cell_model;
mod cell_sums;
mod class_accuracy;
mod class_findings;
mod class_intervals;
mod class_survey;
mod class_zones;
mod clustering;
mod corrected_map;
mod counted;
mod direct;
mod domain;
mod draw;
mod error;
mod estimate;
mod estimator;
mod expected;
mod fay_herriot;
mod finding;
mod interval;
mod kappa;
mod labelled_unit;
mod posterior_interval;
mod publication;
mod quantify;
mod rake;
mod rare_ratios;
mod regression;
mod revision;
mod risk_strata;
mod rows;
mod sample_plan;
mod sample_size;
mod spatial_order;
mod stratified;
mod suppression;
mod unit_level;
mod value_interval;
mod value_survey;
mod zone_estimate;
mod zone_estimates;
mod zone_method;
mod zone_part;
mod zoning;

pub use accuracy::{Accuracy, ClassAccuracy, accuracy, from_matrix};
pub use cell_model::{CellModel, Modelled};
pub use class_intervals::{ClassIntervals, POSTERIOR_DRAWS};
pub use class_survey::{
    ClassEstimates, ClassSurvey, MapClass, MapZone, SurveySample, SurveySettings, estimate_classes,
};
pub use corrected_map::{MapBase, MapCorrection};
pub use counted::{counted, counted_do};
pub use direct::direct;
pub use draw::{Census, Draw, DrawnCell, Frame, FrameBlock};
pub use error::{EstimateError, Missing};
pub use estimate::Estimate;
pub use estimator::Estimator;
pub use expected::{ExpectedMatrix, probability_sum};
pub use fay_herriot::{AreaInput, FayHerriot, FayHerriotArea, fay_herriot};
pub use finding::{Finding, FindingKind, Severity, training_overlap};
pub use interval::{
    DEFAULT_LEVEL, Interval, IntervalMethod, fraction_interval, mean_interval, normal_interval, normal_quantile,
    whole_interval, wilson_interval,
};
pub use kappa::{Kappa, kappa};
pub use labelled_unit::{CellValue, LabelledUnit};
pub use publication::{CvLimits, significant};
pub use quantify::{Quantified, adjusted_counts, expectation_maximisation};
pub use rake::rake;
pub use regression::{Assisted, MIN_UNITS_OF_GROUP, difference, post_stratified, prediction_powered, regression};
pub use revision::{Revision, Vintage, revisions};
pub use risk_strata::{ClassRisk, MIN_ERROR, RiskCut, RiskPart, is_uncertain};
pub use rows::{
    AccuracyRow, EstimateRow, MIN_UNITS_FOR_GOOD, MatrixRow, Population, quantified_rows, round_rows, suppress_rows,
};
pub use sample_plan::{SampleSize, anticipated_variance, number_units, plan_units};
pub use sample_size::{Allocation, Anticipated, anticipated_class_fractions, fraction_deviation};
pub use stratified::{MIN_UNITS_IN_STRATUM, StratifiedSample, Stratum};
pub use unit_level::{AreaTotals, UnitInput, UnitLevel, unit_level};
pub use value_interval::Tails;
pub use value_survey::{ValueEstimates, ValueSurvey, ValueZone, estimate_value};
pub use zone_estimate::ZoneEstimate;
pub use zone_estimates::{VariableKind, ZoneFractions, zone_fractions};
pub use zone_method::{DirectBasis, ZONE_DRAWS, ZoneEstimateSettings, ZoneMethod};
pub use zoning::{MapDetail, Zoning};
