//! Reading and writing rectangles of pixels, several bands in one call.
#![allow(unsafe_code)]

use std::ffi::c_void;

use areal_grid::{PixelType, Pixels, Window};
use gdal::Dataset;
use gdal::raster::RasterBand;
use gdal_sys::{CPLErr, GDALDataType, GDALRWFlag};

use crate::gdal_call::strictly;

/// Where a rectangle lies in a vector of values `[band, row, col]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Index of the first value.
    pub start: usize,
    /// Values from one row to the next.
    pub row_stride: usize,
    /// Values from one band to the next.
    pub band_stride: usize,
}

impl Layout {
    /// A rectangle that fills its vector.
    pub(crate) fn whole(window: &Window) -> Self {
        Self { start: 0, row_stride: window.width, band_stride: window.len() }
    }

    fn fits(&self, bands: usize, window: &Window, len: usize) -> bool {
        let rows = window.height.saturating_sub(1).checked_mul(self.row_stride);
        let bands = bands.saturating_sub(1).checked_mul(self.band_stride);
        let end = [rows, bands, Some(window.width)].into_iter().try_fold(self.start, |sum, n| sum.checked_add(n?));
        end.is_some_and(|end| end <= len) && window.width <= self.row_stride
    }
}

/// GDAL's type of the values in memory. Signed bytes go through as bytes: same bits.
pub(crate) fn gdal_type(pixel_type: PixelType) -> GDALDataType::Type {
    match pixel_type {
        PixelType::U8 | PixelType::I8 => GDALDataType::GDT_Byte,
        PixelType::U16 => GDALDataType::GDT_UInt16,
        PixelType::I16 => GDALDataType::GDT_Int16,
        PixelType::U32 => GDALDataType::GDT_UInt32,
        PixelType::I32 => GDALDataType::GDT_Int32,
        PixelType::F32 => GDALDataType::GDT_Float32,
        PixelType::F64 => GDALDataType::GDT_Float64,
    }
}

fn pointer(pixels: &mut Pixels) -> *mut c_void {
    match pixels {
        Pixels::U8(v) => v.as_mut_ptr().cast(),
        Pixels::I8(v) => v.as_mut_ptr().cast(),
        Pixels::U16(v) => v.as_mut_ptr().cast(),
        Pixels::I16(v) => v.as_mut_ptr().cast(),
        Pixels::U32(v) => v.as_mut_ptr().cast(),
        Pixels::I32(v) => v.as_mut_ptr().cast(),
        Pixels::F32(v) => v.as_mut_ptr().cast(),
        Pixels::F64(v) => v.as_mut_ptr().cast(),
    }
}

/// Reads `window` of `bands` (numbers from 1) into `out`, converted to its type.
pub(crate) fn read(
    dataset: &Dataset,
    bands: &[usize],
    window: &Window,
    out: &mut Pixels,
    layout: Layout,
) -> Result<(), String> {
    transfer(dataset, GDALRWFlag::GF_Read, bands, window, out, layout)
}

/// Writes `pixels`, shaped as `window`, to a band.
pub(crate) fn write(dataset: &Dataset, band: usize, window: &Window, pixels: &mut Pixels) -> Result<(), String> {
    transfer(dataset, GDALRWFlag::GF_Write, &[band], window, pixels, Layout::whole(window))
}

fn transfer(
    dataset: &Dataset,
    direction: GDALRWFlag::Type,
    bands: &[usize],
    window: &Window,
    pixels: &mut Pixels,
    layout: Layout,
) -> Result<(), String> {
    if window.is_empty() || bands.is_empty() {
        return Ok(());
    }
    if !layout.fits(bands.len(), window, pixels.len()) {
        let (found, Window { height, width, .. }) = (pixels.len(), window);
        return Err(format!(
            "{found} values in memory are too few for {} bands of {height} x {width} pixels",
            bands.len()
        ));
    }
    let size = pixels.pixel_type().size();
    let data_type = gdal_type(pixels.pixel_type());
    let mut numbers: Vec<i32> = bands.iter().map(|b| *b as i32).collect();
    let bytes = |values: usize| (values * size) as i64;
    // SAFETY: `layout` fits the length of `pixels`, so that every value GDAL reads or writes lies in the vector; `start` is
    // within it. The band numbers live until the call returns.
    strictly(|| unsafe {
        let data = pointer(pixels).cast::<u8>().add(layout.start * size).cast::<c_void>();
        let code = gdal_sys::GDALDatasetRasterIOEx(
            dataset.c_dataset(),
            direction,
            window.col as i32,
            window.row as i32,
            window.width as i32,
            window.height as i32,
            data,
            window.width as i32,
            window.height as i32,
            data_type,
            numbers.len() as i32,
            numbers.as_mut_ptr(),
            bytes(1),
            bytes(layout.row_stride),
            bytes(layout.band_stride),
            std::ptr::null_mut(),
        );
        if code == CPLErr::CE_None { Ok(()) } else { Err("GDAL gave no reason") }
    })
}

/// Reads the mask of a band, 0 where it is not observed, rows close together.
pub(crate) fn read_mask(band: &RasterBand<'_>, window: &Window) -> Result<Vec<u8>, String> {
    let mut mask = vec![0u8; window.len()];
    if mask.is_empty() {
        return Ok(mask);
    }
    // SAFETY: the mask belongs to the band's dataset, which outlives this call; the buffer holds every value.
    strictly(|| unsafe {
        let handle = gdal_sys::GDALGetMaskBand(band.c_rasterband());
        let code = gdal_sys::GDALRasterIO(
            handle,
            GDALRWFlag::GF_Read,
            window.col as i32,
            window.row as i32,
            window.width as i32,
            window.height as i32,
            mask.as_mut_ptr().cast(),
            window.width as i32,
            window.height as i32,
            GDALDataType::GDT_Byte,
            0,
            0,
        );
        if code == CPLErr::CE_None { Ok(()) } else { Err("GDAL gave no reason") }
    })?;
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use gdal::DriverManager;

    use super::*;

    #[test]
    fn too_few_values_are_refused_before_gdal_touches_them() {
        crate::gdal_call::init();
        let driver = DriverManager::get_driver_by_name("MEM").unwrap();
        let dataset = driver.create_with_band_type::<u8, _>("", 4, 3, 1).unwrap();
        let window = Window::new(0, 0, 3, 4);
        let layout = Layout::whole(&window);
        for len in [0, 11] {
            assert!(write(&dataset, 1, &window, &mut Pixels::U8(vec![7; len])).unwrap_err().contains("too few"));
            assert!(read(&dataset, &[1], &window, &mut Pixels::U8(vec![0; len]), layout).is_err());
        }
        write(&dataset, 1, &window, &mut Pixels::U8((0..12).collect())).unwrap();
        let mut back = Pixels::U8(vec![0; 12]);
        read(&dataset, &[1], &window, &mut back, layout).unwrap();
        assert_eq!(back, Pixels::U8((0..12).collect()));
        let far = Layout { start: usize::MAX, ..layout };
        assert!(read(&dataset, &[1], &window, &mut back, far).is_err());
    }
}
