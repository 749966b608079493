//! Errors of zones and their aggregation: the file, the position, the offending value.

use std::path::PathBuf;

use areal_grid::ProjectionError;
use areal_job::{FileError, Interrupted};
use areal_raster::RasterError;

use crate::Fault;

/// What went wrong with zones or their aggregation: the file, the position, the offending value.
#[derive(Debug, thiserror::Error)]
pub enum ZonesError {
    /// A zone layer that names no CRS.
    #[error("{path} has no coordinate reference system", path = path.display())]
    NoCrs {
        /// The zone file.
        path: PathBuf,
    },
    /// A layer without features.
    #[error("{path} holds no zones", path = path.display())]
    NoZones {
        /// The zone file.
        path: PathBuf,
    },
    /// A field that the layer does not have.
    #[error("{path} has no field \"{field}\"; its fields: {fields}", path = path.display())]
    NoField {
        /// The zone file.
        path: PathBuf,
        /// The field asked for.
        field: String,
        /// The fields it has.
        fields: String,
    },
    /// No id field is named, and not exactly one field could be it.
    #[error("{path}: which field identifies a zone? {found}", path = path.display())]
    WhichId {
        /// The zone file.
        path: PathBuf,
        /// The candidates, or that there is none.
        found: String,
    },
    /// A zone without an id.
    #[error("{path}, feature {fid}: field \"{field}\" is empty", path = path.display())]
    EmptyId {
        /// The zone file.
        path: PathBuf,
        /// The feature.
        fid: i64,
        /// The id field.
        field: String,
    },
    /// An id that two zones share.
    #[error("{path}: features {first} and {second} both have {field} \"{id}\"", path = path.display())]
    DuplicateId {
        /// The zone file.
        path: PathBuf,
        /// The id field.
        field: String,
        /// The id.
        id: String,
        /// A feature.
        first: i64,
        /// Another feature.
        second: i64,
    },
    /// A zone without a geometry, or with one that has no coordinates.
    #[error("{path}, feature {fid} (zone \"{id}\") has an empty geometry", path = path.display())]
    EmptyGeometry {
        /// The zone file.
        path: PathBuf,
        /// The feature.
        fid: i64,
        /// The zone.
        id: String,
    },
    /// A zone that is no polygon.
    #[error("{path}, feature {fid} (zone \"{id}\") is a {kind}, not a polygon", path = path.display())]
    NotPolygon {
        /// The zone file.
        path: PathBuf,
        /// The feature.
        fid: i64,
        /// The zone.
        id: String,
        /// What it is.
        kind: &'static str,
    },
    /// A polygon that is invalid and may not, or cannot, be repaired.
    #[error("{path}, feature {fid} (zone \"{id}\") is invalid: {fault}", path = path.display())]
    Invalid {
        /// The zone file.
        path: PathBuf,
        /// The feature.
        fid: i64,
        /// The zone.
        id: String,
        /// What is wrong and where.
        fault: Fault,
        /// True when a repair may be asked for.
        repairable: bool,
    },
    /// A zone that cannot be brought onto the map.
    #[error("zone \"{id}\" cannot be projected to {crs}: {reason}")]
    NotProjectable {
        /// The zone.
        id: String,
        /// The map's CRS.
        crs: String,
        /// Why.
        reason: String,
    },
    /// No zone touches the map.
    #[error(transparent)]
    NoOverlap(Box<NoOverlap>),
    /// A raster that cannot be aggregated as asked.
    #[error("{path}: {reason}", path = path.display())]
    Raster {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Weights that are no amounts.
    #[error("{path}, row {row}, column {col}: weight {value} is negative", path = path.display())]
    NegativeWeight {
        /// The weights' file.
        path: PathBuf,
        /// Row of the weights raster.
        row: usize,
        /// Column of the weights raster.
        col: usize,
        /// The value.
        value: f64,
    },
    /// Weights of which it is not said which band they are.
    #[error("{path} has {bands} bands, and weights are one", path = path.display())]
    WeightBands {
        /// The weights' file.
        path: PathBuf,
        /// How many bands it has.
        bands: usize,
    },
    /// A class map with more different codes than classes can have.
    #[error("{path} has more than {most} different codes: too many for classes", path = path.display())]
    TooManyCodes {
        /// The map's file.
        path: PathBuf,
        /// The most it may have.
        most: usize,
    },
    /// A window of no cells.
    #[error("windows of 0 cells hold nothing of the map")]
    NoWindowCells,
    /// Sums that do not agree: a fault of the program.
    #[error("{what}: the parts add up to {parts}, the whole to {whole}")]
    Unreconciled {
        /// What was summed.
        what: String,
        /// Sum over the parts: zones less overlaps plus what lies outside, or states.
        parts: f64,
        /// Sum in one go.
        whole: f64,
    },
    /// A map position without longitude and latitude.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A raster or layer that cannot be read or written.
    #[error(transparent)]
    Source(#[from] RasterError),
    /// A file operation.
    #[error(transparent)]
    File(#[from] FileError),
    /// Stopped.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Zones and a map that have nothing in common, with both extents.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "no zone overlaps the map: zones span {zones} in {zones_crs}, the map {map} in {map_crs}{both}",
    both = map_in_zones_crs.map(|e| format!(" (that is {e} in {zones_crs})")).unwrap_or_default()
)]
pub struct NoOverlap {
    /// Extent of the zones.
    pub zones: Extent,
    /// CRS of the zones.
    pub zones_crs: String,
    /// Extent of the map.
    pub map: Extent,
    /// CRS of the map.
    pub map_crs: String,
    /// Extent of the map in the zones' CRS, where it can be told.
    pub map_in_zones_crs: Option<Extent>,
}

/// A rectangle of map positions: `[west, south, east, north]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent(pub [f64; 4]);

impl std::fmt::Display for Extent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [w, s, e, n] = self.0;
        // Degrees need decimals, metres do not.
        let digits = if self.0.iter().all(|v| v.abs() <= 360.0) { 4 } else { 0 };
        write!(f, "[{w:.digits$}, {s:.digits$}, {e:.digits$}, {n:.digits$}]")
    }
}
