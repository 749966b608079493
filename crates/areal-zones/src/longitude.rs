//! The antimeridian: outlines that jump by nearly a whole turn, and grids that start at another longitude.

use areal_formats::{NamedChoice, UnknownName};
use geo::{Coord, LineString, MapCoordsInPlace, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

use crate::Fault;

/// How an edge over more than half of all longitudes is read.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Antimeridian {
    /// Straight in degrees, as GeoJSON defines it (RFC 7946, 3.1.1): a zone over the antimeridian has longitudes beyond
    /// 180 degrees, or is cut in two there.
    #[default]
    AsWritten,
    /// The short way, over the antimeridian.
    Cross,
}

impl NamedChoice for Antimeridian {
    const WHAT: &'static str = "reading of long edges";
}

/// True when an edge spans more than half of all longitudes, and not all of them.
pub(crate) fn has_long_edge(polygons: &MultiPolygon<f64>, turn: f64) -> bool {
    let rings = polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()));
    rings.flat_map(LineString::lines).any(|edge| is_long(edge.dx(), turn))
}

fn is_long(step: f64, turn: f64) -> bool {
    step.abs() > 0.5 * turn && step.abs() < turn * (1.0 - 1e-9)
}

/// Undoes jumps of more than half a turn between neighbouring vertices, so that an outline over the antimeridian is in
/// one piece (its longitudes may pass 180 degrees). `turn` is 360 degrees in the outline's units. A step of a whole
/// turn (a box around the Earth) stays. A ring that goes round the Earth on one side of the equator is closed over the pole there.
/// True when something was changed.
///
/// # Errors
/// A ring round the Earth that crosses the equator, or is a hole, or has a hole at the meridian where it begins.
pub(crate) fn unwrap(polygons: &mut MultiPolygon<f64>, turn: f64) -> Result<bool, Fault> {
    let mut changed = false;
    for polygon in &mut polygons.0 {
        let mut shell = Ok(Unwrapped::As);
        let (mut low, mut high) = (0.0, 0.0);
        polygon.exterior_mut(|ring| {
            shell = unwrap_ring(ring, turn);
            (low, high) = x_range(ring.0.iter());
        });
        let shell = shell?;
        let (middle, mut fault) = (0.5 * (low + high), None);
        polygon.interiors_mut(|holes| {
            for hole in holes {
                let first = hole.0.first().copied().unwrap_or_default();
                let unwrapped = unwrap_ring(hole, turn);
                changed |= unwrapped.is_ok_and(|unwrapped| unwrapped != Unwrapped::As);
                let shift = ((middle - middle_x(hole)) / turn).round() * turn;
                if shift != 0.0 {
                    hole.0.iter_mut().for_each(|c| c.x += shift);
                }
                let (west, east) = x_range(hole.0.iter());
                let is_cut = shell == Unwrapped::OverPole && (west < low || east > high);
                if is_cut || !matches!(unwrapped, Ok(Unwrapped::As | Unwrapped::InOnePiece)) {
                    fault = Some(Fault::RoundEarth { x: first.x, y: first.y });
                }
            }
        });
        changed |= shell != Unwrapped::As;
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
    Ok(changed)
}

/// What became of a ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unwrapped {
    As,
    InOnePiece,
    OverPole,
}

fn unwrap_ring(ring: &mut LineString<f64>, turn: f64) -> Result<Unwrapped, Fault> {
    let mut shift = 0.0;
    let mut changed = false;
    let mut result: Vec<Coord<f64>> = Vec::with_capacity(ring.0.len());
    let mut previous: Option<f64> = None;
    for c in &ring.0 {
        if let Some(x) = previous {
            let step = c.x - x;
            if is_long(step, turn) {
                shift -= turn * step.signum();
                changed = true;
            }
        }
        previous = Some(c.x);
        result.push(Coord { x: c.x + shift, y: c.y });
    }
    if !changed {
        return Ok(Unwrapped::As);
    }
    let (Some(first), Some(last)) = (result.first().copied(), result.last().copied()) else { return Ok(Unwrapped::As) };
    let mut unwrapped = Unwrapped::InOnePiece;
    // A ring that does not come back to its start goes round the Earth.
    if shift != 0.0 {
        let pole = 0.25 * turn;
        let pole = match (result.iter().all(|c| c.y > 0.0), result.iter().all(|c| c.y < 0.0)) {
            (true, _) => pole,
            (_, true) => -pole,
            _ => return Err(Fault::RoundEarth { x: first.x, y: first.y }),
        };
        result.extend([Coord { x: last.x, y: pole }, Coord { x: first.x, y: pole }, first]);
        unwrapped = Unwrapped::OverPole;
    }
    ring.0 = result;
    Ok(unwrapped)
}

