//! Coverage against closed forms, a clipping oracle and the rules any coverage obeys.

use areal_grid::{Window, blocks};
use areal_zones::{WindowCoverage, ZoneShape};
use geo::{Area, Coord, LineString, MultiPolygon, Polygon};
use proptest::prelude::*;

fn ring(points: &[(f64, f64)]) -> LineString<f64> {
    let mut coords: Vec<Coord<f64>> = points.iter().map(|&(x, y)| Coord { x, y }).collect();
    coords.push(coords[0]);
    LineString(coords)
}

fn zone(points: &[(f64, f64)]) -> MultiPolygon<f64> {
    MultiPolygon(vec![Polygon::new(ring(points), Vec::new())])
}

/// Coverage of each cell of a `height` x `width` grid by one zone, row by row.
fn dense(shape: &ZoneShape, window: Window) -> Vec<f64> {
    let coverage = WindowCoverage::new(std::slice::from_ref(shape), window);
    let mut cells = vec![0.0; window.len()];
    for row in 0..window.height {
        for span in coverage.row(window.row + row) {
            let col = span.col as usize - window.col;
            for cell in &mut cells[row * window.width + col..][..span.len as usize] {
                assert_eq!(*cell, 0.0, "a cell in two spans");
                *cell = span.coverage;
            }
        }
    }
    cells
}

/// Area of a ring within one cell: Sutherland and Hodgman's clipping (1974), which keeps signed areas.
fn clipped_area(ring: &LineString<f64>, row: usize, col: usize) -> f64 {
    let mut points: Vec<[f64; 2]> = ring.0[..ring.0.len() - 1].iter().map(|c| [c.x, c.y]).collect();
    let sides = [(0, col as f64, 1.0), (0, col as f64 + 1.0, -1.0), (1, row as f64, 1.0), (1, row as f64 + 1.0, -1.0)];
    for (axis, at, keep) in sides {
        let inside = |p: &[f64; 2]| (p[axis] - at) * keep >= 0.0;
        let mut next = Vec::new();
        for k in 0..points.len() {
            let (p, q) = (points[k], points[(k + 1) % points.len()]);
            if inside(&p) {
                next.push(p);
            }
            if inside(&p) != inside(&q) {
                let t = (at - p[axis]) / (q[axis] - p[axis]);
                next.push([p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])]);
            }
        }
        points = next;
    }
    let n = points.len();
    (0..n).map(|k| points[k][0] * points[(k + 1) % n][1] - points[(k + 1) % n][0] * points[k][1]).sum::<f64>().abs()
        / 2.0
}

#[test]
fn a_triangle_by_hand() {
    // Below the diagonal of a 2 x 2 grid: two half cells, one full cell.
    let shape = ZoneShape::new(&zone(&[(0.0, 0.0), (2.0, 2.0), (0.0, 2.0)]));
    assert_eq!(dense(&shape, Window::new(0, 0, 2, 2)), [0.5, 0.0, 1.0, 0.5]);
}

