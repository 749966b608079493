//! Labelled patches cut from scenes: labelling rules, spatial blocks, the patch store.

mod assign;
mod blocks;
mod candidates;
mod classes;
mod conflicts;
mod cut;
mod distance_plane;
mod error;
mod images;
mod import;
mod labels;
mod proposal;
mod records_layer;
mod resize;
mod settings;
mod split_fractions;
mod splitting;
mod summary;
mod tile;
mod writer;
#[cfg(test)]
mod writer_tests;

pub use error::{PatchError, SCALING};
pub use import::{ImportSettings, import};
pub use labels::measure::LabelRule;
pub use labels::source::{LabelKind, LabelSettings, is_raster, label_target};
pub use proposal::{Proposal, propose};
pub use records_layer::open_store;
pub use settings::{
    DEFAULT_MIN_VALID, DEFAULT_PATCH_SIZE, DEFAULT_SEED, PatchPlacement, SplitBy, SplitSettings, TileSettings,
    default_label_fraction,
};
pub use split_fractions::SplitFractions;
pub use tile::{check_scenes, tile};
pub use writer::StoreWriter;
