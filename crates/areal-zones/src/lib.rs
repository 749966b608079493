//! Exact coverage of raster cells by zones, and aggregation of predictions over zones.

mod aggregate;
mod class_sums;
mod clip;
mod coverage;
mod csvw;
mod ellipsoidal;
mod error;
mod longitude;
mod map;
mod measure;
mod moments;
mod output;
mod overlap;
mod place;
mod project;
mod shape;
mod state_sums;
mod tally;
mod validity;
mod value_sums;
mod weights;
mod zone_set;

pub use aggregate::{AggregateSettings, Areas, Reconciliation, ZoneState, ZoneSums, aggregate};
pub use coverage::{Span, WindowCoverage};
pub use csvw::{CsvColumn, CsvTable, CsvType, metadata_path};
pub use ellipsoidal::ellipsoidal_area;
pub use error::{Extent, NoOverlap, ZonesError};
pub use map::{Content, Layers, Map, MapInput};
pub use measure::{AreaTable, Item, Measure};
pub use moments::Moments;
pub use output::{AreasMeta, RepairMeta, areas_csv, write_areas};
pub use place::{PlacedZone, place};
pub use shape::ZoneShape;
pub use tally::{Others, Tally, ValueTally, WindowCells, WindowData, tally_window};
pub use validity::{Fault, find_fault, repair};
pub use zone_set::{Invalid, Repair, Zone, ZoneSet, ZoneSettings};