fn middle_x(ring: &LineString<f64>) -> f64 {
    let (low, high) = x_range(ring.0.iter());
    0.5 * (low + high)
}

fn x_range<'a>(coords: impl Iterator<Item = &'a Coord<f64>>) -> (f64, f64) {
    coords.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), c| (l.min(c.x), h.max(c.x)))
}

/// Whole turns by which an outline between `low` and `high` can be moved so that some of it lies between `west` and
/// `east`.
pub(crate) fn turns_into(low: f64, high: f64, west: f64, east: f64, turn: f64) -> Vec<f64> {
    if !(turn.is_finite() && turn > 0.0 && low.is_finite() && high.is_finite()) {
        return vec![0.0];
    }
    let first = ((west - high) / turn).floor() as i64;
    let last = ((east - low) / turn).ceil() as i64;
    (first..=last).map(|k| k as f64 * turn).filter(|s| high + s > west && low + s < east).collect()
}

/// The same polygons, moved east.
pub(crate) fn moved(polygons: &MultiPolygon<f64>, shift: f64) -> MultiPolygon<f64> {
    let mut result = polygons.clone();
    if shift != 0.0 {
        result.0.iter_mut().for_each(|p: &mut Polygon<f64>| {
            p.map_coords_in_place(|c| Coord { x: c.x + shift, y: c.y });
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Area, polygon};

    #[test]
    fn an_outline_over_the_antimeridian_becomes_one_piece() {
        let mut p = MultiPolygon::new(vec![
            polygon![(x: 178.0, y: 0.0), (x: -179.0, y: 0.0), (x: -179.0, y: 2.0), (x: 178.0, y: 2.0)],
        ]);
        assert!(unwrap(&mut p, 360.0).unwrap());
        assert!((p.unsigned_area() - 6.0).abs() < 1e-12);
        assert!(!unwrap(&mut p, 360.0).unwrap());
    }

    #[test]
    fn a_hole_follows_its_shell() {
        let shell = LineString::from(vec![(178.0, 0.0), (-178.0, 0.0), (-178.0, 4.0), (178.0, 4.0), (178.0, 0.0)]);
        let hole = LineString::from(vec![(-179.5, 1.0), (-179.0, 1.0), (-179.0, 2.0), (-179.5, 1.0)]);
        let mut p = MultiPolygon::new(vec![Polygon::new(shell, vec![hole])]);
        assert!(unwrap(&mut p, 360.0).unwrap());
        assert_eq!(p.0[0].interiors()[0].0[0].x, 180.5);
    }

    #[test]
    fn boxes_round_the_earth_stay() {
        let mut world = MultiPolygon::new(vec![
            polygon![(x: -180.0, y: -90.0), (x: 180.0, y: -90.0), (x: 180.0, y: 90.0), (x: -180.0, y: 90.0)],
        ]);
        assert!(!unwrap(&mut world, 360.0).unwrap());
    }

    #[test]
    fn rings_round_a_pole_are_closed_over_it() {
        // Either way round, and on either side of the equator.
        for (sign, back) in [(1.0, false), (-1.0, false), (1.0, true), (-1.0, true)] {
            let mut corners = vec![(-120.0, 80.0 * sign), (0.0, 80.0 * sign), (120.0, 80.0 * sign)];
            if back {
                corners.reverse();
            }
            let mut pole = MultiPolygon::new(vec![Polygon::new(LineString::from(corners), Vec::new())]);
            assert!(unwrap(&mut pole, 360.0).unwrap());
            assert!((pole.unsigned_area() - 3600.0).abs() < 1e-9, "{pole:?}");
        }
        let mut across = MultiPolygon::new(vec![polygon![(x: -120.0, y: 8.0), (x: 0.0, y: -8.0), (x: 120.0, y: 8.0)]]);
        assert_eq!(unwrap(&mut across, 360.0), Err(Fault::RoundEarth { x: -120.0, y: 8.0 }));
        let hole = LineString::from(vec![(-120.0, 85.0), (0.0, 85.0), (120.0, 85.0), (-120.0, 85.0)]);
        let shell = LineString::from(vec![(-120.0, 80.0), (0.0, 80.0), (120.0, 80.0), (-120.0, 80.0)]);
        let mut ring = MultiPolygon::new(vec![Polygon::new(shell, vec![hole])]);
        assert_eq!(unwrap(&mut ring, 360.0), Err(Fault::RoundEarth { x: -120.0, y: 85.0 }));
    }

    #[test]
    fn turns_put_an_outline_where_the_grid_is() {
        assert_eq!(turns_into(170.0, 190.0, -180.0, 180.0, 360.0), [-360.0, 0.0]);
        assert_eq!(turns_into(-170.0, -160.0, 0.0, 360.0, 360.0), [360.0]);
        assert!(turns_into(10.0, 20.0, 30.0, 40.0, 360.0).is_empty());
    }
}
