//! A stratified random sample of units, and the means, totals and ratios estimated from it.

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require, same_length};
use crate::estimate::{Estimate, Total};

/// A stratum of the population, with its known size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stratum {
    pub name: String,
    /// Number of units (cells) in the stratum.
    pub population: u64,
    /// Total area of these units, in the unit that all strata use.
    pub area: f64,
}

/// A stratified random sample of units.
///
/// Units may have unequal area (cells of a grid in degrees, say). They are drawn with equal probability within a stratum,
/// so a fraction *of area* is the ratio `sum a y / sum a` in each stratum, and its variance that of the ratio's
/// residuals `(a / mean a)(y - mean)` (Cochran 1977, Sampling Techniques, eq. 6.10 and section 6.10, separate ratio
/// estimate). With equal areas this is the ordinary stratified estimator (Cochran 1977, eq. 5.1 and 5.7).
///
/// ```
/// use areal_estimate::{StratifiedSample, Stratum, fraction_interval};
///
/// # fn main() -> Result<(), areal_estimate::EstimateError> {
/// // A map of 1000 km2: 300 km2 mapped as forest, 700 km2 as other; three units are drawn from each map class.
/// let strata = vec![
///     Stratum { name: "forest".into(), population: 300, area: 300.0 },
///     Stratum { name: "other".into(), population: 700, area: 700.0 },
/// ];
/// let units = [(0, 1.0), (0, 1.0), (0, 1.0), (1, 1.0), (1, 1.0), (1, 1.0)];
/// let sample = StratifiedSample::new(strata, &units, true)?;
/// // Is the unit forest? Two of the three mapped as forest are, one of the three mapped as other is.
/// let forest = sample.mean(&[1.0, 1.0, 0.0, 1.0, 0.0, 0.0])?;
/// let km2 = forest.scaled(sample.area());
/// assert!((km2.value - (300.0 * 2.0 / 3.0 + 700.0 / 3.0)).abs() < 1e-9);
/// assert!(km2.standard_error > 0.0);
/// let interval = fraction_interval(&forest, 0.95);
/// assert!(interval.low < forest.value && forest.value < interval.high);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StratifiedSample {
    pub(crate) strata: Vec<Stratum>,
    /// Index of each unit's stratum.
    of: Vec<usize>,
    /// Area of each unit over the mean area of its stratum's sample.
    size: Vec<f64>,
    /// Sums of the second and third powers of these, by stratum.
    size_powers: Vec<[f64; 2]>,
    /// Labelled units of each stratum.
    pub(crate) n: Vec<usize>,
    area: f64,
    finite: bool,
    /// For each stratum the group of strata that it shares its variance with.
    pub(crate) pools: Vec<usize>,
}

