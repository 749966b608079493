//! The posterior interval against the incomplete beta function, and its properties.

use proptest::prelude::*;
use statrs::distribution::{Beta, ContinuousCDF};

use super::*;
use crate::class_intervals::ClassIntervals;
use crate::stratified::Stratum;

fn sample(strata: &[(u64, usize)], finite: bool) -> StratifiedSample {
    let of = |(k, s): (usize, &(u64, usize))| Stratum { name: k.to_string(), population: s.0, area: s.0 as f64 };
    let units: Vec<(usize, f64)> =
        strata.iter().enumerate().flat_map(|(h, s)| std::iter::repeat_n((h, 1.0), s.1)).collect();
    StratifiedSample::new(strata.iter().enumerate().map(of).collect(), &units, finite).unwrap()
}

/// Interval of the area of class 1, which the units have where `y` is 1; all are mapped as class 0.
fn area_interval(
    sample: &StratifiedSample,
    y: &[f64],
    expected: &[ExpectedMatrix],
    draws: usize,
    level: f64,
) -> Interval {
    let (map, reference) = (vec![0; y.len()], y.iter().map(|y| *y as usize).collect::<Vec<_>>());
    ClassIntervals { sample, map: &map, reference: &reference, expected, draws, level }.area(1).unwrap()
}

/// `found` of the units of each stratum are 1.
fn labels(strata: &[(u64, usize)], found: &[usize]) -> Vec<f64> {
    strata.iter().zip(found).flat_map(|(s, &f)| (0..s.1).map(move |k| f64::from(k < f))).collect()
}

/// Every stratum is expected to have these fractions of the classes and maps all as the first.
fn expected(strata: usize, classes: &[f64]) -> Vec<ExpectedMatrix> {
    let mut matrix = vec![vec![0.0; classes.len()]; classes.len()];
    matrix[0] = classes.to_vec();
    vec![ExpectedMatrix::new(matrix).unwrap(); strata]
}

/// The quantiles of one stratum by the incomplete beta function, each with its own prior: at the upper end 3 units of a map that
/// expects a fifth of the class, and one unit in K; at the lower end one unit of the map and half a unit of the others.
#[test]
fn one_stratum_has_the_quantiles_of_its_beta_posteriors() {
    for (n, found) in [(30, 0), (100, 0), (200, 3), (50, 50)] {
        let strata = [(1_000_000, n)];
        let expected = expected(1, &[0.5, 0.2, 0.3]);
        let y = labels(&strata, &[found]);
        let i = area_interval(&sample(&strata, false), &y, &expected, 40_000, 0.95);
        let (x, n) = (found as f64, n as f64);
        let high = Beta::new(x + 0.6 + 1.0 / 3.0, n - x + 2.4 + 2.0 / 3.0).unwrap().inverse_cdf(0.975);
        let low = Beta::new(x + 0.2, n - x + 0.8 + 0.5).unwrap().inverse_cdf(0.025);
        let slack = 0.02 * (high - low);
        assert!((i.low - low.min(x / n)).abs() < slack, "{n} {found}: {i:?}, {low}");
        assert!((i.high - high.max(x / n)).abs() < slack, "{n} {found}: {i:?}, {high}");
    }
}

