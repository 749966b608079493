//! The areal program as its users run it: one module a topic.
#![allow(clippy::unwrap_used, clippy::panic)]

mod aggregate;
mod aggregate_oracles;
mod aggregate_prediction;
mod attacks;
mod awkward_files;
mod bad_input;
mod bit_rot;
mod bundle;
mod demo;
mod demo_coverage;
mod encodings;
mod estimate;
mod estimate_flaws;
mod estimate_labels;
mod estimate_training;
mod estimate_value;
mod estimate_zones;
mod explain;
mod inspect;
mod model_bundle;
mod mutations;
mod outputs;
mod precision;
mod predict;
mod predict_dense;
mod predict_refusals;
mod prediction_folder;
mod reading_rasters;
mod real_imagery;
mod recipe;
mod report;
mod resume;
mod sample;
mod survey_world;
mod talk;
mod tile;
mod tile_real;
mod tile_refusals;
mod train;
mod two_writers;
mod whole_job;
mod workspace;

use areal_tests as common;
