//! Masks, mosaics and windows.

use areal_formats::{BandRef, Quality, SceneSettings};
use areal_grid::{PixelState, Pixels, Window};
use areal_raster::{RasterError, Scene, SceneMismatch};
use gdal::raster::Buffer;
use proptest::prelude::*;

use crate::common::{Tiff, UTM, data, scene, utm};

use PixelState::{Masked, Nodata, Observed, Outside};

fn u8s(pixels: &Pixels) -> &[u8] {
    match pixels {
        Pixels::U8(v) => v,
        other => panic!("{} pixels", other.pixel_type()),
    }
}

#[test]
fn a_pixel_is_observed_only_in_all_bands_and_holds_zero_otherwise() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((1, 4), Some(9.0), &[vec![1u8, 9, 3, 4], vec![5, 6, 9, 8]]).write(&path).close().unwrap();
    let block = Scene::open(&scene(&[&path])).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 4)).unwrap();
    assert_eq!(block.states, [Observed, Nodata, Nodata, Observed]);
    assert_eq!(u8s(&block.pixels), [1, 0, 0, 4, 5, 0, 0, 8]);
    assert_eq!(block.valid_fraction(), 0.5);
}

#[test]
fn nodata_from_the_settings_joins_that_of_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((1, 4), Some(-9999.0), &[vec![-9999i16, 0, 3, 4]]).write(&path).close().unwrap();
    let mut settings = scene(&[&path]);
    settings.nodata = Some(0.0);
    let block = Scene::open(&settings).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 4)).unwrap();
    assert_eq!(block.states, [Nodata, Nodata, Observed, Observed]);
}

#[test]
fn a_nodata_value_that_the_type_cannot_hold_hides_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((1, 2), None, &[vec![0u8, 255]]).write(&path).close().unwrap();
    for nodata in [-9999.0, 256.0, 0.5, f64::NAN] {
        let mut settings = scene(&[&path]);
        settings.nodata = Some(nodata);
        let block = Scene::open(&settings).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 2)).unwrap();
        assert_eq!(block.states, [Observed, Observed], "{nodata}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_nodata() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let values = vec![1.0f32, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -3.4e38, 0.0];
    utm((1, 6), Some(-3.4e38), &[values]).write(&path).close().unwrap();
    let block = Scene::open(&scene(&[&path])).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 6)).unwrap();
    assert_eq!(block.states, [Observed, Nodata, Nodata, Nodata, Nodata, Observed]);
    assert_eq!(block.pixels, Pixels::F32(vec![1.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
}

#[test]
fn a_quality_band_masks_by_values_and_by_bits_and_its_nodata_means_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    // 0 is nodata of the image and "clear" of the quality band.
    let quality = vec![0u16, 0, 4, 1 << 3, 1 << 15, 5];
    let mut dataset = utm((1, 6), Some(0.0), &[vec![7u16, 0, 7, 7, 7, 7], quality]).write(&path);
    gdal::Metadata::set_description(&mut dataset.rasterband(2).unwrap(), "QA").unwrap();
    dataset.flush_cache().unwrap();
    dataset.close().unwrap();
    let mut settings = scene(&[&path]);
    settings.quality = Some(Quality { band: BandRef::Description("qa".into()), values: vec![4], bits: vec![3, 15] });
    let scene = Scene::open(&settings).unwrap();
    assert_eq!(scene.bands().len(), 1, "the quality band is no band of the scene");
    let block = scene.reader().unwrap().read(&Window::new(0, 0, 1, 6)).unwrap();
    assert_eq!(block.states, [Observed, Nodata, Masked, Masked, Masked, Observed]);
}

#[test]
fn a_quality_band_that_cannot_mask_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = dir.path().join("a.tif");
    utm((1, 1), None, &[vec![1u8], vec![1]]).write(&bytes).close().unwrap();
    for (bits, word) in [(vec![], "neither"), (vec![8], "8 bits")] {
        let mut settings = scene(&[&bytes]);
        settings.quality = Some(Quality { band: BandRef::Number(2), values: Vec::new(), bits });
        let message = Scene::open(&settings).unwrap_err().to_string();
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn fault_18_whole_numbers_in_floats_are_quality_codes_and_fractions_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let read = |quality: Vec<f32>| {
        utm((1, 3), None, &[vec![1f32; 3], quality]).write(&path).close().unwrap();
        let mut settings = scene(&[&path]);
        settings.quality = Some(Quality { band: BandRef::Number(2), values: vec![4], bits: vec![1] });
        Scene::open(&settings).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 3))
    };
    assert_eq!(read(vec![4.0, 2.0, 1.0]).unwrap().states, [Masked, Masked, Observed]);
    let message = read(vec![4.0, 0.5, 1.0]).unwrap_err().to_string();
    assert!(message.contains("0.5, which is not an integer code"), "{message}");
}

