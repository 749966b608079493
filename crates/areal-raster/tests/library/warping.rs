//! Scenes on another grid than their files'.

use std::path::Path;

use areal_formats::{BandRef, Quality, Resampling, SceneSettings};
use areal_grid::{PixelBlock, PixelState, Pixels, Window};
use areal_raster::{RasterFile, Scene};
use gdal::Metadata;

use crate::common::{Tiff, UTM, data, scene, tool, utm};

use PixelState::Observed;

pub fn whole(settings: &SceneSettings) -> (Scene, PixelBlock) {
    let scene = Scene::open(settings).unwrap();
    let block = scene.reader().unwrap().read(&scene.grid().window()).unwrap();
    (scene, block)
}

pub fn warped(files: &[&Path], crs: &str, resolution: f64, method: Resampling) -> SceneSettings {
    let mut settings = scene(files);
    settings.crs = Some(crs.to_owned());
    settings.resolution = Some(resolution);
    settings.resampling = Some(method);
    settings
}

/// Reads all of a file that gdalwarp made.
fn gdalwarp(source: &Path, target: &Path, scene: &Scene, method: &str) -> Option<Vec<(Pixels, Vec<PixelState>)>> {
    let [w, s, e, n] = scene.grid().bounds().map(|b| b.to_string());
    let (height, width) = (scene.grid().height.to_string(), scene.grid().width.to_string());
    let (from, to) = (source.to_str().unwrap(), target.to_str().unwrap());
    let crs = scene.settings().crs.clone().unwrap();
    // Exact positions on both sides.
    let args = [
        "-q",
        "-overwrite",
        "-et",
        "0",
        "-t_srs",
        &crs,
        "-te",
        &w,
        &s,
        &e,
        &n,
        "-ts",
        &width,
        &height,
        "-r",
        method,
        from,
        to,
    ];
    if !tool("gdalwarp", &args) {
        return None;
    }
    let mut file = RasterFile::open(target).unwrap();
    let bands = file.bands().len();
    Some((1..=bands).map(|band| file.read_band(band, &scene.grid().window()).unwrap()).collect())
}

/// Shares of pixels that differ in state, and that differ by more than `slack` where observed in both.
fn compare(ours: &PixelBlock, theirs: &[(Pixels, Vec<PixelState>)], slack: f64) -> (f64, f64) {
    let plane = ours.window.len();
    let (mut states, mut values, mut both) = (0, 0, 0);
    for (band, (pixels, known)) in theirs.iter().enumerate() {
        for (k, (a, b)) in ours.states.iter().zip(known).enumerate() {
            match (*a == Observed, *b == Observed) {
                (true, true) => {
                    both += 1;
                    values += usize::from((ours.pixels.get(band * plane + k) - pixels.get(k)).abs() > slack);
                }
                (a, b) => states += usize::from(a != b),
            }
        }
    }
    (states as f64 / (plane * theirs.len()) as f64, values as f64 / both as f64)
}

#[test]
fn every_method_agrees_with_gdalwarp_on_a_real_scene() {
    // Landsat over Chiapas, six bands that have values everywhere.
    let Some(path) = data("landsat7_chiapas/LE70220491999322EDC01_stack.gtif") else { return };
    let dir = tempfile::tempdir().unwrap();
    let plain = dir.path().join("plain.tif");
    let (from, to) = (path.to_str().unwrap(), plain.to_str().unwrap());
    if !tool("gdal_translate", &["-q", "-b", "1", "-b", "4", "-a_nodata", "none", from, to]) {
        return;
    }
    // To the neighbouring zone at the same size, and to larger pixels.
    for (crs, resolution, method, slack, most) in [
        ("EPSG:32616", 30.0, Resampling::Nearest, 0.0, 0.001),
        ("EPSG:32616", 30.0, Resampling::Bilinear, 1.0, 0.002),
        ("EPSG:32616", 30.0, Resampling::Cubic, 1.0, 0.002),
        // The pixels along the border, which reach past the file, differ: 151 of 76 x 76.
        ("EPSG:32615", 100.0, Resampling::Average, 1.0, 0.03),
        // gdalwarp takes the ratio of pixel sizes from whole windows; of values up to 10,000.
        ("EPSG:32615", 70.0, Resampling::Bilinear, 5.0, 0.02),
    ] {
        let settings = warped(&[&plain], crs, resolution, method);
        let (scene, ours) = whole(&settings);
        let Some(theirs) = gdalwarp(&plain, &dir.path().join("theirs.tif"), &scene, method.name()) else { return };
        // Beyond the file gdalwarp writes 0, which this file has nowhere else.
        let theirs: Vec<_> = theirs
            .into_iter()
            .map(|(p, _)| {
                let known =
                    (0..p.len()).map(|k| if p.get(k) == 0.0 { PixelState::Outside } else { Observed }).collect();
                (p, known)
            })
            .collect();
        let (states, values) = compare(&ours, &theirs, slack);
        let observed = ours.valid_fraction();
        assert!(observed > 0.8, "{method}: {observed} observed");
        assert!(values <= most, "{method} {resolution}: {values} of the pixels differ by more than {slack}");
        // One pixel around the border may be known to one and not to the other.
        assert!(states <= 0.03, "{method}: {states} of the pixels differ in state");
    }
}

