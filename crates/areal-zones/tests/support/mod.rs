//! Small maps and zones for the tests.
#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::{Path, PathBuf};

use areal_formats::{Reconciliation, Resampling};
use areal_grid::{Affine, Crs, PixelGrid, PixelType, Pixels};
use areal_job::{Interrupt, Job, NoProgress};
use areal_raster::{CogBand, CogSpec, CogWriter, Feature, Field, FieldKind, FieldValue, VectorLayer, crs_from_text};
use areal_zones::{
    AggregateSettings, Areas, Content, Map, MapInput, ZoneLayerSettings, ZoneSet, ZoneSums, ZoneTally, ZonesError,
    aggregate,
};
use geo::{LineString, MultiPolygon, Polygon};

pub fn crs(text: &str) -> Crs {
    crs_from_text(text).unwrap()
}

pub fn grid(crs_text: &str, origin: [f64; 2], pixel: [f64; 2], height: usize, width: usize) -> PixelGrid {
    PixelGrid { crs: crs(crs_text), transform: Affine::north_up(origin, pixel), height, width }
}

/// Writes bands, each `[row, col]`, to a GeoTIFF.
pub fn write(path: &Path, grid: &PixelGrid, bands: &[Pixels], nodata: Option<f64>) -> PathBuf {
    let band = |k: usize| CogBand { description: format!("b{k}"), legend: Vec::new() };
    let spec = CogSpec {
        pixel_type: bands[0].pixel_type(),
        nodata,
        bands: (0..bands.len()).map(band).collect(),
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, grid, &spec).unwrap();
    for (k, pixels) in bands.iter().enumerate() {
        writer.write(k, &grid.window(), pixels).unwrap();
    }
    writer.finish().unwrap();
    path.to_path_buf()
}

pub fn ring(points: &[(f64, f64)]) -> LineString<f64> {
    let mut ring = LineString::from(points.to_vec());
    ring.close();
    ring
}

pub fn polygon(points: &[(f64, f64)]) -> MultiPolygon<f64> {
    MultiPolygon::new(vec![Polygon::new(ring(points), Vec::new())])
}

pub fn rectangle(west: f64, south: f64, east: f64, north: f64) -> MultiPolygon<f64> {
    polygon(&[(west, south), (east, south), (east, north), (west, north)])
}

pub fn layer(crs_text: &str, zones: &[(&str, MultiPolygon<f64>)]) -> VectorLayer {
    let feature = |(k, (id, outline)): (usize, &(&str, MultiPolygon<f64>))| Feature {
        fid: k as i64 + 1,
        geometry: Some(outline.clone().into()),
        values: vec![FieldValue::Text((*id).to_owned())],
    };
    VectorLayer {
        name: "zones".into(),
        crs: Some(crs(crs_text)),
        fields: vec![Field { name: "id".into(), kind: FieldKind::Text }],
        features: zones.iter().enumerate().map(feature).collect(),
    }
}

pub fn zone_set(crs_text: &str, zones: &[(&str, MultiPolygon<f64>)]) -> ZoneSet {
    ZoneSet::from_layer(Path::new("zones.gpkg"), &layer(crs_text, zones), &ZoneLayerSettings::default()).unwrap()
}

pub fn open(path: &Path, content: Content) -> Map {
    Map::open(&MapInput::raster(path, Some(content))).unwrap()
}

/// The sums of a map over zones, all in memory.
#[derive(Debug, PartialEq)]
pub struct Summed {
    pub zones: Vec<ZoneSums>,
    pub outside: ZoneTally,
    pub overlap: ZoneTally,
    pub map: ZoneTally,
    pub reconciliation: Vec<Reconciliation>,
}

pub fn sum(map: &Map, set: &ZoneSet, settings: &AggregateSettings) -> Result<Summed, ZonesError> {
    let interrupt = Interrupt::default();
    let areas = aggregate(map, set, settings, Job { progress: &NoProgress, interrupt: &interrupt })?;
    let Areas { zones, outside, overlap, map, reconciliation, .. } = areas;
    Ok(Summed { zones: zones.iter().collect::<Result<_, _>>()?, outside, overlap, map, reconciliation })
}

pub fn zeros(cells: usize) -> Pixels {
    Pixels::zeros(PixelType::U8, cells)
}

pub fn near(a: f64, b: f64, relative: f64) {
    assert!((a - b).abs() <= relative * b.abs().max(1e-300), "{a} {b}");
}