#[test]
fn masks_beside_the_values_hide_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let dataset = utm((1, 3), None, &[vec![1u8, 2, 3], vec![4, 5, 6]]).write(&path);
    {
        let mut band = dataset.rasterband(1).unwrap();
        band.create_mask_band(true).unwrap();
        let mut mask = band.open_mask_band().unwrap();
        mask.write((0, 0), (3, 1), &mut Buffer::new((3, 1), vec![255u8, 0, 255])).unwrap();
    }
    dataset.close().unwrap();
    let block = Scene::open(&scene(&[&path])).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 3)).unwrap();
    assert_eq!(block.states, [Observed, Nodata, Observed]);
    assert_eq!(u8s(&block.pixels), [1, 0, 3, 4, 0, 6]);
}

#[test]
fn where_files_overlap_the_first_observed_pixel_wins() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
    utm((1, 4), Some(0.0), &[vec![1u8, 2, 0, 0]]).write(&a).close().unwrap();
    // Two columns further east and one row further north.
    let moved = [UTM[0] + 20.0, 10.0, 0.0, UTM[3] + 10.0, 0.0, -10.0];
    let values = vec![10u8, 11, 12, 13, 20, 0, 22, 23];
    Tiff { epsg: Some(32648), transform: Some(moved), size: (2, 4), nodata: Some(0.0), bands: &[values] }
        .write(&b)
        .close()
        .unwrap();
    let scene = Scene::open(&scene(&[&a, &b])).unwrap();
    assert_eq!((scene.grid().height, scene.grid().width), (2, 6));
    assert_eq!(scene.grid().transform.origin, [600_000.0, 1_700_010.0]);
    let block = scene.reader().unwrap().read(&Window::new(0, 0, 2, 7)).unwrap();
    assert_eq!(u8s(&block.pixels), [0, 0, 10, 11, 12, 13, 0, 1, 2, 20, 0, 22, 23, 0]);
    let o = Outside;
    let top = [o, o, Observed, Observed, Observed, Observed, o];
    let bottom = [Observed, Observed, Observed, Nodata, Observed, Observed, o];
    assert_eq!(block.states, [top, bottom].concat());
}