/// 40 of 50 units mapped as the class are it, and 3 of 100 others: the ratio of two independent betas, by simple integration.
#[test]
fn a_producers_accuracy_is_a_ratio_over_strata() {
    let strata = [(3000, 50), (7000, 100)];
    let (part, rest) = (labels(&strata, &[40, 0]), labels(&strata, &[0, 3]));
    let shares = |part, rest, possible| Shares { part, rest, possible };
    let of = PartAndRest {
        part,
        rest,
        about: None,
        map_units: MAP_UNITS,
        expected: vec![shares(0.9, 0.0, [true, false, true]), shares(0.0, 0.02, [false, true, true])],
        flat: vec![1.0, 1.0],
        rest_of_flat: 0.25,
    };
    let i = ratio_interval(&sample(&strata, false), &of, 40_000, 0.9).unwrap();
    // Mean of the ratio, .3 * .8 / (.3 * .8 + .7 * .03) = .92; the ends from 2000 x 2000 quantiles of the two betas.
    let grid: Vec<f64> = (0..400).map(|k| (f64::from(k) + 0.5) / 400.0).collect();
    let ends = |own: (f64, f64), other: (f64, f64), tail: f64| {
        let quantiles = |(a, b): (f64, f64)| {
            let beta = Beta::new(a, b).unwrap();
            grid.iter().map(|p| beta.inverse_cdf(*p)).collect::<Vec<f64>>()
        };
        let (own, other) = (quantiles(own), quantiles(other));
        let mut all: Vec<f64> =
            own.iter().flat_map(|a| other.iter().map(move |b| 0.3 * a / (0.3 * a + 0.7 * b))).collect();
        all.sort_by(f64::total_cmp);
        all[(tail * all.len() as f64) as usize]
    };
    let low = ends((40.0 + 2.7, 10.0 + 0.3 + 0.75), (3.0 + 0.06 + 0.25, 97.0 + 2.94 + 0.75), 0.05);
    let high = ends((40.0 + 0.9 + 0.5, 10.0 + 0.1), (3.0 + 0.02, 97.0 + 0.98 + 0.5), 0.95);
    assert!((i.low - low).abs() < 0.004 && (i.high - high).abs() < 0.004, "{i:?} {low} {high}");
}

#[test]
fn a_stratum_that_is_labelled_wholly_is_known() {
    let strata = [(20, 20)];
    let y = labels(&strata, &[7]);
    let of = |finite| area_interval(&sample(&strata, finite), &y, &expected(1, &[0.5, 0.5]), 4000, 0.95);
    let known = of(true);
    assert!((known.low - 0.35).abs() < 1e-12 && (known.high - 0.35).abs() < 1e-12, "{known:?}");
    // Without the finite population correction the strata stand for more than themselves.
    let open = of(false);
    assert!(open.high - open.low > 0.3, "{open:?}");
}

#[test]
fn the_order_of_the_strata_does_not_matter() {
    let (strata, found) = ([(9000, 60), (500, 40), (4000, 50)], [2, 37, 0]);
    let order = [2, 0, 1];
    let other = order.map(|k| strata[k]);
    let expected = expected(3, &[0.5, 0.3, 0.2]);
    let of = |strata: &[(u64, usize)], y: &[f64]| area_interval(&sample(strata, true), y, &expected, 10_000, 0.9);
    let one = of(&strata, &labels(&strata, &found));
    let two = of(&other, &labels(&other, &order.map(|k| found[k])));
    let slack = 0.04 * (one.high - one.low);
    assert!((one.low - two.low).abs() < slack && (one.high - two.high).abs() < slack, "{one:?} {two:?}");
}

/// Twelve zones with a class on nine tenths of each: a prior of three units in each draws the sum down by more than its error.
#[test]
fn strata_of_one_pool_are_not_drawn_towards_equal_classes() {
    let strata = [(1000, 30); 12];
    let y = labels(&strata, &[27; 12]);
    let even = expected(12, &[1.0 / 6.0; 6]);
    let pooled = sample(&strata, false).pooled(vec![0; 12]).unwrap();
    let middle = |i: Interval| 0.5 * (i.low + i.high);
    let together = middle(area_interval(&pooled, &y, &even, 10_000, 0.95));
    let apart = middle(area_interval(&sample(&strata, false), &y, &even, 10_000, 0.95));
    assert!((together - 0.9).abs() < 0.02 && apart < 0.87, "{together} {apart}");
}

/// The only class of a legend had an interval though nothing else can be labelled.
#[test]
fn the_only_class_is_the_whole_area() {
    let strata = [(1000, 20)];
    let sample = sample(&strata, false);
    let expected = [ExpectedMatrix::without_errors(&[1.0]).unwrap()];
    let labels = vec![0; 20];
    let of = ClassIntervals {
        sample: &sample,
        map: &labels,
        reference: &labels,
        expected: &expected,
        draws: 500,
        level: 0.95,
    };
    let i = of.area(0).unwrap();
    assert_eq!((i.low, i.high), (1.0, 1.0));
}

