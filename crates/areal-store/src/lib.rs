//! Patch stores opened for reading: pixels on disk, records in memory, splits checked; without GDAL.

mod conflicts;
mod error;
mod footprint;
mod npy;
mod record;
mod split;
mod store;
mod table;

pub use conflicts::{Conflict, PlacedPatch, conflicts};
pub use error::StoreError;
pub use footprint::Footprint;
pub use npy::NpyWriter;
pub use record::{Label, PatchRecord};
pub use split::Split;
pub use store::{PatchStore, Records, files};
pub use table::RecordTable;
