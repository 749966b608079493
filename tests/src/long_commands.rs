//! Commands that take seconds, to be interrupted.

use std::fs;
use std::path::{Path, PathBuf};

use areal_raster::RasterFile;

use crate::JOB;

/// The truth of the landscape, each cell 250 x 250 times over: 3.7 thousand million cells or more in no space.
fn large_raster(folder: &Path) -> PathBuf {
    let truth = RasterFile::open(&JOB.demo().join("truth.tif")).unwrap();
    let (grid, times) = (truth.grid(), 250);
    let (height, width) = (grid.height * times, grid.width * times);
    let fine = grid.transform.sub_grid(0.0, 0.0, 1.0 / times as f64).to_gdal().map(|v| v.to_string()).join(", ");
    let vrt = format!(
        "<VRTDataset rasterXSize=\"{width}\" rasterYSize=\"{height}\"><SRS>{}</SRS><GeoTransform>{fine}</GeoTransform>\
         <VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource><SourceFilename>{}</SourceFilename>\
         <SourceBand>1</SourceBand><SrcRect xOff=\"0\" yOff=\"0\" xSize=\"{}\" ySize=\"{}\"/>\
         <DstRect xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"/></SimpleSource></VRTRasterBand></VRTDataset>",
        grid.crs.wkt.replace('"', "&quot;"),
        JOB.demo().join("truth.tif").display(),
        grid.width,
        grid.height
    );
    let path = folder.join("large.vrt");
    fs::write(&path, vrt).unwrap();
    path
}

/// Commands that take seconds, each without its output.
pub fn long_commands(folder: &Path) -> Vec<Vec<String>> {
    let text = |p: &Path| p.to_str().unwrap().to_owned();
    let store = text(&JOB.out().join("patches"));
    let bundle = text(&JOB.out().join("bundle"));
    let scene = text(&JOB.demo().join("scene_west.tif"));
    let labels = text(&JOB.demo().join("labels.gpkg"));
    let zones = text(&JOB.demo().join("districts.gpkg"));
    let large = text(&large_raster(folder));
    let map = text(&JOB.out().join("predictions/landscape"));
    let patches = (0..200).map(|k| k.to_string()).collect::<Vec<_>>().join(",");
    let split = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    vec![
        split(&format!("train --store {store} --epochs 500 --patience 500")),
        split(&format!("predict {scene} --bundle {bundle} --stride 1 --bands blue,green,red,nir,swir")),
        split(&format!("tile {scene} --labels {labels} --label-field class --patch-size 16 --stride 1")),
        split(&format!("explain --bundle {bundle} --store {store} --patch {patches}")),
        split(&format!("aggregate --raster {large} --zones {zones} --zone-id district_id")),
        split(&format!("report {}", format!("--prediction {map} ").repeat(200))),
    ]
}