/// Below this number of units in a stratum its own variance is unreliable.
pub const MIN_UNITS_IN_STRATUM: usize = 10;

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
        let size: Vec<f64> = units.iter().map(|&(h, a)| a * n[h] as f64 / sums[h]).collect();
        Ok(Self::of_parts(strata, units, size, n, finite))
    }

    /// A sample in which a stratum may be without a unit, or with one: only the posterior can be taken of it. `units` are the stratum of each
    /// and its weight, of any scale.
    pub(crate) fn thin(strata: Vec<Stratum>, units: &[(usize, f64)], finite: bool) -> Self {
        let mut n = vec![0usize; strata.len()];
        let mut sums = vec![0.0; strata.len()];
        for &(h, weight) in units {
            n[h] += 1;
            sums[h] += weight;
        }
        let size: Vec<f64> = units.iter().map(|&(h, weight)| weight * n[h] as f64 / sums[h]).collect();
        Self::of_parts(strata, units, size, n, finite)
    }

    fn of_parts(strata: Vec<Stratum>, units: &[(usize, f64)], size: Vec<f64>, n: Vec<usize>, finite: bool) -> Self {
        let area = strata.iter().map(|s| s.area).sum();
        let mut size_powers = vec![[0.0; 2]; strata.len()];
        for (&(h, _), size) in units.iter().zip(&size) {
            let [second, third] = &mut size_powers[h];
            (*second, *third) = (*second + size.powi(2), *third + size.powi(3));
        }
        let pools = (0..strata.len()).collect();
        Self { of: units.iter().map(|u| u.0).collect(), size, size_powers, strata, n, area, finite, pools }
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

    /// Total area of all strata.
    pub fn area(&self) -> f64 {
        self.area
    }

    /// Cells on ground of this area, by the mean size of a cell.
    pub(crate) fn cells(&self, area: f64) -> f64 {
        let all: u64 = self.strata.iter().map(|s| s.population).sum();
        area / self.area * all as f64
    }

    /// Area of each unit over the mean area of its stratum's sample.
    pub(crate) fn sizes(&self) -> &[f64] {
        &self.size
    }

    /// Sums of the second and third powers of these by stratum.
    pub(crate) fn size_powers(&self) -> &[[f64; 2]] {
        &self.size_powers
    }

    /// Cells on ground of this area in one stratum.
    pub(crate) fn cells_of(&self, stratum: usize, area: f64) -> f64 {
        area / self.strata[stratum].area * self.strata[stratum].population as f64
    }

    /// Area that each unit represents: `A_h size / n_h`. Sums to [`area`](Self::area).
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
    pub(crate) fn stratum_powers(&self, y: &[f64], means: &[f64]) -> Vec<Powers> {
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

    /// Mean of `y` over the whole area; for `y` of zeros and ones, the fraction of area.
    /// Stehman 2014 (Int. J. Remote Sensing 35:4923), eq. 3, 25 and 26; Olofsson et al. 2014, eq. 9 and 10.
    ///
    /// # Errors
    /// When `y` has not one value a unit.
    pub fn mean(&self, y: &[f64]) -> Result<Estimate, EstimateError> {
        let total = self.total(y)?;
        let is_fraction = y.iter().all(|v| (0.0..=1.0).contains(v));
        Ok(Estimate::of_total(total.value / self.area, &total, self.area, self.units(), is_fraction))
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
        let is_fraction = (0.0..=1.0).contains(&ratio);
        Ok(Some(Estimate::of_total(ratio, &self.total(&residuals)?, below, (n, self.kish(x)), is_fraction)))
    }

    /// `(1 - n/N) / n` of a stratum; 0 where one unit is all of it.
    pub(crate) fn per_unit(&self, h: usize) -> f64 {
        if self.n[h] < 2 { 0.0 } else { self.undrawn(h) / self.n[h] as f64 }
    }

    /// The part of a stratum's units that the sample says nothing certain of: `1 - n/N` with the finite population correction, else
    /// 1; 0 where one unit is all of it.
    pub(crate) fn undrawn(&self, h: usize) -> f64 {
        let all = self.n[h] < 2 && self.n[h] as u64 == self.strata[h].population;
        if all { 0.0 } else { (1.0 - self.drawn(h)).max(0.0) }
    }

    /// Variance of each stratum's mean without the finite population correction; 0 where one unit is all of it.
    pub(crate) fn stratum_variances(&self, y: &[f64], means: &[f64]) -> Vec<f64> {
        let one = |([squares, ..], &n): (Powers, &usize)| if n < 2 { 0.0 } else { squares / ((n - 1) * n) as f64 };
        self.stratum_powers(y, means).into_iter().zip(&self.n).map(one).collect()
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
    pub(crate) fn kish(&self, inside: &[f64]) -> f64 {
        let weights = self.weights();
        let (sum, squares) =
            weights.iter().zip(inside).fold((0.0, 0.0), |(a, b), (w, z)| (a + w * z, b + (w * z).powi(2)));
        if squares > 0.0 { sum * sum / squares } else { 0.0 }
    }
}

/// Sums of the second to fourth powers.
pub(crate) type Powers = [f64; 3];

#[cfg(test)]
mod tests;
