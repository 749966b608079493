//! From the geometries of a zone's features to its outline: polygons only, valid, in one piece over the antimeridian.

use areal_formats::counted;
use std::fmt;

use areal_grid::CrsKind;
use geo::{Area, Coord, CoordsIter, Geometry, MultiPolygon};

use crate::longitude::{Antimeridian, has_long_edge, unwrap};
use crate::validity::{find_fault, repair, signed_parts_area};
use crate::{Fault, Invalid, Repair};

/// Why a feature has no polygon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum NoPolygon {
    /// It has no geometry, or one without coordinates.
    #[strum(serialize = "no geometry")]
    Empty,
    #[strum(serialize = "a point")]
    Point,
    #[strum(serialize = "a line")]
    Line,
}

impl NoPolygon {
    /// Why there is no polygon in a geometry; `None` where there is one.
    pub(crate) fn why(geometry: Option<&Geometry<f64>>) -> Option<Self> {
        match geometry {
            Some(g) if g.coords_count() > 0 => Self::of(g),
            _ => Some(Self::Empty),
        }
    }

    fn of(geometry: &Geometry<f64>) -> Option<Self> {
        match geometry {
            Geometry::Polygon(_) | Geometry::MultiPolygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => {
                (geometry.coords_count() == 0).then_some(Self::Empty)
            }
            Geometry::Point(_) | Geometry::MultiPoint(_) => Some(Self::Point),
            Geometry::Line(_) | Geometry::LineString(_) | Geometry::MultiLineString(_) => Some(Self::Line),
            Geometry::GeometryCollection(c) => {
                let parts: Option<Vec<Self>> = c.0.iter().map(Self::of).collect();
                parts.map(|parts| parts.first().copied().unwrap_or(Self::Empty))
            }
        }
    }
}

/// How many features have no polygon, by what they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WithoutPolygon {
    points: usize,
    lines: usize,
    empty: usize,
}

impl WithoutPolygon {
    pub(crate) fn add(&mut self, why: NoPolygon) {
        match why {
            NoPolygon::Point => self.points += 1,
            NoPolygon::Line => self.lines += 1,
            NoPolygon::Empty => self.empty += 1,
        }
    }
}

/// `12 points, 1 line and 3 features without a geometry`
impl fmt::Display for WithoutPolygon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds =
            [(self.points, "point", ""), (self.lines, "line", ""), (self.empty, "feature", " without a geometry")];
        let said = kinds.iter().filter(|(n, ..)| *n > 0).map(|(n, noun, more)| counted(*n, noun) + more);
        let said: Vec<String> = said.collect();
        match &said[..] {
            [] => f.write_str("no features"),
            [only] => f.write_str(only),
            [first @ .., last] => write!(f, "{} and {last}", first.join(", ")),
        }
    }
}

/// What the geometry of a feature comes to.
pub(crate) struct Outline {
    pub polygons: MultiPolygon<f64>,
    /// Repairs that were made; the id of the zone is left empty.
    pub repairs: Vec<Repair>,
    pub has_long_edge: bool,
    /// Lines and points that were left out.
    pub other_parts: usize,
}

/// A polygon that cannot be used, in a feature.
pub(crate) struct BadFeature {
    pub fid: i64,
    pub fault: Fault,
    pub repairable: bool,
}

/// One feature: over the antimeridian in one piece, valid.
pub(crate) fn read_one(
    fid: i64,
    geometry: Geometry<f64>,
    kind: CrsKind,
    antimeridian: Antimeridian,
    invalid: Invalid,
) -> Result<Outline, BadFeature> {
    let mut other_parts = 0;
    let mut outline = polygons(geometry, &mut other_parts);
    let mut long = false;
    if let CrsKind::Geographic { degrees_per_unit } = kind {
        let turn = 360.0 / degrees_per_unit;
        if let Some(fault) = no_position(&outline, turn) {
            return Err(BadFeature { fid, fault, repairable: false });
        }
        long = has_long_edge(&outline, turn);
        if antimeridian == Antimeridian::Cross {
            unwrap(&mut outline, turn).map_err(|fault| BadFeature { fid, fault, repairable: false })?;
        }
    }
    let read = |polygons, repairs| Outline { polygons, repairs, has_long_edge: long, other_parts };
    let Some(fault) = find_fault(&outline) else {
        return Ok(read(outline, Vec::new()));
    };
    let repaired = match (invalid, fault) {
        (Invalid::Refuse, _) | (_, Fault::NotFinite { .. }) => MultiPolygon::new(Vec::new()),
        (Invalid::Repair, _) => repair(&outline),
    };
    let area_after = repaired.unsigned_area();
    if area_after.is_nan() || area_after <= 0.0 {
        let repairable = invalid == Invalid::Refuse && repair(&outline).unsigned_area() > 0.0;
        return Err(BadFeature { fid, fault, repairable });
    }
    let area_before = signed_parts_area(&outline);
    Ok(read(repaired, vec![Repair { id: String::new(), fid, fault, area_before, area_after }]))
}

/// The first vertex of an outline in degrees that is beyond a pole or more than two turns away: some layers count from 0 to
/// 360, or on past the antimeridian, but none farther. A vertex that is not finite is left to [`find_fault`].
fn no_position(outline: &MultiPolygon<f64>, turn: f64) -> Option<Fault> {
    let is_far = |c: &Coord<f64>| {
        c.x.is_finite() && c.y.is_finite() && (c.x.abs() > 2.0 * turn || c.y.abs() > 0.25 * turn * (1.0 + 1e-6))
    };
    outline.coords_iter().find(is_far).map(|c| Fault::NoPosition { x: c.x, y: c.y })
}

/// The polygons of a geometry; `others` counts its lines and points.
fn polygons(geometry: Geometry<f64>, others: &mut usize) -> MultiPolygon<f64> {
    match geometry {
        Geometry::Polygon(p) => MultiPolygon::new(vec![p]),
        Geometry::MultiPolygon(m) => MultiPolygon::new(m.0.into_iter().filter(|p| p.coords_count() > 0).collect()),
        Geometry::Rect(r) => MultiPolygon::new(vec![r.to_polygon()]),
        Geometry::Triangle(t) => MultiPolygon::new(vec![t.to_polygon()]),
        Geometry::GeometryCollection(c) => {
            MultiPolygon::new(c.0.into_iter().flat_map(|part| polygons(part, others).0).collect())
        }
        Geometry::Point(_) | Geometry::Line(_) | Geometry::LineString(_) => {
            *others += 1;
            MultiPolygon::new(Vec::new())
        }
        Geometry::MultiPoint(m) => {
            *others += m.0.len();
            MultiPolygon::new(Vec::new())
        }
        Geometry::MultiLineString(m) => {
            *others += m.0.len();
            MultiPolygon::new(Vec::new())
        }
    }
}
