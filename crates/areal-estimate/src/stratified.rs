use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require, same_length};

/// A stratum of the population, with its known size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stratum {
    /// Its name.
    pub name: String,
    /// Number of units (cells) in it.
    pub population: u64,
    /// Their area together. Any unit, the same for all strata.
    pub area: f64,
}

/// A number from a probability sample, with its design-based error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The estimate.
    pub value: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Labelled units that carry it.
    pub n: usize,
    /// Number of units of a simple random sample that would give the same standard error of a share (Kish 1965,
    /// Survey Sampling, section 8.2): `p (1 - p) / V(p)`; `n` where the variance is zero, and for a value that is no share.
    pub effective_n: f64,
    /// Covariance of the value with its estimated variance, over the standard error cubed; where hardly any of the population is
    /// drawn, the skewness of the estimator. 0 where it is not known, as of a model's number.
    pub skewness: f64,
    /// Degrees of freedom of the standard error once the value is given ([`StratifiedSample::mean`]); at most
    /// [`MOST_DEGREES`], which stands for "as good as known".
    pub degrees: f64,
}

/// So many degrees of freedom are as good as any number of them.
pub const MOST_DEGREES: f64 = 1e6;

impl Estimate {
    /// Coefficient of variation; `None` at zero.
    pub fn cv(&self) -> Option<f64> {
        (self.value != 0.0).then(|| self.standard_error / self.value.abs())
    }

    pub(crate) fn share(value: f64, variance: f64, n: usize) -> Self {
        let spread = value * (1.0 - value);
        let effective_n = if variance > 0.0 && spread > 0.0 { spread / variance } else { n as f64 };
        Self { value, standard_error: variance.max(0.0).sqrt(), n, effective_n, skewness: 0.0, degrees: MOST_DEGREES }
    }

    pub(crate) fn plain(value: f64, variance: f64, n: usize) -> Self {
        let standard_error = variance.max(0.0).sqrt();
        Self { value, standard_error, n, effective_n: n as f64, skewness: 0.0, degrees: MOST_DEGREES }
    }

    /// The mean that a total of so large an area makes. `equal` units of the same weight weigh as much as those that carry it:
    /// what a share rests on where the sample saw no spread.
    pub(crate) fn of_total(value: f64, total: &Total, area: f64, (n, equal): (usize, f64), is_share: bool) -> Self {
        let variance = settled(total.variance / (area * area), if is_share { 1.0 } else { value });
        let found = if is_share { Self::share(value, variance, n) } else { Self::plain(value, variance, n) };
        if variance <= 0.0 {
            return Self { effective_n: equal, ..found };
        }
        Self { skewness: total.skewness(), degrees: total.degrees(is_share), ..found }
    }

    /// Value and standard error times a known `factor`: a share of a known area becomes an area.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        let (value, standard_error) = (self.value * factor, self.standard_error * factor.abs());
        Self { value, standard_error, skewness: self.skewness * factor.signum(), ..self }
    }
}

/// A variance without what rounding leaves of none, for a number of this size.
fn settled(variance: f64, size: f64) -> f64 {
    if variance > 1e-20 * size * size { variance } else { 0.0 }
}

/// A sum over the whole area and the moments of its estimator.
pub(crate) struct Total {
    pub value: f64,
    pub variance: f64,
    /// Covariance of the value with its estimated variance.
    pub third: f64,
    /// Variance of the estimated variance.
    pub fourth: f64,
    /// The same for a normal variable.
    pub normal: f64,
}

impl Total {
    fn skewness(&self) -> f64 {
        if self.variance > 0.0 { self.third / self.variance.powf(1.5) } else { 0.0 }
    }

    /// Satterthwaite's `2 V2 / Var(V)` (1946, Biometrics Bulletin 2:110) without what the value itself explains of the
    /// variance, `Cov(value, V)2 / V`: nearly all of it for a share of one stratum, whose variance is known once the share is.
    /// For a value, whose moments few units tell too small, never more than for a normal variable.
    fn degrees(&self, is_share: bool) -> f64 {
        let explained = self.third * self.third / self.variance;
        let left = if is_share { self.fourth - explained } else { (self.fourth - explained).max(self.normal) };
        if left > 0.0 { (2.0 * self.variance * self.variance / left).clamp(1.0, MOST_DEGREES) } else { MOST_DEGREES }
    }
}

