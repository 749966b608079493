//! What a raster file says about itself before any of its pixels is read.
#![allow(unsafe_code)]

use std::path::{Path, PathBuf};

use areal_grid::{Affine, Crs, PixelGrid, PixelType};
use gdal::raster::{ColorInterpretation, GdalDataType, RasterBand};
use gdal::{Dataset, DatasetOptions, GdalOpenFlags, Metadata};
use serde::{Deserialize, Serialize};

use crate::RasterError;
use crate::gdal_call::explain;
use crate::srs::describe;
use crate::vrt_check::check_vrt;

/// What a raster file says about itself, before any of its pixels is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileFacts {
    pub path: PathBuf,
    /// GDAL's short name of the format: `GTiff`, `VRT`, `JP2OpenJPEG` ...
    pub driver: String,
    pub height: usize,
    pub width: usize,
    /// Its CRS, if it names one that is geographic or projected.
    pub crs: Option<Crs>,
    /// How its pixels are placed.
    pub placement: Georeference,
    pub bands: Vec<BandFacts>,
}

/// How a raster's pixels are placed on the map.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Georeference {
    None,
    /// By an affine transform.
    Affine(Affine),
    /// By ground control points.
    Gcps {
        count: usize,
    },
}

/// What a file says about one band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BandFacts {
    /// Number, from 1.
    pub number: usize,
    /// Description; `band 3` where the file has none.
    pub description: String,
    /// Type that its pixels are read as.
    pub pixel_type: PixelType,
    /// Nodata value of the file.
    pub nodata: Option<f64>,
    /// What else says which pixels are observed.
    pub mask: Mask,
    /// True for an alpha band.
    pub alpha: bool,
    /// True for the red, green or blue band of an image with 8 bits a colour. Nodata is a colour then: a pixel is nodata
    /// where all of these bands that are read hold their nodata value.
    #[serde(default)]
    pub colour: bool,
    /// True for a band with a colour table or category names: its values are codes.
    pub categorical: bool,
    /// Rows and columns of the blocks in which it is stored.
    pub block: [usize; 2],
    pub overviews: usize,
    /// What a stored value is multiplied by to be a physical one; areal works with stored values.
    pub scale: f64,
    /// What is added then.
    pub offset: f64,
}

/// A mask beside the values of a band.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mask {
    None,
    /// An alpha band, shared by all bands.
    Alpha,
    /// A mask inside or beside the file, shared by all bands.
    Shared,
    /// One colour of the whole file that stands for nodata, such as the transparent colour of a PNG: a pixel is nodata where
    /// every band holds its part of it.
    Colour,
    /// A mask of this band alone.
    Own,
}

impl FileFacts {
    /// Reads what a file says about itself.
    ///
    /// # Errors
    /// When it cannot be opened, holds no raster, or has complex pixels.
    pub fn read(path: &Path) -> Result<Self, RasterError> {
        let dataset = open_raster(path)?;
        Self::of(path, &dataset)
    }

    pub(crate) fn of(path: &Path, dataset: &Dataset) -> Result<Self, RasterError> {
        let (width, height) = dataset.raster_size();
        if dataset.raster_count() == 0 {
            return Err(RasterError::NoBands { path: path.to_path_buf(), subdatasets: subdatasets(dataset) });
        }
        let gcps = gcp_count(dataset);
        let placement = placement(dataset, gcps);
        let crs = match placement {
            Georeference::Gcps { .. } => gcp_crs(dataset),
            _ => explain(|| dataset.spatial_ref()).ok().and_then(|srs| describe(&srs).ok()),
        };
        let bands = (1..=dataset.raster_count()).map(|number| {
            let band = explain(|| dataset.rasterband(number))
                .map_err(|message| RasterError::Open { path: path.to_path_buf(), message })?;
            band_facts(path, number, &band)
        });
        Ok(Self {
            path: path.to_path_buf(),
            driver: dataset.driver().short_name(),
            height,
            width,
            crs,
            placement,
            bands: bands.collect::<Result<_, _>>()?,
        })
    }

