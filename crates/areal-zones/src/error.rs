//! Errors of zones and their aggregation: the file, the position, the offending value.

use std::path::PathBuf;

use areal_grid::ProjectionError;
use areal_job::{FileError, Interrupted};
use areal_raster::RasterError;

use crate::{Fault, LostArea, WithoutPolygon};

/// What went wrong with zones or their aggregation: the file, the position, the offending value.
#[derive(Debug, thiserror::Error)]
pub enum ZonesError {
    /// A zone layer that names no CRS.
    #[error("{path} has no coordinate reference system", path = path.display())]
    NoCrs { path: PathBuf },
    /// A layer of anything but polygons.
    #[error("{path}: zones must be polygons, but its layer \"{layer}\" has only {found}", path = path.display())]
    NoPolygons {
        path: PathBuf,
        layer: String,
        found: WithoutPolygon,
        /// The other layers with geometries of the file.
        others: Vec<String>,
    },
    /// A layer without features.
    #[error("{path} has no zones", path = path.display())]
    NoZones {
        /// The zone file.
        path: PathBuf,
    },
    /// A field that the layer does not have.
    #[error("{path} has no field \"{field}\"; its fields: {fields}", path = path.display())]
    NoField {
        path: PathBuf,
        /// The field asked for.
        field: String,
        /// The fields it has.
        fields: String,
    },
    /// No id field is named, and not exactly one field could be it.
    #[error("{path}: the zone id field is ambiguous: {found}", path = path.display())]
    WhichId {
        path: PathBuf,
        /// The candidates, or that there is none.
        found: String,
    },
    /// A zone without an id.
    #[error("{path}, feature {fid}: field \"{field}\" is empty", path = path.display())]
    EmptyId { path: PathBuf, fid: i64, field: String },
    /// An id that two zones share.
    #[error("{path}: features {first} and {second} both have {field} \"{id}\"", path = path.display())]
    DuplicateId { path: PathBuf, field: String, id: String, first: i64, second: i64 },
    /// A polygon that is invalid and may not, or cannot, be repaired.
    #[error("{path}, feature {fid} (zone \"{id}\") is invalid: {fault}", path = path.display())]
    Invalid {
        path: PathBuf,
        fid: i64,
        id: String,
        /// What is wrong and where.
        fault: Fault,
        /// True when a repair may be asked for.
        repairable: bool,
    },
    /// The union of the features of a zone has the wrong area: a bug in areal.
    #[error("{path}, zone \"{id}\": {lost}", path = path.display())]
    LostArea { path: PathBuf, id: String, lost: LostArea },
    /// A zone that cannot be brought onto the map.
    #[error("zone \"{id}\" cannot be projected to {crs}: {reason}")]
    NotProjectable { id: String, crs: String, reason: String },
    /// No zone touches the map.
    #[error(transparent)]
    NoOverlap(Box<NoOverlap>),
    /// A raster that cannot be aggregated as asked.
    #[error("{path}: {reason}", path = path.display())]
    Raster { path: PathBuf, reason: String },
    /// A map of values with names or rules for codes.
    #[error("{path}: it holds values, but {} of classes is given", if *by_legend { "a legend" } else { "a mapping" }, path = path.display())]
    ValuesWithClasses {
        path: PathBuf,
        /// True for a legend, false for rules alone.
        by_legend: bool,
    },
    /// A negative weight.
    #[error("{path}, row {row}, column {col}: weight {value} is negative", path = path.display())]
    NegativeWeight {
        path: PathBuf,
        /// Row of the weights raster.
        row: usize,
        /// Column of the weights raster.
        col: usize,
        value: f64,
    },
    /// A weights raster with several bands.
    #[error("{path} has {bands} bands; a weights raster must have one", path = path.display())]
    WeightBands {
        path: PathBuf,
        /// How many bands it has.
        bands: usize,
    },
    /// A class map with more different codes than classes can have.
    #[error("{path} has more than {most} different codes, too many for classes", path = path.display())]
    TooManyCodes {
        path: PathBuf,
        /// The most it may have.
        most: usize,
    },
    /// What does not fit the memory cannot be kept in temporary files.
    #[error("cannot keep zones and their values in temporary files in {folder}: {0}", folder = std::env::temp_dir().display())]
    Temporary(std::io::Error),
    /// Statistics that have no meaning for what the map holds.
    #[error("{path} holds class codes, for which {statistics} is not defined", path = path.display())]
    ClassStatistics { path: PathBuf, statistics: String },
    /// A window of no cells.
    #[error("a window must have at least 1 cell")]
    NoWindowCells,
    /// Values or probabilities that are infinite, or whose sums are.
    #[error("{path} holds infinite or extremely large numbers: {what} is not finite", path = path.display())]
    NotFinite { path: PathBuf, what: String },
    /// Sums that do not agree: a bug in areal.
    #[error("{what}: the parts add up to {parts}, but the whole is {whole}")]
    Unreconciled {
        what: String,
        /// Sum over the parts: zones less overlaps plus what lies outside, or states.
        parts: f64,
        /// Sum over the whole map.
        whole: f64,
    },
    /// A map position without longitude and latitude.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A raster or layer that cannot be read or written.
    #[error(transparent)]
    Source(#[from] RasterError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Zones and map do not overlap; with both extents.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "no zone overlaps the map: zones span {zones} in {zones_crs}, the map {map} in {map_crs}{both}",
    both = map_in_zones_crs.map(|e| format!(" (that is {e} in {zones_crs})")).unwrap_or_default()
)]
pub struct NoOverlap {
    pub zones: Extent,
    pub zones_crs: String,
    pub map: Extent,
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
