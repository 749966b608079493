//! Intervals of areas and accuracies that count what a stratified sample did not draw: quantiles of the Dirichlet-multinomial
//! posterior in each stratum.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma};

use crate::error::{EstimateError, same_length};
use crate::expected::ExpectedMatrix;
use crate::interval::{Interval, IntervalMethod};
use crate::rare_ratios::{RarePool, rare_ratios};
use crate::stratified::StratifiedSample;

/// Seed of the draws: equal samples have equal intervals.
pub(crate) const SEED: u64 = 1947;

/// Prior units distributed as the map expects, for the lower and the upper end, over the whole map.
pub(crate) const MAP_UNITS: [f64; 2] = [3.0, 1.0];
/// In a zone, where the map may err otherwise than it expects of the stratum: with three units, 13 % of the numbers of zones held in less than 92 % of samples.
pub(crate) const ZONE_MAP_UNITS: [f64; 2] = [1.0, 1.0];
/// Prior units that are not of the remainder, at the other end.
const SURE_UNITS: f64 = 0.5;

/// A part of the area over itself and a remainder, both known from labelled units: a user's accuracy is what is mapped as the class and
/// is of it, over all that is mapped as the class.
#[derive(Debug, Clone)]
pub(crate) struct PartAndRest {
    /// 1 for the units of the part.
    pub part: Vec<f64>,
    /// 1 for the units of the remainder.
    pub rest: Vec<f64>,
    /// What the map expects of each stratum.
    pub expected: Vec<Shares>,
    /// Prior units of each stratum that are split evenly among the classes ([`flat_units`]).
    pub flat: Vec<f64>,
    /// Part of these that belongs to the remainder: the number of its classes over all classes.
    pub rest_of_flat: f64,
    /// Prior units distributed as the map expects, for the lower and the upper end.
    pub map_units: [f64; 2],
    /// The estimate, where it is not the sample's own.
    pub about: Option<f64>,
}

/// Prior units that are split evenly among the classes: one in a stratum, or one in all strata together that lie wholly in the same map class.
pub(crate) fn flat_units(expected: &[ExpectedMatrix]) -> Vec<f64> {
    let class_of = |e: &ExpectedMatrix| e.mapped_classes().find(|(_, fraction)| *fraction > 1.0 - NOTHING).map(|c| c.0);
    let classes: Vec<Option<usize>> = expected.iter().map(class_of).collect();
    let mut like = vec![0usize; expected.first().map_or(0, ExpectedMatrix::classes)];
    classes.iter().flatten().for_each(|class| like[*class] += 1);
    classes.iter().map(|class| 1.0 / class.map_or(1, |class| like[class]) as f64).collect()
}

/// Smaller fractions of a stratum are rounding errors of summed areas.
pub(crate) const NOTHING: f64 = 1e-9;

/// The fractions of a stratum that the map expects to be of the part and of the remainder, and where they can lie at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shares {
    pub part: f64,
    pub rest: f64,
    /// Whether units of this stratum can be of the part, of the remainder, of neither.
    pub possible: [bool; 3],
}

