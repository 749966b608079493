//! Exact coverage of raster cells by zones, and aggregation of predictions over zones.

mod coverage;
mod csvw;
mod shape;

pub use coverage::{Span, WindowCoverage};
pub use csvw::{CsvColumn, CsvTable, CsvType, metadata_path};
pub use shape::ZoneShape;