#[test]
fn nodata_does_not_bleed_into_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    // Half of it -9999, the rest 100; a cloud with wild values; a NaN cannot stand in integers.
    let values: Vec<i16> = (0..64 * 64)
        .map(|k| {
            if k % 64 < 32 {
                -9999
            } else if k / 64 < 20 {
                30_000
            } else {
                100
            }
        })
        .collect();
    let cloud: Vec<i16> = (0..64 * 64).map(|k| i16::from(k / 64 < 20) * 2).collect();
    utm((64, 64), Some(-9999.0), &[values, cloud]).write(&path).close().unwrap();
    for method in Resampling::ALL {
        for resolution in [7.0, 10.0, 33.0] {
            let mut settings = warped(&[&path], "EPSG:32648", resolution, method);
            settings.bounds = Some([600_003.0, 1_699_370.0, 600_630.0, 1_699_996.0]);
            settings.quality = Some(Quality { band: BandRef::Number(2), values: vec![2], bits: vec![] });
            let (_, block) = whole(&settings);
            let Pixels::I16(values) = &block.pixels else { panic!("pixel type") };
            for (value, state) in values.iter().zip(&block.states) {
                let expected = if *state == Observed { 100 } else { 0 };
                assert_eq!(*value, expected, "{method} at {resolution}");
            }
            let share = |s| block.states.iter().filter(|t| **t == s).count() as f64 / block.states.len() as f64;
            // 32 of 64 columns nodata; of the rest 20 of 64 rows masked.
            assert!(
                (share(PixelState::Nodata) - 0.5).abs() < 0.04,
                "{method} {resolution}: {}",
                share(PixelState::Nodata)
            );
            assert!(
                (share(PixelState::Masked) - 0.156).abs() < 0.03,
                "{method} {resolution}: {}",
                share(PixelState::Masked)
            );
        }
    }
}

#[test]
fn numbers_that_are_not_finite_do_not_bleed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let values: Vec<f32> = (0..900).map(|k| [5.0, 5.0, f32::NAN, 5.0, 5.0, f32::INFINITY, 5.0][k % 7]).collect();
    utm((30, 30), None, &[values]).write(&path).close().unwrap();
    for method in Resampling::ALL {
        let (_, block) = whole(&warped(&[&path], "EPSG:32647", 9.0, method));
        let Pixels::F32(values) = &block.pixels else { panic!("pixel type") };
        assert!(values.iter().all(|v| *v == 0.0 || (*v - 5.0).abs() < 1e-5), "{method}");
        assert!(block.states.contains(&Observed), "{method}");
    }
}

#[test]
fn an_average_of_whole_pixels_is_their_mean() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((4, 4), Some(0.0), &[vec![1u8, 3, 9, 0, 5, 7, 9, 0, 0, 0, 2, 4, 0, 8, 6, 8]]).write(&path).close().unwrap();
    let (scene, block) = whole(&warped(&[&path], "EPSG:32648", 20.0, Resampling::Average));
    assert_eq!(scene.grid().transform.origin, [600_000.0, 1_700_000.0]);
    // (1+3+5+7)/4; half of the pixels known: (9+9)/2; a quarter known: not observed; (2+4+6+8)/4.
    assert_eq!(block.pixels, Pixels::U8(vec![4, 9, 0, 5]));
    assert_eq!(block.states, [Observed, Observed, PixelState::Nodata, Observed]);
}

