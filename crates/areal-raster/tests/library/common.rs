//! Rasters and paths that several tests share.

use std::path::{Path, PathBuf};
use std::process::Command;

use gdal::raster::{Buffer, GdalType, RasterCreationOptions};
use gdal::spatial_ref::SpatialRef;
use gdal::{Dataset, DriverManager};

use areal_formats::SceneSettings;

/// A file or folder of the real data; none, with a note, where the data is not there.
pub fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

/// A GeoTIFF to be made.
pub struct Tiff<'a, T> {
    pub epsg: Option<u32>,
    /// GDAL's six coefficients.
    pub transform: Option<[f64; 6]>,
    /// Rows and columns.
    pub size: (usize, usize),
    pub nodata: Option<f64>,
    pub bands: &'a [Vec<T>],
}

/// 10 m pixels in UTM zone 48 north, from a round corner.
pub const UTM: [f64; 6] = [600_000.0, 10.0, 0.0, 1_700_000.0, 0.0, -10.0];

impl<T: GdalType + Copy> Tiff<'_, T> {
    /// Writes the file and gives it back open, for what else is to be set.
    pub fn write(&self, path: &Path) -> Dataset {
        let driver = DriverManager::get_driver_by_name("GTiff").unwrap();
        let options =
            RasterCreationOptions::from_iter(["COMPRESS=DEFLATE", "TILED=YES", "BLOCKXSIZE=16", "BLOCKYSIZE=16"]);
        let (height, width) = self.size;
        let mut dataset =
            driver.create_with_band_type_with_options::<T, _>(path, width, height, self.bands.len(), &options).unwrap();
        if let Some(epsg) = self.epsg {
            dataset.set_spatial_ref(&SpatialRef::from_epsg(epsg).unwrap()).unwrap();
        }
        if let Some(transform) = self.transform {
            dataset.set_geo_transform(&transform).unwrap();
        }
        for (k, values) in self.bands.iter().enumerate() {
            let mut band = dataset.rasterband(k + 1).unwrap();
            if self.nodata.is_some() {
                band.set_no_data_value(self.nodata).unwrap();
            }
            band.write((0, 0), (width, height), &mut Buffer::new((width, height), values.clone())).unwrap();
        }
        dataset
    }
}

/// A UTM GeoTIFF.
pub fn utm<T>(size: (usize, usize), nodata: Option<f64>, bands: &[Vec<T>]) -> Tiff<'_, T> {
    Tiff { epsg: Some(32648), transform: Some(UTM), size, nodata, bands }
}

pub fn scene(files: &[&Path]) -> SceneSettings {
    SceneSettings::new("test", files.iter().map(|p| p.to_path_buf()).collect())
}

/// Runs a command-line tool; false, with a note, where it is not installed.
pub fn tool(name: &str, args: &[&str]) -> bool {
    match Command::new(name).args(args).output() {
        Ok(output) => {
            assert!(output.status.success(), "{name} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
            true
        }
        Err(e) => {
            eprintln!("skipped: {name}: {e}");
            false
        }
    }
}
