//! Labelled patches cut from scenes: labelling rules, spatial blocks, the patch store.

mod classes;
mod conflicts;
mod error;
mod footprint;
mod labels;
mod meta;
mod npy;
mod record;
mod records_layer;
mod split;
mod store;
mod writer;

pub use classes::{ListedClass, legend, legend_of_names, read_class_list};
pub use error::PatchError;
pub use footprint::Footprint;
pub use labels::measure::LabelRule;
pub use meta::{DropCount, DropReason, LabelCount, STORE_FORMAT, StoreCounts, StoreMeta, StoreScene};
pub use record::{Label, PatchRecord};
pub use split::{Split, SplitShares};
pub use store::PatchStore;
pub use writer::StoreWriter;
