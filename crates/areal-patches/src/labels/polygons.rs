//! Polygons as runs of pixels: a pixel belongs to a polygon when its centre lies inside (even-odd rule, so that holes
//! are holes), and to a polygon of several parts when it lies in any of them. Of two polygons that share a border, each centre on it belongs to exactly one.

use std::collections::BTreeMap;

use geo::{Geometry, LineString, Polygon};

use super::runs::{LabelRows, LabelRun};
use crate::PatchError;
use areal_store::Label;

/// An edge in pixel positions: `x` along columns, `y` along rows, `top` above `bottom`.
#[derive(Debug, Clone, Copy)]
struct Edge {
    top: [f64; 2],
    bottom: [f64; 2],
    item: u32,
    /// Number of the part within the item.
    part: u32,
}

impl Edge {
    fn x_at(&self, y: f64) -> f64 {
        let along = (y - self.top[1]) / (self.bottom[1] - self.top[1]);
        self.top[0] + along * (self.bottom[0] - self.top[0])
    }
}

/// First index whose centre, at index + 1/2, is not before `position`.
fn first_centre(position: f64) -> i64 {
    (position - 0.5).ceil() as i64
}

/// The polygons that a label is made of.
pub fn parts(geometry: &Geometry<f64>) -> &[Polygon<f64>] {
    match geometry {
        Geometry::Polygon(polygon) => std::slice::from_ref(polygon),
        Geometry::MultiPolygon(polygons) => &polygons.0,
        _ => &[],
    }
}