#[test]
fn a_warped_scene_read_in_pieces_is_the_scene_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
    let values =
        |seed: u32| (0..90 * 80).map(|k: u32| (k.wrapping_mul(2_654_435_761 + seed) >> 20) as u16 % 400).collect();
    utm((90, 80), Some(0.0), &[values(1)]).write(&a).close().unwrap();
    // The same place in the neighbouring zone.
    let there = [-45_000.0, 10.0, 0.0, 1_704_500.0, 0.0, -10.0];
    Tiff { epsg: Some(32649), transform: Some(there), size: (90, 80), nodata: Some(1.0), bands: &[values(2)] }
        .write(&b)
        .close()
        .unwrap();
    for method in Resampling::ALL {
        let (scene, all) = whole(&warped(&[&a, &b], "EPSG:32648", 13.0, method));
        let (height, width) = (scene.grid().height, scene.grid().width);
        for size in [(17, 23), (64, 64), (1, width), (height, 5)] {
            let mut reader = scene.reader().unwrap();
            for window in areal_grid::blocks(height, width, size.0, size.1) {
                let part = reader.read(&window).unwrap();
                for k in 0..window.len() {
                    let at = (window.row + k / window.width) * width + window.col + k % window.width;
                    assert_eq!(part.states[k], all.states[at], "{method} {size:?}");
                    assert_eq!(part.pixels.get(k), all.pixels.get(at), "{method} {size:?}");
                }
            }
        }
    }
}

#[test]
fn a_file_that_already_lies_on_the_grid_is_not_warped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    // Pixel corners on no multiple of 10 m.
    let odd = [600_003.0, 10.0, 0.0, 1_700_007.0, 0.0, -10.0];
    let values: Vec<u8> = (0..100).collect();
    let file = Tiff {
        epsg: Some(32648),
        transform: Some(odd),
        size: (10, 10),
        nodata: None,
        bands: std::slice::from_ref(&values),
    };
    file.write(&path).close().unwrap();
    let mut settings = scene(&[&path]);
    settings.crs = Some("EPSG:32648".into());
    settings.resolution = Some(10.0);
    let (scene, block) = whole(&settings);
    assert_eq!(scene.grid().transform.origin, [600_003.0, 1_700_007.0]);
    assert_eq!(block.pixels, Pixels::U8(values));
}

#[test]
fn a_coarse_grid_over_a_large_file_reads_it_piece_by_piece() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    // 16 million pixels: more than are held at a time.
    let driver = gdal::DriverManager::get_driver_by_name("GTiff").unwrap();
    let options = gdal::raster::RasterCreationOptions::from_iter(["SPARSE_OK=TRUE", "TILED=YES", "COMPRESS=DEFLATE"]);
    let mut dataset = driver.create_with_band_type_with_options::<u8, _>(&path, 4000, 4000, 1, &options).unwrap();
    dataset.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_epsg(32648).unwrap()).unwrap();
    dataset.set_geo_transform(&UTM).unwrap();
    dataset.set_metadata_item("NOTE", "sparse", "").unwrap();
    dataset.rasterband(1).unwrap().fill(7.0, None).unwrap();
    dataset.close().unwrap();
    let mut settings = warped(&[&path], "EPSG:32648", 4000.0, Resampling::Average);
    let (scene, block) = whole(&settings);
    assert_eq!((scene.grid().height, scene.grid().width), (10, 10));
    assert_eq!(block.pixels, Pixels::U8(vec![7; 100]));
    settings.bounds = Some([590_000.0, 1_650_000.0, 650_000.0, 1_710_000.0]);
    let (_, block) = whole(&settings);
    // The file covers columns and rows 2.5 to 12.5: half of pixels 2 and 12, a quarter of corners.
    assert_eq!(block.states.iter().filter(|s| **s == Observed).count(), 11 * 11 - 4);
    assert_eq!(block.window, Window::new(0, 0, 15, 15));
}

#[test]
fn degrees_and_metres_meet() {
    let Some(path) = data("sentinel2_amazon/sen2_12band_f32.tif") else { return };
    let (scene, block) = whole(&warped(&[&path], "EPSG:32721", 10.0, Resampling::Bilinear));
    assert!((scene.ground_resolution().mean() - 10.0).abs() < 0.02, "{:?}", scene.ground_resolution());
    assert!(block.valid_fraction() > 0.95, "{}", block.valid_fraction());
}
