//! Means over a part of the area: zones, or the ground that a model was trained on.

use crate::error::{EstimateError, same_length};
use crate::estimate::{Estimate, MOST_DEGREES, settled};
use crate::stratified::StratifiedSample;
use crate::zone_part::Moments;

/// Degrees of freedom that the variance over its pool has beside a stratum's own in [`StratifiedSample::domain`]. With two, the
/// intervals of zones cover the truth as they should (`tests/coverage`); without, a stratum of one class claims to have
/// no error.
pub(crate) const JOINED: f64 = 2.0;

/// A variable, with what its mean over any part of the area needs of the whole sample.
pub(crate) struct Variable<'a> {
    y: &'a [f64],
    /// Its variance over the pool of each stratum; none for a stratum alone in its pool.
    pools: Vec<Option<f64>>,
    is_fraction: bool,
}

/// A part of the area as the sample shows it.
pub(crate) struct Domain<'a> {
    sample: &'a StratifiedSample,
    /// Units in it, each with the fraction of it that lies inside, by stratum.
    strata: Vec<(usize, Vec<(usize, f64)>)>,
    /// Its area as the sample has it.
    below: f64,
    n: usize,
}

impl StratifiedSample {
    /// Mean of `y` over a part of the area: `inside` is the fraction of each unit in it. The combined ratio of
    /// [`ratio`](Self::ratio) (a domain; Sarndal, Swensson and Wretman 1992, eq. 5.8.4), but beside each stratum's own variance
    /// that over its pool counts for two degrees of freedom: a stratum with few units has too few for a variance of its own,
    /// and none at all where they are of one class (a moderated variance, Smyth 2004, Stat. Appl. in Genetics and
    /// Molecular Biology 3:3, with the prior's degrees fixed). A stratum that is its whole pool keeps its own. The degrees of
    /// freedom are Satterthwaite's (Cochran 1977, eq. 5.16); of a value, also the skewness of its units. `None` where nothing
    /// of the sample lies inside.
    ///
    /// # Errors
    /// When `y` or `inside` has not one value a unit.
    pub fn domain(&self, y: &[f64], inside: &[f64]) -> Result<Option<Estimate>, EstimateError> {
        same_length("the units inside", inside.len(), self.len())?;
        let units = inside.iter().copied().enumerate().filter(|(_, fraction)| *fraction != 0.0);
        let variable = self.variable(y)?;
        Ok(self.part(units).map(|part| part.mean(&variable)))
    }

    /// A variable as [`Domain::mean`] takes it.
    pub(crate) fn variable<'a>(&self, y: &'a [f64]) -> Result<Variable<'a>, EstimateError> {
        Ok(Variable { y, pools: self.pool_variances(y)?, is_fraction: y.iter().all(|v| (0.0..=1.0).contains(v)) })
    }

    /// The part of the area in which these units lie, with these fractions; `None` where nothing of the sample lies inside.
    pub(crate) fn part(&self, units: impl Iterator<Item = (usize, f64)>) -> Option<Domain<'_>> {
        let mut by_stratum = std::collections::BTreeMap::<usize, Vec<(usize, f64)>>::new();
        let mut n = 0;
        for (unit, fraction) in units {
            by_stratum.entry(self.stratum_of()[unit]).or_default().push((unit, fraction));
            n += 1;
        }
        let strata: Vec<_> = by_stratum.into_iter().collect();
        let part = Domain { sample: self, strata, below: 0.0, n };
        let below = part.sum(|_| 1.0);
        (below > 0.0).then_some(Domain { below, ..part })
    }

    /// Variance of `y` over the pool of each stratum; none for a stratum alone in its pool.
    fn pool_variances(&self, y: &[f64]) -> Result<Vec<Option<f64>>, EstimateError> {
        let groups = self.pools.iter().max().map_or(0, |m| m + 1);
        let mut members = vec![0usize; groups];
        self.pools.iter().for_each(|&g| members[g] += 1);
        let moments = self.moments_of_pools(y)?;
        Ok(self.pools.iter().map(|&g| moments[g].filter(|_| members[g] > 1).map(|m| m.variance)).collect())
    }

    /// Mean and variance of `y` over each pool of strata.
    pub(crate) fn moments_of_pools(&self, y: &[f64]) -> Result<Vec<Option<Moments>>, EstimateError> {
        let squares: Vec<f64> = y.iter().map(|v| v * v).collect();
        let (first, second) = (self.stratum_means(y)?, self.stratum_means(&squares)?);
        let groups = self.pools.iter().max().map_or(0, |m| m + 1);
        let mut sums = vec![[0.0; 3]; groups];
        for (h, &g) in self.pools.iter().enumerate() {
            let a = self.strata[h].area;
            let [area, sum, sum2] = &mut sums[g];
            (*area, *sum, *sum2) = (*area + a, *sum + a * first[h], *sum2 + a * second[h]);
        }
        Ok(sums.into_iter().map(Moments::of).collect())
    }
}