/// A stratified random sample of units.
///
/// Units may have unequal area (cells of a grid in degrees, say). They are drawn with equal probability within a stratum,
/// so a share *of area* is the ratio `sum a y / sum a` in each stratum, and its variance that of the ratio's
/// residuals `(a / mean a)(y - mean)` (Cochran 1977, Sampling Techniques, eq. 6.10 and section 6.10, separate ratio
/// estimate). With equal areas this is the ordinary stratified estimator (Cochran 1977, eq. 5.1 and 5.7).
#[derive(Debug, Clone)]
pub struct StratifiedSample {
    strata: Vec<Stratum>,
    of: Vec<usize>,
    size: Vec<f64>,
    n: Vec<usize>,
    area: f64,
    finite: bool,
    /// For each stratum the group that it shares its variance with.
    pools: Vec<usize>,
}

/// Units in a stratum below which its own variance says little.
pub const LEAST_IN_STRATUM: usize = 10;

/// Degrees of freedom that the variance over its pool has beside a stratum's own in [`StratifiedSample::domain`]. With two, the
/// intervals of zones cover the truth as they should (`tests/coverage`); without, a stratum of one class claims to have
/// no error.
const JOINED: f64 = 2.0;

impl StratifiedSample {
    /// A sample of units: for each its stratum (an index into `strata`) and its area. With `finite`, variances have the
    /// finite population correction `1 - n/N` of each stratum.
    ///
    /// # Errors
    /// A stratum without area, without units, with fewer than two labelled ones (unless all of it is labelled), or
    /// with more than it holds; a unit without area or of an unknown stratum.
    pub fn new(strata: Vec<Stratum>, units: &[(usize, f64)], finite: bool) -> Result<Self, EstimateError> {
        let mut n = vec![0usize; strata.len()];
        let mut sums = vec![0.0; strata.len()];
        for (k, &(h, a)) in units.iter().enumerate() {
            require(a.is_finite() && a > 0.0, "area", &format!("unit {k}"), a, "must be positive")?;
            let Some(count) = n.get_mut(h) else {
                return Err(EstimateError::Unknown { unit: k.to_string(), what: "stratum", value: h.to_string() });
            };
            *count += 1;
            sums[h] += a;
        }
        for (stratum, &n) in strata.iter().zip(&n) {
            let area = stratum.area;
            require(area.is_finite() && area > 0.0, "area", &stratum.name, area, "must be positive")?;
            if n as u64 > stratum.population {
                let (stratum, population) = (stratum.name.clone(), stratum.population);
                return Err(EstimateError::MoreThanAll { stratum, population, n: n as u64 });
            }
            if n < 2 && n as u64 != stratum.population {
                return Err(EstimateError::FewUnits { stratum: stratum.name.clone(), n });
            }
        }
        // Areas relative to the mean of the stratum's sample: 1 where all are equal.
        let size = units.iter().map(|&(h, a)| a * n[h] as f64 / sums[h]).collect();
        let area = strata.iter().map(|s| s.area).sum();
        let pools = (0..strata.len()).collect();
        Ok(Self { of: units.iter().map(|u| u.0).collect(), size, strata, n, area, finite, pools })
    }

    /// The same sample whose strata lend each other their variance within a pool ([`domain`](Self::domain)): for each
    /// stratum the number of its pool. Strata of one map class in many zones, say.
    ///
    /// # Errors
    /// When there is not one pool a stratum.
    pub fn pooled(self, pools: Vec<usize>) -> Result<Self, EstimateError> {
        same_length("the pools of the strata", pools.len(), self.strata.len())?;
        Ok(Self { pools, ..self })
    }

    /// The strata.
    pub fn strata(&self) -> &[Stratum] {
        &self.strata
    }

    /// Index of each unit's stratum.
    pub fn stratum_of(&self) -> &[usize] {
        &self.of
    }

    /// Number of labelled units.
    pub fn len(&self) -> usize {
        self.of.len()
    }