    /// The file's pixel grid, if it has one that areal works on: with a CRS, columns running east, rows south or north. Rows that
    /// run north are read from the last to the first: row 0 of the grid is the northernmost.
    ///
    /// # Errors
    /// [`RasterError::NoCrs`], [`RasterError::NoPosition`], [`RasterError::Gcps`], [`RasterError::NotNorthUp`].
    pub fn grid(&self) -> Result<PixelGrid, RasterError> {
        let path = || self.path.clone();
        let transform = match self.placement {
            Georeference::Gcps { count } => {
                return Err(RasterError::Gcps { path: path(), count, has_crs: self.crs.is_some() });
            }
            Georeference::None if self.crs.is_some() => return Err(RasterError::NoPosition { path: path() }),
            Georeference::None => return Err(RasterError::NoCrs { path: path() }),
            Georeference::Affine(transform) => transform,
        };
        let transform = if self.is_south_up() { flipped(&transform, self.height) } else { transform };
        if !transform.is_north_up() {
            let (how, has_crs) = (how_it_lies(&transform), self.crs.is_some());
            return Err(RasterError::NotNorthUp { path: path(), how, has_crs });
        }
        let crs = self.crs.clone().ok_or_else(|| RasterError::NoCrs { path: path() })?;
        Ok(PixelGrid { crs, transform, height: self.height, width: self.width })
    }

    /// True when its columns run east and its rows north.
    pub(crate) fn is_south_up(&self) -> bool {
        matches!(self.placement, Georeference::Affine(transform) if flipped(&transform, self.height).is_north_up())
    }

    /// Its bands in words: `3 bands: 1 "red", 2 "green", 3 "blue"`.
    pub(crate) fn bands_in_words(&self) -> String {
        const MAX_BANDS_NAMED: usize = 20;
        let mut names: Vec<String> =
            self.bands.iter().take(MAX_BANDS_NAMED).map(|b| format!("{} \"{}\"", b.number, b.description)).collect();
        if self.bands.len() > MAX_BANDS_NAMED {
            names.push("...".to_owned());
        }
        let plural = if self.bands.len() == 1 { "" } else { "s" };
        format!("{} band{plural}: {}", self.bands.len(), names.join(", "))
    }
}

/// Opens a raster for reading.
pub(crate) fn open_raster(path: &Path) -> Result<Dataset, RasterError> {
    check_vrt(path)?;
    let flags = GdalOpenFlags::GDAL_OF_RASTER | GdalOpenFlags::GDAL_OF_READONLY | GdalOpenFlags::GDAL_OF_VERBOSE_ERROR;
    explain(|| Dataset::open_ex(path, DatasetOptions { open_flags: flags, ..Default::default() }))
        .map_err(|message| RasterError::Open { path: path.to_path_buf(), message })
}

/// The transform of a raster whose rows are taken from the last to the first.
fn flipped(t: &Affine, height: usize) -> Affine {
    let rows = height as f64;
    let origin = [t.origin[0] + rows * t.row_step[0], t.origin[1] + rows * t.row_step[1]];
    Affine { origin, col_step: t.col_step, row_step: t.row_step.map(|step| -step) }
}

fn how_it_lies(t: &Affine) -> String {
    if t.col_step[1] == 0.0 && t.row_step[0] == 0.0 {
        let rows = if t.row_step[1] > 0.0 { "north" } else { "south" };
        let cols = if t.col_step[0] > 0.0 { "east" } else { "west" };
        return format!("its columns run {cols} and its rows {rows}");
    }
    let angle = t.col_step[1].atan2(t.col_step[0]).to_degrees();
    format!("it is rotated by {angle:.4} degrees or sheared")
}

fn placement(dataset: &Dataset, gcps: usize) -> Georeference {
    const IDENTITY: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    match explain(|| dataset.geo_transform()) {
        Ok(c) if gcps > 0 && c == IDENTITY => Georeference::Gcps { count: gcps },
        Ok(c) => Georeference::Affine(Affine::from_gdal(c)),
        Err(_) if gcps > 0 => Georeference::Gcps { count: gcps },
        Err(_) => Georeference::None,
    }
}

fn gcp_count(dataset: &Dataset) -> usize {
    // SAFETY: the handle lives through the call.
    usize::try_from(unsafe { gdal_sys::GDALGetGCPCount(dataset.c_dataset()) }).expect("GDAL counts points from 0")
}

fn gcp_crs(dataset: &Dataset) -> Option<Crs> {
    // SAFETY: the handle lives through the call; the CRS belongs to the dataset and is cloned at once.
    let srs = unsafe {
        let handle = gdal_sys::GDALGetGCPSpatialRef(dataset.c_dataset());
        if handle.is_null() { None } else { gdal::spatial_ref::SpatialRef::from_c_obj(handle).ok() }
    };
    describe(&srs?).ok()
}