impl Domain<'_> {
    /// Sum over the part of a number of each unit.
    fn sum(&self, of: impl Fn(usize) -> f64) -> f64 {
        let sizes = self.sample.sizes();
        let each = |(h, units): &(usize, Vec<(usize, f64)>)| {
            let sum: f64 = units.iter().map(|&(u, z)| sizes[u] * (z * of(u))).sum();
            self.sample.strata[*h].area * (sum / self.sample.n[*h] as f64)
        };
        self.strata.iter().map(each).sum()
    }

    /// The mean of a variable ([`StratifiedSample::domain`]). Units outside have the residual 0, those of strata without a unit inside no part in it.
    pub(crate) fn mean(&self, of: &Variable) -> Estimate {
        let Self { sample, below, n, .. } = self;
        let value = self.sum(|u| of.y[u]) / below;
        let (mut variance, mut spread, mut third) = (0.0, 0.0, 0.0);
        for (h, units) in &self.strata {
            let (h, drawn) = (*h, sample.n[*h] as f64);
            let [squares, cubes] = self.powers(h, units, |u, z| z * of.y[u] - value * z);
            let joined = if of.pools[h].is_some() { JOINED } else { 0.0 };
            // The variable counts only as far as the stratum lies inside.
            let scale: f64 = units.iter().map(|&(u, z)| sample.sizes()[u] * z * z).sum::<f64>() / drawn;
            let degrees = (drawn - 1.0).max(1.0) + joined;
            let each = (squares + joined * scale * of.pools[h].unwrap_or(0.0)) / degrees;
            let area = sample.strata[h].area / below;
            let v = area.powi(2) * sample.per_unit(h) * each;
            third += area.powi(3) * sample.per_unit(h).powi(2) * cubes / (drawn - 1.0).max(1.0);
            variance += v;
            spread += v * v / degrees;
        }
        let degrees = if spread > 0.0 { (variance * variance / spread).min(MOST_DEGREES) } else { MOST_DEGREES };
        let variance = settled(variance, if of.is_fraction { 1.0 } else { value });
        let found = if of.is_fraction {
            Estimate::fraction(value.clamp(0.0, 1.0), variance, *n)
        } else {
            let skewness = if variance > 0.0 { third / variance.powf(1.5) } else { 0.0 };
            Estimate { skewness, ..Estimate::plain(value, variance, *n) }
        };
        let found = Estimate { degrees, ..found };
        if of.is_fraction { found.or_equal_units(|| self.kish()) } else { found }
    }

    /// Sums of the second and third powers of residuals about their mean in a stratum, where those of the units outside are 0.
    fn powers(&self, h: usize, units: &[(usize, f64)], residual: impl Fn(usize, f64) -> f64) -> [f64; 2] {
        let sizes = self.sample.sizes();
        let mean = units.iter().map(|&(u, z)| sizes[u] * residual(u, z)).sum::<f64>() / self.sample.n[h] as f64;
        let [all2, all3] = self.sample.size_powers()[h];
        let (mut inside, mut sums) = ([0.0; 2], [0.0; 2]);
        for &(u, z) in units {
            let e = sizes[u] * (residual(u, z) - mean);
            inside = [inside[0] + sizes[u].powi(2), inside[1] + sizes[u].powi(3)];
            sums = [sums[0] + e.powi(2), sums[1] + e.powi(3)];
        }
        let outside = if units.len() == self.sample.n[h] { [0.0; 2] } else { [all2 - inside[0], all3 - inside[1]] };
        [sums[0] + mean.powi(2) * outside[0].max(0.0), sums[1] - mean.powi(3) * outside[1].max(0.0)]
    }

    /// As of [`StratifiedSample::kish`].
    fn kish(&self) -> f64 {
        let weight = |u: usize| {
            let h = self.sample.stratum_of()[u];
            self.sample.strata[h].area * self.sample.sizes()[u] / self.sample.n[h] as f64
        };
        let units = self.strata.iter().flat_map(|(_, units)| units);
        let (sum, squares) = units.fold((0.0, 0.0), |(a, b), &(u, z)| (a + weight(u) * z, b + (weight(u) * z).powi(2)));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}
