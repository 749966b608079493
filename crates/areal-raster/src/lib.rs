//! Reading, mosaicking, warping and writing georeferenced rasters and vector layers through GDAL.
//!
//! The only crate that links GDAL. Map positions are `[east, north]` on every side of it, whatever an authority says.

mod attribute_table;
mod band;
mod cog;
mod companions;
mod error;
mod facts;
mod gdal_call;
mod geojson;
mod image;
mod inspection;
mod json_text;
mod kernel;
mod masked_file;
mod pixel_map;
mod positions;
mod prediction;
mod projection;
mod raster_file;
mod raster_io;
mod resample;
mod same_grid;
mod scene;
mod selection;
mod side_file;
mod sources;
mod srs;
mod statistics;
mod target_grid;
mod vector;
mod vector_read;
mod vector_write;
mod vrt;
mod warp;
mod wkb;
mod wkt;

pub use attribute_table::NamedCode;
pub use band::BandInfo;
pub use cog::{CogBand, CogSpec, CogWriter};
pub use companions::{companions, input_file_with_companions};
pub use error::{Difference, RasterError, WarpSetting};
pub use facts::{BandFacts, FileFacts, Mask, Placement};
pub use image::read_image;
pub use inspection::{FileInspection, Inspection, SceneInspection, SuggestedPatches, inspect};
pub use prediction::Prediction;
pub use projection::Projection;
pub use raster_file::RasterFile;
pub use same_grid::same_grid;
pub use scene::{Scene, SceneReader};
pub use srs::{crs_from_text, same_crs};
pub use statistics::{BandStatistics, PixelCounts, Statistics};
pub use vector::{Feature, Field, FieldKind, FieldValue, VectorLayer};
pub use vector_read::{LayerChoice, read_layer, read_layer_as};
pub use vector_write::{write_features, write_layer};