fn band_facts(path: &Path, number: usize, band: &RasterBand<'_>) -> Result<BandFacts, RasterError> {
    let (block_width, block_height) = band.block_size();
    let fault = |message| RasterError::Open { path: path.to_path_buf(), message };
    let description = explain(|| band.description()).map_err(fault)?;
    let description = if description.trim().is_empty() { format!("band {number}") } else { description };
    let (pixel_type, meaning) = (pixel_type(path, number, band)?, band.color_interpretation());
    let of_colour = [ColorInterpretation::RedBand, ColorInterpretation::GreenBand, ColorInterpretation::BlueBand];
    let finite = |what: &str, declared: Option<f64>, otherwise: f64| match declared {
        Some(value) if !value.is_finite() => Err(fault(format!("band {number} declares the {what} {value}"))),
        _ => Ok(declared.unwrap_or(otherwise)),
    };
    let (scale, offset) = (finite("scale", band.scale(), 1.0)?, finite("offset", band.offset(), 0.0)?);
    Ok(BandFacts {
        number,
        description,
        pixel_type,
        nodata: nodata(band),
        mask: mask(band),
        alpha: meaning == ColorInterpretation::AlphaBand,
        colour: pixel_type == PixelType::U8 && of_colour.contains(&meaning),
        categorical: band.color_table().is_some() || !category_names(band).is_empty(),
        block: [block_height, block_width],
        overviews: band.overview_count().ok().and_then(|n| usize::try_from(n).ok()).unwrap_or(0),
        scale,
        offset,
    })
}

fn pixel_type(path: &Path, number: usize, band: &RasterBand<'_>) -> Result<PixelType, RasterError> {
    // GDAL before 3.7 has signed bytes as bytes with a note.
    let signed = band.metadata_item("PIXELTYPE", "IMAGE_STRUCTURE").is_some_and(|t| t == "SIGNEDBYTE");
    Ok(match band.band_type() {
        GdalDataType::UInt8 if signed => PixelType::I8,
        GdalDataType::UInt8 => PixelType::U8,
        GdalDataType::UInt16 => PixelType::U16,
        GdalDataType::Int16 => PixelType::I16,
        GdalDataType::UInt32 => PixelType::U32,
        GdalDataType::Int32 => PixelType::I32,
        GdalDataType::Float32 => PixelType::F32,
        GdalDataType::Float64 => PixelType::F64,
        other => match other.name().as_str() {
            "UInt64" | "Int64" => PixelType::F64,
            "Int8" => PixelType::I8,
            name => {
                return Err(RasterError::UnsupportedType {
                    path: path.to_path_buf(),
                    band: number,
                    type_name: name.to_owned(),
                });
            }
        },
    })
}

/// The nodata value as the type of the pixels is read: a 64-bit integer as the nearest number in double precision, as its pixels.
fn nodata(band: &RasterBand<'_>) -> Option<f64> {
    match band.band_type().name().as_str() {
        "Int64" => band.no_data_value_i64().map(|v| v as f64),
        "UInt64" => band.no_data_value_u64().map(|v| v as f64),
        _ => band.no_data_value(),
    }
}

fn mask(band: &RasterBand<'_>) -> Mask {
    match band.mask_flags() {
        Ok(flags) if flags.is_all_valid() => Mask::None,
        Ok(flags) if flags.is_alpha() => Mask::Alpha,
        Ok(flags) if flags.is_per_dataset() && flags.is_nodata() => Mask::Colour,
        Ok(flags) if flags.is_per_dataset() => Mask::Shared,
        // Nodata values are compared without GDAL's mask.
        Ok(flags) if flags.is_nodata() => Mask::None,
        Ok(_) => Mask::Own,
        Err(_) => Mask::None,
    }
}

/// Names of the categories of a band, by value from 0; empty where there are none.
pub(crate) fn category_names(band: &RasterBand<'_>) -> Vec<String> {
    // SAFETY: the list belongs to the band, is terminated by a null pointer, and is copied at once.
    unsafe {
        let list = gdal_sys::GDALGetRasterCategoryNames(band.c_rasterband());
        let mut names = Vec::new();
        while !list.is_null() && !(*list.add(names.len())).is_null() {
            names.push(std::ffi::CStr::from_ptr(*list.add(names.len())).to_string_lossy().into_owned());
        }
        names
    }
}

/// Names by which the rasters inside a container file are opened.
fn subdatasets(dataset: &Dataset) -> Vec<String> {
    (1..=20).map_while(|k| dataset.metadata_item(&format!("SUBDATASET_{k}_NAME"), "SUBDATASETS")).collect()
}
