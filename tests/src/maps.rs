//! Rasters and boxes made for tests of `areal aggregate`.

use std::path::Path;

use areal_formats::Resampling;
use areal_grid::{Affine, Ellipsoid, PixelGrid, Pixels};
use areal_raster::{CogBand, CogSpec, CogWriter, crs_from_text};
use serde_json::{Value, json};

use crate::areal;

pub fn grid(crs: &str, north_west: [f64; 2], cell: [f64; 2], height: usize, width: usize) -> PixelGrid {
    PixelGrid { crs: crs_from_text(crs).unwrap(), transform: Affine::north_up(north_west, cell), height, width }
}

pub fn raster(path: &Path, grid: &PixelGrid, pixels: &Pixels, nodata: f64) {
    let spec = CogSpec {
        pixel_type: pixels.pixel_type(),
        nodata: Some(nodata),
        bands: vec![CogBand { description: "v".into(), legend: Vec::new() }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Nearest,
    };
    let mut writer = CogWriter::create(path, grid, &spec).unwrap();
    writer.write(0, &grid.window(), pixels).unwrap();
    writer.finish().unwrap();
}

pub fn square(west: f64, south: f64, side: f64) -> Vec<[f64; 2]> {
    let (east, north) = (west + side, south + side);
    vec![[west, south], [east, south], [east, north], [west, north], [west, south]]
}

/// A box as a layer in the CRS of an EPSG code.
pub fn layer(code: u32, [west, south, east, north]: [f64; 4]) -> Value {
    let ring = [[west, south], [east, south], [east, north], [west, north], [west, south]];
    let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
    json!({
        "type": "FeatureCollection",
        "crs": { "type": "name", "properties": { "name": format!("urn:ogc:def:crs:EPSG::{code}") } },
        "features": [{ "type": "Feature", "properties": { "id": "a" }, "geometry": geometry }],
    })
}

/// Area in km2 of all longitudes between two latitudes on WGS 84 (Snyder 1987, eq. 3-12).
pub fn band_km2(south: f64, north: f64) -> f64 {
    let e = Ellipsoid::WGS84;
    std::f64::consts::TAU * (e.area_to_latitude(north) - e.area_to_latitude(south)) / 1e6
}

/// Areas of the small demo's true classes by district, in `FOLDER/areas`; the demo is in `FOLDER/demo`.
pub fn demo_areas(folder: &Path) {
    let at = |name: &str| folder.join(name).to_string_lossy().into_owned();
    areal(["demo", "--size", "small", "--out", &at("demo")]).expect(0);
    let (truth, zones) = (at("demo/truth.tif"), at("demo/districts.gpkg"));
    areal(["aggregate", "--raster", &truth, "--zones", &zones, "--zone-id", "district_id", "--out", &at("areas")])
        .expect(0);
}
