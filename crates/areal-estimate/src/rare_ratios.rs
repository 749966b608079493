//! Draws of the posterior where a part of the area is next to nothing of most of very many strata, as a class among hundreds is.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, Exp1};
use statrs::consts::EULER_MASCHERONI;
use statrs::function::gamma::digamma;

use crate::posterior_interval::{FEW_UNITS, MIN_UNITS, SEED};

/// A pool of strata of which a fraction, the remainder, is beta distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RarePool {
    /// Fraction of the whole area.
    pub weight: f64,
    /// Units of the remainder and of the others, drawn and prior.
    pub units: [f64; 2],
    /// The fraction of the remainder among the drawn units.
    pub found: f64,
    /// What a draw's distance from that is multiplied by.
    pub away: f64,
}

/// A fraction below this, over the units of the others, is negligible.
const SMALL: f64 = 1e-3;
/// With a greater chance of a draw that is not small, every draw is made.
const MAX_CHANCE: f64 = 0.5;

/// Draws of the fraction of the whole area that the remainder has.
///
/// Where a pool has few units `r` of the remainder and `b` of the others, its fraction is mostly below `e = .001 / b`, and negligible there: this part is
/// replaced by its mean, as small jumps of a random process are (Asmussen and Rosinski 2001, J. Applied Probability 38:482). The larger ones occur in about
/// `k r log(1 / e)` of the draws, with `k` near 1. So the time goes with these, not with strata times draws. A quantile that falls below `e` in one
/// pool of nearly all the area would be lost; with `e = .1 / b` that happened to upper ends.
pub(crate) fn rare_ratios(pools: &[RarePool], draws: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut sums, mut constant) = (vec![0.0; draws], 0.0);
    for pool in pools {
        let [rest, others] = pool.units;
        constant += pool.weight * pool.found * (1.0 - pool.away);
        let jump = pool.weight * pool.away;
        if rest <= MIN_UNITS {
        } else if others <= MIN_UNITS {
            constant += jump;
        } else if let Some(rare) = RareBeta::new(rest, others) {
            rare.large(&mut rng, draws, |draw, fraction| sums[draw] += jump * fraction);
            constant += jump * rare.small_mean();
        } else {
            let beta = Beta::new(rest, others).expect("the parameters are positive");
            for sum in &mut sums {
                *sum += jump * beta.sample(&mut rng);
            }
        }
    }
    sums.into_iter().map(|sum| (sum + constant).clamp(0.0, 1.0)).collect()
}

/// A beta variable that is mostly small.
///
/// Its density is `k r x^(r-1) (1-x)^(b-1)` with `k = gamma(r + b) / (gamma(r + 1) gamma(b))`, for small `r` about `exp(r (digamma(b) + .577))`; that of
/// `v = -log x` is `k r exp(-r v) (1-x)^(b-1)`. From `k r`, for `x` above `e`, it is drawn by rejection.
struct RareBeta {
    r: f64,
    b: f64,
    k: f64,
    /// `e`
    small: f64,
    /// Chance of a draw above `e` before rejection: `-k r log e`.
    chance: f64,
}

impl RareBeta {
    /// None where the variable is not small often enough.
    fn new(r: f64, b: f64) -> Option<Self> {
        if r >= FEW_UNITS || b < 1.0 {
            return None;
        }
        let small = SMALL / b;
        let k = (r * (digamma(b) + EULER_MASCHERONI)).exp();
        let chance = k * r * -small.ln();
        (chance < MAX_CHANCE).then_some(Self { r, b, k, small, chance })
    }

    /// Tells of the draws in which it is not small, and of its value.
    fn large(&self, rng: &mut ChaCha8Rng, draws: usize, mut tell: impl FnMut(usize, f64)) {
        let Self { r, b, small, chance, .. } = *self;
        // Draws up to the next one: geometric, as the whole part of an exponential variable.
        let between = -1.0 / (-chance).ln_1p();
        let most = -small.ln();
        let mut draw = 0.0;
        loop {
            let wait: f64 = Exp1.sample(rng);
            draw += (wait * between).floor();
            if draw >= draws as f64 {
                return;
            }
            let v = most * rng.random::<f64>();
            let x = (-v).exp();
            let u: f64 = rng.random();
            // By Bernoulli's inequality the acceptance is at least that, without a logarithm.
            let surely = (1.0 - r * v) * (1.0 - (b - 1.0).max(1.0) * x);
            if u < surely || u < ((b - 1.0) * (-x).ln_1p() - r * v).exp() {
                tell(draw as usize, x);
            }
            draw += 1.0;
        }
    }

