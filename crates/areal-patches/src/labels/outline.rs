//! Whether the outline of a label crosses itself, so that what lies inside is in doubt.

use geo::line_intersection::{LineIntersection, line_intersection};
use geo::{Coord, Geometry, Line, LineString};

use super::polygons::{parts, rings};

/// A place where edges of one part cross, if any do: a sweep from west to east over their boxes. Parts may overlap each
/// other: they are taken together.
pub fn self_crossing(geometry: &Geometry<f64>) -> Option<Coord<f64>> {
    parts(geometry).iter().find_map(|polygon| {
        let mut edges: Vec<Line<f64>> = rings(polygon).flat_map(LineString::lines).collect();
        let west = |l: &Line<f64>| l.start.x.min(l.end.x);
        edges.sort_by(|a, b| west(a).total_cmp(&west(b)));
        edges.iter().enumerate().find_map(|(i, a)| {
            let (east, south, north) = (a.start.x.max(a.end.x), a.start.y.min(a.end.y), a.start.y.max(a.end.y));
            let near = edges[i + 1..].iter().take_while(|b| west(b) <= east);
            near.filter(|b| b.start.y.max(b.end.y) >= south && b.start.y.min(b.end.y) <= north).find_map(|b| {
                match line_intersection(*a, *b) {
                    Some(LineIntersection::SinglePoint { intersection, is_proper: true }) => Some(intersection),
                    _ => None,
                }
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{MultiPolygon, polygon};

    #[test]
    fn a_bow_tie_crosses_and_overlapping_parts_do_not() {
        let bow_tie = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 4.0), (x: 4.0, y: 0.0), (x: 0.0, y: 4.0)];
        assert_eq!(self_crossing(&bow_tie.into()), Some(Coord { x: 2.0, y: 2.0 }));
        let square = |a: f64| polygon![(x: a, y: a), (x: a + 4.0, y: a), (x: a + 4.0, y: a + 4.0), (x: a, y: a + 4.0)];
        assert_eq!(self_crossing(&MultiPolygon(vec![square(0.0), square(2.0)]).into()), None);
    }
}
