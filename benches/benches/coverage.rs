//! Coverage of cells by zones, without any raster.

use areal_grid::Window;
use areal_zones::{WindowCoverage, ZoneShape};
use criterion::{Criterion, criterion_group, criterion_main};
use geo::{LineString, MultiPolygon, Polygon};

/// `count` x `count` zones over a square of `size` cells, each a polygon of `corners` corners of varying radius.
fn zones(count: usize, size: usize, corners: usize) -> Vec<ZoneShape> {
    let step = size as f64 / count as f64;
    let ring = |k: usize| -> LineString<f64> {
        let (cx, cy) = ((k % count) as f64 + 0.5, (k / count) as f64 + 0.5);
        let point = |m: usize| {
            let angle = m as f64 / corners as f64 * std::f64::consts::TAU;
            let radius = 0.4 + 0.08 * (m as f64 * 7.0 + k as f64).sin();
            ((cx + radius * angle.cos()) * step, (cy + radius * angle.sin()) * step)
        };
        (0..=corners).map(|m| point(m % corners)).collect()
    };
    let polygon = |k: usize| MultiPolygon::new(vec![Polygon::new(ring(k), Vec::new())]);
    (0..count * count).map(|k| ZoneShape::new(&polygon(k))).collect()
}

fn coverage(c: &mut Criterion) {
    let mut group = c.benchmark_group("coverage");
    group.sample_size(10);
    for (name, count, size, corners) in
        [("484 zones of 400 corners, 2048 cells square", 22, 2048, 400), ("102,400 zones of 12 corners", 320, 2048, 12)]
    {
        let shapes = zones(count, size, corners);
        let window = Window::new(0, 0, size, size);
        group.bench_function(name, |b| b.iter(|| WindowCoverage::new(&shapes, window)));
    }
    group.finish();
}

criterion_group!(benches, coverage);
criterion_main!(benches);
