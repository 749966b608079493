//! The ground that a patch covers.

use geo::{Coord, Distance, Euclidean, LineString, Polygon};

/// Footprints that share less than this part of the smaller one are taken to touch, not to overlap: it covers the
/// bend that straight edges have in another CRS, which is below 1e-4 of the edge for patches up to 5 km.
const TOUCH: f64 = 1e-4;

/// The ground that a patch covers: four corners, in order round it, in some CRS.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Footprint {
    /// Map positions `[x, y]`: the first corner of the patch, along its first row, round.
    pub corners: [[f64; 2]; 4],
}

impl Footprint {
    /// West, south, east, north.
    pub fn bounds(&self) -> [f64; 4] {
        let start = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
        self.corners.iter().fold(start, |b, [x, y]| [b[0].min(*x), b[1].min(*y), b[2].max(*x), b[3].max(*y)])
    }

    /// Mean of the corners.
    pub fn centre(&self) -> [f64; 2] {
        let sum = self.corners.iter().fold([0.0, 0.0], |a, c| [a[0] + c[0], a[1] + c[1]]);
        [sum[0] / 4.0, sum[1] / 4.0]
    }

    /// Area in map units squared.
    pub fn area(&self) -> f64 {
        ring_area(&self.corners).abs()
    }

    /// True when the two share ground, more than the touch of their edges.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (a, b) = (self.bounds(), other.bounds());
        let apart = a[0] >= b[2] || b[0] >= a[2] || a[1] >= b[3] || b[1] >= a[3];
        !apart && self.shared_area(other) > TOUCH * self.area().min(other.area())
    }

    /// Area that two convex footprints share: this one clipped by each edge of the other (Sutherland and Hodgman 1974).
    fn shared_area(&self, other: &Self) -> f64 {
        let turn = ring_area(&other.corners).signum();
        let mut ring = self.corners.to_vec();
        for k in 0..4 {
            let (p, q) = (other.corners[k], other.corners[(k + 1) % 4]);
            let side = |c: [f64; 2]| turn * ((q[0] - p[0]) * (c[1] - p[1]) - (q[1] - p[1]) * (c[0] - p[0]));
            let mut clipped = Vec::with_capacity(ring.len() + 1);
            for (i, &c) in ring.iter().enumerate() {
                let next = ring[(i + 1) % ring.len()];
                let (s, t) = (side(c), side(next));
                if s >= 0.0 {
                    clipped.push(c);
                }
                if (s > 0.0 && t < 0.0) || (s < 0.0 && t > 0.0) {
                    let u = s / (s - t);
                    clipped.push([c[0] + u * (next[0] - c[0]), c[1] + u * (next[1] - c[1])]);
                }
            }
            ring = clipped;
        }
        ring_area(&ring).abs()
    }

    /// Distance between the two in map units; 0 where they meet.
    pub fn distance(&self, other: &Self) -> f64 {
        Euclidean.distance(&self.to_polygon(), &other.to_polygon())
    }

    /// As well-known text: `POLYGON ((x y, ...))`, closed, with numbers that come back exactly.
    pub fn to_wkt(&self) -> String {
        let closed = self.corners.iter().chain(self.corners.first());
        let corners: Vec<String> = closed.map(|[x, y]| format!("{x} {y}")).collect();
        format!("POLYGON (({}))", corners.join(", "))
    }

    /// From what [`to_wkt`](Self::to_wkt) wrote; `None` for anything else than a closed ring of four corners.
    pub fn from_wkt(text: &str) -> Option<Self> {
        let ring = text.strip_prefix("POLYGON ((")?.strip_suffix("))")?;
        let corner = |text: &str| {
            let (x, y) = text.trim().split_once(' ')?;
            Some([x.parse().ok()?, y.parse().ok()?])
        };
        let corners: Option<Vec<[f64; 2]>> = ring.split(',').map(corner).collect();
        let [first, second, third, fourth, last] = corners?.try_into().ok()?;
        (first == last).then_some(Self { corners: [first, second, third, fourth] })
    }

    pub fn to_polygon(&self) -> Polygon<f64> {
        let ring: Vec<Coord<f64>> = self.corners.iter().map(|[x, y]| Coord { x: *x, y: *y }).collect();
        // `Polygon::new` closes the ring.
        Polygon::new(LineString(ring), Vec::new())
    }

    /// From a polygon of four corners; `None` for any other.
    pub fn from_polygon(polygon: &Polygon<f64>) -> Option<Self> {
        let ring = &polygon.exterior().0;
        let corners: Vec<[f64; 2]> = ring.iter().take(4).map(|c| [c.x, c.y]).collect();
        (ring.len() == 5 && polygon.interiors().is_empty())
            .then(|| corners.try_into().ok().map(|corners| Self { corners }))?
    }
}

