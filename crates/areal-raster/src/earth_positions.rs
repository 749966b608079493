//! From map positions to longitude and latitude, where a position is one of the Earth's.

use areal_grid::{Crs, CrsKind, ProjectionError, ToLonLat};

use crate::srs::central_meridian;
use crate::{Projection, RasterError};

/// From the positions of a CRS to longitude and latitude in degrees, with a check that each is a place on the Earth.
///
/// A map projection covers a part of its plane; beyond it the inverse may still give a longitude and latitude, which then
/// belong to a place elsewhere on the map (in the sinusoidal projection, for one). Such positions have no place.
pub struct EarthPositions {
    kind: PositionKind,
}

enum PositionKind {
    /// Degrees in one unit.
    Geographic(f64),
    Projected {
        back: Projection,
        /// To the map again; none where longitudes go on past the antimeridian.
        forth: Option<Projection>,
        /// How far from itself a position may come back, in units of the CRS.
        tolerance: f64,
    },
}

/// A latitude this far beyond a pole, in degrees, is rounding.
const POLE_ROUNDING: f64 = 1e-9;
/// A place that comes back to within so many metres of its position is that position's. Some projections bring positions
/// beyond their rim back to it, so the Earth is as much larger there.
const TOLERANCE_METRES: f64 = 1.0;

impl EarthPositions {
    /// From the positions of `crs` to longitude and latitude on its own datum.
    ///
    /// # Errors
    /// When the CRS has no geographic base.
    pub fn new(crs: &Crs) -> Result<Self, RasterError> {
        match crs.kind {
            CrsKind::Geographic { degrees_per_unit } => Ok(Self { kind: PositionKind::Geographic(degrees_per_unit) }),
            CrsKind::Projected { .. } => Self::between(crs, &Projection::lonlat_of(crs)?),
        }
    }

    /// From the positions of a projected CRS to longitude and latitude in the geographic CRS `lonlat`.
    ///
    /// # Errors
    /// When there is no transformation between the two.
    pub fn between(crs: &Crs, lonlat: &Crs) -> Result<Self, RasterError> {
        let metres_per_unit = match crs.kind {
            CrsKind::Projected { metres_per_unit } => metres_per_unit,
            CrsKind::Geographic { degrees_per_unit } => {
                return Ok(Self { kind: PositionKind::Geographic(degrees_per_unit) });
            }
        };
        let (back, forth) = (Projection::in_degrees(crs, lonlat)?, Projection::new(lonlat, crs)?);
        let forth = turn_by(&forth, crs, lonlat, metres_per_unit)?.is_none().then_some(forth);
        Ok(Self { kind: PositionKind::Projected { back, forth, tolerance: TOLERANCE_METRES / metres_per_unit } })
    }
}

/// Units of a cylindrical projection in 360 degrees: there meridians are parallel, and a map may go on past the
/// antimeridian. `None` for other CRS.
///
/// # Errors
/// When the CRS is not understood.
pub fn turn_of(crs: &Crs) -> Result<Option<f64>, RasterError> {
    let (CrsKind::Projected { metres_per_unit }, lonlat) = (crs.kind, Projection::lonlat_of(crs)?) else {
        return Ok(None);
    };
    turn_by(&Projection::new(&lonlat, crs)?, crs, &lonlat, metres_per_unit)
}

fn turn_by(forth: &Projection, crs: &Crs, lonlat: &Crs, metres_per_unit: f64) -> Result<Option<f64>, RasterError> {
    let CrsKind::Geographic { degrees_per_unit } = lonlat.kind else { return Ok(None) };
    let middle = central_meridian(crs)?;
    let x = |lon: f64, lat: f64| {
        let mut point = [[(middle + lon) / degrees_per_unit, lat / degrees_per_unit]];
        forth.apply_each(&mut point, |_, _, _| ());
        point[0][0] * metres_per_unit
    };
    let is_parallel = [-100.0, 0.0, 100.0].iter().all(|lon| (x(*lon, 0.0) - x(*lon, 50.0)).abs() < 1e-3);
    let is_even = (x(100.0, 0.0) - x(50.0, 0.0) - (x(0.0, 0.0) - x(-50.0, 0.0))).abs() < 1e-3;
    Ok((is_parallel && is_even).then(|| 7.2 * (x(50.0, 0.0) - x(0.0, 0.0)) / metres_per_unit))
}

impl ToLonLat for EarthPositions {
    fn to_lonlat(&self, points: &mut [[f64; 2]]) -> Result<(), ProjectionError> {
        let before = points.to_vec();
        self.to_lonlat_or_nan(points);
        match points.iter().zip(before).find(|(p, _)| !p[0].is_finite()) {
            None => Ok(()),
            Some((_, [x, y])) => Err(ProjectionError { x, y, reason: "it is not on the Earth".to_owned() }),
        }
    }

    fn to_lonlat_or_nan(&self, points: &mut [[f64; 2]]) {
        let before = points.to_vec();
        match &self.kind {
            PositionKind::Geographic(degrees) => points.iter_mut().for_each(|p| *p = p.map(|v| v * degrees)),
            PositionKind::Projected { back, .. } => back.apply_each(points, |_, _, _| ()),
        }
        for p in points.iter_mut().filter(|p| p[1].is_nan() || p[1].abs() > 90.0 + POLE_ROUNDING) {
            *p = [f64::NAN; 2];
        }
        let PositionKind::Projected { back, forth: Some(forth), tolerance } = &self.kind else { return };
        let mut again: Vec<[f64; 2]> = points.iter().map(|p| p.map(|v| v / back.scale())).collect();
        forth.apply_each(&mut again, |_, _, _| ());
        for ((p, again), before) in points.iter_mut().zip(again).zip(before) {
            let off = (again[0] - before[0]).hypot(again[1] - before[1]);
            if off.is_nan() || off > *tolerance {
                *p = [f64::NAN; 2];
            }
        }
    }
}
