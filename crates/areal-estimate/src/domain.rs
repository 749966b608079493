//! Means over a part of the area: zones, or the ground that a model was trained on.

use crate::error::{EstimateError, same_length};
use crate::estimate::{Estimate, MOST_DEGREES, settled};
use crate::stratified::StratifiedSample;

/// Degrees of freedom that the variance over its pool has beside a stratum's own in [`StratifiedSample::domain`]. With two, the
/// intervals of zones cover the truth as they should (`tests/coverage`); without, a stratum of one class claims to have
/// no error.
const JOINED: f64 = 2.0;

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
        let both: Vec<f64> = inside.iter().zip(y).map(|(z, y)| z * y).collect();
        same_length("the variable", both.len(), self.len())?;
        let below = self.sum(inside)?;
        if below <= 0.0 {
            return Ok(None);
        }
        let value = self.sum(&both)? / below;
        let n = inside.iter().filter(|&&z| z != 0.0).count();
        let residuals: Vec<f64> = both.iter().zip(inside).map(|(b, z)| b - value * z).collect();
        let own = self.stratum_powers(&residuals, &self.stratum_means(&residuals)?);
        let pools = self.pool_variances(y)?;
        // The variable counts only as far as the stratum lies inside.
        let scale = self.stratum_means(&inside.iter().map(|z| z * z).collect::<Vec<_>>())?;
        let (mut variance, mut spread, mut third) = (0.0, 0.0, 0.0);
        for (h, [squares, cubes, _]) in own.iter().enumerate() {
            let joined = if pools[h].is_some() { JOINED } else { 0.0 };
            let degrees = (self.n[h] as f64 - 1.0).max(1.0) + joined;
            let each = (squares + joined * scale[h] * pools[h].unwrap_or(0.0)) / degrees;
            let area = self.strata[h].area / below;
            let v = area.powi(2) * self.per_unit(h) * each;
            third += area.powi(3) * self.per_unit(h).powi(2) * cubes / (self.n[h] as f64 - 1.0).max(1.0);
            variance += v;
            spread += v * v / degrees;
        }
        let degrees = if spread > 0.0 { (variance * variance / spread).min(MOST_DEGREES) } else { MOST_DEGREES };
        let is_fraction = y.iter().all(|v| (0.0..=1.0).contains(v));
        let variance = settled(variance, if is_fraction { 1.0 } else { value });
        let found = if is_fraction {
            Estimate::fraction(value.clamp(0.0, 1.0), variance, n)
        } else {
            let skewness = if variance > 0.0 { third / variance.powf(1.5) } else { 0.0 };
            Estimate { skewness, ..Estimate::plain(value, variance, n) }
        };
        let found = Estimate { degrees, ..found };
        let degenerate = is_fraction && (variance <= 0.0 || found.value <= 0.0 || found.value >= 1.0);
        Ok(Some(if degenerate { Estimate { effective_n: self.kish(inside), ..found } } else { found }))
    }

    /// Variance of `y` over the pool of each stratum; none for a stratum alone in its pool.
    fn pool_variances(&self, y: &[f64]) -> Result<Vec<Option<f64>>, EstimateError> {
        let squares: Vec<f64> = y.iter().map(|v| v * v).collect();
        let (first, second) = (self.stratum_means(y)?, self.stratum_means(&squares)?);
        let groups = self.pools.iter().max().map_or(0, |m| m + 1);
        let (mut area, mut members) = (vec![0.0; groups], vec![0usize; groups]);
        let (mut sum, mut sum2) = (vec![0.0; groups], vec![0.0; groups]);
        for (h, &g) in self.pools.iter().enumerate() {
            let a = self.strata[h].area;
            (area[g], sum[g], sum2[g]) = (area[g] + a, sum[g] + a * first[h], sum2[g] + a * second[h]);
            members[g] += 1;
        }
        let variance = |g: usize| (sum2[g] / area[g] - (sum[g] / area[g]).powi(2)).max(0.0);
        Ok(self.pools.iter().map(|&g| (members[g] > 1).then(|| variance(g))).collect())
    }
}
