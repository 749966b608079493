//! Whether a zone's rings enclose one well-defined area, and making them do so.

use geo::line_intersection::{LineIntersection, line_intersection};
use geo::orient::Direction;
use geo::{
    Area, BooleanOps, BoundingRect, Coord, CoordinatePosition, CoordsIter, Line, LineString, MultiPolygon, Orient,
    Polygon, coordinate_position::CoordPos, unary_union,
};

/// What is wrong with a polygon, and where, in the coordinates of its file.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A coordinate that is not a number.
    #[error("vertex {index} is not finite")]
    NotFinite {
        /// Which vertex of the geometry, from 0.
        index: usize,
    },
    /// A vertex of an outline in degrees that lies nowhere on the Earth.
    #[error("({x}, {y}) is not a valid longitude and latitude")]
    NoPosition {
        /// East of the vertex.
        x: f64,
        /// North of the vertex.
        y: f64,
    },
    /// A ring round the Earth of which it is not told which side is inside.
    #[error("its ring at ({x}, {y}) goes round the Earth, and which side of it is inside cannot be told")]
    RoundEarth {
        /// East of its first vertex.
        x: f64,
        /// North of its first vertex.
        y: f64,
    },
    /// Edges that cross.
    #[error("its outline crosses itself at ({x}, {y})")]
    Crossing {
        /// East of the crossing.
        x: f64,
        /// North of the crossing.
        y: f64,
    },
    /// Edges that run over each other.
    #[error("its outline overlaps itself at ({x}, {y})")]
    Overlap {
        /// East of the start of the common part.
        x: f64,
        /// North of the start of the common part.
        y: f64,
    },
    /// A hole outside its polygon, or inside another hole.
    #[error("the hole at ({x}, {y}) is not inside its polygon")]
    Hole {
        /// East of a corner of the hole.
        x: f64,
        /// North of a corner of the hole.
        y: f64,
    },
    /// A part that lies in another part.
    #[error("the part at ({x}, {y}) lies inside another part")]
    Nested {
        /// East of a corner of the part.
        x: f64,
        /// North of a corner of the part.
        y: f64,
    },
    /// A polygon without area.
    #[error("it encloses no area")]
    NoArea,
}

/// The first fault of a zone's polygons; `None` when their area is shells less holes, each counted once.
///
/// Rings may touch, which does no harm to an area; the Simple Features standard is stricter there.
pub fn find_fault(polygons: &MultiPolygon<f64>) -> Option<Fault> {
    if let Some(index) = polygons.coords_iter().position(|c| !c.x.is_finite() || !c.y.is_finite()) {
        return Some(Fault::NotFinite { index });
    }
    let area = signed_parts_area(polygons);
    if area <= 0.0 {
        return Some(crossing(polygons).err().unwrap_or(Fault::NoArea));
    }
    let touches = match crossing(polygons) {
        Err(fault) => return Some(fault),
        Ok(touch) => touch,
    };
    if let Some(fault) = nesting(polygons) {
        return Some(fault);
    }
    // Rings that touch at a vertex may also cross there; the area tells.
    touches
        .filter(|_| (repair(polygons).unsigned_area() - area).abs() > 1e-9 * area)
        .map(|c| Fault::Crossing { x: c.x, y: c.y })
}

/// The same area, each point counted once: each polygon by the even-odd rule, then the union of the parts.
pub fn repair(polygons: &MultiPolygon<f64>) -> MultiPolygon<f64> {
    let finite = |ring: &LineString<f64>| -> LineString<f64> {
        ring.coords().copied().filter(|c| c.x.is_finite() && c.y.is_finite()).collect()
    };
    let nothing = MultiPolygon::<f64>::new(Vec::new());
    let parts: Vec<Polygon<f64>> = polygons
        .iter()
        .map(|p| Polygon::new(finite(p.exterior()), p.interiors().iter().map(finite).collect()))
        .flat_map(|p| p.union(&nothing))
        // The union below tells inside from outside by the winding of rings.
        .map(|p| p.orient(Direction::Default))
        .collect();
    unary_union(&parts)
}