    /// True when no unit is labelled.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Labelled units of each stratum.
    pub fn counts(&self) -> &[usize] {
        &self.n
    }

    /// True when variances have the finite population correction.
    pub(crate) fn is_finite(&self) -> bool {
        self.finite
    }

    /// Area of one unit, as the estimator takes it: relative to its stratum's sample, on the scale of its population.
    pub(crate) fn unit_area(&self, unit: usize) -> f64 {
        let stratum = &self.strata[self.of[unit]];
        self.size[unit] * stratum.area / stratum.population as f64
    }

    /// Area of all strata.
    pub fn area(&self) -> f64 {
        self.area
    }

    /// Area that each unit stands for: `A_h size / n_h`. Sums to [`area`](Self::area).
    pub fn weights(&self) -> Vec<f64> {
        let each = |(&h, &s): (&usize, &f64)| self.strata[h].area * s / self.n[h] as f64;
        self.of.iter().zip(&self.size).map(each).collect()
    }

    /// Area-weighted mean of `y` in each stratum.
    ///
    /// # Errors
    /// When `y` has not one value a unit.
    pub fn stratum_means(&self, y: &[f64]) -> Result<Vec<f64>, EstimateError> {
        same_length("the variable", y.len(), self.len())?;
        let mut sums = vec![0.0; self.strata.len()];
        for ((&h, &s), &y) in self.of.iter().zip(&self.size).zip(y) {
            sums[h] += s * y;
        }
        Ok(sums.iter().zip(&self.n).map(|(s, &n)| if n == 0 { 0.0 } else { s / n as f64 }).collect())
    }

    /// Sums of the second to fourth powers of the residuals of `y` about the mean of each stratum.
    fn stratum_powers(&self, y: &[f64], means: &[f64]) -> Vec<Powers> {
        let mut sums = vec![[0.0; 3]; self.strata.len()];
        for ((&h, &s), &y) in self.of.iter().zip(&self.size).zip(y) {
            let e = s * (y - means[h]);
            let [second, third, fourth] = &mut sums[h];
            *second += e.powi(2);
            *third += e.powi(3);
            *fourth += e.powi(4);
        }
        sums
    }

    /// The sum of `y` over the whole area and the moments of its estimator. With `m_k` the `k`th moment of the residuals in a
    /// stratum, `(1 - n/N) m2 / n` is the variance of a stratum's mean, `(1 - n/N)2 m3 / n2` the covariance of the two
    /// (Kott and Liu 2009, Int. Statistical Review 77:251, section 2, without the correction), and
    /// `(1 - n/N)3 (m4 - (n-3)/(n-1) m2^2) / n3` the variance of that variance (Cochran 1977, section 2.15), with the normal
    /// variable's `2 m2^2 / (n-1)` for comparison (eq. 5.16).
    pub(crate) fn total(&self, y: &[f64]) -> Result<Total, EstimateError> {
        let means = self.stratum_means(y)?;
        let powers = self.stratum_powers(y, &means);
        let mut total = Total { value: self.weighted(&means), variance: 0.0, third: 0.0, fourth: 0.0, normal: 0.0 };
        for (h, (stratum, [s2, s3, s4])) in self.strata.iter().zip(&powers).enumerate() {
            let (area, n) = (stratum.area, self.n[h] as f64);
            if n < 2.0 {
                // One unit is all of the stratum.
                continue;
            }
            let (m2, m3, m4) = (s2 / (n - 1.0), s3 / (n - 1.0), s4 / (n - 1.0));
            let per_unit = self.per_unit(h);
            total.variance += area.powi(2) * per_unit * m2;
            total.third += area.powi(3) * per_unit.powi(2) * m3;
            let spread = (m4 - (n - 3.0) / (n - 1.0) * m2 * m2).max(0.0);
            total.fourth += area.powi(4) * per_unit.powi(3) * spread;
            total.normal += area.powi(4) * per_unit.powi(2) * 2.0 * m2 * m2 / (n - 1.0);
        }
        Ok(total)
    }

