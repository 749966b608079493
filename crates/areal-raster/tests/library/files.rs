//! Damaged files and what a file says about itself.

use areal_grid::{PixelType, Window};
use areal_job::{Interrupt, Job, NoProgress};
use areal_raster::{FileFacts, RasterError, RasterFile, Scene, inspect};

use crate::common::{data, scene, tool, utm};

fn job(interrupt: &Interrupt) -> Job<'_> {
    Job { progress: &NoProgress, interrupt }
}

#[test]
fn a_truncated_file_is_an_error_with_file_and_position() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cut.tif");
    let values: Vec<u16> = (0..200 * 200u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
    utm((200, 200), None, &[values]).write(&path).close().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let mut read_errors = 0;
    for share in [99, 90, 50, 20, 5, 1, 0] {
        std::fs::write(&path, &whole[..whole.len() * share / 100]).unwrap();
        let result = Scene::open(&scene(&[&path])).and_then(|scene| {
            let mut reader = scene.reader()?;
            (0..200).step_by(50).try_for_each(|row| reader.read(&Window::new(row, 0, 50, 200)).map(|_| ()))
        });
        let error = result.expect_err("a cut file reads");
        assert!(error.to_string().contains("cut.tif"), "{error}");
        if let RasterError::Read { window, .. } = error {
            read_errors += 1;
            assert_eq!((window.height, window.width), (50, 200));
        }
    }
    assert!(read_errors > 0, "no cut was found while reading pixels");
}

#[test]
fn the_corrupt_file_is_no_grey_picture() {
    let Some(path) = data("geotiff_variants/corrupt.tif") else { return };
    let mut file = RasterFile::open(&path).unwrap();
    let error = file.read_band(1, &Window::new(0, 0, 1024, 1024)).unwrap_err();
    assert!(matches!(error, RasterError::Read { .. }) && error.to_string().contains("row 512, col 0"), "{error}");
}

#[test]
fn statistics_are_those_that_gdal_computes() {
    let dir = tempfile::tempdir().unwrap();
    // A part of each file, so that no statistics stored with the whole are taken for its own: bytes and integers with a
    // nodata value, and fractions.
    for (name, bands) in [
        ("geotiff_variants/RGB.byte.tif", 1),
        ("landsat7_chiapas/LE70220491999322EDC01_stack.gtif", 1),
        ("sentinel2_amazon/sen2_12band_f32.tif", 2),
    ] {
        let Some(path) = data(name) else { return };
        let part = dir.path().join(format!("{bands}.tif"));
        let mut args = vec!["-q", "-srcwin", "10", "20", "200", "200"];
        ["1", "2", "3"].iter().take(bands).for_each(|band| args.extend(["-b", band]));
        if !tool("gdal_translate", &[&args[..], &[path.to_str().unwrap(), part.to_str().unwrap()]].concat()) {
            return;
        }
        let interrupt = Interrupt::default();
        let ours = inspect(&scene(&[&part]), &job(&interrupt)).unwrap().files.remove(0).statistics;
        assert_eq!((ours.pixels.total(), ours.pixels.masked, ours.pixels.outside), (40_000, 0, 0));
        let output = std::process::Command::new("gdalinfo").args(["-json", "-stats"]).arg(&part).output().unwrap();
        let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for (k, band) in ours.bands.iter().enumerate() {
            for (key, value) in
                [("minimum", band.min), ("maximum", band.max), ("mean", band.mean), ("stdDev", band.std)]
            {
                let theirs = info["bands"][k][key].as_f64().unwrap();
                // gdalinfo prints three decimals.
                assert!(
                    (theirs - value.unwrap()).abs() <= 0.000_501 + 1e-12 * theirs.abs(),
                    "{name} {key}: {theirs} and {value:?}"
                );
            }
        }
    }
}

#[test]
fn signed_bytes_and_half_precision_are_read_as_what_they_are() {
    if let Some(path) = data("geotiff_variants/int8.tif") {
        assert_eq!(FileFacts::read(&path).unwrap().bands[0].pixel_type, PixelType::I8);
    }
    if let Some(path) = data("geotiff_variants/random-fp16.tiff") {
        assert_eq!(FileFacts::read(&path).unwrap().bands[0].pixel_type, PixelType::F32);
    }
}

#[test]
fn an_interrupted_inspection_stops() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((4, 4), None, &[vec![1u8; 16]]).write(&path).close().unwrap();
    let interrupt = Interrupt::default();
    interrupt.request();
    assert!(matches!(inspect(&scene(&[&path]), &job(&interrupt)), Err(RasterError::Interrupted(_))));
}
