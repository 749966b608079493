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
}

impl Estimate {
    /// Coefficient of variation; `None` at zero.
    pub fn cv(&self) -> Option<f64> {
        (self.value != 0.0).then(|| self.standard_error / self.value.abs())
    }

    pub(crate) fn share(value: f64, variance: f64, n: usize) -> Self {
        let spread = value * (1.0 - value);
        let effective_n = if variance > 0.0 && spread > 0.0 { spread / variance } else { n as f64 };
        Self { value, standard_error: variance.max(0.0).sqrt(), n, effective_n }
    }

    pub(crate) fn plain(value: f64, variance: f64, n: usize) -> Self {
        Self { value, standard_error: variance.max(0.0).sqrt(), n, effective_n: n as f64 }
    }

    /// Value and standard error times a known `factor`: a share of a known area becomes an area.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { value: self.value * factor, standard_error: self.standard_error * factor.abs(), ..self }
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
}

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
        Ok(Self { of: units.iter().map(|u| u.0).collect(), size, strata, n, area, finite })
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

    /// Variance of each stratum's mean of `y`: `(1 - n/N) s2 / n` with `s2` of the residuals.
    fn stratum_variances(&self, y: &[f64], means: &[f64]) -> Vec<f64> {
        let mut squares = vec![0.0; self.strata.len()];
        for ((&h, &s), &y) in self.of.iter().zip(&self.size).zip(y) {
            squares[h] += (s * (y - means[h])).powi(2);
        }
        let each = |(h, ss): (usize, &f64)| {
            let (n, population) = (self.n[h] as f64, self.strata[h].population as f64);
            let correction = if self.finite { (1.0 - n / population).max(0.0) } else { 1.0 };
            if n < 2.0 { 0.0 } else { correction * ss / (n * (n - 1.0)) }
        };
        squares.iter().enumerate().map(each).collect()
    }

    /// `sum A_h mean_h(y)` and the variance of that.
    pub(crate) fn total_with_variance(&self, y: &[f64]) -> Result<(f64, f64), EstimateError> {
        let means = self.stratum_means(y)?;
        let variances = self.stratum_variances(y, &means);
        let total = self.strata.iter().zip(&means).map(|(s, m)| s.area * m).sum();
        let variance = self.strata.iter().zip(&variances).map(|(s, v)| s.area * s.area * v).sum();
        Ok((total, variance))
    }

    /// Mean of `y` over the whole area; for `y` of zeros and ones, the share of area.
    /// Stehman 2014 (Int. J. Remote Sensing 35:4923), eq. 3, 25 and 26; Olofsson et al. 2014, eq. 9 and 10.
    ///
    /// # Errors
    /// When `y` has not one value a unit.
    pub fn mean(&self, y: &[f64]) -> Result<Estimate, EstimateError> {
        let (total, variance) = self.total_with_variance(y)?;
        let (value, variance) = (total / self.area, variance / self.area.powi(2));
        let share = y.iter().all(|v| (0.0..=1.0).contains(v));
        Ok(if share {
            Estimate::share(value, variance, self.len())
        } else {
            Estimate::plain(value, variance, self.len())
        })
    }

    /// Combined ratio `R = sum y / sum x` with the variance of its residuals `y - R x`: Stehman 2014, eq. 27 and 28
    /// (Cochran 1977, eq. 6.44). `None` when the denominator is zero: nothing in the sample to divide by.
    ///
    /// # Errors
    /// When `y` or `x` has not one value a unit.
    pub fn ratio(&self, y: &[f64], x: &[f64]) -> Result<Option<Estimate>, EstimateError> {
        same_length("the variable", y.len(), self.len())?;
        let (below, _) = self.total_with_variance(x)?;
        if below <= 0.0 {
            return Ok(None);
        }
        let (above, _) = self.total_with_variance(y)?;
        let ratio = above / below;
        let residuals: Vec<f64> = y.iter().zip(x).map(|(y, x)| y - ratio * x).collect();
        let (_, variance) = self.total_with_variance(&residuals)?;
        let n = x.iter().filter(|&&x| x != 0.0).count();
        let (share, variance) = ((0.0..=1.0).contains(&ratio), variance / (below * below));
        Ok(Some(if share { Estimate::share(ratio, variance, n) } else { Estimate::plain(ratio, variance, n) }))
    }
}

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