    /// The sum of `y` over the whole area, `sum A_h mean_h`, where its moments are not wanted.
    pub(crate) fn sum(&self, y: &[f64]) -> Result<f64, EstimateError> {
        Ok(self.weighted(&self.stratum_means(y)?))
    }

    fn weighted(&self, means: &[f64]) -> f64 {
        self.strata.iter().zip(means).map(|(stratum, mean)| stratum.area * mean).sum()
    }

    /// Mean of `y` over the whole area; for `y` of zeros and ones, the share of area.
    /// Stehman 2014 (Int. J. Remote Sensing 35:4923), eq. 3, 25 and 26; Olofsson et al. 2014, eq. 9 and 10.
    ///
    /// # Errors
    /// When `y` has not one value a unit.
    pub fn mean(&self, y: &[f64]) -> Result<Estimate, EstimateError> {
        let total = self.total(y)?;
        let share = y.iter().all(|v| (0.0..=1.0).contains(v));
        let units = self.units();
        Ok(Estimate::of_total(total.value / self.area, &total, self.area, units, share))
    }

    /// Combined ratio `R = sum y / sum x` with the variance of its residuals `y - R x`: Stehman 2014, eq. 27 and 28
    /// (Cochran 1977, eq. 6.44). `None` when the denominator is zero: nothing in the sample to divide by.
    ///
    /// # Errors
    /// When `y` or `x` has not one value a unit.
    pub fn ratio(&self, y: &[f64], x: &[f64]) -> Result<Option<Estimate>, EstimateError> {
        same_length("the variable", y.len(), self.len())?;
        let below = self.sum(x)?;
        if below <= 0.0 {
            return Ok(None);
        }
        let ratio = self.sum(y)? / below;
        let residuals: Vec<f64> = y.iter().zip(x).map(|(y, x)| y - ratio * x).collect();
        let n = x.iter().filter(|&&x| x != 0.0).count();
        let share = (0.0..=1.0).contains(&ratio);
        Ok(Some(Estimate::of_total(ratio, &self.total(&residuals)?, below, (n, self.kish(x)), share)))
    }

    /// Mean of `y` over a part of the area: `inside` is the fraction of each unit in it. The combined ratio of
    /// [`ratio`](Self::ratio) (a domain; Sarndal, Swensson and Wretman 1992, eq. 5.8.4), but beside each stratum's own variance
    /// that over its pool counts for two degrees of freedom: a stratum with few units has too few for a variance of its own,
    /// and none at all where they are of one class (a moderated variance, Smyth 2004, Stat. Appl. in Genetics and
    /// Molecular Biology 3:3, with the prior's degrees fixed). A stratum that is its whole pool keeps its own. The degrees of
    /// freedom are Satterthwaite's (Cochran 1977, eq. 5.16); a part has too few units for higher moments. `None` where nothing
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
        let (mut variance, mut spread) = (0.0, 0.0);
        for (h, [squares, ..]) in own.iter().enumerate() {
            let joined = if pools[h].is_some() { JOINED } else { 0.0 };
            let degrees = (self.n[h] as f64 - 1.0).max(1.0) + joined;
            let each = (squares + joined * scale[h] * pools[h].unwrap_or(0.0)) / degrees;
            let v = (self.strata[h].area / below).powi(2) * self.per_unit(h) * each;
            variance += v;
            spread += v * v / degrees;
        }
        let degrees = if spread > 0.0 { (variance * variance / spread).min(MOST_DEGREES) } else { MOST_DEGREES };
        let is_share = y.iter().all(|v| (0.0..=1.0).contains(v));
        let variance = settled(variance, if is_share { 1.0 } else { value });
        let found = if is_share {
            Estimate::share(value.clamp(0.0, 1.0), variance, n)
        } else {
            Estimate::plain(value, variance, n)
        };
        let found = Estimate { degrees, ..found };
        let degenerate = is_share && (variance <= 0.0 || found.value <= 0.0 || found.value >= 1.0);
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

    /// `(1 - n/N) / n` of a stratum; 0 where one unit is all of it.
    fn per_unit(&self, h: usize) -> f64 {
        let n = self.n[h] as f64;
        if n < 2.0 { 0.0 } else { (1.0 - self.drawn(h)).max(0.0) / n }
    }

