//! Interval of a class's fraction of the area that counts what a stratified sample did not draw: the posterior of the
//! Dirichlet-multinomial model in each stratum.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use crate::error::EstimateError;
use crate::interval::{Interval, IntervalMethod};
use crate::stratified::StratifiedSample;

/// Draws from the posterior for published numbers: they leave about one hundredth of an interval's half-width to chance,
/// and the same chance each time.
pub const POSTERIOR_DRAWS: usize = 20_000;

/// Seed of the draws: equal samples have equal intervals.
const SEED: u64 = 1947;

/// A pool of strata ([`StratifiedSample::pooled`]) as the posterior sees it.
struct Pool {
    /// Fraction of the whole area.
    weight: f64,
    /// Fraction of the class among its units, weighted by area.
    found: f64,
    /// Number of units that counts as drawn at random from the pool.
    n: f64,
    /// Fraction of its area in strata's units that are not drawn; 1 without the finite population correction.
    undrawn: f64,
}

/// Interval of the mean of `y`, which holds 1 for the units of one of `classes` and 0 for others, at the `level`. For strata that
/// each lie in one map class, or one stratum of all: in each of many others the prior would draw the sum towards equal classes.
///
/// In a pool of strata with `n` units, of which the fraction `p` is of the class, the class has the fraction
/// `Beta(np + 1/K, n(1-p) + (K-1)/K)` of the area, with K classes: the flat prior says in each pool as much as one unit (Perks 1947,
/// J. Institute of Actuaries 73:285; Agresti and Hitchcock 2005, Statistical Methods and Applications 14:297). Its
/// distance from `p` is multiplied by the root of the undrawn fraction of the units, the finite population correction. The
/// ends are the quantiles of the sum over the pools, from as many `draws` with a constant seed. A class that was
/// not found in a stratum may so be there, which no standard error tells.
///
/// The estimate need not be in the middle. Where it lies outside, the end on its side is moved to it. `n` is Kish's effective number
/// (1965, section 11.7) in a pool of one stratum; in one of many the number that gives the variance of the stratified mean,
/// at most the number of units (Korn and Graubard 1998, Survey Methodology 24:193).
///
/// # Errors
/// When `y` has not one value a unit.
pub fn dirichlet_interval(
    sample: &StratifiedSample,
    y: &[f64],
    classes: usize,
    draws: usize,
    level: f64,
) -> Result<Interval, EstimateError> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut sums = vec![0.0; draws];
    let flat = 1.0 / classes as f64;
    for pool in pools(sample, y)? {
        let (inside, outside) = (pool.n * pool.found + flat, pool.n * (1.0 - pool.found) + 1.0 - flat);
        // The second is zero where there is one class only.
        let posterior = (pool.undrawn > 0.0 && outside > 0.0)
            .then(|| Beta::new(inside, outside).expect("both parameters are positive"));
        for sum in &mut sums {
            let away = posterior.map_or(0.0, |p| pool.undrawn.sqrt() * (p.sample(&mut rng) - pool.found));
            *sum += pool.weight * (pool.found + away);
        }
    }
    sums.sort_unstable_by(f64::total_cmp);
    let estimate = (sample.sum(y)? / sample.area()).clamp(0.0, 1.0);
    let tail = 0.5 - 0.5 * level;
    Ok(Interval {
        low: quantile(&sums, tail).clamp(0.0, estimate),
        high: quantile(&sums, 1.0 - tail).clamp(estimate, 1.0),
        method: IntervalMethod::Dirichlet,
    })
}

/// A quantile of sorted values, between two of them in proportion.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let last = sorted.len() - 1;
    let at = p.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (at - below as f64) * (sorted[above] - sorted[below])
}

