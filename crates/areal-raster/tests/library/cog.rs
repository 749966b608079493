//! Cloud-optimised files: what other programs see in them, and what happens where they cannot be written.

use std::path::Path;
use std::process::Command;

use areal_formats::Resampling;
use areal_grid::{Affine, Class, PixelGrid, PixelState, PixelType, Pixels, Window, blocks, default_colour};
use areal_raster::{CogBand, CogSpec, CogWriter, RasterError, RasterFile, crs_from_text};

fn grid(height: usize, width: usize) -> PixelGrid {
    let crs = crs_from_text("EPSG:32648").unwrap();
    PixelGrid { crs, transform: Affine::north_up([600_000.0, 1_700_000.0], [10.0, 10.0]), height, width }
}

fn spec(pixel_type: PixelType, nodata: Option<f64>, bands: &[&str]) -> CogSpec {
    CogSpec {
        pixel_type,
        nodata,
        bands: bands.iter().map(|b| CogBand { description: (*b).to_owned(), legend: Vec::new() }).collect(),
        metadata: vec![("AREAL_FORMAT".to_owned(), "test".to_owned())],
        overview_resampling: Resampling::Nearest,
    }
}

fn legend() -> Vec<Class> {
    let class =
        |(k, (code, name)): (usize, (u8, &str))| Class { code, name: name.to_owned(), colour: default_colour(k) };
    [(0, "water"), (3, "rubber"), (7, "forêt")].into_iter().enumerate().map(class).collect()
}

fn gdalinfo(path: &Path) -> Option<String> {
    let output = Command::new("gdalinfo").arg(path).output().ok();
    if output.is_none() {
        eprintln!("skipped: no gdalinfo");
    }
    Some(String::from_utf8_lossy(&output?.stdout).into_owned())
}

#[test]
fn gdalinfo_sees_a_cog_with_overviews_colours_and_names() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("classes.tif");
    let grid = grid(1100, 1300);
    let mut spec = spec(PixelType::U8, Some(255.0), &["class"]);
    spec.bands[0].legend = legend();
    let mut writer = CogWriter::create(&path, &grid, &spec).unwrap();
    // Last blocks first; the block at (0, 0) is never written.
    let windows: Vec<Window> = blocks(1100, 1300, 300, 257).collect();
    for window in windows.iter().rev().filter(|w| w.row > 0 || w.col > 0) {
        let codes = (0..window.len()).map(|k| [0u8, 3, 7][(window.row + k / window.width) / 100 % 3]).collect();
        writer.write(0, window, &Pixels::U8(codes)).unwrap();
    }
    writer.finish().unwrap();
    let names: Vec<String> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 3, "the raster, its names, its style; the waiting blocks are gone: {names:?}");

    let mut file = RasterFile::open(&path).unwrap();
    assert_eq!(file.grid(), &grid);
    assert_eq!(file.category_names(1).unwrap(), ["water", "", "", "rubber", "", "", "", "forêt"]);
    assert_eq!(file.colour_table(1).unwrap()[3][..3], default_colour(1));
    let (pixels, states) = file.read_band(1, &Window::new(0, 0, 301, 1)).unwrap();
    assert_eq!((states[0], states[300]), (PixelState::Nodata, PixelState::Observed));
    assert_eq!(pixels.get(300), 0.0, "row 300 of the first column: 300 / 100 % 3 = 0, water");
    assert_eq!(file.read_band(1, &Window::new(799, 5, 1, 1)).unwrap().0.get(0), 3.0, "799 / 100 % 3 = 1, rubber");

    let Some(info) = gdalinfo(&path) else { return };
    for expected in [
        "LAYOUT=COG",
        "Overviews: 650x550",
        "NoData Value=255",
        "Description = class",
        "Color Table",
        "3: rubber",
        "AREAL_FORMAT=test",
        "COMPRESSION=DEFLATE",
    ] {
        assert!(info.contains(expected), "{expected} is not in\n{info}");
    }
}

#[test]
fn every_pixel_type_comes_back_as_it_went() {
    let dir = tempfile::tempdir().unwrap();
    let grid = grid(40, 30);
    let cases = [
        Pixels::U8((0..1200).map(|k| k as u8).collect()),
        Pixels::I8((0..1200).map(|k| k as i8).collect()),
        Pixels::U16((0..1200).map(|k| k as u16 * 50).collect()),
        Pixels::I16((0..1200).map(|k| k as i16 - 600).collect()),
        Pixels::U32((0..1200).map(|k| k as u32 * 3_000_000).collect()),
        Pixels::I32((0..1200).map(|k| (k - 600) * 3_000_000).collect()),
        Pixels::F32((0..1200).map(|k| k as f32 / 7.0).collect()),
        Pixels::F64((0..1200).map(|k| f64::from(k) / 7.0).collect()),
    ];
    for pixels in cases {
        let path = dir.path().join(format!("{}.tif", pixels.pixel_type()));
        let spec = spec(pixels.pixel_type(), None, &["a", "b"]);
        let mut writer = CogWriter::create(&path, &grid, &spec).unwrap();
        writer.write(1, &grid.window(), &pixels).unwrap();
        writer.finish().unwrap();
        let mut file = RasterFile::open(&path).unwrap();
        assert_eq!(file.bands()[1].description, "b");
        assert_eq!(file.read_band(2, &grid.window()).unwrap().0, pixels);
    }
}

