//! Scenes for `areal predict`, its arguments, and what it made.

use std::path::{Path, PathBuf};

use areal_formats::{Resampling, SceneSettings};
use areal_grid::{PixelState, PixelType, Pixels, Window};
use areal_raster::{CogBand, CogSpec, CogWriter, RasterFile, Scene};
use tempfile::TempDir;

use crate::data;

pub fn scene(path: &Path) -> Scene {
    Scene::open(&SceneSettings::new("scene", vec![path.to_path_buf()])).unwrap()
}

/// The first raster of the real scene of Sentinel-2 that opens as a scene, with its path; `None` where the data are absent.
pub fn amazon_scene() -> Option<(PathBuf, Scene)> {
    let folder = data("sentinel2_amazon")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "tif"));
    files.sort();
    let opened = |f: PathBuf| Scene::open(&SceneSettings::new("s", vec![f.clone()])).ok().map(|scene| (f, scene));
    Some(files.into_iter().find_map(opened).expect("a scene of the folder opens"))
}

pub fn args(file: &Path, folder: &TempDir, out: &str, more: &[&str]) -> Vec<std::ffi::OsString> {
    let mut args: Vec<std::ffi::OsString> = vec!["predict".into(), file.into(), "--bundle".into()];
    args.push(folder.path().join("bundle").into());
    args.push("--out".into());
    args.push(folder.path().join(out).into());
    args.extend(more.iter().map(Into::into));
    args
}

/// Names in a folder, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

pub fn same_bytes(a: &Path, b: &Path) {
    for name in names(a) {
        // The document names its inputs and settings, and the manifest has its digest.
        if !["prediction.json", areal_job::MANIFEST].contains(&name.as_str()) {
            assert!(std::fs::read(a.join(&name)).unwrap() == std::fs::read(b.join(&name)).unwrap(), "{name} differs");
        }
    }
}

pub fn read(path: &Path, band: usize) -> (Pixels, Vec<PixelState>) {
    let mut raster = RasterFile::open(path).unwrap();
    let window = raster.grid().window();
    raster.read_band(band, &window).unwrap()
}

/// A file of one `u16` band: so many rows and columns of 10 m; 0 is nodata.
pub fn made(path: &Path, height: usize, width: usize, pixel: impl Fn(usize) -> u16) {
    let grid = areal_grid::PixelGrid {
        crs: areal_raster::crs_from_text("EPSG:32648").unwrap(),
        transform: areal_grid::Affine::north_up([500_000.0, 500_000.0], [10.0, 10.0]),
        height,
        width,
    };
    let spec = CogSpec {
        pixel_type: PixelType::U16,
        nodata: Some(0.0),
        bands: vec![CogBand { description: "grey".into(), legend: Vec::new() }],
        metadata: Vec::new(),
        overview_resampling: Resampling::Average,
    };
    let mut writer = CogWriter::create(path, &grid, &spec).unwrap();
    let pixels = Pixels::U16((0..height * width).map(pixel).collect());
    writer.write(0, &Window::new(0, 0, height, width), &pixels).unwrap();
    writer.finish().unwrap();
}
