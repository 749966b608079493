//! The authalic sphere: an ellipsoid mapped onto a sphere so that every area stays what it is. A sphere has no poles and no
//! antimeridian, so areas that hold or cross them need no special case.

use std::f64::consts::PI;

use crate::{Ellipsoid, ToLonLat};

/// The authalic sphere of an ellipsoid. Places on it are unit vectors, areas on it are those on the ellipsoid.
#[derive(Debug, Clone, Copy)]
pub struct Authalic {
    /// Eccentricity.
    e: f64,
    /// Snyder's `q` at the pole (1987, eq. 3-12).
    q_pole: f64,
    /// Its radius squared, in square metres.
    radius_squared: f64,
}

/// An eccentricity below this is that of a sphere.
const SPHERE: f64 = 1e-9;

impl Authalic {
    pub fn new(ellipsoid: Ellipsoid) -> Self {
        let e = ellipsoid.eccentricity_squared().sqrt();
        let log_term = if e < SPHERE { 1.0 } else { e.atanh() / e };
        let q_pole = 1.0 / (1.0 - e * e) + log_term;
        Self { e, q_pole, radius_squared: ellipsoid.area_to_latitude(90.0) }
    }

    /// Its radius squared, in square metres: a solid angle times this is an area.
    pub fn radius_squared(&self) -> f64 {
        self.radius_squared
    }

    /// The place of a longitude and latitude in degrees. The distance from the pole keeps its digits however small it is.
    pub fn place(&self, [lon, lat]: [f64; 2]) -> [f64; 3] {
        let d = 2.0 * (0.5 * (90.0 - lat.abs()).to_radians()).sin().powi(2);
        // With s = sin(latitude) = 1 - d, what is left of q up to the pole:
        let (s, e2) = (1.0 - d, self.e * self.e);
        let log_term = if self.e < SPHERE { d } else { (self.e * d / (1.0 - e2 * s)).atanh() / self.e };
        let gap = (d * (1.0 + e2 * s) / ((1.0 - e2) * (1.0 - e2 * s * s)) + log_term) / self.q_pole;
        let (sin, cos) = ((1.0 - gap).copysign(lat), (gap * (2.0 - gap)).max(0.0).sqrt());
        let (east, north) = lon.to_radians().sin_cos();
        [cos * north, cos * east, sin]
    }

    /// Places of map positions; `NaN` where there is none.
    pub fn places(&self, mut points: Vec<[f64; 2]>, positions: &dyn ToLonLat) -> Vec<[f64; 3]> {
        positions.to_lonlat_or_nan(&mut points);
        points.into_iter().map(|p| if p[0].is_finite() { self.place(p) } else { [f64::NAN; 3] }).collect()
    }
}

/// Places that curves of round longitudes and latitudes, and shores, do not pass opposite to.
const ORIGINS: [[f64; 2]; 3] = [[17.351, 31.727], [94.613, 17.239], [-71.187, 52.391]];
/// Below this cosine of the angle from the origin a piece is too close to the place opposite.
const OPPOSITE: f64 = -0.9999;

/// Solid angle to the left of a closed curve, between -2 pi and 2 pi: up to whole spheres. The curve is given piece by piece,
/// each by its start, middle and end. `NaN` where a piece has no place.
#[expect(clippy::needless_pass_by_value, reason = "an iterator that is cloned for each pass")]
pub fn solid_angle(pieces: impl Iterator<Item = [[f64; 3]; 3]> + Clone) -> f64 {
    let Some([first, ..]) = pieces.clone().next() else { return 0.0 };
    let from = |origin| {
        let mut sum = AngleSum::new(origin);
        pieces.clone().for_each(|piece| sum.add(piece));
        sum.angle()
    };
    // The first place keeps the digits of small curves.
    from(first).or_else(|| AngleSum::origins().find_map(from)).unwrap_or(f64::NAN)
}

/// The solid angle to the left of a closed curve, summed up from its pieces in any order: each adds what lies between it and an
/// origin. A piece opposite to the origin could be passed on either side, so that another origin has to be taken.
#[derive(Debug, Clone, Copy)]
pub struct AngleSum {
    origin: [f64; 3],
    sum: f64,
    /// Least cosine of the angle between the origin and a place of the curve.
    least: f64,
}

impl AngleSum {
    pub fn new(origin: [f64; 3]) -> Self {
        Self { origin, sum: 0.0, least: 1.0 }
    }

    /// Origins to take where the first place of a curve is none.
    pub fn origins() -> impl Iterator<Item = [f64; 3]> {
        let sphere = Authalic::new(Ellipsoid { semi_major: 1.0, flattening: 0.0 });
        ORIGINS.into_iter().map(move |p| sphere.place(p))
    }

    /// Adds a piece. Between its ends it is a parabola.
    pub fn add(&mut self, [start, middle, end]: [[f64; 3]; 3]) {
        // Between a parabola and its chord lie 4/3 of the triangle with its middle.
        self.sum += excess(self.origin, start, end) + 4.0 / 3.0 * excess(start, middle, end);
        let cosine = |p: [f64; 3]| p[0] * self.origin[0] + p[1] * self.origin[1] + p[2] * self.origin[2];
        self.least = self.least.min(cosine(start)).min(cosine(middle)).min(cosine(end));
    }

