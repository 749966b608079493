//! Sample designs and estimators of area with their errors; statistics on tables.
//!
//! Nothing here knows rasters or files: units, strata and zones come as tables. Areas may be in any unit, the same
//! throughout; the program uses square kilometres of true area on the ellipsoid.

mod accuracy;
mod agreement;
mod bridges;
mod cell_model;
mod class_survey;
mod design;
mod draw;
mod error;
mod estimator;
mod fay_herriot;
mod finding;
mod interval;
mod plan;
mod proportion;
mod publication;
mod quality_report;
mod quantify;
mod regression;
mod revision;
mod rows;
mod sample_size;
mod small_area;
mod spatial_order;
mod stratified;
mod suppression;
mod unit_level;
mod value_survey;

pub use accuracy::{Accuracy, ClassAccuracy, accuracy, from_matrix};
pub use agreement::{Agreement, kappa};
pub use cell_model::{CellModel, LEAST_BETWEEN, Modelled};
pub use class_survey::{ClassEstimates, ClassSurvey, ClassUnit, MapClass, MapZone, SurveySettings, estimate_classes};
pub use design::{DESIGN_FORMAT, Design, DesignStratum, DesignUnit, StrataBy};
pub use draw::{Census, Draw, DrawnCell, Frame, FrameBlock};
pub use error::EstimateError;
pub use estimator::Estimator;
pub use fay_herriot::{AreaEstimate, AreaInput, FayHerriot, fay_herriot};
pub use finding::{
    Finding, FindingKind, Severity, disclosed, on_nodata, other_design, other_map, settle, strata_sum,
    training_overlap, unlabelled, without_design,
};
pub use interval::{
    Interval, IntervalMethod, LEAST_COUNT, logit_interval, mean_interval, normal_interval, normal_p_value,
    normal_quantile, score_interval, share_interval, t_interval, whole_interval, wilson_interval,
};
pub use plan::{Size, number_units, plan};
pub use proportion::{GroupShare, clustered};
pub use publication::{CvLimits, QualityFlag, round_to, significant};
pub use quality_report::{MapFact, QualityInput, quality_report};
pub use quantify::{Quantified, adjusted_count, adjusted_counts, expectation_maximisation, population_stability_index};
pub use regression::{
    Assisted, Tuning, difference, post_stratified, prediction_powered, prediction_powered_mean, regression,
};
pub use revision::{Revision, Vintage, revisions};
pub use rows::{AccuracyRow, EstimateRow, MatrixRow, Population, quantified_rows, round_rows, suppress_rows};
pub use sample_size::{
    Allocation, Anticipated, allocate, anticipated_class_shares, share_deviation, size_for_cv, size_for_standard_error,
};
pub use small_area::{Kind, ZoneEstimate, ZoneMethod, ZoneSettings, Zoning, direct, rake, zone_means, zone_shares};
pub use spatial_order::SpatialOrder;
pub use stratified::{Estimate, LEAST_IN_STRATUM, StratifiedSample, Stratum};
pub use suppression::{Suppressed, Suppression, suppress};
pub use unit_level::{AreaTotals, UnitInput, UnitLevel, unit_level};
pub use value_survey::{ValueSurvey, ValueUnit, ValueZone, estimate_value};
