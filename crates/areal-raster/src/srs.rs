//! Coordinate reference systems: the one place where GDAL's are made, so that the axis order is always east, north.
#![allow(unsafe_code)]

use std::ffi::CStr;

use areal_grid::{Crs, CrsKind, Ellipsoid};
use gdal::spatial_ref::{AxisMappingStrategy, SpatialRef};

use crate::RasterError;
use crate::gdal_call::explain;
use crate::wkt::without_ensembles;

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

/// The meridian in the middle of a map projection, in degrees; the map is cut open opposite to it. 0 where the projection
/// names none.
///
/// # Errors
/// When the CRS is not understood.
pub fn central_meridian(crs: &Crs) -> Result<f64, RasterError> {
    let srs = spatial_ref(&crs.wkt)?;
    let names = ["central_meridian", "longitude_of_center", "longitude_of_origin"];
    for name in names {
        let found = srs
            .get_proj_param(name)
            .map_err(|e| RasterError::CrsText { text: shorten(&crs.wkt), message: e.to_string() })?;
        if let Some(degrees) = found {
            return Ok(degrees);
        }
    }
    Ok(origin_longitude(&crs.wkt).unwrap_or(0.0))
}

/// The longitude of origin in the text of a CRS whose projection has no place in GDAL's older tree of parameters.
fn origin_longitude(wkt: &str) -> Option<f64> {
    let (_, rest) = wkt.split_once("PARAMETER[\"Longitude of natural origin\",")?;
    rest.split([',', ']']).next()?.parse().ok()
}

/// West, south, east and north of the lobes of Goode's homolosine projection, in degrees from its central meridian (Goode 1925,
/// as PROJ's `igh`).
const GOODE: [[f64; 4]; 6] = [
    [-180.0, 0.0, -40.0, 90.0],
    [-40.0, 0.0, 180.0, 90.0],
    [-180.0, -90.0, -100.0, 0.0],
    [-100.0, -90.0, -20.0, 0.0],
    [-20.0, -90.0, 80.0, 0.0],
    [80.0, -90.0, 180.0, 0.0],
];

/// The same of its variant that cuts the continents, as PROJ's `igh_o`.
const GOODE_OCEAN: [[f64; 4]; 6] = [
    [-180.0, 0.0, -90.0, 90.0],
    [-90.0, 0.0, 60.0, 90.0],
    [60.0, 0.0, 180.0, 90.0],
    [-180.0, -90.0, -60.0, 0.0],
    [-60.0, -90.0, 90.0, 0.0],
    [90.0, -90.0, 180.0, 0.0],
];

/// The lobes of an interrupted projection: west, south, east and north in degrees from its central meridian. Empty for others.
///
/// # Errors
/// When the CRS is not understood.
pub fn lobes(crs: &Crs) -> Result<&'static [[f64; 4]], RasterError> {
    if crs.wkt.contains("METHOD[\"Interrupted Goode Homolosine Ocean\"") {
        return Ok(&GOODE_OCEAN);
    }
    let method = spatial_ref(&crs.wkt)?.get_attr_value("PROJECTION", 0).ok().flatten();
    let is_goode = method.is_some_and(|name| name == "Interrupted_Goode_Homolosine" || name == "Goode_Homolosine");
    Ok(if is_goode { &GOODE } else { &[] })
}

/// The name of the ellipsoid under a CRS.
///
/// # Errors
/// When the CRS is not understood.
pub fn ellipsoid_name(crs: &Crs) -> Result<String, RasterError> {
    let name = spatial_ref(&crs.wkt)?.get_attr_value("SPHEROID", 0).ok().flatten();
    Ok(name.unwrap_or_else(|| "unnamed".to_owned()))
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
    Ok(Crs { wkt: without_ensembles(&wkt), name, kind, ellipsoid: ellipsoid(srs) })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts of a CRS in a thread of its own, where nothing was looked up before but what `before` does: GDAL's and
    /// areal's.
    fn texts(before: fn()) -> [String; 2] {
        let look = move || {
            before();
            let srs = spatial_ref("EPSG:32648").unwrap();
            [to_wkt2(&srs).unwrap(), describe(&srs).unwrap().wkt]
        };
        std::thread::spawn(look).join().unwrap()
    }

    #[test]
    fn fault_31_the_text_of_a_crs_does_not_depend_on_what_was_looked_up_before() {
        let fresh = texts(|| ());
        // A WKT of 2001, as in GeoTIFFs and shapefiles, makes PROJ look up the datum that the ensemble stands for.
        let later = texts(|| {
            let older = "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563,AUTHORITY[\"EPSG\",\
                         \"7030\"]],AUTHORITY[\"EPSG\",\"6326\"]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433],\
                         AUTHORITY[\"EPSG\",\"4326\"]]";
            let older = crs_from_text(older).unwrap();
            assert!(same_crs(&older, &crs_from_text("EPSG:4326").unwrap()));
        });
        assert_eq!(fresh[1], later[1]);
        assert!(fresh[1].contains("DATUM[\"World Geodetic System 1984\",ELLIPSOID[\"WGS 84\",6378137,298.257223563,"));
        assert!(fresh[1].ends_with("ID[\"EPSG\",32648]]"), "{}", fresh[1]);
        eprintln!("{}\n{}\n{}", fresh[0], later[0], fresh[1]);
        assert!(same_crs(&crs_from_text(&fresh[0]).unwrap(), &crs_from_text(&fresh[1]).unwrap()));
    }
}