    /// What its values below `e` add to its mean.
    fn small_mean(&self) -> f64 {
        let Self { r, b, k, small, .. } = *self;
        k * r / (1.0 + r) * small.powf(1.0 + r) * (1.0 - (b - 1.0) * small * (1.0 + r) / (2.0 + r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a beta variable the mean is `r / (r + b)`, the variance `m (1 - m) / (r + b + 1)`.
    #[test]
    fn rare_fractions_have_the_moments_of_beta_variables() {
        for (units, away) in [([0.0024, 1.5], 1.0), ([0.04, 1.0], 1.0), ([0.01, 6.0], 0.5), ([0.9, 0.6], 1.0)] {
            let pool = RarePool { weight: 0.01, units, found: 0.0, away };
            let (pools, draws) = (vec![pool; 100], 40_000);
            let drawn = rare_ratios(&pools, draws);
            let [r, b] = units;
            let (mean, all) = (r / (r + b), r + b + 1.0);
            let (mean, deviation) = (away * mean, away * (mean * (1.0 - mean) / all / 100.0).sqrt());
            let n = draws as f64;
            let found = drawn.iter().sum::<f64>() / n;
            let spread = (drawn.iter().map(|y| (y - found).powi(2)).sum::<f64>() / n).sqrt();
            assert!((found - mean).abs() < 4.0 * deviation / n.sqrt(), "{units:?}: {found} {mean}");
            assert!((spread / deviation - 1.0).abs() < 0.03, "{units:?}: {spread} {deviation}");
        }
    }

    fn quantile(mut drawn: Vec<f64>, p: f64) -> f64 {
        drawn.sort_by(f64::total_cmp);
        drawn[(p * drawn.len() as f64) as usize]
    }

    /// One stratum of nearly all the area: its upper end was .0006 where it is .04, because it fell below what was replaced by its mean.
    #[test]
    fn the_upper_end_of_one_pool_among_many_is_that_of_its_beta_variable() {
        use statrs::distribution::{Beta as BetaDistribution, ContinuousCDF};
        for (units, weight) in [([0.0095, 1.5], 0.95), ([0.02, 1.5], 0.95), ([0.012, 4.0], 0.5)] {
            let one = RarePool { weight, units, found: 0.0, away: 1.0 };
            let others = RarePool { weight: (1.0 - weight) / 100.0, units: [0.0, 1.5], ..one };
            let pools: Vec<RarePool> = std::iter::once(one).chain([others; 100]).collect();
            let found = rare_ratios(&pools, 100_000);
            let beta = BetaDistribution::new(units[0], units[1]).unwrap();
            // The fraction of draws above the true end is 2.5 %, with a deviation of .05 %.
            let end = weight * beta.inverse_cdf(0.975);
            let above = found.iter().filter(|y| **y > end).count() as f64 / 1e5;
            assert!((above - 0.025).abs() < 0.002, "{units:?}: {above}");
        }
    }

    /// A class that was found in a small stratum and may be in many others: the lower end was the mean of these.
    #[test]
    fn the_lower_end_is_not_the_mean_of_what_is_negligible() {
        let found = RarePool { weight: 1e-4, units: [1.001, 1.5], found: 0.5, away: 1.0 };
        let others = RarePool { weight: (1.0 - 1e-4) / 150.0, units: [0.002, 1.5], found: 0.0, away: 1.0 };
        let pools: Vec<RarePool> = std::iter::once(found).chain([others; 150]).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let beta = |p: &RarePool| Beta::new(p.units[0], p.units[1]).unwrap();
        let betas: Vec<_> = pools.iter().map(|p| (p.weight, beta(p))).collect();
        let all = (0..40_000).map(|_| betas.iter().map(|(w, b)| w * b.sample(&mut rng)).sum()).collect();
        let [found, expected] = [rare_ratios(&pools, 40_000), all].map(|drawn| quantile(drawn, 0.025));
        assert!((found / expected - 1.0).abs() < 0.2, "{found} {expected}");
    }

    /// 16,000 labelled units of a stratum among more than a hundred: the draws never ended.
    #[test]
    fn strata_of_very_many_units_end() {
        let pool = RarePool { weight: 0.01, units: [0.0499, 20_000.0], found: 0.0, away: 1.0 };
        let mean = rare_ratios(&[pool; 100], 2_000).iter().sum::<f64>() / 2_000.0;
        // r / (r + b) = 2.495e-6; its deviation over 200,000 draws is 2.5e-8.
        assert!((mean - 2.495e-6).abs() < 1.5e-7, "{mean}");
    }

    #[test]
    fn what_is_certain_is_not_drawn() {
        let pool = |units, found| RarePool { weight: 0.5, units, found, away: 1.0 };
        assert_eq!(rare_ratios(&[pool([0.0, 2.0], 0.0), pool([3.0, 0.0], 1.0)], 2), [0.5, 0.5]);
        // Half of the distance from what was found.
        let known = RarePool { weight: 1.0, units: [3.0, 0.0], found: 0.6, away: 0.5 };
        assert_eq!(rare_ratios(&[known], 1), [0.8]);
    }
}
