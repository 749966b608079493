//! A coordinate reference system and the facts about it that arithmetic needs.

use serde::{Deserialize, Serialize};

/// A coordinate reference system: its full definition, and the facts about it that the arithmetic needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crs {
    /// The whole definition, as WKT.
    pub wkt: String,
    /// Short name for people: `EPSG:32648`, or the definition's own name.
    pub name: String,
    /// What its coordinates are.
    pub kind: CrsKind,
    /// The ellipsoid under it.
    pub ellipsoid: Ellipsoid,
}

/// What the coordinates of a CRS are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum CrsKind {
    /// Longitude and latitude; one unit is so many degrees (1 for nearly all).
    Geographic { degrees_per_unit: f64 },
    /// East and north on a map; one unit is so many metres.
    Projected { metres_per_unit: f64 },
}

/// An ellipsoid of revolution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ellipsoid {
    /// Equatorial radius in metres.
    pub semi_major: f64,
    /// Flattening `f = (a - b) / a`, from 0 for a sphere to below 1.
    pub flattening: f64,
}

impl Ellipsoid {
    /// The ellipsoid of WGS 84.
    pub const WGS84: Self = Self { semi_major: 6_378_137.0, flattening: 1.0 / 298.257_223_563 };

    /// The ellipsoid that areas are stated on. A sphere of about the Earth's size is a device of map projections, not a
    /// figure of the Earth: its latitudes are taken for those of WGS 84.
    #[must_use]
    pub fn for_areas(self) -> Self {
        let is_earth = (self.semi_major / Self::WGS84.semi_major - 1.0).abs() < 0.01;
        if self.flattening == 0.0 && is_earth { Self::WGS84 } else { self }
    }

    /// First eccentricity squared, `e2 = f (2 - f)`.
    pub fn eccentricity_squared(&self) -> f64 {
        self.flattening * (2.0 - self.flattening)
    }

    /// Area between the equator and latitude `lat` (degrees) for one radian of longitude, in square metres; negative
    /// in the south. Snyder 1987, Map Projections: A Working Manual, eq. 3-12, times a squared over 2.
    pub fn area_to_latitude(&self, lat: f64) -> f64 {
        let (sin, e2) = (lat.to_radians().sin(), self.eccentricity_squared());
        let e = e2.sqrt();
        // atanh(e sin)/e tends to sin as e tends to 0.
        let log_term = if e < 1e-9 { sin } else { (e * sin).atanh() / e };
        0.5 * self.semi_major.powi(2) * (1.0 - e2) * (sin / (1.0 - e2 * sin * sin) + log_term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_ellipsoid_has_the_published_area() {
        // WGS 84: 510,065,621,724,089 m2 (Moritz 1980 formula with the WGS 84 constants).
        let e = Ellipsoid::WGS84;
        let whole = 2.0 * std::f64::consts::PI * (e.area_to_latitude(90.0) - e.area_to_latitude(-90.0));
        assert!((whole / 510_065_621_724_089.0 - 1.0).abs() < 1e-12, "{whole}");
    }

    #[test]
    fn a_sphere_has_its_closed_form() {
        let s = Ellipsoid { semi_major: 2.0, flattening: 0.0 };
        // One radian of longitude from the equator to 30 degrees: r2 sin(30) = 4 * 0.5.
        assert!((s.area_to_latitude(30.0) - 2.0).abs() < 1e-12);
    }
}
