//! One image in many files: whatever they are encoded as, the same patches and the same prediction.

use std::path::{Path, PathBuf};

use areal_formats::SceneSettings;
use areal_raster::Scene;
use gdal::raster::RasterCreationOptions;
use gdal::{Dataset, DriverManager};

use crate::common::model_bundle::{classes, spec_for, write};
use crate::common::place::{Place, halves, text};
use crate::common::scenes::{args, same_bytes};
use crate::common::{areal, data, labelled};

/// Name, driver and options of each encoding, all without loss.
const ENCODINGS: [(&str, &str, &[&str]); 7] = [
    ("striped.tif", "GTiff", &["BLOCKYSIZE=3"]),
    ("tiled.tif", "GTiff", &["TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16", "COMPRESS=DEFLATE"]),
    ("lzw.tif", "GTiff", &["COMPRESS=LZW", "PREDICTOR=2"]),
    ("planar.tif", "GTiff", &["INTERLEAVE=BAND", "COMPRESS=PACKBITS"]),
    ("big.tif", "GTiff", &["BIGTIFF=YES"]),
    ("virtual.vrt", "VRT", &[]),
    ("wavelets.jp2", "JP2OpenJPEG", &["REVERSIBLE=YES", "QUALITY=100", "YCC=NO"]),
];

/// Writes a raster in another encoding; none, with a note, where this GDAL has no driver for it.
fn encoded(source: &Path, folder: &Path, (name, driver, options): (&str, &str, &[&str])) -> Option<PathBuf> {
    let Ok(driver) = DriverManager::get_driver_by_name(driver) else {
        crate::common::skipped(&format!("no driver {driver}"));
        return None;
    };
    let path = folder.join(name);
    let options: RasterCreationOptions = options.iter().copied().collect();
    Dataset::open(source).unwrap().create_copy(&driver, &path, &options).unwrap().close().unwrap();
    Some(path)
}

#[test]
fn every_encoding_of_an_image_gives_the_same_prediction() {
    let Some(source) = data("geotiff_variants/RGB.byte.tif") else { return };
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(&SceneSettings::new("scene", vec![source.clone()])).unwrap();
    write(&folder.path().join("bundle"), spec_for(&scene, classes(), 32));
    let first = areal(args(&source, &folder, "first", &["--json"])).expect(0).json();
    for encoding in ENCODINGS {
        let Some(path) = encoded(&source, folder.path(), encoding) else { continue };
        let run = areal(args(&path, &folder, "other", &["--json", "--overwrite"])).expect(0).json();
        assert_eq!((&run["counts"], &run["pixels"]), (&first["counts"], &first["pixels"]), "{}", encoding.0);
        same_bytes(&folder.path().join("first"), &folder.path().join("other"));
    }
}

#[test]
fn every_encoding_of_an_image_gives_the_same_patches() {
    let place = Place::new();
    let (scene, labels) = halves(&place);
    let tile = |out: &str, scene: &Path| {
        place.tile(out, &labelled(&[text(scene)], &labels, "--patch-size 8 --nodata 65535")).expect(0);
    };
    tile("first", &scene);
    for encoding in ENCODINGS {
        let Some(path) = encoded(&scene, &place.path(""), encoding) else { continue };
        let out = format!("from_{}", encoding.0);
        tile(&out, &path);
        for file in ["pixels.npy", "states.npy"] {
            let read = |store: &str| std::fs::read(place.path(store).join(file)).unwrap();
            assert!(read("first") == read(&out), "{file} of {}", encoding.0);
        }
    }
}
