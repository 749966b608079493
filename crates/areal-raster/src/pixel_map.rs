//! Conversion between a file's pixel positions and its map positions.
#![allow(unsafe_code)]

use std::ffi::c_void;

use areal_grid::Affine;
use gdal::Dataset;

use crate::facts::Georeference;
use crate::gdal_call::{collect, explain};
use crate::{FileFacts, RasterError};

/// The way between a file's pixel positions `[col, row]` and its map positions `[x, y]`.
#[derive(Debug)]
pub(crate) enum PixelMap {
    /// An affine transform, rotated or not.
    Affine(Affine),
    /// Polynomials through ground control points, of the order that GDAL chooses for their number.
    Gcps(GcpTransform),
}

#[derive(Debug)]
pub(crate) struct GcpTransform(*mut c_void);

// SAFETY: the transformer holds coefficients only; one thread uses it at a time.
unsafe impl Send for GcpTransform {}

impl Drop for GcpTransform {
    fn drop(&mut self) {
        // SAFETY: owned, destroyed once.
        unsafe { gdal_sys::GDALDestroyGCPTransformer(self.0) };
    }
}

impl PixelMap {
    pub(crate) fn new(facts: &FileFacts, dataset: &Dataset) -> Result<Self, RasterError> {
        match facts.placement {
            Georeference::Affine(transform) if transform.determinant() != 0.0 => Ok(Self::Affine(transform)),
            Georeference::Affine(_) | Georeference::None => Err(RasterError::NoPosition { path: facts.path.clone() }),
            Georeference::Gcps { .. } => gcp_transform(dataset)
                .map(Self::Gcps)
                .map_err(|message| RasterError::Open { path: facts.path.clone(), message }),
        }
    }

    /// Pixel to map positions, in place; `NaN` where there is none.
    pub(crate) fn to_map(&self, points: &mut [[f64; 2]]) {
        match self {
            Self::Affine(transform) => points.iter_mut().for_each(|p| *p = transform.apply(p[1], p[0])),
            Self::Gcps(gcps) => gcps.apply(points, false),
        }
    }

    /// Map to pixel positions, in place; `NaN` where there is none.
    pub(crate) fn to_pixel(&self, points: &mut [[f64; 2]]) {
        match self {
            Self::Affine(transform) => {
                let pixel = |p: [f64; 2]| transform.invert(p).map_or([f64::NAN; 2], |(row, col)| [col, row]);
                for p in points {
                    *p = pixel(*p);
                }
            }
            Self::Gcps(gcps) => gcps.apply(points, true),
        }
    }
}

fn gcp_transform(dataset: &Dataset) -> Result<GcpTransform, String> {
    explain(|| {
        // SAFETY: the points belong to the dataset and are only read; the transformer copies what it needs.
        let handle = unsafe {
            let count = gdal_sys::GDALGetGCPCount(dataset.c_dataset());
            gdal_sys::GDALCreateGCPTransformer(count, gdal_sys::GDALGetGCPs(dataset.c_dataset()), 0, 0)
        };
        if handle.is_null() {
            Err("its ground control points do not define a transformation")
        } else {
            Ok(GcpTransform(handle))
        }
    })
}

impl GcpTransform {
    fn apply(&self, points: &mut [[f64; 2]], to_pixel: bool) {
        let mut xs: Vec<f64> = points.iter().map(|p| p[0]).collect();
        let mut ys: Vec<f64> = points.iter().map(|p| p[1]).collect();
        let mut zs = vec![0.0; points.len()];
        let mut good = vec![0i32; points.len()];
        let count = i32::try_from(points.len()).unwrap_or(i32::MAX);
        // SAFETY: four buffers of at least `count` values each.
        collect(|| unsafe {
            gdal_sys::GDALGCPTransform(
                self.0,
                i32::from(to_pixel),
                count,
                xs.as_mut_ptr(),
                ys.as_mut_ptr(),
                zs.as_mut_ptr(),
                good.as_mut_ptr(),
            )
        });
        for (k, point) in points.iter_mut().enumerate() {
            *point = if good[k] != 0 { [xs[k], ys[k]] } else { [f64::NAN; 2] };
        }
    }
}
