//! Whether the sample is spread over the map as its area is: by zone, by class, by stratum.

use crate::error::EstimateError;
use crate::finding::{Finding, FindingKind};
use crate::stratified::{MIN_UNITS_IN_STRATUM, StratifiedSample, Stratum};

/// One group of the map, by zone or by class, for [`clustered`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupFraction {
    pub name: String,
    /// Fraction of the mapped area that lies in it.
    pub of_area: f64,
    /// Fraction of the sample that lies in it: weighted by the design where there is one, else of units.
    pub of_sample: f64,
    /// Standard error of the latter under the design; for a sample without one, of simple random sampling.
    pub standard_error: f64,
}

impl GroupFraction {
    /// A group with so much of the area; `inside` is the fraction of each unit in it.
    pub(crate) fn new(
        sample: &StratifiedSample,
        designed: bool,
        name: &str,
        of_area: f64,
        inside: &[f64],
    ) -> Result<Self, EstimateError> {
        let n = sample.len() as f64;
        let (of_sample, standard_error) = if designed {
            let e = sample.mean(inside)?;
            (e.value, e.standard_error)
        } else {
            (inside.iter().sum::<f64>() / n, (of_area * (1.0 - of_area) / n).max(0.0).sqrt())
        };
        Ok(Self { name: name.to_owned(), of_area, of_sample, standard_error })
    }

    /// The zones, each with its id and its area, as fractions of `total`; `membership` says in which zones each unit lies.
    pub(crate) fn of_zones<'a>(
        sample: &StratifiedSample,
        designed: bool,
        zones: impl Iterator<Item = (&'a str, f64)>,
        membership: &[Vec<(usize, f64)>],
        total: f64,
    ) -> Result<Vec<Self>, EstimateError> {
        let each = |(z, (id, area)): (usize, (&str, f64))| {
            let fraction = |of: &Vec<(usize, f64)>| of.iter().filter(|(k, _)| *k == z).map(|(_, f)| f).sum();
            let inside: Vec<f64> = membership.iter().map(fraction).collect();
            Self::new(sample, designed, id, area / total, &inside)
        };
        zones.enumerate().map(each).collect()
    }

    fn gap(&self) -> f64 {
        (self.of_sample - self.of_area).abs()
    }
}

/// A sample that lies away from the mapped area: groups whose fraction of the sample differs from their fraction of the area by
/// more than four standard errors and five points; or many groups that differ by less, so that a tenth of the sample more
/// than chance explains would have to lie elsewhere. Such a sample represents other ground than the map's.
pub(crate) fn clustered(what: &str, groups: &[GroupFraction]) -> Option<Finding> {
    let apart: Vec<&GroupFraction> =
        groups.iter().filter(|g| g.gap() > 0.05 && g.gap() > 4.0 * g.standard_error).collect();
    let worst = groups.iter().max_by(|a, b| a.gap().total_cmp(&b.gap()))?;
    let out = if !apart.is_empty() {
        format!("{} of {} {what} are out of proportion", apart.len(), groups.len())
    } else if spread_apart(groups) {
        let elsewhere = groups.iter().map(GroupFraction::gap).sum::<f64>() / 2.0;
        format!(
            "{:.0} % of the units would have to move to other {what} (of {} in total)",
            100.0 * elsewhere,
            groups.len()
        )
    } else {
        return None;
    };
    let worst = apart.into_iter().max_by(|a, b| a.gap().total_cmp(&b.gap())).unwrap_or(worst);
    Some(Finding::warning(
        FindingKind::Clustered,
        format!(
            "the sample is not spread like the mapped area: {out}; {} has {:.1} % of the area but {:.1} % of the sample",
            worst.name,
            100.0 * worst.of_area,
            100.0 * worst.of_sample,
        ),
    ))
}

/// True when the gaps together are beyond chance: chi-square five of its standard deviations above its mean, and half the sum
/// of the gaps (the fraction of the sample that lies in the wrong group) a tenth above what normal gaps leave on average.
fn spread_apart(groups: &[GroupFraction]) -> bool {
    let known = || groups.iter().filter(|g| g.standard_error > 0.0);
    let degrees = known().count().saturating_sub(1) as f64;
    let chi2: f64 = known().map(|g| (g.gap() / g.standard_error).powi(2)).sum();
    let elsewhere: f64 = known().map(GroupFraction::gap).sum::<f64>() / 2.0;
    // The mean of |N(0, 1)|, sqrt(2 / pi), halved.
    let chance: f64 = 0.399 * known().map(|g| g.standard_error).sum::<f64>();
    degrees > 0.0 && chi2 > degrees + 5.0 * (2.0 * degrees).sqrt() && elsewhere > chance + 0.1
}

/// Strata with too few units for a variance of their own.
pub(crate) fn thin_strata(sample: &StratifiedSample) -> Option<Finding> {
    let thin = |(s, n): &(&Stratum, &usize)| **n < MIN_UNITS_IN_STRATUM && (**n as u64) < s.population;
    let strata = sample.strata();
    let few: Vec<_> = strata.iter().zip(sample.counts()).filter(thin).collect();
    let (stratum, n) = few.iter().min_by_key(|(_, n)| **n)?;
    let message = format!(
        "{} of {} strata have fewer than {MIN_UNITS_IN_STRATUM} labelled units (the fewest, {n}, in {}): where all units of \
         a stratum are alike, its own variance is zero. Label more units, or use fewer strata",
        few.len(),
        strata.len(),
        stratum.name
    );
    Some(Finding::warning(FindingKind::SmallSample, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_from_one_corner_is_found() {
        let group = |name: &str, of_area, of_sample: f64| GroupFraction {
            name: name.into(),
            of_area,
            of_sample,
            standard_error: (of_area * (1.0 - of_area) / 200.0f64).sqrt(),
        };
        let even = [group("north", 0.5, 0.53), group("south", 0.5, 0.47)];
        assert_eq!(clustered("zones", &even), None);
        let corner = [group("north", 0.5, 0.95), group("south", 0.5, 0.05)];
        let message = clustered("zones", &corner).unwrap().message;
        assert!(message.contains("south has 50.0 % of the area but 5.0 % of the sample"), "{message}");
    }

    /// Each of fifty zones is off by two points, which passed for chance: half of them had no unit at all.
    #[test]
    fn a_sample_from_every_other_of_many_zones_is_found() {
        let group = |of_sample: f64| GroupFraction {
            name: "z".into(),
            of_area: 0.02,
            of_sample,
            standard_error: (0.02 * 0.98 / 300.0f64).sqrt(),
        };
        let half: Vec<GroupFraction> = (0..50).map(|k| group(if k % 2 == 0 { 0.04 } else { 0.0 })).collect();
        let message = clustered("zones", &half).unwrap().message;
        assert!(message.contains("50 % of the units would have to move to other zones (of 50 in total)"), "{message}");
        // Gaps of a standard error either way are chance.
        let chance: Vec<GroupFraction> = (0..50).map(|k| group(if k % 2 == 0 { 0.028 } else { 0.012 })).collect();
        assert_eq!(clustered("zones", &chance), None);
    }
}