#[test]
fn equal_pixels_make_equal_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let grid = grid(700, 600);
    let spec = spec(PixelType::F32, Some(f64::NAN), &["value"]);
    let write = |name: &str, size: usize| {
        let path = dir.path().join(name);
        let mut writer = CogWriter::create(&path, &grid, &spec).unwrap();
        for window in blocks(700, 600, size, size) {
            let value = |k: usize| ((window.row + k / window.width) * (window.col + k % window.width)) as f32;
            writer.write(0, &window, &Pixels::F32((0..window.len()).map(value).collect())).unwrap();
        }
        writer.finish().unwrap();
        std::fs::read(path).unwrap()
    };
    assert!(write("a.tif", 600) == write("b.tif", 97), "blocks of another size must not show in the file");
}

#[test]
fn what_does_not_fit_is_refused_and_a_dropped_writer_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.tif");
    let grid = grid(10, 10);
    let mut writer = CogWriter::create(&path, &grid, &spec(PixelType::U8, None, &["a"])).unwrap();
    let cell = Window::new(9, 9, 1, 1);
    assert!(writer.write(0, &Window::new(9, 9, 2, 1), &Pixels::U8(vec![0, 0])).is_err(), "past the grid");
    assert!(writer.write(1, &cell, &Pixels::U8(vec![0])).is_err(), "no such band");
    assert!(writer.write(0, &cell, &Pixels::U8(vec![0, 0])).is_err(), "too many pixels");
    assert!(writer.write(0, &cell, &Pixels::U16(vec![0])).is_err(), "another type");
    writer.write(0, &cell, &Pixels::U8(vec![1])).unwrap();
    drop(writer);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_is_not_there_is_an_error() {
    let Err(error) =
        CogWriter::create(Path::new("/no/such/folder/a.tif"), &grid(1, 1), &spec(PixelType::U8, None, &["a"]))
    else {
        panic!("created")
    };
    assert!(error.to_string().contains("/no/such/folder/a.tif"), "{error}");
}

/// A small file system in memory; none, with a note, where it may not be mounted.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn new(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|o| o.status.success()) {
            return Some(Self(dir));
        }
        eprintln!("skipped: file systems may not be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Pixels that do not compress.
fn noise(len: usize) -> Pixels {
    let next = |state: &mut u64| {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some((*state >> 56) as u8)
    };
    Pixels::U8(std::iter::repeat_n((), len).scan(42u64, |state, ()| next(state)).collect())
}

fn write_noise(path: &Path, grid: &PixelGrid) -> Result<(), RasterError> {
    let mut writer = CogWriter::create(path, grid, &spec(PixelType::U8, None, &["a"]))?;
    writer.write(0, &grid.window(), &noise(grid.window().len()))?;
    writer.finish()
}

#[test]
fn a_full_disk_is_an_error_that_leaves_nothing() {
    // 1 MB of pixels: the waiting blocks do not fit 512 kB; they fit 1.5 MB, and the compressed file beside them does not.
    for size in ["512k", "1536k"] {
        let Some(disk) = SmallDisk::new(&format!("size={size}")) else { return };
        let path = disk.0.path().join("a.tif");
        let error = write_noise(&path, &grid(1024, 1024)).expect_err(size);
        assert!(matches!(error, RasterError::Write { .. }), "{size}: {error}");
        assert!(error.to_string().contains("a.tif"), "{size}: {error}");
        assert_eq!(std::fs::read_dir(disk.0.path()).unwrap().count(), 0, "{size}");
    }
    let Some(disk) = SmallDisk::new("size=8m") else { return };
    write_noise(&disk.0.path().join("a.tif"), &grid(1024, 1024)).unwrap();
}

#[test]
fn a_read_only_disk_is_an_error() {
    let Some(disk) = SmallDisk::new("ro") else { return };
    let error = write_noise(&disk.0.path().join("a.tif"), &grid(8, 8)).unwrap_err();
    assert!(error.to_string().contains("Read-only file system"), "{error}");
}