    /// The angle, between -2 pi and 2 pi, `NaN` where a piece has no place; `None` where another origin has to be taken.
    pub fn angle(&self) -> Option<f64> {
        let whole = 4.0 * PI;
        (self.sum.is_nan() || self.least > OPPOSITE).then(|| self.sum - whole * (self.sum / whole).round())
    }
}

/// Solid angle to the left of a quadrilateral with straight sides, given by its corners.
pub(crate) fn quadrilateral_angle([a, b, c, d]: &[[f64; 3]; 4]) -> f64 {
    excess(*a, *b, *c) + excess(*a, *c, *d)
}

/// Spherical excess of a triangle, positive where it runs counterclockwise (van Oosterom and Strackee 1983).
fn excess(a: [f64; 3], b: [f64; 3], c: [f64; 3]) -> f64 {
    let dot = |p: [f64; 3], q: [f64; 3]| p[0] * q[0] + p[1] * q[1] + p[2] * q[2];
    let minus = |p: [f64; 3], q: [f64; 3]| [p[0] - q[0], p[1] - q[1], p[2] - q[2]];
    let (u, v) = (minus(b, a), minus(c, a));
    let cross = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
    let (sin, cos) = (dot(a, cross), 1.0 + dot(a, b) + dot(b, c) + dot(c, a));
    let t = sin / cos;
    if cos > 1.0 && t.abs() < 1e-5 {
        // atan t = t - t^3/3 + ..., to the last digit.
        return 2.0 * (t - t * t * t / 3.0);
    }
    2.0 * sin.atan2(cos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parallel, counterclockwise seen from above the north pole.
    fn parallel(sphere: &Authalic, lat: f64, steps: u32) -> Vec<[[f64; 3]; 3]> {
        let at = |k: u32, f: f64| sphere.place([360.0 * (f64::from(k) + f) / f64::from(steps) - 180.0, lat]);
        (0..steps).map(|k| [at(k, 0.0), at(k, 0.5), at(k, 1.0)]).collect()
    }

    #[test]
    fn caps_have_their_closed_form() {
        let ellipsoid = Ellipsoid::WGS84;
        let sphere = Authalic::new(ellipsoid);
        for lat in [89.999_99, 89.8, 60.0, 1.0, -45.0, -89.0] {
            // Snyder 1987, eq. 3-12: from the parallel to the pole, all round.
            let expected = 2.0 * PI * (ellipsoid.area_to_latitude(90.0) - ellipsoid.area_to_latitude(lat));
            let found =
                solid_angle(parallel(&sphere, lat, 720).into_iter()).rem_euclid(4.0 * PI) * sphere.radius_squared();
            // The closed form loses digits next to the pole, where it is a difference of two large numbers.
            let digits = 1e-9 + 0.1 / expected;
            assert!((found / expected - 1.0).abs() < digits, "{lat}: {found} {expected}");
        }
    }

    #[test]
    fn a_small_cap_is_a_flat_disc() {
        // 10 m round the pole, where the radius of curvature is a / sqrt(1 - e2): the colatitude is 10 m by it.
        let e = Ellipsoid::WGS84;
        let sphere = Authalic::new(e);
        let lat = 90.0 - (10.0 / (e.semi_major / (1.0 - e.eccentricity_squared()).sqrt())).to_degrees();
        let found = solid_angle(parallel(&sphere, lat, 720).into_iter()) * sphere.radius_squared();
        assert!((found / (PI * 100.0) - 1.0).abs() < 1e-8, "{found}");
    }

    #[test]
    fn an_octant_of_a_sphere_is_a_half_pi() {
        let sphere = Authalic::new(Ellipsoid { semi_major: 2.0, flattening: 0.0 });
        let corners = [[0.0, 0.0], [90.0, 0.0], [0.0, 90.0]];
        let middles = [[45.0, 0.0], [90.0, 45.0], [0.0, 45.0]];
        let pieces = (0..3).map(|k| [corners[k], middles[k], corners[(k + 1) % 3]].map(|p| sphere.place(p)));
        assert!((solid_angle(pieces) - PI / 2.0).abs() < 1e-12);
        assert!((sphere.radius_squared() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_band_round_the_earth_is_found_though_its_outline_passes_opposite_its_first_place() {
        // From 80 degrees south to 80 north, and along the antimeridian back: the place opposite the first one is on the curve.
        let ellipsoid = Ellipsoid::WGS84;
        let sphere = Authalic::new(ellipsoid);
        let north = parallel(&sphere, 80.0, 720).into_iter().rev().map(|[a, b, c]| [c, b, a]);
        let up = [-80.0, 0.0, 80.0].map(|lat| sphere.place([180.0, lat]));
        let down = [up[2], up[1], up[0]];
        let found = solid_angle(parallel(&sphere, -80.0, 720).into_iter().chain([up]).chain(north).chain([down]));
        let expected = 4.0 * PI * ellipsoid.area_to_latitude(80.0) / sphere.radius_squared();
        assert!((found.rem_euclid(4.0 * PI) / expected - 1.0).abs() < 1e-9, "{found} {expected}");
    }
}