/// Interval of `part / (part + rest)` at the `level`, in a sample with strata of any kind.
///
/// In a pool of strata ([`StratifiedSample::pooled`]) with `n` units, of which the fractions `p` and `q` are of the part and of the
/// remainder, the three fractions of the area are Dirichlet with parameters `n p`, `n q`, `n (1 - p - q)` and those of a prior. Its distance
/// from what was found is multiplied by the root of the undrawn fraction of the units, the finite population correction. The ends are quantiles
/// of the ratio of the sums over the pools, from as many `draws` with a constant seed. What was not found in a stratum may so be there,
/// which no standard error tells.
///
/// The prior is not the same at both ends, as in the interval of Clopper and Pearson (1934, Biometrika 26:404), which has a whole unit more on
/// either side in each: at the lower end three units as the map expects and [`flat_units`], so that the remainder can be larger than
/// anything that was found (Perks 1947, J. Institute of Actuaries 73:285, for the even split); at the upper end
/// one unit as the map expects, which may expect too much of a rare class, and half a unit that is not of the remainder. `tests/coverage` compares their coverage with that of others.
///
/// The estimate need not be in the middle. Where it lies outside, the end on its side is moved to it; it is the sample's own
/// unless another is given. `n` is Kish's effective number
/// (1965, section 11.7) in a pool of one stratum; in one of many the number that gives the variance of the stratified mean of the remainder,
/// at most the number of units (Korn and Graubard 1998, Survey Methodology 24:193).
///
/// # Errors
/// When a table has not one value a unit or a stratum.
pub(crate) fn ratio_interval(
    sample: &StratifiedSample,
    of: &PartAndRest,
    draws: usize,
    level: f64,
) -> Result<Interval, EstimateError> {
    let pools = pools(sample, of)?;
    let tail = 0.5 - 0.5 * level;
    let (part, rest) = pools.iter().fold((0.0, 0.0), |(a, b), p| (a + p.weight * p.part, b + p.weight * p.rest));
    let own = if part + rest > 0.0 { part / (part + rest) } else { 0.0 };
    let estimate = of.about.unwrap_or(own).clamp(0.0, 1.0);
    let low = quantile(ratios(&pools, |p| p.shape.low_prior(of.map_units[0], p.flat, of.rest_of_flat), draws), tail);
    let high = quantile(ratios(&pools, |p| p.shape.high_prior(of.map_units[1]), draws), 1.0 - tail);
    Ok(Interval {
        low: low.unwrap_or(estimate).clamp(0.0, estimate),
        high: high.unwrap_or(estimate).clamp(estimate, 1.0),
        method: IntervalMethod::Dirichlet,
    })
}

/// A pool of strata as the posterior sees it.
struct Pool {
    /// Fraction of the whole area.
    weight: f64,
    /// Fractions of the part and of the remainder among its units, weighted by area.
    part: f64,
    rest: f64,
    /// Number of units that counts as drawn at random from the pool.
    n: f64,
    /// Fraction of its area in strata's units that are not drawn; 1 without the finite population correction.
    undrawn: f64,
    shape: Shares,
    /// Prior units that are split evenly among the classes.
    flat: f64,
}

impl Pool {
    /// Units of the part, the remainder and the others, with those of a prior.
    fn units(&self, prior: [f64; 3]) -> [f64; 3] {
        let found = [self.part, self.rest, 1.0 - self.part - self.rest];
        std::array::from_fn(|k| self.n * found[k].max(0.0) + prior[k])
    }

    /// The pool as one of the part and the remainder alone; `None` where there are others.
    fn rare(&self, all: f64, prior: [f64; 3]) -> Option<RarePool> {
        let [part, rest, others] = self.units(prior);
        let (weight, away) = (self.weight / all, self.undrawn.sqrt());
        (others <= MIN_UNITS).then_some(RarePool { weight, units: [rest, part], found: self.rest, away })
    }
}

impl Shares {
    /// Prior units of the part, the remainder and the others where the map is believed, in each.
    fn map_prior(&self, units: f64) -> [f64; 3] {
        [self.part, self.rest, 1.0 - self.part - self.rest].map(|share| units * share.max(0.0))
    }

    fn low_prior(&self, map_units: f64, flat: f64, rest_of_flat: f64) -> [f64; 3] {
        let [part, rest, others] = self.map_prior(map_units);
        let [_, rest_possible, others_possible] = self.possible;
        let flat_rest = if rest_possible { flat * rest_of_flat } else { 0.0 };
        let remaining = flat * (1.0 - rest_of_flat);
        if others_possible {
            [part, rest + flat_rest, others + remaining]
        } else {
            [part + remaining, rest + flat_rest, others]
        }
    }