#[test]
fn a_rectangle_with_a_hole_by_hand() {
    // x 0.5..3.25, y 0.5..2.5, less the hole x 1..2, y 1..1.5.
    let shell = ring(&[(0.5, 0.5), (3.25, 0.5), (3.25, 2.5), (0.5, 2.5)]);
    let hole = ring(&[(1.0, 1.0), (2.0, 1.0), (2.0, 1.5), (1.0, 1.5)]);
    let shape = ZoneShape::new(&MultiPolygon(vec![Polygon::new(shell, vec![hole])]));
    let expected = [0.25, 0.5, 0.5, 0.125, 0.5, 0.5, 1.0, 0.25, 0.25, 0.5, 0.5, 0.125];
    let cells = dense(&shape, Window::new(0, 0, 3, 4));
    assert!(cells.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{cells:?}");
    // A horizontal border inside a row needs one span for the whole run, however long.
    let long = ZoneShape::new(&zone(&[(0.0, 0.25), (1e6, 0.25), (1e6, 1.0), (0.0, 1.0)]));
    let spans = WindowCoverage::new(&[long], Window::new(0, 0, 1, 1_000_000));
    assert!(spans.spans().len() <= 3, "{}", spans.spans().len());
    assert!((spans.covered(0) - 0.75e6).abs() < 1e-6);
}

#[test]
fn a_circle_of_many_corners_has_its_area() {
    // A regular n-gon of radius r has the area n r^2 sin(2 pi / n) / 2.
    let (n, r) = (720, 40.3);
    let points: Vec<(f64, f64)> = (0..n)
        .map(|k| f64::from(k) * std::f64::consts::TAU / f64::from(n))
        .map(|a| (50.2 + r * a.cos(), 49.9 + r * a.sin()))
        .collect();
    let shape = ZoneShape::new(&zone(&points));
    let area = f64::from(n) * r * r * (std::f64::consts::TAU / f64::from(n)).sin() / 2.0;
    let coverage = WindowCoverage::new(&[shape], Window::new(0, 0, 100, 100));
    assert!((coverage.covered(0) - area).abs() < 1e-9, "{} {area}", coverage.covered(0));
}

#[test]
fn a_zone_smaller_than_a_cell_and_one_partly_outside() {
    let tiny = ZoneShape::new(&zone(&[(3.25, 2.25), (3.5, 2.25), (3.5, 2.75), (3.25, 2.75)]));
    let coverage = WindowCoverage::new(&[tiny], Window::new(0, 0, 5, 5));
    assert_eq!(coverage.spans().len(), 1);
    assert!((coverage.row(2)[0].coverage - 0.125).abs() < 1e-15);
    // All but the lower right quarter lies outside, on every side once.
    for (x, y) in [(-2.0, -2.0), (3.0, -2.0), (-2.0, 3.0), (3.0, 3.0)] {
        let part = ZoneShape::new(&zone(&[(x, y), (x + 4.0, y), (x + 4.0, y + 4.0), (x, y + 4.0)]));
        assert!((WindowCoverage::new(&[part], Window::new(0, 0, 5, 5)).covered(0) - 4.0).abs() < 1e-12);
    }
    let away = ZoneShape::new(&zone(&[(9.0, 0.0), (10.0, 0.0), (10.0, 9.0)]));
    assert!(WindowCoverage::new(&[away], Window::new(0, 0, 5, 5)).spans().is_empty());
}

/// A star-shaped polygon: corners at rising angles with random radii.
fn star() -> impl Strategy<Value = Vec<(f64, f64)>> {
    (prop::collection::vec(0.2..6.0f64, 3..24), -1.0..9.0f64, -1.0..9.0f64).prop_map(|(radii, cx, cy)| {
        let n = radii.len() as f64;
        let angle = |k: usize| k as f64 / n * std::f64::consts::TAU + 0.1;
        radii.iter().enumerate().map(|(k, r)| (cx + r * angle(k).cos(), cy + r * angle(k).sin())).collect()
    })
}

proptest! {
    #[test]
    fn each_cell_agrees_with_clipping(points in star()) {
        let outline = zone(&points);
        let cells = dense(&ZoneShape::new(&outline), Window::new(0, 0, 8, 8));
        for (k, coverage) in cells.iter().enumerate() {
            let expected = clipped_area(outline.0[0].exterior(), k / 8, k % 8);
            prop_assert!((coverage - expected).abs() < 1e-10, "cell {k}: {coverage} {expected}");
        }
    }

    #[test]
    fn windows_agree_with_the_whole(points in star(), bh in 1usize..5, bw in 1usize..5) {
        let shape = ZoneShape::new(&zone(&points));
        let whole = dense(&shape, Window::new(0, 0, 8, 8));
        for window in blocks(8, 8, bh, bw) {
            let part = dense(&shape, window);
            for r in 0..window.height {
                for c in 0..window.width {
                    let expected = whole[(window.row + r) * 8 + window.col + c];
                    // To the last bit: what is kept for a whole grid is used window by window.
                    prop_assert_eq!(part[r * window.width + c], expected);
                }
            }
        }
    }

    #[test]
    fn two_zones_with_one_border_add_up_exactly(left in 1.0..15.0f64, xs in prop::collection::vec(0.5..15.5f64, 2..12)) {
        // A border from top to bottom through the points, at even heights that are no rows.
        let n = xs.len();
        let mut border = vec![(left, 0.0)];
        border.extend(xs.iter().enumerate().map(|(k, x)| (*x, (k as f64 + 0.7) * 16.0 / (n as f64 + 1.0))));
        border.push((8.0, 16.0));
        let side = |x: f64| border.iter().copied().chain([(x, 16.0), (x, 0.0)]).collect::<Vec<_>>();
        let window = Window::new(0, 0, 16, 16);
        let [a, b] = [0.0, 16.0].map(|x| dense(&ZoneShape::new(&zone(&side(x))), window));
        prop_assert!(a.iter().zip(&b).all(|(a, b)| a + b == 1.0), "{a:?} {b:?}");
    }

    #[test]
    fn the_total_is_the_area(points in star()) {
        let moved: Vec<_> = points.iter().map(|(x, y)| (x + 8.0, y + 8.0)).collect();
        let outline = zone(&moved);
        let total = WindowCoverage::new(&[ZoneShape::new(&outline)], Window::new(0, 0, 32, 32)).covered(0);
        prop_assert!((total - outline.unsigned_area()).abs() < 1e-9);
    }

    /// Lines cut a square again and again: a partition with slanted borders, slivers and T-shaped joints.
    #[test]
    fn coverages_of_a_partition_add_up_to_one(cuts in prop::collection::vec((0usize..64, 0.0..std::f64::consts::PI, 0.2..0.8f64), 1..24)) {
        let mut parts = vec![vec![(0.0, 0.0), (16.0, 0.0), (16.0, 16.0), (0.0, 16.0)]];
        for (which, angle, along) in cuts {
            let part = parts.swap_remove(which % parts.len());
            let (u, v) = (angle.cos(), angle.sin());
            let (low, high) = part.iter().map(|(x, y)| u * x + v * y).fold((f64::MAX, f64::MIN), |(l, h), s| (l.min(s), h.max(s)));
            let at = low + along * (high - low);
            let side = |keep: f64| {
                let mut out = Vec::new();
                for k in 0..part.len() {
                    let (p, q) = (part[k], part[(k + 1) % part.len()]);
                    let (sp, sq) = (u * p.0 + v * p.1 - at, u * q.0 + v * q.1 - at);
                    if sp * keep >= 0.0 {
                        out.push(p);
                    }
                    if sp * sq < 0.0 {
                        let t = sp / (sp - sq);
                        out.push((p.0 + t * (q.0 - p.0), p.1 + t * (q.1 - p.1)));
                    }
                }
                out
            };
            let halves = [side(1.0), side(-1.0)];
            parts.extend(halves.into_iter().filter(|h| h.len() > 2));
        }
        let shapes: Vec<ZoneShape> = parts.iter().map(|p| ZoneShape::new(&zone(p))).collect();
        let coverage = WindowCoverage::new(&shapes, Window::new(0, 0, 16, 16));
        for row in 0..16 {
            let mut sums = [0.0; 16];
            for span in coverage.row(row) {
                sums[span.col as usize..][..span.len as usize].iter_mut().for_each(|s| *s += span.coverage);
            }
            prop_assert!(sums.iter().all(|s| (s - 1.0).abs() < 1e-9), "{sums:?}");
        }
    }
}
