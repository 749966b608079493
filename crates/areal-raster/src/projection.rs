//! Conversion of map positions between two CRS through PROJ.
#![allow(unsafe_code)]

use areal_grid::{Crs, CrsKind, ProjectionError, ToLonLat};
use gdal_sys::OGRCoordinateTransformationH;
use geo::MapCoords;

use crate::RasterError;
use crate::gdal_call::{collect, explain};
use crate::srs::{describe, spatial_ref};

/// Points handed to PROJ at a time.
const BATCH: usize = 4096;

/// A transformation of map positions from one CRS to another; `[x, y]` = `[east, north]` on both sides, whatever the
/// authorities' axis orders.
#[derive(Debug)]
pub struct Projection {
    transformation: Handle,
    /// What the target's units are multiplied by.
    scale: f64,
}

#[derive(Debug)]
struct Handle(OGRCoordinateTransformationH);

// SAFETY: a transformation may be used by any one thread at a time; GDAL assigns it the thread's PROJ context on each
// call.
unsafe impl Send for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is owned and destroyed once.
        unsafe { gdal_sys::OCTDestroyCoordinateTransformation(self.0) };
    }
}

impl Projection {
    /// The transformation between two CRS.
    ///
    /// # Errors
    /// When a CRS is not understood or there is no transformation between the two.
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, RasterError> {
        let (source, target) = (spatial_ref(&from.wkt)?, spatial_ref(&to.wkt)?);
        let made = explain(|| {
            // SAFETY: both handles live through the call, which copies them.
            let handle = unsafe { gdal_sys::OCTNewCoordinateTransformation(source.to_c_hsrs(), target.to_c_hsrs()) };
            if handle.is_null() { Err("unknown reason") } else { Ok(Handle(handle)) }
        });
        let transformation = made.map_err(|message| RasterError::NoTransformation {
            from: from.name.clone(),
            to: to.name.clone(),
            message,
        })?;
        Ok(Self { transformation, scale: 1.0 })
    }

    /// To longitude and latitude in degrees, on the datum of the CRS itself: no shift of datum is involved.
    pub fn to_lonlat(from: &Crs) -> Result<Self, RasterError> {
        Self::in_degrees(from, &Self::lonlat_of(from)?)
    }

    /// The transformation to a geographic CRS, in degrees whatever its unit is.
    ///
    /// # Errors
    /// When the target is not geographic, or as [`Projection::new`].
    pub fn in_degrees(from: &Crs, to: &Crs) -> Result<Self, RasterError> {
        let scale = match to.kind {
            CrsKind::Geographic { degrees_per_unit } => degrees_per_unit,
            CrsKind::Projected { .. } => return Err(no_base(from, "it has no geographic base")),
        };
        Ok(Self { scale, ..Self::new(from, to)? })
    }

    /// What the units of the target are multiplied by.
    pub(crate) fn scale(&self) -> f64 {
        self.scale
    }

    /// The geographic CRS under a CRS.
    ///
    /// # Errors
    /// When it has none.
    pub fn lonlat_of(crs: &Crs) -> Result<Crs, RasterError> {
        let base = explain(|| spatial_ref(&crs.wkt)?.geog_cs().map_err(|e| no_base(crs, &e.to_string())))
            .map_err(|message| no_base(crs, &message))?;
        describe(&base)
    }

    /// Transforms positions in place.
    ///
    /// # Errors
    /// With the first position that cannot be transformed; positions before it may be transformed already.
    pub fn apply(&self, points: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
        let mut fault = None;
        self.apply_each(points, |index, before, reason| {
            if fault.is_none() {
                fault = Some((index, ProjectionError { x: before[0], y: before[1], reason: reason.to_owned() }));
            }
        });
        fault.map_or(Ok(()), |(_, error)| Err(error))
    }

    /// Transforms positions in place and calls `failed(index, position, reason)` for each one that cannot be; those are
    /// left `NaN`.
    pub fn apply_each(&self, points: &mut [[f64; 2]], mut failed: impl FnMut(usize, [f64; 2], &str)) {
        for (batch, chunk) in points.chunks_mut(BATCH).enumerate() {
            let mut xs: Vec<f64> = chunk.iter().map(|p| p[0]).collect();
            let mut ys: Vec<f64> = chunk.iter().map(|p| p[1]).collect();
            let mut good = vec![0i32; chunk.len()];
            // SAFETY: the three buffers hold `chunk.len()` values each, at most `BATCH`; z may be null.
            let (_, message) = collect(|| unsafe {
                gdal_sys::OCTTransformEx(
                    self.transformation.0,
                    chunk.len() as i32,
                    xs.as_mut_ptr(),
                    ys.as_mut_ptr(),
                    std::ptr::null_mut(),
                    good.as_mut_ptr(),
                )
            });
            for (k, point) in chunk.iter_mut().enumerate() {
                let (x, y) = (xs[k] * self.scale, ys[k] * self.scale);
                if good[k] != 0 && x.is_finite() && y.is_finite() {
                    *point = [x, y];
                } else {
                    let reason = message.as_deref().unwrap_or("outside the projection's domain");
                    failed(batch * BATCH + k, *point, reason);
                    *point = [f64::NAN; 2];
                }
            }
        }
    }

    /// Transforms every vertex of a geometry. Edges stay straight: add vertices first where that matters.
    ///
    /// # Errors
    /// With the first vertex that cannot be transformed.
    pub fn apply_geometry(&self, geometry: &geo::Geometry<f64>) -> Result<geo::Geometry<f64>, ProjectionError> {
        use geo::CoordsIter;
        // `map_coords` visits vertices in the order of `coords_iter`; rectangles, which do not stay rectangles, become
        // polygons first.
        let geometry = match geometry {
            geo::Geometry::Rect(rect) => geo::Geometry::Polygon(rect.to_polygon()),
            geo::Geometry::Triangle(triangle) => geo::Geometry::Polygon(triangle.to_polygon()),
            other => other.clone(),
        };
        let mut points: Vec<[f64; 2]> = geometry.coords_iter().map(|c| [c.x, c.y]).collect();
        self.apply(&mut points)?;
        let next = std::cell::Cell::new(0);
        Ok(geometry
            .map_coords(|c| points.get(next.replace(next.get() + 1)).map_or(c, |[x, y]| geo::Coord { x: *x, y: *y })))
    }
}

impl ToLonLat for Projection {
    fn to_lonlat(&self, points: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
        self.apply(points)
    }

    fn to_lonlat_or_nan(&self, points: &mut [[f64; 2]]) {
        self.apply_each(points, |_, _, _| ());
    }
}

fn no_base(from: &Crs, message: &str) -> RasterError {
    RasterError::NoTransformation {
        from: from.name.clone(),
        to: "longitude and latitude".to_owned(),
        message: message.to_owned(),
    }
}
