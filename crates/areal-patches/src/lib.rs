//! Labelled patches cut from scenes: labelling rules, spatial blocks, the patch store.

mod error;
mod footprint;
mod meta;
mod npy;
mod record;
mod split;

pub use error::PatchError;
pub use footprint::Footprint;
pub use meta::{DropCount, DropReason, LabelCount, STORE_FORMAT, StoreCounts, StoreMeta};
pub use record::{Label, PatchRecord};
pub use split::{Split, SplitShares};
