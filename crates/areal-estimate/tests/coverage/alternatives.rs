//! Other intervals of class areas that were compared with the posterior, on equal samples.

use areal_estimate::{ClassIntervals, Interval, IntervalMethod, StratifiedSample, normal_interval, normal_quantile};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta as DrawBeta, Binomial, Distribution};
use statrs::distribution::{Beta, ContinuousCDF};

use crate::maps::{CLASSES, Map};
use crate::omissions::{Case, Design, truths};
use crate::run::{LEVEL, PARTS, in_parts};

const METHODS: [&str; 6] = [
    "normal",
    "MOVER with Wilson",
    "MOVER with Jeffreys",
    "smoothed bootstrap",
    "Dirichlet, one flat unit",
    "posterior",
];
const DRAWS: usize = 1000;

/// A stratum as these intervals see it: fraction of the area, units, units of the class.
struct Counted {
    weight: f64,
    n: f64,
    found: f64,
}

/// A line for each method: coverage of all classes, of the worst, and median width over the truth by class.
pub fn table(case: Case, samples: usize) -> String {
    let map = Map::new(case.hard, case.confidence.0, 5);
    let design = Design::new(&map, &case);
    let truths = truths(&map);
    let parts = in_parts(|part| {
        let mut rng = ChaCha8Rng::seed_from_u64(7 + part);
        (0..samples / PARTS).map(|_| of_sample(&map, &design, &mut rng)).collect::<Vec<_>>()
    });
    let found: Vec<Vec<[Interval; 6]>> = parts.into_iter().flatten().collect();
    let line = |(m, method): (usize, &&str)| {
        let covered =
            |c: usize| found.iter().filter(|f| f[c][m].covers(truths[c].1)).count() as f64 / found.len() as f64;
        let width = |c: usize| {
            let mut all: Vec<f64> = found.iter().map(|f| (f[c][m].high - f[c][m].low) / truths[c].1).collect();
            all.sort_by(f64::total_cmp);
            format!("{:.2}", all[all.len() / 2])
        };
        let coverages: Vec<f64> = (0..CLASSES).map(covered).collect();
        let mean = coverages.iter().sum::<f64>() / CLASSES as f64;
        let least = coverages.iter().copied().fold(1.0, f64::min);
        let widths = (0..CLASSES).map(width).collect::<Vec<String>>().join(" ");
        let Case { map, confidence, strata, size, .. } = case;
        let strata = strata.name();
        format!("{map},{},{strata},{},{method},{mean:.3},{least:.3},{widths}\n", confidence.1, size.0)
    };
    METHODS.iter().enumerate().map(line).collect()
}

fn of_sample(map: &Map, design: &Design, rng: &mut ChaCha8Rng) -> Vec<[Interval; 6]> {
    let (sample, cells) = design.draw(map, rng);
    let at = |of: &[usize]| cells.iter().map(|&k| of[k]).collect::<Vec<_>>();
    let (mapped, truth) = (at(&map.mapped), at(&map.truth));
    let (expected, draws) = (&design.expected, DRAWS);
    let posterior = ClassIntervals { sample: &sample, map: &mapped, reference: &truth, expected, draws, level: LEVEL };
    let of_class = |c: usize| {
        let y: Vec<f64> = truth.iter().map(|&t| f64::from(t == c)).collect();
        let e = sample.mean(&y).unwrap();
        let strata = counted(&sample, &y);
        let mover = |ends: &dyn Fn(&Counted) -> (f64, f64)| {
            let side =
                |of: &dyn Fn(&Counted) -> f64| strata.iter().map(|s| (s.weight * of(s)).powi(2)).sum::<f64>().sqrt();
            let low = side(&|s| s.found / s.n - ends(s).0);
            let high = side(&|s| ends(s).1 - s.found / s.n);
            within(e.value - low, e.value + high)
        };
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let bootstrap = percentiles(&strata, |s, p| {
            let p = (s.n * p + 1.0 / CLASSES as f64) / (s.n + 1.0);
            Binomial::new(s.n as u64, p).unwrap().sample(&mut rng) as f64 / s.n
        });
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let flat = percentiles(&strata, |s, p| {
            let units = 1.0 / CLASSES as f64;
            DrawBeta::new(s.n * p + units, s.n * (1.0 - p) + 1.0 - units).unwrap().sample(&mut rng)
        });
        let normal = normal_interval(e.value, e.standard_error, LEVEL);
        [normal, mover(&wilson), mover(&jeffreys), bootstrap, flat, posterior.area(c).unwrap()]
    };
    (0..CLASSES).map(of_class).collect()
}

fn counted(sample: &StratifiedSample, y: &[f64]) -> Vec<Counted> {
    let means = sample.stratum_means(y).unwrap();
    let one = |(h, mean): (usize, &f64)| {
        let n = sample.counts()[h] as f64;
        Counted { weight: sample.strata()[h].area / sample.area(), n, found: n * mean }
    };
    means.iter().enumerate().map(one).collect()
}

fn within(low: f64, high: f64) -> Interval {
    Interval { low: low.max(0.0), high: high.min(1.0), method: IntervalMethod::Normal }
}

/// Wilson 1927; recovered variances: Zou and Donner 2008, Statistics in Medicine 27:1693.
fn wilson(s: &Counted) -> (f64, f64) {
    let (p, z2) = (s.found / s.n, normal_quantile(LEVEL).powi(2));
    let centre = (p + z2 / (2.0 * s.n)) / (1.0 + z2 / s.n);
    let half = (z2 * (p * (1.0 - p) / s.n + z2 / (4.0 * s.n * s.n))).sqrt() / (1.0 + z2 / s.n);
    (centre - half, centre + half)
}

/// Quantiles of a beta with half a unit on either side; the ends where none or all are found.
fn jeffreys(s: &Counted) -> (f64, f64) {
    let beta = Beta::new(s.found + 0.5, s.n - s.found + 0.5).unwrap();
    let low = if s.found <= 0.0 { 0.0 } else { beta.inverse_cdf(0.5 - 0.5 * LEVEL) };
    let high = if s.found >= s.n { 1.0 } else { beta.inverse_cdf(0.5 + 0.5 * LEVEL) };
    (low.min(s.found / s.n), high.max(s.found / s.n))
}

/// Percentiles of the weighted sum over strata of what is drawn for the fraction found in each.
fn percentiles(strata: &[Counted], mut drawn: impl FnMut(&Counted, f64) -> f64) -> Interval {
    let mut sums: Vec<f64> =
        (0..DRAWS).map(|_| strata.iter().map(|s| s.weight * drawn(s, (s.found / s.n).clamp(0.0, 1.0))).sum()).collect();
    sums.sort_by(f64::total_cmp);
    let at = |p: f64| sums[(p * (DRAWS - 1) as f64).round() as usize];
    within(at(0.5 - 0.5 * LEVEL), at(0.5 + 0.5 * LEVEL))
}
