//! Sample sizes for a wanted precision, and their allocation among strata.

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require, same_length};

/// What is expected of a stratum before anything is labelled.
#[derive(Debug, Clone, PartialEq)]
pub struct Anticipated {
    /// Its fraction of the area; all sum to 1.
    pub weight: f64,
    /// Number of units in it.
    pub population: u64,
    /// Standard deviation of the target variable within it: `sqrt(p (1 - p))` for a fraction `p`.
    pub deviation: f64,
}

/// How a sample is split among strata.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Allocation {
    /// By the strata's area.
    Proportional,
    /// By area times anticipated standard deviation: the least variance for the number of units.
    Neyman,
    /// The same number in each.
    Equal,
}

impl Allocation {
    /// Fraction of the sample that goes to each stratum; sums to 1.
    fn fractions(self, strata: &[Anticipated]) -> Vec<f64> {
        let raw: Vec<f64> = strata
            .iter()
            .map(|s| match self {
                Self::Proportional => s.weight,
                Self::Neyman => s.weight * s.deviation,
                Self::Equal => 1.0,
            })
            .collect();
        let sum: f64 = raw.iter().sum();
        // Neyman without any anticipated spread has nothing to go by.
        if sum > 0.0 { raw.iter().map(|r| r / sum).collect() } else { Self::Proportional.fractions(strata) }
    }
}

/// Number of units for a wanted standard error under Neyman or proportional allocation, Olofsson et al. 2014 eq. 13
/// (Cochran 1977, eq. 5.25): `n = (sum W S)^2 / (SE^2 + sum W S^2 / N)`, rounded up; the last term matters only for a small
/// map. `finite` false leaves it out, as the paper does.
///
/// # Errors
/// A standard error that is not positive.
pub(crate) fn size_for_standard_error(strata: &[Anticipated], wanted: f64, finite: bool) -> Result<u64, EstimateError> {
    require(wanted.is_finite() && wanted > 0.0, "target standard error", "the sample", wanted, "must be positive")?;
    let first: f64 = strata.iter().map(|s| s.weight * s.deviation).sum();
    let second: f64 = strata.iter().map(|s| s.weight * s.deviation.powi(2)).sum();
    let population: u64 = strata.iter().map(|s| s.population).sum();
    let correction = if finite && population > 0 { second / population as f64 } else { 0.0 };
    Ok(ceil(first * first / (wanted * wanted + correction)))
}

/// Variance of a class's fraction that is its wanted CV, for the fractions anticipated in the strata.
pub(crate) fn variance_for_cv(
    strata: &[Anticipated],
    class_fractions: &[f64],
    wanted: f64,
) -> Result<f64, EstimateError> {
    same_length("the anticipated class fractions", class_fractions.len(), strata.len())?;
    require(wanted.is_finite() && wanted > 0.0, "target CV", "the class", wanted, "must be positive")?;
    let fraction: f64 = strata.iter().zip(class_fractions).map(|(s, p)| s.weight * p).sum();
    require(fraction > 0.0, "anticipated fraction", "the class", fraction, "must be positive")?;
    Ok((wanted * fraction).powi(2))
}

/// Rounds up, forgiving the last bits of the arithmetic: 641.0000000001 is 641.
fn ceil(n: f64) -> u64 {
    (n - 1e-9 * n.abs()).ceil().max(0.0) as u64
}

/// Whole numbers of units for each stratum: `min_per_stratum` for each first (or all of a smaller stratum), the rest by `allocation`,
/// never more than a stratum holds; rounding by largest remainders, so that the sum is `n`, or more where the minimum numbers
/// alone exceed it.
///
/// # Errors
/// When all strata together hold fewer than `n` units.
pub(crate) fn allocate(
    strata: &[Anticipated],
    allocation: Allocation,
    n: u64,
    min_per_stratum: u64,
) -> Result<Vec<u64>, EstimateError> {
    let population: u64 = strata.iter().map(|s| s.population).sum();
    if population < n {
        return Err(EstimateError::MoreThanPopulation { population, n });
    }
    let floor: Vec<u64> = strata.iter().map(|s| min_per_stratum.min(s.population)).collect();
    let fractions = allocation.fractions(strata);
    // Strata at their floor or at their population leave the rest to the others, until nothing changes.
    let mut fixed: Vec<Option<u64>> = vec![None; strata.len()];
    loop {
        let left = n.saturating_sub(fixed.iter().flatten().sum()) as f64;
        let open: f64 = fractions.iter().zip(&fixed).filter(|(_, f)| f.is_none()).map(|(s, _)| s).sum();
        let ideal = |k: usize| if open > 0.0 { left * fractions[k] / open } else { 0.0 };
        let above = (0..strata.len()).find(|&k| fixed[k].is_none() && ideal(k) > strata[k].population as f64);
        let below = (0..strata.len()).find(|&k| fixed[k].is_none() && ideal(k) < floor[k] as f64);
        match below.map(|k| (k, floor[k])).or(above.map(|k| (k, strata[k].population))) {
            Some((k, value)) => fixed[k] = Some(value),
            None => return Ok(round(&fixed, ideal, left as u64, strata)),
        }
    }
}

