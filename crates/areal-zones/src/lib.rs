//! Exact coverage of raster cells by zones, and aggregation of predictions over zones.

mod aggregate;
mod class_sums;
mod clip;
mod codes;
mod coverage;
mod ellipsoidal;
mod error;
mod ground;
mod longitude;
mod map;
mod map_reader;
mod measure;
mod moments;
mod output;
mod overlap;
mod place;
mod placed_shapes;
mod prior;
mod project;
mod rest;
mod row_areas;
mod shape;
mod shares;
mod state_sums;
mod tally;
mod validity;
mod value_sums;
mod walker;
mod weights;
mod zone_set;

pub use aggregate::{AggregateSettings, Areas, ZoneState, ZoneSums, aggregate};
pub use coverage::{Span, WindowCoverage};
pub use error::{Extent, NoOverlap, ZonesError};
pub use map::{Content, Map, MapInput};
pub use measure::{AreaTable, Measure, Quantity};
pub use moments::Moments;
pub use output::{areas_meta, write_areas};
pub use overlap::overlaps;
pub use place::{PlacedZone, place};
pub use shape::ZoneShape;
pub use shares::SharesReader;
pub use tally::{Shares, Tally, ValueTally};
pub use validity::Fault;
pub use zone_set::{Invalid, Repair, Zone, ZoneSet, ZoneSettings};

use map::Layers;

pub(crate) use codes::{MAX_CODES, TooManyCodes};
pub(crate) use ellipsoidal::ellipsoidal_area;
pub(crate) use tally::{Others, WindowCells, WindowData, WindowWeights, tally_window};