    /// The part of a stratum's units that is in the sample, where variances are to know of it.
    fn drawn(&self, h: usize) -> f64 {
        if self.finite { self.n[h] as f64 / self.strata[h].population as f64 } else { 0.0 }
    }

    /// All units: how many, and how many of equal weight weigh as much.
    pub(crate) fn units(&self) -> (usize, f64) {
        (self.len(), self.kish(&vec![1.0; self.len()]))
    }

    /// Number of equally weighted units that weigh as much as those inside (Kish 1965, section 11.7): `(sum w)^2 / sum w^2`.
    fn kish(&self, inside: &[f64]) -> f64 {
        let weights = self.weights();
        let (sum, squares) =
            weights.iter().zip(inside).fold((0.0, 0.0), |(a, b), (w, z)| (a + w * z, b + (w * z).powi(2)));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}

/// Sums of the second to fourth powers.
type Powers = [f64; 3];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stratum(name: &str, population: u64, area: f64) -> Stratum {
        Stratum { name: name.into(), population, area }
    }

    #[test]
    fn one_stratum_is_the_textbook_mean() {
        // y = 1, 2, 4: mean 7/3, s2 = 7/3, V = (1 - 3/30) s2 / 3 = .7.
        let s = StratifiedSample::new(vec![stratum("all", 30, 30.0)], &[(0, 1.0), (0, 1.0), (0, 1.0)], true).unwrap();
        let e = s.mean(&[1.0, 2.0, 4.0]).unwrap();
        assert!((e.value - 7.0 / 3.0).abs() < 1e-12 && (e.standard_error - 0.7f64.sqrt()).abs() < 1e-12);
    }