fn ring_area(ring: &[[f64; 2]]) -> f64 {
    // Relative to the first corner: map positions are large and patches small.
    let Some(&[x0, y0]) = ring.first() else { return 0.0 };
    let cross = |i: usize| {
        let (p, q) = (ring[i], ring[(i + 1) % ring.len()]);
        (p[0] - x0) * (q[1] - y0) - (q[0] - x0) * (p[1] - y0)
    };
    0.5 * (0..ring.len()).map(cross).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn square(x: f64, y: f64, side: f64) -> Footprint {
        Footprint { corners: [[x, y], [x + side, y], [x + side, y - side], [x, y - side]] }
    }

    proptest! {
        #[test]
        fn squares_share_the_product_of_their_overlaps(x in -3.0..3f64, y in -3.0..3f64, s in 0.5..2f64) {
            let (a, b) = (square(500_000.0, 1_000_000.0, 1.0), square(500_000.0 + x, 1_000_000.0 + y, s));
            let along = |lo: f64, hi: f64, lo2: f64, hi2: f64| (hi.min(hi2) - lo.max(lo2)).max(0.0);
            let expected = along(0.0, 1.0, x, x + s) * along(-1.0, 0.0, y - s, y);
            prop_assert!((a.shared_area(&b) - expected).abs() < 1e-8);
            prop_assert!((b.shared_area(&a) - expected).abs() < 1e-8);
        }
    }

    #[test]
    fn footprints_that_touch_do_not_overlap() {
        let a = square(0.0, 0.0, 640.0);
        assert!(!a.overlaps(&square(640.0, 0.0, 640.0)));
        // One column of ten metres out of 64.
        assert!(a.overlaps(&square(630.0, 0.0, 640.0)));
        assert!(a.overlaps(&square(100.0, -100.0, 10.0)) && a.overlaps(&a));
        assert!((a.distance(&square(700.0, 0.0, 640.0)) - 60.0).abs() < 1e-9);
        // A turned square whose corner points at the edge: |x| + |y| < 10 around (650, -320).
        let turned = Footprint { corners: [[640.0, -320.0], [650.0, -310.0], [660.0, -320.0], [650.0, -330.0]] };
        assert!(!a.overlaps(&turned) && a.distance(&turned) < 1e-9);
    }

    #[test]
    fn a_polygon_comes_back() {
        let a = square(1.0, 2.0, 3.0);
        assert_eq!(Footprint::from_polygon(&a.to_polygon()), Some(a));
        assert_eq!(a.to_wkt(), "POLYGON ((1 2, 4 2, 4 -1, 1 -1, 1 2))");
        assert_eq!(Footprint::from_wkt(&a.to_wkt()), Some(a));
        assert_eq!(Footprint::from_wkt("POLYGON ((1 2, 4 2, 4 -1, 1 -1))"), None);
        assert_eq!(a.bounds(), [1.0, -1.0, 4.0, 2.0]);
        assert_eq!(a.centre(), [2.5, 0.5]);
    }
}
