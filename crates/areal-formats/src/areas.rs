//! `areas.json`: what was aggregated, how it adds up, and how it came to be.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Provenance;

/// `areas.json`: what was aggregated, how it adds up, and how it came to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreasMeta {
    /// [`AreasMeta::FORMAT`].
    pub format: String,
    /// The prediction or raster.
    pub map: PathBuf,
    pub map_crs: String,
    pub zones: PathBuf,
    pub id_field: String,
    pub zones_crs: String,
    /// The ellipsoid that all areas are on.
    pub ellipsoid: AreaEllipsoid,
    /// Zones on the map as a whole.
    pub inside: usize,
    /// Zones partly on the map.
    pub partial: usize,
    /// Zones nowhere on the map.
    pub outside: usize,
    /// Zones that were invalid, with what was done.
    pub repairs: Vec<RepairMeta>,
    /// Features that have no polygon and are no zones.
    pub skipped: Vec<SkippedMeta>,
    /// Lines and points that came with polygons and were left out.
    pub other_parts: usize,
    /// Features that were united with an earlier one of the same id.
    pub dissolved: usize,
    /// Cells of the map.
    pub cells: u64,
    /// Cells of it that were read: the totals are those of this part.
    pub cells_read: u64,
    /// Sums over zones compared with the map.
    pub reconciliation: Vec<Reconciliation>,
    /// The maps after the first, where there are several: `map`, `map_crs`, `cells`, `cells_read` and `reconciliation` are of the
    /// first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_maps: Vec<MapMeta>,
    /// How it came to be.
    pub provenance: Provenance,
}

/// One of several maps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapMeta {
    /// Its name in the table.
    pub name: String,
    pub map: PathBuf,
    pub map_crs: String,
    /// Its cells, and how many of them were read.
    pub cells: u64,
    pub cells_read: u64,
    pub reconciliation: Vec<Reconciliation>,
}

/// An ellipsoid by name and size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaEllipsoid {
    pub name: String,
    /// Equatorial radius in metres.
    pub semi_major: f64,
    /// One over the flattening; none for a sphere.
    pub inverse_flattening: Option<f64>,
}

/// A feature without a polygon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SkippedMeta {
    /// Its id in the file.
    pub fid: i64,
    /// Its id as a zone, which may be empty.
    pub zone_id: String,
    /// What it has instead.
    pub has: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairMeta {
    pub zone_id: String,
    /// What was wrong and where.
    pub fault: String,
    /// Area after over area before, less 1 (areas in the plane of the zones' CRS); none where there was none before.
    pub relative_change: Option<f64>,
}

impl AreasMeta {
    /// The format that this version writes. Version 2 added the ellipsoid, the cells that were read, and features that are left out or
    /// united.
    pub const FORMAT: &'static str = "areal-areas/2";
    /// The formats that `report` reads, the present one first. Its parts are those that both have.
    pub const FORMATS: [&'static str; 2] = [Self::FORMAT, "areal-areas/1"];
    /// Its name in the folder.
    pub const FILE: &'static str = "areas.json";
    /// Name of the tidy table.
    pub const CSV: &'static str = "areas.csv";
    /// Name of the layer.
    pub const LAYER: &'static str = "areas.gpkg";
}

/// One total, summed in two ways.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reconciliation {
    pub what: String,
    pub unit: String,
    pub zones: f64,
    pub outside: f64,
    /// In more than one zone: part of `zones` once too often.
    pub overlap: f64,
    /// Sum over the map, in one go.
    pub map: f64,
    /// Difference between `zones + outside - overlap` and `map`, relative to the map.
    pub relative_difference: f64,
}