/// Two strata of the first class share a unit, the mixed one has its own.
#[test]
fn strata_of_one_map_class_share_their_prior_unit() {
    let pure = |c: usize| ExpectedMatrix::without_errors(&[f64::from(c == 0), f64::from(c == 1)]).unwrap();
    let mixed = ExpectedMatrix::without_errors(&[0.5, 0.5]).unwrap();
    assert_eq!(flat_units(&[pure(0), pure(1), pure(0), mixed]), [0.5, 1.0, 0.5, 1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_interval_holds_the_estimate_within_bounds(
        parts in proptest::collection::vec((2usize..60, 0.0..=1.0f64, 1u64..50), 1..6),
        together: bool,
        finite: bool,
    ) {
        let strata: Vec<(u64, usize)> = parts.iter().map(|p| (p.0 as u64 * p.2, p.0)).collect();
        let found: Vec<usize> = parts.iter().map(|p| (p.1 * p.0 as f64).round() as usize).collect();
        let (sample, y) = (sample(&strata, finite), labels(&strata, &found));
        let pools = (0..strata.len()).map(|h| if together { 0 } else { h }).collect();
        let sample = sample.pooled(pools).unwrap();
        let i = area_interval(&sample, &y, &expected(strata.len(), &[0.7, 0.1, 0.2]), 500, 0.95);
        let value = sample.mean(&y).unwrap().value.clamp(0.0, 1.0);
        prop_assert!(0.0 <= i.low && i.low <= value + 1e-12 && value <= i.high + 1e-12 && i.high <= 1.0, "{i:?} {value}");
    }
}

/// Of a class that is rare in most of 150 pools only non-negligible draws are made: the quantiles are those of all draws.
#[test]
fn draws_of_rare_classes_have_the_quantiles_of_all_draws() {
    let shape = |rest: f64| Shares { part: 1.0 - rest, rest, possible: [true, true, false] };
    let pool = |k: usize| {
        let (n, rest) = match k {
            0 => (4.0, 0.75),
            1..4 => (3.0, 0.0),
            _ => (0.0, 0.0),
        };
        let expected = if k < 2 { 0.8 } else { 0.002 * (k % 4) as f64 };
        let part = if n > 0.0 { 1.0 - rest } else { 0.0 };
        let weight = (1 + k % 3) as f64 / 300.0;
        Pool { weight, part, rest, n, undrawn: if n > 0.0 { 0.8 } else { 1.0 }, shape: shape(expected), flat: 0.5 }
    };
    let pools: Vec<Pool> = (0..150).map(pool).collect();
    assert!((pools.iter().map(|p| p.weight).sum::<f64>() - 1.0).abs() < 1e-12);
    let low = |p: &Pool| p.shape.low_prior(1.0, p.flat, 0.01);
    let high = |p: &Pool| p.shape.high_prior(1.0);
    let ends = |drawn: Vec<f64>| [0.025, 0.5, 0.975].map(|p| quantile(drawn.clone(), p).unwrap());
    let rare = |prior: &dyn Fn(&Pool) -> [f64; 3]| {
        let pools: Vec<RarePool> = pools.iter().map(|p| p.rare(1.0, prior(p)).unwrap()).collect();
        ends(rare_ratios(&pools, 40_000).into_iter().map(|rest| 1.0 - rest).collect())
    };
    for (found, all) in [
        (rare(&low), ends(every_ratio(&pools, low, 40_000, false))),
        (rare(&high), ends(every_ratio(&pools, high, 40_000, false))),
    ] {
        let width = all[2] - all[0];
        assert!(found.iter().zip(all).all(|(a, b)| (a - b).abs() < 0.03 * width), "{found:?} {all:?}");
    }
}
