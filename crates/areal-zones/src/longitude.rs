//! The antimeridian: outlines that jump by nearly a whole turn, and grids that start at another longitude.

use areal_formats::{NamedChoice, UnknownName};
use geo::{Coord, LineString, MapCoordsInPlace, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};

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
/// turn (a box around the Earth) stays, and so does a ring around a pole, which closes in neither way. True when
/// something was changed.
pub(crate) fn unwrap(polygons: &mut MultiPolygon<f64>, turn: f64) -> bool {
    let mut changed = false;
    for polygon in &mut polygons.0 {
        let mut middle = 0.0;
        polygon.exterior_mut(|ring| {
            changed |= unwrap_ring(ring, turn);
            middle = middle_x(ring);
        });
        polygon.interiors_mut(|holes| {
            for hole in holes {
                changed |= unwrap_ring(hole, turn);
                let shift = ((middle - middle_x(hole)) / turn).round() * turn;
                if shift != 0.0 {
                    hole.0.iter_mut().for_each(|c| c.x += shift);
                }
            }
        });
    }
    changed
}

fn unwrap_ring(ring: &mut LineString<f64>, turn: f64) -> bool {
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
    // A ring that does not come back to its start goes round a pole.
    if changed && shift == 0.0 {
        ring.0 = result;
        return true;
    }
    false
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
        assert!(unwrap(&mut p, 360.0));
        assert!((p.unsigned_area() - 6.0).abs() < 1e-12);
        assert!(!unwrap(&mut p, 360.0));
    }

    #[test]
    fn a_hole_follows_its_shell() {
        let shell = LineString::from(vec![(178.0, 0.0), (-178.0, 0.0), (-178.0, 4.0), (178.0, 4.0), (178.0, 0.0)]);
        let hole = LineString::from(vec![(-179.5, 1.0), (-179.0, 1.0), (-179.0, 2.0), (-179.5, 1.0)]);
        let mut p = MultiPolygon::new(vec![Polygon::new(shell, vec![hole])]);
        assert!(unwrap(&mut p, 360.0));
        assert_eq!(p.0[0].interiors()[0].0[0].x, 180.5);
    }

    #[test]
    fn boxes_round_the_earth_and_rings_round_a_pole_stay() {
        let mut world = MultiPolygon::new(vec![
            polygon![(x: -180.0, y: -90.0), (x: 180.0, y: -90.0), (x: 180.0, y: 90.0), (x: -180.0, y: 90.0)],
        ]);
        assert!(!unwrap(&mut world, 360.0));
        let mut pole = MultiPolygon::new(vec![polygon![(x: -120.0, y: 80.0), (x: 0.0, y: 80.0), (x: 120.0, y: 80.0)]]);
        assert!(!unwrap(&mut pole, 360.0));
    }

    #[test]
    fn turns_put_an_outline_where_the_grid_is() {
        assert_eq!(turns_into(170.0, 190.0, -180.0, 180.0, 360.0), [-360.0, 0.0]);
        assert_eq!(turns_into(-170.0, -160.0, 0.0, 360.0, 360.0), [360.0]);
        assert!(turns_into(10.0, 20.0, 30.0, 40.0, 360.0).is_empty());
    }
}
