//! Documents that areal writes and reads again; neither GDAL nor Burn.
//!
//! A document's `format` field names it and its version; `areal_job::read_json` refuses another one.

mod architecture;
mod areas;
mod conversion;
mod csvw;
mod design;
mod estimates;
mod evaluation;
mod explain;
mod features;
mod input;
mod model;
mod normalisation;
mod padding;
mod predict_mode;
mod prediction;
mod provenance;
mod scene_settings;
mod store;
mod unknown_name;

/// Counts in messages, for the crates that know no estimates.
pub use areal_estimate::{counted, counted_do};

pub use architecture::Architecture;
pub use areas::{AreaEllipsoid, AreasMeta, MapMeta, Reconciliation, RepairMeta, SkippedMeta};
pub use conversion::{ConversionError, conversion_flags};
pub use csvw::{CsvColumn, CsvTable, CsvType};
pub use design::{DESIGN_FORMAT, DESIGN_FORMATS, Design, DesignStratum, DesignUnit, StrataBy};
pub use estimates::{ESTIMATES_FORMAT, ESTIMATES_FORMATS, EstimatesMeta, is_below_resolution};
pub use evaluation::EVALUATION_FORMAT;
pub use explain::ExplainMeta;
pub use features::{FeaturesMeta, FeaturesOf};
pub use input::{InputFile, InputRef, RemoteObject, input_file};
pub use model::{
    BUNDLE_FORMAT, BUNDLE_FORMATS, BandQuantiles, Calibration, InitialWeights, ModelSpec, SpecError, ValueScale,
};
pub use normalisation::Normalisation;
pub use padding::Padding;
pub use predict_mode::{DenseAgreement, PredictMode};
pub use prediction::{PredictionMeta, StateCounts};
pub use provenance::{MADE_BY, Provenance};
pub use scene_settings::{BandRef, Quality, Resampling, SceneSettings};
pub use store::{DropCount, DropReason, LabelCount, STORE_FORMAT, StoreCounts, StoreMeta, StoreScene};
pub use unknown_name::{NamedChoice, UnknownName};

/// Longest side of a patch in pixels: a patch must fit into memory many times over.
pub const MAX_PATCH_SIZE: usize = 4096;