#[test]
fn files_that_differ_are_refused_with_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let base = path("base.tif");
    utm((2, 2), None, &[vec![1u8; 4]]).write(&base).close().unwrap();
    let with = |name: &str, epsg: u32, transform: [f64; 6]| {
        let file = path(name);
        Tiff { epsg: Some(epsg), transform: Some(transform), size: (2, 2), nodata: None, bands: &[vec![1u8; 4]] }
            .write(&file)
            .close()
            .unwrap();
        file
    };
    let half_a_pixel = [UTM[0] + 5.0, 10.0, 0.0, UTM[3], 0.0, -10.0];
    let larger = [UTM[0], 20.0, 0.0, UTM[3], 0.0, -20.0];
    let twice = path("twice.tif");
    utm((2, 2), None, &[vec![1u8; 4], vec![1; 4]]).write(&twice).close().unwrap();
    let wide = path("wide.tif");
    utm((2, 2), None, &[vec![1u16; 4]]).write(&wide).close().unwrap();
    let scaled = path("scaled.tif");
    let dataset = utm((2, 2), None, &[vec![1u8; 4]]).write(&scaled);
    dataset.rasterband(1).unwrap().set_scale(0.1).unwrap();
    dataset.close().unwrap();
    let cases = [
        (with("crs.tif", 32647, UTM), SceneMismatch::Crs, ["EPSG:32648", "EPSG:32647"]),
        (with("size.tif", 32648, larger), SceneMismatch::Resolution, ["10 x 10", "20 x 20"]),
        (with("shift.tif", 32648, half_a_pixel), SceneMismatch::Alignment, ["0 rows", "0.5000 columns"]),
        (twice, SceneMismatch::BandCount, ["1", "2"]),
        (wide, SceneMismatch::PixelType, ["u8", "u16"]),
        (scaled, SceneMismatch::Scaling, ["x 1", "x 0.1"]),
    ];
    for (file, expected, sides) in cases {
        let error = Scene::open(&scene(&[&base, &file])).unwrap_err();
        let message = error.to_string();
        let RasterError::Mismatch { what, .. } = error else { panic!("{message}") };
        assert_eq!(what, expected);
        assert!(message.contains("base.tif") && sides.iter().all(|s| message.contains(s)), "{message}");
    }
}

#[test]
fn bands_of_another_name_are_not_mixed_unless_chosen_by_number() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
    for (path, names) in [(&a, ["red", "nir"]), (&b, ["nir", "red"])] {
        let dataset = utm((1, 1), None, &[vec![1u8], vec![2]]).write(path);
        for (k, name) in names.iter().enumerate() {
            gdal::Metadata::set_description(&mut dataset.rasterband(k + 1).unwrap(), name).unwrap();
        }
        dataset.close().unwrap();
    }
    let mut settings = scene(&[&a, &b]);
    let error = Scene::open(&settings).unwrap_err();
    assert!(matches!(error, RasterError::Mismatch { what: SceneMismatch::BandNames, .. }), "{error}");
    settings.bands = vec![BandRef::Description("nir".into()), BandRef::Description("red".into())];
    let read =
        |s: &SceneSettings| Scene::open(s).unwrap().reader().unwrap().read(&Window::new(0, 0, 1, 1)).unwrap().pixels;
    assert_eq!(read(&settings), Pixels::U8(vec![2, 1]));
    settings.bands = vec![BandRef::Number(1), BandRef::Number(2)];
    assert_eq!(read(&settings), Pixels::U8(vec![1, 2]));
}

#[test]
fn a_missing_or_ambiguous_band_is_named_with_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let dataset = utm((1, 1), None, &[vec![1u8], vec![2], vec![3]]).write(&path);
    for k in [2, 3] {
        gdal::Metadata::set_description(&mut dataset.rasterband(k).unwrap(), "swir").unwrap();
    }
    dataset.close().unwrap();
    for (band, words) in [
        ("nir", ["nir", "\"band 1\""]),
        ("4", ["band 4", "3 bands"]),
        ("0", ["band 0", "3 bands"]),
        ("swir", ["swir", "[2, 3]"]),
    ] {
        let mut settings = scene(&[&path]);
        settings.bands = vec![band.parse().unwrap()];
        let message = Scene::open(&settings).unwrap_err().to_string();
        assert!(words.iter().all(|w| message.contains(w)), "{message}");
    }
}