fn round(fixed: &[Option<u64>], ideal: impl Fn(usize) -> f64, left: u64, strata: &[Anticipated]) -> Vec<u64> {
    let mut result: Vec<u64> = (0..fixed.len()).map(|k| fixed[k].unwrap_or(ideal(k).floor() as u64)).collect();
    let open: Vec<usize> = (0..fixed.len()).filter(|&k| fixed[k].is_none()).collect();
    let mut missing = left.saturating_sub(open.iter().map(|&k| result[k]).sum());
    let mut order = open;
    order.sort_by(|&a, &b| ideal(b).fract().total_cmp(&ideal(a).fract()).then(a.cmp(&b)));
    for k in order {
        if missing > 0 && result[k] < strata[k].population {
            result[k] += 1;
            missing -= 1;
        }
    }
    // Rounding can leave a unit over where strata are full: any stratum with room takes it.
    for k in 0..result.len() {
        let room = (strata[k].population - result[k]).min(missing);
        result[k] += room;
        missing -= room;
    }
    result
}

/// Standard deviation of a fraction.
pub fn fraction_deviation(fraction: f64) -> f64 {
    (fraction * (1.0 - fraction)).max(0.0).sqrt()
}

/// Anticipated fraction of class `class` in each stratum, from the anticipated user's accuracies: in its own stratum the
/// accuracy itself; in another, that stratum's errors are split among the other classes by their area. Strata are map
/// classes here.
pub fn anticipated_class_fractions(weights: &[f64], users: &[f64], class: usize) -> Vec<f64> {
    let others = |h: usize| weights.iter().enumerate().filter(|(k, _)| *k != h).map(|(_, w)| w).sum::<f64>();
    (0..weights.len())
        .map(|h| {
            if h == class {
                users[h]
            } else if others(h) > 0.0 {
                (1.0 - users[h]) * weights[class] / others(h)
            } else {
                0.0
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn olofsson() -> Vec<Anticipated> {
        [(0.02, 0.7), (0.015, 0.6), (0.32, 0.9), (0.645, 0.95)]
            .map(|(weight, users)| Anticipated {
                weight,
                population: (weight * 1e7) as u64,
                deviation: fraction_deviation(users),
            })
            .to_vec()
    }

    /// Olofsson et al. 2014, section 5.1.1: a standard error of .01 of overall accuracy needs 641 units.
    #[test]
    fn olofsson_2014_needs_641_units() {
        assert_eq!(size_for_standard_error(&olofsson(), 0.01, false), Ok(641));
        assert_eq!(size_for_standard_error(&olofsson(), 0.01, true), Ok(641));
    }

    #[test]
    fn rare_strata_get_their_minimum_number() {
        // 641 units by area would be 13, 10, 205, 413; with at min_per_stratum 75 each: 75, 75 and 491 split .32 : .645.
        let n = allocate(&olofsson(), Allocation::Proportional, 641, 75).unwrap();
        assert_eq!(n, [75, 75, 163, 328]);
        assert_eq!(allocate(&olofsson(), Allocation::Equal, 641, 0).unwrap().iter().sum::<u64>(), 641);
    }

    proptest! {
        #[test]
        fn an_allocation_adds_up_and_fits(
            sizes in prop::collection::vec(1u64..400, 1..9), n in 0u64..400, min_per_stratum in 0u64..30, kind in 0usize..3,
        ) {
            let total: u64 = sizes.iter().sum();
            let strata: Vec<_> = sizes.iter().map(|&s| Anticipated {
                weight: s as f64 / total as f64, population: s, deviation: fraction_deviation(1.0 / s as f64),
            }).collect();
            let kind = [Allocation::Proportional, Allocation::Neyman, Allocation::Equal][kind];
            match allocate(&strata, kind, n, min_per_stratum) {
                Err(_) => prop_assert!(n > total),
                Ok(units) => {
                    let floors: u64 = sizes.iter().map(|&s| min_per_stratum.min(s)).sum();
                    prop_assert_eq!(units.iter().sum::<u64>(), n.max(floors));
                    prop_assert!(units.iter().zip(&sizes).all(|(u, s)| u <= s && *u >= min_per_stratum.min(*s)));
                }
            }
        }
    }
}
