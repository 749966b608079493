//! Ground that several zones share.

use areal_job::{Interrupted, Job};
use geo::{BooleanOps, BoundingRect, MultiPolygon, Rect, unary_union};
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use crate::ZoneShape;
use crate::clip::clip;

/// What zones count more than once: for each zone its part that lies in zones before it. A place in `n` zones is then
/// covered `n - 1` times. Outlines are in pixel coordinates; only what lies in `within` is looked at. Shapes that
/// enclose nothing are left out.
///
/// The overlay rounds coordinates to some 1e-9 of the two zones' common extent.
///
/// # Errors
/// When the job was interrupted.
pub fn overlaps(
    outlines: &[MultiPolygon<f64>],
    within: Rect<f64>,
    job: Job<'_>,
) -> Result<Vec<ZoneShape>, Interrupted> {
    let boxes: Vec<Option<Rect<f64>>> = outlines.iter().map(BoundingRect::bounding_rect).collect();
    let corners = |b: &Rect<f64>| ([b.min().x, b.min().y], [b.max().x, b.max().y]);
    let entries = boxes.iter().enumerate().filter_map(|(zone, b)| {
        let (low, high) = corners(&common(b.as_ref()?, &within)?);
        Some(GeomWithData::new(Rectangle::from_corners(low, high), zone))
    });
    let tree = RTree::bulk_load(entries.collect());
    let of_zone = |zone: usize| -> Result<Option<ZoneShape>, Interrupted> {
        job.check()?;
        let Some(own) = boxes[zone].and_then(|own| common(&own, &within)) else { return Ok(None) };
        let (low, high) = corners(&own);
        let near = tree.locate_in_envelope_intersecting(&AABB::from_corners(low, high)).map(|entry| entry.data);
        let mut near: Vec<usize> = near.filter(|other| *other < zone).collect();
        // In the order of zones, so that the last digit is the same in every run.
        near.sort_unstable();
        let pieces = near.into_iter().filter_map(|before| {
            let shared = common(&own, &boxes[before]?)?;
            let piece = clip(&outlines[zone], &shared).intersection(&clip(&outlines[before], &shared));
            (!piece.0.is_empty()).then_some(piece)
        });
        let pieces: Vec<MultiPolygon<f64>> = pieces.collect();
        Ok(match &pieces[..] {
            [] => None,
            [only] => Some(ZoneShape::new(only)),
            several => Some(ZoneShape::new(&unary_union(several))),
        })
    };
    let shapes: Result<Vec<_>, Interrupted> = (0..outlines.len()).into_par_iter().map(of_zone).collect();
    Ok(shapes?.into_iter().flatten().filter(|shape| !shape.is_empty()).collect())
}

/// The rectangle that two have in common, if it has an area.
fn common(a: &Rect<f64>, b: &Rect<f64>) -> Option<Rect<f64>> {
    let (x0, y0) = (a.min().x.max(b.min().x), a.min().y.max(b.min().y));
    let (x1, y1) = (a.max().x.min(b.max().x), a.max().y.min(b.max().y));
    (x0 < x1 && y0 < y1).then(|| Rect::new((x0, y0), (x1, y1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use areal_job::{Interrupt, NoProgress};

    fn between(x0: f64, x1: f64) -> MultiPolygon<f64> {
        MultiPolygon::new(vec![Rect::new((x0, 0.0), (x1, 10.0)).to_polygon()])
    }

    fn area(outlines: &[MultiPolygon<f64>], within: Rect<f64>) -> f64 {
        let interrupt = Interrupt::default();
        let shapes = overlaps(outlines, within, Job { progress: &NoProgress, interrupt: &interrupt }).unwrap();
        shapes.iter().map(ZoneShape::area).sum()
    }

    #[test]
    fn each_zone_beyond_the_first_counts_once() {
        let within = Rect::new((0.0, 0.0), (20.0, 10.0));
        // 2..4 twice, 4..6 three times, 6..8 twice: (1 x 2 + 2 x 2 + 1 x 2) x 10.
        let zones = [between(0.0, 6.0), between(2.0, 8.0), between(4.0, 9.0)];
        assert!((area(&zones, within) - 80.0).abs() < 1e-6);
        // The map ends at 5: (1 x 2 + 2 x 1) x 10.
        assert!((area(&zones, Rect::new((0.0, 0.0), (5.0, 10.0))) - 40.0).abs() < 1e-6);
        // Neighbours have nothing in common, nor have zones far apart.
        assert_eq!(area(&[between(0.0, 6.0), between(6.0, 8.0), between(11.0, 12.0)], within), 0.0);
    }
}