    fn high_prior(&self, map_units: f64) -> [f64; 3] {
        let [part, rest, others] = self.map_prior(map_units);
        let [part_possible, rest_possible, others_possible] = self.possible;
        if part_possible && !(rest_possible && others_possible) {
            [part + SURE_UNITS, rest, others]
        } else if others_possible {
            [part, rest, others + SURE_UNITS]
        } else {
            [part, rest, others]
        }
    }
}

/// Draws of the ratio, without those in which there is neither the part nor the remainder.
fn ratios(pools: &[Pool], prior: impl Fn(&Pool) -> [f64; 3], draws: usize) -> Vec<f64> {
    if pools.len() <= MANY_POOLS {
        return every_ratio(pools, prior, draws, false);
    }
    let draws = draws.min(MIN_DRAWS.max(MOST_DRAWS / pools.len()));
    let all: f64 = pools.iter().map(|pool| pool.weight).sum();
    match pools.iter().map(|pool| pool.rare(all, prior(pool))).collect::<Option<Vec<RarePool>>>() {
        Some(pools) => rare_ratios(&pools, draws).into_iter().map(|rest| 1.0 - rest).collect(),
        None => every_ratio(pools, prior, draws, true),
    }
}

/// The same draw by draw in each pool.
fn every_ratio(pools: &[Pool], prior: impl Fn(&Pool) -> [f64; 3], draws: usize, many: bool) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut sums = vec![(0.0, 0.0); draws];
    for pool in pools {
        let units = pool.units(prior(pool));
        let drawn = units.map(|units| Units::new(units, many));
        let away = pool.undrawn.sqrt();
        for (part, rest) in &mut sums {
            let [a, b, c] = if many { draw_few(&drawn, &mut rng) } else { drawn.each_ref().map(|u| u.draw(&mut rng)) };
            let all = a + b + c;
            let drawn = |x: f64, found: f64| if all > 0.0 { found + away * (x / all - found) } else { found };
            *part += pool.weight * drawn(a, pool.part);
            *rest += pool.weight * drawn(b, pool.rest);
        }
    }
    sums.into_iter().filter(|(part, rest)| part + rest > 0.0).map(|(part, rest)| part / (part + rest)).collect()
}

/// Fewer prior units than that are none: their draws are zero but for one in a million.
pub(crate) const MIN_UNITS: f64 = 1e-9;

/// From more pools on, as of strata of risk with hundreds of classes, fewer draws are made and next to none of most units: a minute an interval else.
const MANY_POOLS: usize = 100;
/// Draws of all pools together, where there are many, and the least of an interval.
const MOST_DRAWS: usize = 500_000;
const MIN_DRAWS: usize = 500;
/// Of many pools, units whose draws are mostly nothing, and what counts as that.
pub(crate) const FEW_UNITS: f64 = 0.05;
const NEXT_TO_NOTHING: f64 = 1e-6;

/// Units of one kind in a pool, as a gamma variable.
enum Units {
    None,
    /// Of few units: `g u^(1/units)` with `u` uniform and `g` gamma of one unit more (Marsaglia and Tsang 2000, ACM Trans. on Mathematical Software 26:363),
    /// which is next to nothing below the least `u`.
    Few {
        units: f64,
        least: f64,
        more: Gamma<f64>,
    },
    Some(Gamma<f64>),
}

impl Units {
    fn new(units: f64, many: bool) -> Self {
        let gamma = |units: f64| Gamma::new(units, 1.0).expect("the parameters are positive");
        if units <= MIN_UNITS {
            Self::None
        } else if many && units < FEW_UNITS {
            Self::Few { units, least: NEXT_TO_NOTHING.powf(units), more: gamma(units + 1.0) }
        } else {
            Self::Some(gamma(units))
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Few { units, least, more } => {
                let u: f64 = rng.random();
                if u < *least { 0.0 } else { more.sample(rng) * u.powf(1.0 / units) }
            }
            Self::Some(gamma) => gamma.sample(rng),
        }
    }
}