#[test]
fn bounds_cut_a_scene_to_whole_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    utm((4, 4), None, &[(0..16).collect::<Vec<u8>>()]).write(&path).close().unwrap();
    let mut settings = scene(&[&path]);
    // From the middle of column 1 to the end of column 2; row 2 only.
    settings.bounds = Some([600_015.0, 1_699_970.0, 600_030.0, 1_699_980.0]);
    let scene = Scene::open(&settings).unwrap();
    assert_eq!(scene.grid().transform.origin, [600_010.0, 1_699_980.0]);
    let block = scene.reader().unwrap().read(&scene.grid().window()).unwrap();
    assert_eq!(u8s(&block.pixels), [9, 10]);
    settings.bounds = Some([0.0, 0.0, 10.0, 10.0]);
    assert!(Scene::open(&settings).unwrap_err().to_string().contains("no file overlaps"));
    settings.bounds = Some([10.0, 0.0, 0.0, 10.0]);
    assert!(Scene::open(&settings).unwrap_err().to_string().contains("west must be less than east"));
}

#[test]
fn the_two_overlapping_rgb_files_make_one_scene() {
    let (Some(a), Some(b)) = (data("geotiff_variants/rgb1.tif"), data("geotiff_variants/rgb2.tif")) else { return };
    let read = |files: &[&std::path::Path]| {
        let scene = Scene::open(&scene(files)).unwrap();
        let block = scene.reader().unwrap().read(&scene.grid().window()).unwrap();
        (scene, block)
    };
    let (both, block) = read(&[&a, &b]);
    // 400 columns from 0 and 392 from 399.
    assert_eq!((both.grid().height, both.grid().width), (400, 791));
    let ((_, first), (_, second)) = (read(&[&a]), read(&[&b]));
    let known = |s: PixelState| s == Observed;
    for band in 0..3 {
        for row in (0..400).step_by(7) {
            for col in 0..791usize {
                let (one, two) = (row * 400 + col, (row * 392).wrapping_add(col).wrapping_sub(399));
                let expected = if col < 400 && known(first.states[one]) {
                    first.pixels.get(band * 160_000 + one)
                } else if col >= 399 && known(second.states[two]) {
                    second.pixels.get(band * 156_800 + two)
                } else {
                    0.0
                };
                assert_eq!(block.pixels.get(band * 400 * 791 + row * 791 + col), expected, "band {band}, {row}, {col}");
            }
        }
    }
    let (_, reversed) = read(&[&b, &a]);
    assert_eq!(
        block.states.iter().filter(|s| known(**s)).count(),
        reversed.states.iter().filter(|s| known(**s)).count()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A scene read in pieces is the scene read at once: mosaicked, masked, reaching past its edges.
    #[test]
    fn windows_stitched_are_the_whole(
        values in prop::collection::vec(0u16..5, 2 * 37 * 41),
        shift in (-30i32..30, -30i32..30),
        block in (1usize..50, 1usize..50),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a.tif"), dir.path().join("b.tif"));
        let (one, two) = values.split_at(37 * 41);
        utm((37, 41), Some(0.0), &[one.to_vec()]).write(&a).close().unwrap();
        let moved = [UTM[0] + 10.0 * f64::from(shift.0), 10.0, 0.0, UTM[3] + 10.0 * f64::from(shift.1), 0.0, -10.0];
        Tiff { epsg: Some(32648), transform: Some(moved), size: (37, 41), nodata: Some(1.0), bands: &[two.to_vec()] }
            .write(&b).close().unwrap();
        let scene = Scene::open(&scene(&[&a, &b])).unwrap();
        let mut reader = scene.reader().unwrap();
        let all = reader.read(&scene.grid().window()).unwrap();
        let (height, width) = (scene.grid().height, scene.grid().width);
        // Blocks may reach past the scene.
        for row in (0..height).step_by(block.0) {
            for col in (0..width).step_by(block.1) {
                let part = reader.read(&Window::new(row, col, block.0, block.1)).unwrap();
                for (k, state) in part.states.iter().enumerate() {
                    let (r, c) = (row + k / block.1, col + k % block.1);
                    if r < height && c < width {
                        prop_assert_eq!(*state, all.states[r * width + c]);
                        prop_assert_eq!(part.pixels.get(k), all.pixels.get(r * width + c));
                    } else {
                        prop_assert_eq!(*state, Outside);
                    }
                }
            }
        }
    }
}