/// Shells less holes, in coordinate units squared, whatever their winding.
pub(crate) fn signed_parts_area(polygons: &MultiPolygon<f64>) -> f64 {
    let ring = |r: &LineString<f64>| Polygon::new(r.clone(), Vec::new()).unsigned_area();
    polygons.iter().map(|p| ring(p.exterior()) - p.interiors().iter().map(ring).sum::<f64>()).sum()
}

fn rings(polygons: &MultiPolygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    polygons.iter().flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
}

/// Looks for edges that cross or overlap: a sweep from west to east over their boxes. `Ok` holds a place where rings
/// touch, if there is one.
fn crossing(polygons: &MultiPolygon<f64>) -> Result<Option<Coord<f64>>, Fault> {
    let mut edges: Vec<(usize, usize, Line<f64>)> = Vec::new();
    for (r, ring) in rings(polygons).enumerate() {
        let lines: Vec<Line<f64>> = ring.lines().filter(|l| l.start != l.end).collect();
        edges.extend(lines.into_iter().enumerate().map(|(k, line)| (r, k, line)));
    }
    let mut counts = vec![0usize; edges.last().map_or(0, |e| e.0 + 1)];
    for edge in &edges {
        counts[edge.0] += 1;
    }
    let west = |l: &Line<f64>| l.start.x.min(l.end.x);
    let east = |l: &Line<f64>| l.start.x.max(l.end.x);
    edges.sort_by(|a, b| west(&a.2).total_cmp(&west(&b.2)));
    let mut touch = None;
    for (i, (ring_a, k, a)) in edges.iter().enumerate() {
        let (limit, south, north) = (east(a), a.start.y.min(a.end.y), a.start.y.max(a.end.y));
        for (ring_b, m, b) in edges[i + 1..].iter().take_while(|e| west(&e.2) <= limit) {
            if b.start.y.max(b.end.y) < south || b.start.y.min(b.end.y) > north {
                continue;
            }
            let gap = k.abs_diff(*m);
            let adjacent = ring_a == ring_b && (gap == 1 || gap + 1 == counts[*ring_a]);
            match line_intersection(*a, *b) {
                Some(LineIntersection::SinglePoint { intersection, is_proper: true }) => {
                    return Err(Fault::Crossing { x: intersection.x, y: intersection.y });
                }
                Some(LineIntersection::Collinear { intersection }) if intersection.start != intersection.end => {
                    return Err(Fault::Overlap { x: intersection.start.x, y: intersection.start.y });
                }
                Some(LineIntersection::SinglePoint { intersection, .. }) if !adjacent => touch = Some(intersection),
                _ => {}
            }
        }
    }
    Ok(touch)
}