/// The three kinds of a pool; where the few are nothing and one kind is left, that is all of it.
fn draw_few(units: &[Units; 3], rng: &mut ChaCha8Rng) -> [f64; 3] {
    let few = units.each_ref().map(|u| if matches!(u, Units::Few { .. }) { u.draw(rng) } else { 0.0 });
    let is_some = units.each_ref().map(|u| matches!(u, Units::Some(_)));
    if few == [0.0; 3] && is_some.iter().filter(|some| **some).count() == 1 {
        return is_some.map(f64::from);
    }
    std::array::from_fn(|k| if is_some[k] { units[k].draw(rng) } else { few[k] })
}

/// A quantile, between two values in proportion; `None` without any.
pub(crate) fn quantile(mut values: Vec<f64>, p: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let at = p.clamp(0.0, 1.0) * last as f64;
    let below = at.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let low = *low;
    let high = above.iter().copied().min_by(f64::total_cmp).unwrap_or(low);
    Some(low + (at - below as f64) * (high - low))
}

fn pools(sample: &StratifiedSample, of: &PartAndRest) -> Result<Vec<Pool>, EstimateError> {
    same_length("what the map expects of the strata", of.expected.len(), sample.strata.len())?;
    same_length("the prior units of the strata", of.flat.len(), sample.strata.len())?;
    let (parts, rests) = (sample.stratum_means(&of.part)?, sample.stratum_means(&of.rest)?);
    let variances = sample.stratum_variances(&of.rest, &rests);
    let mut by_pool: Vec<usize> = (0..sample.pools.len()).collect();
    by_pool.sort_by_key(|&h| sample.pools[h]);
    let mut weights = vec![(0.0, 0.0); sample.pools.iter().max().map_or(0, |g| g + 1)];
    for (&h, w) in sample.stratum_of().iter().zip(sample.weights()) {
        let (sum, squares) = weights[sample.pools[h]];
        weights[sample.pools[h]] = (sum + w, squares + w * w);
    }
    let one = |members: &[usize]| {
        let g = sample.pools[members[0]];
        let area: f64 = members.iter().map(|&h| sample.strata[h].area).sum();
        let fraction = |h: usize| sample.strata[h].area / area;
        let mean = |of: &dyn Fn(usize) -> f64| members.iter().map(|&h| fraction(h) * of(h)).sum::<f64>();
        let rest = mean(&|h| rests[h]).clamp(0.0, 1.0);
        let variance: f64 = members.iter().map(|&h| fraction(h).powi(2) * variances[h]).sum();
        let n = if members.len() > 1 && variance > 0.0 {
            let units: usize = members.iter().map(|&h| sample.n[h]).sum();
            (rest * (1.0 - rest) / variance).min(units as f64)
        } else {
            // Kish's number, as of `StratifiedSample::kish`.
            let (sum, squares) = weights[g];
            if squares > 0.0 { sum * sum / squares } else { 0.0 }
        };
        let possible = [0, 1, 2].map(|k| members.iter().any(|&h| of.expected[h].possible[k]));
        let shape = Shares { part: mean(&|h| of.expected[h].part), rest: mean(&|h| of.expected[h].rest), possible };
        let part = mean(&|h| parts[h]).clamp(0.0, 1.0 - rest);
        Pool {
            weight: area / sample.area(),
            part,
            rest,
            n,
            undrawn: mean(&|h| sample.undrawn(h)),
            shape,
            // One pool is one stratum here.
            flat: if members.len() > 1 { 1.0 } else { of.flat[members[0]] },
        }
    };
    let pools = by_pool.chunk_by(|&a, &b| sample.pools[a] == sample.pools[b]);
    Ok(pools.map(one).filter(|p| p.shape.possible[0] || p.shape.possible[1]).collect())
}

#[cfg(test)]
mod tests;