fn pools(sample: &StratifiedSample, y: &[f64]) -> Result<Vec<Pool>, EstimateError> {
    let means = sample.stratum_means(y)?;
    let variances = sample.stratum_variances(y, &means);
    let mut of_pool: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (h, &pool) in sample.pools.iter().enumerate() {
        of_pool.entry(pool).or_default().push(h);
    }
    let one = |(&g, members): (&usize, &Vec<usize>)| {
        let area: f64 = members.iter().map(|&h| sample.strata[h].area).sum();
        let part = |h: usize| sample.strata[h].area / area;
        let found = members.iter().map(|&h| part(h) * means[h]).sum::<f64>().clamp(0.0, 1.0);
        let variance: f64 = members.iter().map(|&h| part(h).powi(2) * variances[h]).sum();
        let n = if members.len() > 1 && variance > 0.0 {
            let units: usize = members.iter().map(|&h| sample.n[h]).sum();
            (found * (1.0 - found) / variance).min(units as f64)
        } else {
            let inside: Vec<f64> = sample.stratum_of().iter().map(|&h| f64::from(sample.pools[h] == g)).collect();
            sample.kish(&inside)
        };
        let undrawn = members.iter().map(|&h| part(h) * sample.undrawn(h)).sum();
        Pool { weight: area / sample.area(), found, n, undrawn }
    };
    Ok(of_pool.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::distribution::{Beta, ContinuousCDF};

    use super::*;
    use crate::stratified::Stratum;

    fn sample(strata: &[(u64, usize)], finite: bool) -> StratifiedSample {
        let of = |(k, s): (usize, &(u64, usize))| Stratum { name: k.to_string(), population: s.0, area: s.0 as f64 };
        let units: Vec<(usize, f64)> =
            strata.iter().enumerate().flat_map(|(h, s)| std::iter::repeat_n((h, 1.0), s.1)).collect();
        StratifiedSample::new(strata.iter().enumerate().map(of).collect(), &units, finite).unwrap()
    }

    /// `found` of the units of each stratum are 1.
    fn labels(strata: &[(u64, usize)], found: &[usize]) -> Vec<f64> {
        strata.iter().zip(found).flat_map(|(s, &f)| (0..s.1).map(move |k| f64::from(k < f))).collect()
    }

    /// The quantiles of one stratum, by the incomplete beta function.
    #[test]
    fn one_stratum_has_the_quantiles_of_its_beta_posterior() {
        for (n, found, classes) in [(30, 0, 6), (100, 0, 6), (300, 0, 4), (200, 3, 6), (50, 50, 6)] {
            let strata = [(1_000_000, n)];
            let found_in =
                dirichlet_interval(&sample(&strata, false), &labels(&strata, &[found]), classes, POSTERIOR_DRAWS, 0.95)
                    .unwrap();
            let (a, k) = (found as f64, 1.0 / classes as f64);
            let exact = Beta::new(a + k, n as f64 - a + 1.0 - k).unwrap();
            let estimate = a / n as f64;
            let (low, high) = (exact.inverse_cdf(0.025).min(estimate), exact.inverse_cdf(0.975).max(estimate));
            let slack = 0.02 * (high - low);
            assert!((found_in.low - low).abs() < slack, "{n} {found}: {found_in:?}, {low}");
            assert!((found_in.high - high).abs() < 2.0 * slack, "{n} {found}: {found_in:?}, {high}");
        }
    }

    #[test]
    fn a_stratum_that_is_labelled_wholly_is_known() {
        let strata = [(20, 20)];
        let y = labels(&strata, &[7]);
        let known = dirichlet_interval(&sample(&strata, true), &y, 3, POSTERIOR_DRAWS, 0.95).unwrap();
        assert!((known.low - 0.35).abs() < 1e-12 && (known.high - 0.35).abs() < 1e-12, "{known:?}");
        // Without the finite population correction the strata stand for more than themselves.
        let open = dirichlet_interval(&sample(&strata, false), &y, 3, POSTERIOR_DRAWS, 0.95).unwrap();
        assert!(open.high - open.low > 0.3, "{open:?}");
    }

    #[test]
    fn the_order_of_the_strata_does_not_matter() {
        let (strata, found) = ([(9000, 60), (500, 40), (4000, 50)], [2, 37, 0]);
        let order = [2, 0, 1];
        let other = order.map(|k| strata[k]);
        let one =
            dirichlet_interval(&sample(&strata, true), &labels(&strata, &found), 5, POSTERIOR_DRAWS, 0.9).unwrap();
        let y = labels(&other, &order.map(|k| found[k]));
        let two = dirichlet_interval(&sample(&other, true), &y, 5, POSTERIOR_DRAWS, 0.9).unwrap();
        let slack = 0.03 * (one.high - one.low);
        assert!((one.low - two.low).abs() < slack && (one.high - two.high).abs() < slack, "{one:?} {two:?}");
    }

    /// Twelve zones with a class on nine tenths of each: a prior of one unit in each draws the sum down by as much as its error.
    #[test]
    fn strata_of_one_pool_are_not_drawn_towards_equal_classes() {
        let strata = [(1000, 30); 12];
        let y = labels(&strata, &[27; 12]);
        let pooled = sample(&strata, false).pooled(vec![0; 12]).unwrap();
        let interval = dirichlet_interval(&pooled, &y, 6, POSTERIOR_DRAWS, 0.95).unwrap();
        assert!((0.5 * (interval.low + interval.high) - 0.9).abs() < 0.01, "{interval:?}");
        let apart = dirichlet_interval(&sample(&strata, false), &y, 6, POSTERIOR_DRAWS, 0.95).unwrap();
        assert!(0.5 * (apart.low + apart.high) < 0.885, "{apart:?}");
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
            let i = dirichlet_interval(&sample, &y, 4, 500, 0.95).unwrap();
            let value = sample.mean(&y).unwrap().value.clamp(0.0, 1.0);
            prop_assert!(0.0 <= i.low && i.low <= value && value <= i.high && i.high <= 1.0, "{i:?} {value}");
        }
    }
}