/// For rings that do not cross: whether each hole lies in its shell and in nothing else, and no part in another.
fn nesting(polygons: &MultiPolygon<f64>) -> Option<Fault> {
    let position = |outer: &Polygon<f64>, ring: &LineString<f64>| {
        ring.coords().map(|c| outer.coordinate_position(c)).find(|p| *p != CoordPos::OnBoundary)
    };
    let first = |ring: &LineString<f64>| ring.0.first().copied().unwrap_or_default();
    for polygon in polygons {
        for (k, hole) in polygon.interiors().iter().enumerate() {
            let others = polygon.interiors().iter().enumerate().filter(|(m, _)| *m != k).map(|(_, r)| r.clone());
            let around = Polygon::new(polygon.exterior().clone(), others.collect());
            if position(&around, hole) == Some(CoordPos::Outside) {
                let c = first(hole);
                return Some(Fault::Hole { x: c.x, y: c.y });
            }
        }
    }
    let boxes: Vec<_> = polygons.iter().map(BoundingRect::bounding_rect).collect();
    for (i, inner) in polygons.iter().enumerate() {
        for (j, outer) in polygons.iter().enumerate() {
            let apart = match (boxes[i], boxes[j]) {
                (Some(a), Some(b)) => {
                    a.min().x < b.min().x || a.max().x > b.max().x || a.min().y < b.min().y || a.max().y > b.max().y
                }
                _ => true,
            };
            if i != j && !apart && position(outer, inner.exterior()) == Some(CoordPos::Inside) {
                let c = first(inner.exterior());
                return Some(Fault::Nested { x: c.x, y: c.y });
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{polygon, wkt};

    #[test]
    fn sound_polygons_have_no_fault() {
        let with_hole = wkt!(MULTIPOLYGON(((0. 0.,4. 0.,4. 4.,0. 4.,0. 0.),(1. 1.,2. 1.,2. 2.,1. 2.,1. 1.)),((9. 0.,10. 0.,9. 1.,9. 0.))));
        assert_eq!(find_fault(&with_hole), None);
        // An island in the hole, and a hole that touches its shell at one point.
        let island = wkt!(MULTIPOLYGON(((0. 0.,4. 0.,4. 4.,0. 4.,0. 0.),(0. 0.,3. 1.,3. 3.,1. 3.,0. 0.)),((2. 1.5,2.5 1.5,2. 2.,2. 1.5))));
        assert_eq!(find_fault(&island), None);
    }

    #[test]
    fn a_bow_tie_crosses_and_is_repaired_to_two_triangles() {
        let bow_tie =
            MultiPolygon::new(vec![polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 4.0), (x: 4.0, y: 0.0), (x: 0.0, y: 4.0)]]);
        assert_eq!(find_fault(&bow_tie), Some(Fault::Crossing { x: 2.0, y: 2.0 }));
        let whole = repair(&bow_tie);
        assert_eq!(find_fault(&whole), None);
        // Two triangles of base 4 and height 2.
        assert!((whole.unsigned_area() - 8.0).abs() < 1e-6);
    }

    #[test]
    fn a_crossing_through_a_vertex_is_found() {
        // The same bow tie, unequal, with a vertex at its waist.
        let p = polygon![(x: 0.0, y: 0.0), (x: 2.0, y: 2.0), (x: 6.0, y: 6.0), (x: 6.0, y: -2.0), (x: 2.0, y: 2.0), (x: 0.0, y: 4.0)];
        let p = MultiPolygon::new(vec![p]);
        assert_eq!(find_fault(&p), Some(Fault::Crossing { x: 2.0, y: 2.0 }));
        assert!((repair(&p).unsigned_area() - (4.0 + 16.0)).abs() < 1e-6);
        // Touching there without crossing is not a fault.
        let q = polygon![(x: 0.0, y: 0.0), (x: 2.0, y: 2.0), (x: 6.0, y: -2.0), (x: 6.0, y: 6.0), (x: 2.0, y: 2.0), (x: 0.0, y: 4.0)];
        assert_eq!(find_fault(&MultiPolygon::new(vec![q])), None);
    }

    #[test]
    fn overlapping_parts_stray_holes_and_spikes_are_found() {
        let square =
            |x: f64, y: f64, s: f64| polygon![(x: x, y: y), (x: x + s, y: y), (x: x + s, y: y + s), (x: x, y: y + s)];
        let overlapping = MultiPolygon::new(vec![square(0.0, 0.0, 2.0), square(1.0, 1.0, 2.0)]);
        assert!(matches!(find_fault(&overlapping), Some(Fault::Crossing { .. })));
        assert!((repair(&overlapping).unsigned_area() - 7.0).abs() < 1e-6);
        let nested = MultiPolygon::new(vec![square(0.0, 0.0, 9.0), square(1.0, 1.0, 2.0)]);
        assert_eq!(find_fault(&nested), Some(Fault::Nested { x: 1.0, y: 1.0 }));
        assert!((repair(&nested).unsigned_area() - 81.0).abs() < 1e-6);
        let stray =
            Polygon::new(square(0.0, 0.0, 2.0).exterior().clone(), vec![square(5.0, 5.0, 1.0).exterior().clone()]);
        assert_eq!(find_fault(&MultiPolygon::new(vec![stray])), Some(Fault::Hole { x: 5.0, y: 5.0 }));
        let spike = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0), (x: 4.0, y: 8.0), (x: 4.0, y: 4.0), (x: 0.0, y: 4.0)];
        assert!(matches!(find_fault(&MultiPolygon::new(vec![spike])), Some(Fault::Overlap { .. })));
        let line = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 0.0, y: 0.0)];
        assert!(find_fault(&MultiPolygon::new(vec![line])).is_some());
        let nan = polygon![(x: 0.0, y: 0.0), (x: f64::NAN, y: 0.0), (x: 1.0, y: 1.0)];
        assert_eq!(find_fault(&MultiPolygon::new(vec![nan])), Some(Fault::NotFinite { index: 1 }));
    }
}
