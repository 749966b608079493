//! From labels on the ground to labels of patches.

pub mod measure;
pub mod outline;
pub mod polygons;
pub mod raster_rows;
pub mod runs;
pub mod source;
