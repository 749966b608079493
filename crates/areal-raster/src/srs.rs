//! Coordinate reference systems: the one place where GDAL's are made, so that the axis order is always east, north.
#![allow(unsafe_code)]

use std::ffi::CStr;

use areal_grid::{Crs, CrsKind, Ellipsoid};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};

use crate::RasterError;
use crate::gdal_call::explain;

/// A CRS from text: an authority's code such as `EPSG:32648`, WKT, a PROJ string.
///
/// # Errors
/// When the text names no CRS, or one that is neither geographic nor projected.
pub fn crs_from_text(text: &str) -> Result<Crs, RasterError> {
    describe(&spatial_ref(text)?)
}

/// True when both mean the same system, whatever their texts say.
pub fn same_crs(a: &Crs, b: &Crs) -> bool {
    if a.wkt == b.wkt {
        return true;
    }
    let (Ok(a), Ok(b)) = (spatial_ref(&a.wkt), spatial_ref(&b.wkt)) else { return false };
    // Shapefiles know WGS 84 as one datum where EPSG now has an ensemble of them; the code says that they are the same.
    if let (Ok(a), Ok(b)) = (a.authority(), b.authority())
        && a == b
    {
        return true;
    }
    // The order of axes is the same for all systems here, whatever their definitions say.
    let options = [c"IGNORE_DATA_AXIS_TO_SRS_AXIS_MAPPING=YES".as_ptr(), std::ptr::null()];
    // SAFETY: both handles live through the call; the options are a null-terminated list of C strings.
    unsafe { gdal_sys::OSRIsSameEx(a.to_c_hsrs(), b.to_c_hsrs(), options.as_ptr()) != 0 }
}

/// GDAL's CRS from text, axes in the order east, north.
pub(crate) fn spatial_ref(text: &str) -> Result<SpatialRef, RasterError> {
    let mut srs = explain(|| SpatialRef::from_definition(text))
        .map_err(|message| RasterError::CrsText { text: shorten(text), message })?;
    srs.set_axis_mapping_strategy(AxisMappingStrategy::TraditionalGisOrder);
    Ok(srs)
}

/// What areal needs to know of a CRS.
pub(crate) fn describe(srs: &SpatialRef) -> Result<Crs, RasterError> {
    let name = srs.authority().ok().or_else(|| srs.name()).unwrap_or_else(|| "unnamed".to_owned());
    let kind = if srs.is_projected() {
        CrsKind::Projected { metres_per_unit: srs.linear_units() }
    } else if srs.is_geographic() {
        CrsKind::Geographic { degrees_per_unit: round_degrees(srs.angular_units().to_degrees()) }
    } else {
        return Err(RasterError::UnsupportedCrs { name });
    };
    let wkt = to_wkt2(srs).map_err(|message| RasterError::CrsText { text: name.clone(), message })?;
    Ok(Crs { wkt, name, kind, ellipsoid: ellipsoid(srs) })
}

/// Degrees in radians and back is not exactly 1.
fn round_degrees(degrees: f64) -> f64 {
    if (degrees - 1.0).abs() < 1e-12 { 1.0 } else { degrees }
}

fn ellipsoid(srs: &SpatialRef) -> Ellipsoid {
    // SAFETY: the handle lives through the calls; a null error pointer is allowed.
    let (semi_major, inverse) = unsafe {
        (
            gdal_sys::OSRGetSemiMajor(srs.to_c_hsrs(), std::ptr::null_mut()),
            gdal_sys::OSRGetInvFlattening(srs.to_c_hsrs(), std::ptr::null_mut()),
        )
    };
    Ellipsoid { semi_major, flattening: if inverse == 0.0 { 0.0 } else { 1.0 / inverse } }
}

/// WKT of 2019, which can express every CRS; the older kind cannot.
fn to_wkt2(srs: &SpatialRef) -> Result<String, String> {
    explain(|| {
        let mut text = std::ptr::null_mut();
        let format = c"FORMAT=WKT2_2019".as_ptr();
        let options = [format, std::ptr::null()];
        // SAFETY: the options are a null-terminated list of C strings; GDAL fills `text` with a string it owns, which
        // is copied and freed once.
        unsafe {
            let code = gdal_sys::OSRExportToWktEx(srs.to_c_hsrs(), &raw mut text, options.as_ptr());
            let wkt = (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned());
            gdal_sys::VSIFree(text.cast());
            match wkt {
                Some(wkt) if code == gdal_sys::OGRErr::OGRERR_NONE && !wkt.is_empty() => Ok(wkt),
                _ => Err("it cannot be written as WKT"),
            }
        }
    })
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
