//! Writing of Cloud Optimized `GeoTIFF`s, block by block, with a check of the finished file.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::path::{Path, PathBuf};

use areal_grid::{Class, PixelGrid, PixelType, Pixels, Window, blocks};
use gdal::raster::{ColorEntry, ColorTable, PaletteInterpretation, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata};
use gdal_sys::CPLErr;

use crate::RasterError;
use crate::facts::open_raster;
use crate::gdal_call::{collect, explain, strictly};
use crate::qgis;
use crate::raster_io::{self, Layout, gdal_type};
use crate::srs::spatial_ref;
use areal_formats::Resampling;

/// Pixels of one band that the check of a finished file decodes at a time.
const CHECK_BLOCK: usize = 1024;
/// Side of a block in pixels where there are not many bands.
const BLOCK: usize = 512;
/// Most bytes of a block before it is compressed.
const MOST_BLOCK_BYTES: usize = 64 << 20;

/// What a cloud-optimised GeoTIFF holds besides its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct CogSpec {
    /// Type of all pixels.
    pub pixel_type: PixelType,
    /// Nodata value of all bands; pixels never written hold it, or 0 without one.
    pub nodata: Option<f64>,
    pub bands: Vec<CogBand>,
    /// Metadata of the file, name and value.
    pub metadata: Vec<(String, String)>,
    /// How overviews are made: nearest for categories.
    pub overview_resampling: Resampling,
}

impl CogSpec {
    /// Side of a block in pixels: smaller where there are many bands, because a block holds them all.
    fn block_size(&self) -> usize {
        let bytes = |side: &usize| side * side * self.bands.len() * self.pixel_type.size();
        [BLOCK, 256, 128, 64].into_iter().find(|side| bytes(side) <= MOST_BLOCK_BYTES).unwrap_or(32)
    }
}

/// A band of a cloud-optimised GeoTIFF.
#[derive(Debug, Clone, PartialEq)]
pub struct CogBand {
    pub description: String,
    /// Its legend, written as colour table and category names; only the one band of a `u8` file can have a colour
    /// table. Empty if there is none. Category names stand in a file beside it, `NAME.tif.aux.xml`, and with a colour table the style
    /// for QGIS in `NAME.qml`.
    pub legend: Vec<Class>,
}

/// Writes a cloud-optimised GeoTIFF: tiled, compressed without loss, with overviews.
///
/// Windows may come in any order; they wait uncompressed in a file beside the output, so that memory stays bounded.
/// [`finish`](Self::finish) compresses them and reads the result back. Dropped before that, it leaves nothing behind.
pub struct CogWriter {
    path: PathBuf,
    waiting: Waiting,
    spec: CogSpec,
    window: Window,
}

/// The pixels written so far; removed on drop.
struct Waiting {
    path: PathBuf,
    dataset: Option<Dataset>,
}