    /// Of one stratum a share's variance is known once the share is; of several it is not.
    #[test]
    fn moments_of_a_share() {
        // y = 1, 0, 0, 0: mean 1/4, residuals .75 and three of -.25; squares .75, cubes .375, fourths .328125, each by 3.
        let y = [1.0, 0.0, 0.0, 0.0];
        let one = StratifiedSample::new(vec![stratum("all", 8, 1.0)], &[(0, 1.0); 4], true).unwrap();
        let total = one.total(&y).unwrap();
        // Half the population is drawn: per unit 1/8.
        let expected: [f64; 4] =
            [0.25 / 8.0, 0.125 / 64.0, (0.109_375 - 0.0625 / 3.0) / 512.0, 2.0 * 0.0625 / 3.0 / 64.0];
        for (found, expected) in [total.variance, total.third, total.fourth, total.normal].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
        let e = one.mean(&y).unwrap();
        let left = expected[2] - expected[1] * expected[1] / expected[0];
        assert!((e.skewness - expected[1] / expected[0].powf(1.5)).abs() < 1e-12);
        assert!((e.degrees - 2.0 * expected[0].powi(2) / left).abs() < 1e-9, "{e:?}");
        // Four units of a value leave three degrees at most.
        let e = one.mean(&[10.0, 0.0, 0.0, 0.0]).unwrap();
        assert!((e.degrees - 3.0).abs() < 1e-9, "{e:?}");
        // Of two strata that mirror each other the skewness cancels, and nothing is known of the variance.
        let strata = vec![stratum("a", 400, 4.0), stratum("b", 400, 4.0)];
        let units: Vec<(usize, f64)> = (0..8).map(|k| (k / 4, 1.0)).collect();
        let two = StratifiedSample::new(strata, &units, false).unwrap();
        let e = two.mean(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0]).unwrap();
        let (v, fourth): (f64, f64) = (0.25 / 4.0, (0.109_375 - 0.0625 / 3.0) / 64.0);
        let degrees = 2.0 * (2.0 * v).powi(2) / (2.0 * fourth);
        assert!(e.skewness.abs() < 1e-12 && (e.degrees - degrees).abs() < 1e-9, "{e:?}");
    }

    /// Rounding left a standard error of 1e-16, and an interval without width that was called good.
    #[test]
    fn a_share_without_an_error_in_the_sample_has_none_of_rounding() {
        let strata = vec![stratum("a", 300, 29.3), stratum("b", 1000, 71.9)];
        let units: Vec<(usize, f64)> = (0..40).map(|k| (k / 20, 1.0 + 0.1 * (k % 7) as f64)).collect();
        let s = StratifiedSample::new(strata, &units, true).unwrap();
        let y: Vec<f64> = units.iter().map(|u| f64::from(u.0 == 0)).collect();
        let e = s.mean(&y).unwrap();
        assert_eq!(e.standard_error, 0.0, "{e:?}");
        // As many equal units as weigh as much: 40 units, but most of the area on 20.
        assert!(e.effective_n > 25.0 && e.effective_n < 36.0, "{e:?}");
        let interval = crate::share_interval(&e, 0.95);
        assert!(interval.high - interval.low > 0.1, "{interval:?}");
    }

    #[test]
    fn unequal_cells_weigh_by_their_area() {
        // Areas 1 and 3, the class on the larger: 3/4 of the area. Residuals relative to mean area 2:
        // .5 (0 - .75) = -.375 and 1.5 (1 - .75) = .375, s2/n = 2 * .140625 / (2 * 1).
        let s = StratifiedSample::new(vec![stratum("all", 100, 200.0)], &[(0, 1.0), (0, 3.0)], false).unwrap();
        let e = s.mean(&[0.0, 1.0]).unwrap();
        assert!((e.value - 0.75).abs() < 1e-12 && (e.standard_error - 0.375).abs() < 1e-12, "{e:?}");
        assert!((s.weights().iter().sum::<f64>() - 200.0).abs() < 1e-9);
    }

    #[test]
    fn a_stratum_needs_two_units_or_all() {
        let strata = vec![stratum("a", 10, 1.0), stratum("b", 10, 1.0)];
        let few = StratifiedSample::new(strata, &[(0, 1.0), (0, 1.0), (1, 1.0)], true).unwrap_err();
        assert_eq!(few, EstimateError::FewUnits { stratum: "b".into(), n: 1 });
        let strata = vec![stratum("a", 10, 1.0), stratum("b", 1, 1.0)];
        assert!(StratifiedSample::new(strata, &[(0, 1.0), (0, 1.0), (1, 1.0)], true).is_ok());
    }

    /// Two units of one class in a stratum are no proof that there is no other: the pool's variance stands in.
    #[test]
    fn a_stratum_of_two_equal_units_borrows_the_variance_of_its_pool() {
        let strata = vec![stratum("a", 100, 100.0), stratum("b", 100, 100.0)];
        let units = [(0, 1.0), (0, 1.0), (1, 1.0), (1, 1.0), (1, 1.0), (1, 1.0)];
        let s = StratifiedSample::new(strata, &units, false).unwrap();
        let (y, inside) = ([1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let alone = s.domain(&y, &inside).unwrap().unwrap();
        assert_eq!((alone.value, alone.standard_error, alone.effective_n), (1.0, 0.0, 2.0));
        // The pool is 1 and 3/4 in equal parts, 7/8, with variance 7/64. Own squares of 0 with 1 degree of freedom and the
        // pool's variance with 2: 14/64/3, over 2 units.
        let pooled = s.pooled(vec![0, 0]).unwrap().domain(&y, &inside).unwrap().unwrap();
        assert!((pooled.standard_error - (14.0 / 64.0 / 3.0 / 2.0f64).sqrt()).abs() < 1e-12, "{pooled:?}");
        assert!((pooled.degrees - 3.0).abs() < 1e-12, "{pooled:?}");
    }

    proptest! {
        #[test]
        fn shares_of_a_partition_add_up(codes in prop::collection::vec(0usize..4, 6..60)) {
            let strata = vec![stratum("a", 1000, 3.0), stratum("b", 500, 1.0)];
            let units: Vec<_> = (0..codes.len()).map(|k| (k % 2, 1.0 + (k % 5) as f64)).collect();
            let s = StratifiedSample::new(strata, &units, true).unwrap();
            let share = |c| s.mean(&codes.iter().map(|&k| f64::from(k == c)).collect::<Vec<_>>()).unwrap().value;
            prop_assert!(((0..4).map(share).sum::<f64>() - 1.0).abs() < 1e-12);
        }
    }
}