/// Outline and holes.
pub fn rings(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn edges(polygon: &Polygon<f64>, item: u32, part: u32) -> impl Iterator<Item = Edge> {
    rings(polygon).flat_map(LineString::lines).filter_map(move |line| {
        let (a, b) = ([line.start.x, line.start.y], [line.end.x, line.end.y]);
        match a[1].partial_cmp(&b[1])? {
            std::cmp::Ordering::Less => Some(Edge { top: a, bottom: b, item, part }),
            std::cmp::Ordering::Greater => Some(Edge { top: b, bottom: a, item, part }),
            std::cmp::Ordering::Equal => None,
        }
    })
}

fn all_edges(geometry: &Geometry<f64>, item: u32) -> impl Iterator<Item = Edge> {
    (0..).zip(parts(geometry)).flat_map(move |(part, polygon)| edges(polygon, item, part))
}

/// Where the line `y` runs inside a geometry in pixel positions: from and to, ascending and apart.
pub fn inside(geometry: &Geometry<f64>, y: f64) -> Vec<[f64; 2]> {
    let mut spans: Vec<[f64; 2]> = Vec::new();
    for polygon in parts(geometry) {
        let crossed = edges(polygon, 0, 0).filter(|e| e.top[1] <= y && y < e.bottom[1]);
        let mut xs: Vec<f64> = crossed.map(|e| e.x_at(y)).collect();
        xs.sort_by(f64::total_cmp);
        spans.extend(xs.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
    }
    spans.sort_by(|a, b| a[0].total_cmp(&b[0]));
    let mut apart: Vec<[f64; 2]> = Vec::with_capacity(spans.len());
    for span in spans {
        match apart.last_mut().filter(|last| span[0] <= last[1]) {
            Some(last) => last[1] = last[1].max(span[1]),
            None => apart.push(span),
        }
    }
    apart
}

/// Pixels that polygons of different labels both claim, by pair of items; they count for neither.
pub type Disputes = BTreeMap<(u32, u32), u64>;

/// The rows of polygons over a pixel grid, by a sweep from the top.
pub struct PolygonRows<'a> {
    labels: &'a [Label],
    width: usize,
    /// Sorted by first row.
    edges: Vec<(i64, Edge)>,
    next: usize,
    active: Vec<Edge>,
    disputes: Disputes,
}

impl<'a> PolygonRows<'a> {
    /// Polygons in pixel positions with their items; `labels` says what each item's label is.
    pub fn new<'g>(
        polygons: impl Iterator<Item = (u32, &'g Geometry<f64>)>,
        labels: &'a [Label],
        height: usize,
        width: usize,
    ) -> Self {
        let rows = |e: &Edge| (first_centre(e.top[1]).max(0), first_centre(e.bottom[1]).min(height as i64));
        let mut edges: Vec<(i64, Edge)> = polygons
            .flat_map(|(item, geometry)| all_edges(geometry, item))
            .filter_map(|e| Some((rows(&e), e)).filter(|((first, end), _)| first < end))
            .map(|((first, _), e)| (first, e))
            .collect();
        edges.sort_by_key(|(first, _)| *first);
        Self { labels, width, edges, next: 0, active: Vec::new(), disputes: Disputes::new() }
    }

    /// What polygons of different labels both claimed in the rows so far.
    pub fn disputes(&self) -> &Disputes {
        &self.disputes
    }

    /// Spans of each part of each polygon in a row, by first pixel; they may overlap.
    fn spans(&mut self, row: usize) -> Vec<LabelRun> {
        while let Some((first, edge)) = self.edges.get(self.next)
            && *first <= row as i64
        {
            self.active.push(*edge);
            self.next += 1;
        }
        let y = row as f64 + 0.5;
        self.active.retain(|e| y < e.bottom[1]);
        let mut xs: Vec<([u32; 2], f64)> = self.active.iter().map(|e| ([e.item, e.part], e.x_at(y))).collect();
        xs.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let clip = |x: f64| first_centre(x).clamp(0, self.width as i64) as usize;
        let mut spans: Vec<LabelRun> = xs
            .chunks_exact(2)
            .map(|pair| LabelRun { start: clip(pair[0].1), end: clip(pair[1].1), item: pair[0].0[0] })
            .filter(|run| run.start < run.end)
            .collect();
        spans.sort_by_key(|run| (run.start, run.end, run.item));
        spans
    }

    /// Cuts spans that overlap each other into runs. Where the labels agree the first item has the pixel; where they
    /// differ nobody has it.
    fn settle(&mut self, cluster: &[LabelRun], out: &mut Vec<LabelRun>) {
        if let [run] = cluster {
            out.push(*run);
            return;
        }
        let mut cuts: Vec<usize> = cluster.iter().flat_map(|run| [run.start, run.end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        for cut in cuts.windows(2) {
            let (start, end) = (cut[0], cut[1]);
            let mut items: Vec<u32> =
                cluster.iter().filter(|r| r.start <= start && end <= r.end).map(|r| r.item).collect();
            items.sort_unstable();
            let Some(&item) = items.first() else { continue };
            let label = |item: u32| self.labels.get(item as usize);
            match items.iter().find(|other| label(**other) != label(item)) {
                Some(&other) => *self.disputes.entry((item, other)).or_default() += (end - start) as u64,
                None => out.push(LabelRun { start, end, item }),
            }
        }
    }
}

impl LabelRows for PolygonRows<'_> {
    fn row(&mut self, row: usize, out: &mut Vec<LabelRun>) -> Result<(), PatchError> {
        out.clear();
        let spans = self.spans(row);
        let mut first = 0;
        let mut reach = 0;
        for i in 0..spans.len() {
            if i > first && spans[i].start >= reach {
                self.settle(&spans[first..i], out);
                first = i;
            }
            reach = reach.max(spans[i].end);
        }
        if first < spans.len() {
            self.settle(&spans[first..], out);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Contains, MultiPolygon, Point, polygon};
    use proptest::prelude::*;

    fn burn(polygons: &[Geometry<f64>], labels: &[Label], h: usize, w: usize) -> (Vec<Option<u32>>, Disputes) {
        let mut rows = PolygonRows::new((0..).zip(polygons.iter()), labels, h, w);
        let (mut image, mut runs) = (vec![None; h * w], Vec::new());
        for r in 0..h {
            rows.row(r, &mut runs).unwrap();
            for run in &runs {
                image[r * w + run.start..r * w + run.end].fill(Some(run.item));
            }
        }
        (image, rows.disputes().clone())
    }

    proptest! {
        #[test]
        fn a_pixel_belongs_to_the_polygon_that_holds_its_centre(
            points in prop::collection::vec((-5.0..25.0f64, -5.0..25.0f64), 3..4),
        ) {
            // Triangles, so that the independent answer (geo's point in polygon) is defined whatever the points.
            let ring: Vec<_> = points.into_iter().map(geo::Coord::from).collect();
            let triangle = Polygon::new(LineString(ring), vec![]);
            let (image, _) = burn(&[triangle.clone().into()], &[Label::Class(0)], 20, 20);
            for (i, pixel) in image.into_iter().enumerate() {
                let centre = Point::new((i % 20) as f64 + 0.5, (i / 20) as f64 + 0.5);
                prop_assert_eq!(pixel.is_some(), triangle.contains(&centre), "{:?}", centre);
            }
        }

        #[test]
        fn neighbours_share_no_pixel_and_leave_none_out(x in 0.0..20.0f64, y in 0.0..20.0f64) {
            // A square cut into four triangles from one point: every pixel in exactly one.
            let corners = [(0.0, 0.0), (20.0, 0.0), (20.0, 20.0), (0.0, 20.0), (0.0, 0.0)];
            let parts: Vec<Geometry<f64>> = corners
                .windows(2)
                .map(|c| Polygon::new(LineString::from(vec![c[0], c[1], (x, y)]), vec![]).into())
                .collect();
            let labels: Vec<_> = (0..4).map(Label::Class).collect();
            let (image, disputes) = burn(&parts, &labels, 20, 20);
            prop_assert!(image.iter().all(Option::is_some));
            prop_assert!(disputes.is_empty());
        }
    }

    #[test]
    fn holes_and_islands_are_respected() {
        let ring = |a: f64, b: f64| LineString::from(vec![(a, a), (b, a), (b, b), (a, b)]);
        let with_hole = Polygon::new(ring(0.0, 6.0), vec![ring(2.0, 4.0)]);
        let island = Polygon::new(ring(7.0, 9.0), vec![]);
        let (image, _) = burn(&[MultiPolygon(vec![with_hole, island]).into()], &[Label::Class(0)], 10, 10);
        assert_eq!(image.iter().flatten().count(), 36 - 4 + 4);
        assert_eq!((image[3 * 10 + 3], image[8 * 10 + 8]), (None, Some(0)));
    }

    #[test]
    fn parts_that_overlap_are_counted_once() {
        let square = |a: f64, b: f64| Polygon::new(LineString::from(vec![(a, a), (b, a), (b, b), (a, b)]), vec![]);
        // 80 x 80 and 80 x 80, of which 60 x 60 are the same: 12,800 - 3,600.
        let both: Geometry<f64> = MultiPolygon(vec![square(0.0, 80.0), square(20.0, 100.0)]).into();
        let (image, disputes) = burn(std::slice::from_ref(&both), &[Label::Class(0)], 100, 100);
        assert_eq!((image.iter().flatten().count(), disputes.len()), (9200, 0));
        assert_eq!(inside(&both, 50.5), [[0.0, 100.0]]);
        assert_eq!(inside(&both, 10.5), [[0.0, 80.0]]);
        // A part that fills the hole of another.
        let hole = Polygon::new(square(0.0, 9.0).exterior().clone(), vec![square(3.0, 6.0).exterior().clone()]);
        let (image, _) = burn(&[MultiPolygon(vec![hole, square(4.0, 5.0)]).into()], &[Label::Class(0)], 9, 9);
        assert_eq!(image.iter().flatten().count(), 81 - 9 + 1);
    }

    #[test]
    fn pixels_claimed_twice_count_for_neither_unless_the_labels_agree() {
        let a: Geometry<f64> = polygon![(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0), (x: 0.0, y: 4.0)].into();
        let b: Geometry<f64> = polygon![(x: 3.0, y: 0.0), (x: 6.0, y: 0.0), (x: 6.0, y: 4.0), (x: 3.0, y: 4.0)].into();
        let (image, disputes) = burn(&[a.clone(), b.clone()], &[Label::Class(0), Label::Class(1)], 4, 6);
        assert_eq!(disputes, Disputes::from([((0, 1), 4)]));
        assert_eq!(image[..6], [Some(0), Some(0), Some(0), None, Some(1), Some(1)]);
        let (image, disputes) = burn(&[a, b], &[Label::Class(7), Label::Class(7)], 4, 6);
        assert!(disputes.is_empty() && image.iter().all(Option::is_some));
        assert_eq!(image[3], Some(0));
    }
}