impl Waiting {
    /// Removes them. In the folder of an output they would become a part of it.
    fn remove(&mut self) -> Result<(), String> {
        if let Some(dataset) = self.dataset.take() {
            // What cannot be written any more is not needed.
            let _ = collect(|| dataset.close());
        }
        for file in [self.path.clone(), sidecar(&self.path)] {
            match std::fs::remove_file(&file) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(format!("cannot remove {}: {e}", file.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

impl CogWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written there or the legend does not fit the pixel type.
    pub fn create(path: &Path, grid: &PixelGrid, spec: &CogSpec) -> Result<Self, RasterError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let waiting = path.with_file_name(format!(".blocks-{}-{name}", std::process::id()));
        let srs = spatial_ref(&grid.crs.wkt)?;
        let dataset = strictly(|| create_tiff(&waiting, grid, spec.pixel_type, spec.bands.len()))
            .map_err(|message| RasterError::Write { path: path.to_path_buf(), message })?;
        let mut waiting = Waiting { path: waiting, dataset: Some(dataset) };
        if let Some(dataset) = &mut waiting.dataset {
            strictly(|| -> gdal::errors::Result<()> {
                dataset.set_spatial_ref(&srs)?;
                dataset.set_geo_transform(&grid.transform.to_gdal())?;
                for (key, value) in &spec.metadata {
                    dataset.set_metadata_item(key, value, "")?;
                }
                describe_bands(dataset, spec)
            })
            .map_err(|message| RasterError::Write { path: path.to_path_buf(), message })?;
        }
        Ok(Self { path: path.to_path_buf(), waiting, spec: spec.clone(), window: grid.window() })
    }

    /// Writes a window of a band (from 0); `pixels` is `[row, col]` of the file's pixel type.
    ///
    /// # Errors
    /// When the window reaches past the grid, the pixels do not fit it, or the disk is full.
    pub fn write(&mut self, band: usize, window: &Window, pixels: &Pixels) -> Result<(), RasterError> {
        let fault = |message: String| RasterError::Write { path: self.path.clone(), message };
        if !self.window.contains(window) || band >= self.spec.bands.len() {
            return Err(fault(format!("band {band} with window {window:?} is not in it")));
        }
        if pixels.len() != window.len() || pixels.pixel_type() != self.spec.pixel_type {
            let (len, kind) = (pixels.len(), pixels.pixel_type());
            return Err(fault(format!("{len} {kind} pixels do not fit {window:?} of {}", self.spec.pixel_type)));
        }
        let Some(dataset) = &self.waiting.dataset else { return Err(fault("it was already finished".to_owned())) };
        raster_io::write(dataset, band + 1, window, &mut pixels.clone()).map_err(fault)
    }

    /// Compresses, builds overviews, and reads the whole file back: a full disk shows here at the latest.
    ///
    /// # Errors
    /// When the file cannot be written whole; what stands under its name then is removed.
    pub fn finish(mut self) -> Result<(), RasterError> {
        let done = self
            .compress()
            .and_then(|()| check(&self.path, &self.spec))
            .and_then(|()| self.style())
            .and_then(|()| self.waiting.remove());
        if done.is_err() {
            for file in [self.path.clone(), sidecar(&self.path), style_path(&self.path)] {
                let _ = std::fs::remove_file(file);
            }
        }
        done.map_err(|message| RasterError::Write { path: self.path.clone(), message })
    }

    fn compress(&mut self) -> Result<(), String> {
        let Some(mut dataset) = self.waiting.dataset.take() else { return Ok(()) };
        strictly(|| dataset.flush_cache())?;
        let cog = explain(|| DriverManager::get_driver_by_name("COG"))?;
        let overviews = match self.spec.overview_resampling {
            Resampling::Nearest => "NEAREST",
            Resampling::Bilinear => "BILINEAR",
            Resampling::Cubic => "CUBIC",
            Resampling::Average => "AVERAGE",
        };
        let options = RasterCreationOptions::from_iter([
            "COMPRESS=DEFLATE".to_owned(),
            "PREDICTOR=YES".to_owned(),
            format!("BLOCKSIZE={}", self.spec.block_size()),
            "BIGTIFF=IF_SAFER".to_owned(),
            // One thread, so that equal pixels make equal bytes.
            "NUM_THREADS=1".to_owned(),
            format!("OVERVIEW_RESAMPLING={overviews}"),
        ]);
        strictly(|| dataset.create_copy(&cog, &self.path, &options).and_then(Dataset::close))?;
        self.waiting.dataset = Some(dataset);
        Ok(())
    }
}

impl CogWriter {
    /// Writes the style of a class raster beside it.
    fn style(&self) -> Result<(), String> {
        match &self.spec.bands[..] {
            [band] if !band.legend.is_empty() && self.spec.pixel_type == PixelType::U8 => {
                std::fs::write(style_path(&self.path), qgis::class_raster(&band.legend)).map_err(|e| e.to_string())
            }
            _ => Ok(()),
        }
    }
}

/// QGIS styles a raster by the file of its name that ends in `.qml`.
fn style_path(path: &Path) -> PathBuf {
    path.with_extension("qml")
}

fn sidecar(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".aux.xml");
    PathBuf::from(name)
}

/// A sparse, tiled, uncompressed TIFF: any tile can be written at any time.
fn create_tiff(path: &Path, grid: &PixelGrid, pixel_type: PixelType, bands: usize) -> Result<Dataset, String> {
    let size = |n: usize| i32::try_from(n).map_err(|_| format!("{n} pixels along one side are too many"));
    let (width, height, bands) = (size(grid.width)?, size(grid.height)?, size(bands)?);
    let driver = DriverManager::get_driver_by_name("GTiff").map_err(|e| e.to_string())?;
    let mut options = RasterCreationOptions::from_iter([
        "TILED=YES",
        "BLOCKXSIZE=256",
        "BLOCKYSIZE=256",
        "INTERLEAVE=BAND",
        "SPARSE_OK=TRUE",
        "BIGTIFF=IF_SAFER",
    ]);
    if pixel_type == PixelType::I8 {
        options.set_name_value("PIXELTYPE", "SIGNEDBYTE").map_err(|e| e.to_string())?;
    }
    let name = CString::new(path.to_string_lossy().as_bytes()).map_err(|e| e.to_string())?;
    // SAFETY: driver, name and options live through the call; the handle is owned by the dataset made from it.
    unsafe {
        let handle = gdal_sys::GDALCreate(
            driver.c_driver(),
            name.as_ptr(),
            width,
            height,
            bands,
            gdal_type(pixel_type),
            options.as_ptr(),
        );
        if handle.is_null() { Err("GDAL gave no reason".to_owned()) } else { Ok(Dataset::from_c_dataset(handle)) }
    }
}

fn describe_bands(dataset: &Dataset, spec: &CogSpec) -> gdal::errors::Result<()> {
    for (k, about) in spec.bands.iter().enumerate() {
        let mut band = dataset.rasterband(k + 1)?;
        band.set_description(&about.description)?;
        if spec.nodata.is_some() {
            band.set_no_data_value(spec.nodata)?;
        }
        if about.legend.is_empty() {
            continue;
        }
        if spec.pixel_type == PixelType::U8 && spec.bands.len() == 1 {
            band.set_color_table(&colour_table(&about.legend, spec.nodata));
        }
        set_category_names(&band, &about.legend)?;
    }
    Ok(())
}

fn colour_table(legend: &[Class], nodata: Option<f64>) -> ColorTable<'static> {
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    for code in 0..=255u8 {
        let class = legend.iter().find(|c| c.code == code);
        let [r, g, b] = class.map_or([0, 0, 0], |c| c.colour.map(i16::from));
        let alpha = if class.is_none() || nodata == Some(f64::from(code)) { 0 } else { 255 };
        table.set_color_entry(u16::from(code), &ColorEntry::rgba(r, g, b, alpha));
    }
    table
}

/// Names by code, from 0; a code without a class has an empty name.
fn set_category_names(band: &gdal::raster::RasterBand<'_>, legend: &[Class]) -> gdal::errors::Result<()> {
    let last = legend.iter().map(|c| c.code).max().unwrap_or(0);
    let names = (0..=last).map(|code| {
        let name = legend.iter().find(|c| c.code == code).map_or("", |c| &c.name);
        CString::new(name.replace('\0', ""))
    });
    let names: Vec<CString> = names.collect::<Result<_, _>>()?;
    let mut list: Vec<*mut std::ffi::c_char> = names.iter().map(|n| n.as_ptr().cast_mut()).collect();
    list.push(std::ptr::null_mut());
    // SAFETY: a null-terminated list of C strings that GDAL copies.
    let code = unsafe { gdal_sys::GDALSetRasterCategoryNames(band.c_rasterband(), list.as_mut_ptr()) };
    if code == CPLErr::CE_None {
        return Ok(());
    }
    Err(gdal::errors::GdalError::BadArgument("category names".to_owned()))
}

/// Reads every pixel back.
fn check(path: &Path, spec: &CogSpec) -> Result<(), String> {
    let dataset = open_raster(path).map_err(|e| e.to_string())?;
    if dataset.metadata_item("LAYOUT", "IMAGE_STRUCTURE").as_deref() != Some("COG") {
        return Err("it is not a valid cloud-optimised GeoTIFF".to_owned());
    }
    let (width, height) = dataset.raster_size();
    // A block holds all bands, so that all are read while it is decoded.
    let side = if spec.block_size() < BLOCK { spec.block_size() } else { CHECK_BLOCK };
    for window in blocks(height, width, side, side) {
        for band in 1..=dataset.raster_count() {
            let mut pixels = Pixels::zeros(spec.pixel_type, window.len());
            raster_io::read(&dataset, &[band], &window, &mut pixels, Layout::whole(&window))
                .map_err(|message| format!("it cannot be read back: {message}"))?;
        }
    }
    Ok(())
}
