//! Part of the map as a sample of its own, for the intervals of its class areas.

use std::collections::BTreeMap;

use crate::class_intervals::ClassIntervals;
use crate::domain::JOINED;
use crate::error::{EstimateError, same_length};
use crate::estimate::{Estimate, MOST_DEGREES, settled};
use crate::expected::ExpectedMatrix;
use crate::interval::{Interval, normal_quantile};
use crate::posterior_interval::flat_units;
use crate::stratified::{StratifiedSample, Stratum};
use crate::zone_method::DirectBasis;

/// A zone, all zones together, or the ground that the model was trained on.
#[derive(Clone, Copy)]
pub(crate) struct ZoneGround<'a> {
    /// The fraction of each unit in it.
    pub inside: &'a [f64],
    /// The strata that lie in it with their areas there; where it is empty, as many as the sample shows.
    pub strata: &'a [(usize, f64)],
    /// The mapped area of each class.
    pub mapped: &'a [f64],
}

/// Part of the map as the posterior and the direct estimates see it. Its strata are the parts of the sample's strata that lie in it; those that share their
/// variance are one, and the only one is cut into its map classes. Their areas are known, even where none of their units lies in the part: an
/// error of the map there was not drawn either. The units of a stratum in the part are a simple random sample of it (Sarndal, Swensson and
/// Wretman 1992, section 10.4).
pub(crate) struct ZonePart {
    sample: StratifiedSample,
    map: Vec<usize>,
    reference: Vec<usize>,
    expected: Vec<ExpectedMatrix>,
    /// Prior units of its strata that are split evenly among the classes.
    flat: Vec<f64>,
    draws: usize,
    level: f64,
    /// The units of the whole sample that lie in it.
    drawn: Vec<usize>,
    /// For each stratum the pool that it is cut from, and its map class, where it is cut out of a stratum of several.
    cut: Vec<(usize, Option<usize>)>,
    /// True where the areas of its strata are known, not as many as the sample shows.
    known: bool,
}

/// A mean over a part.
pub(crate) struct PartMean {
    pub estimate: Estimate,
    /// Its standard error by the variances over the whole of each stratum alone. Who chooses parts by it does not prefer those whose few units are alike.
    pub anticipated: f64,
}

/// Means and variances of a variable over the whole sample, in each pool of strata and in each map class; `None` where it has no unit.
pub(crate) struct Spreads {
    by_pool: Vec<Option<Moments>>,
    by_class: Vec<Option<Moments>>,
}

/// Mean and variance of a variable.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moments {
    pub mean: f64,
    pub variance: f64,
}

impl Spreads {
    pub(crate) fn of(
        sample: &StratifiedSample,
        map: &[usize],
        classes: usize,
        y: &[f64],
    ) -> Result<Self, EstimateError> {
        let mut sums = vec![[0.0; 3]; classes];
        for ((&class, weight), y) in map.iter().zip(sample.weights()).zip(y) {
            let [all, first, second] = &mut sums[class];
            (*all, *first, *second) = (*all + weight, *first + weight * y, *second + weight * y * y);
        }
        Ok(Self { by_pool: sample.moments_of_pools(y)?, by_class: sums.into_iter().map(Moments::of).collect() })
    }
}

impl Moments {
    /// From the sum of weights, and of weights times the variable and its square; `None` without a weight.
    pub(crate) fn of([all, first, second]: [f64; 3]) -> Option<Self> {
        let mean = first / all;
        (all > 0.0).then(|| Self { mean, variance: (second / all - mean.powi(2)).max(0.0) })
    }

    /// Of an indicator with this mean.
    fn of_fraction(mean: f64) -> Self {
        Self { mean, variance: mean * (1.0 - mean) }
    }
}

/// One stratum of a part.
struct PartStratum {
    area: f64,
    cells: f64,
    expected: ExpectedMatrix,
    /// Its map class, where it is cut out of a stratum of several.
    class: Option<usize>,
}

impl ZonePart {
    /// `None` where nothing of the sample or of the strata lies there.
    pub(crate) fn new(of: &ClassIntervals, ground: &ZoneGround) -> Result<Option<Self>, EstimateError> {
        let whole = of.sample;
        same_length("the units inside", ground.inside.len(), whole.len())?;
        same_length("what the map expects of the strata", of.expected.len(), whole.strata().len())?;
        let weights: Vec<f64> = whole.weights().iter().zip(ground.inside).map(|(w, f)| w * f).collect();
        let pieces = pieces(of, ground, &weights)?;
        let place = |u: usize| {
            let pool = whole.pools[whole.stratum_of()[u]];
            pieces.iter().position(|(p, piece)| *p == pool && piece.class.is_none_or(|c| c == of.map[u]))
        };
        let found = (0..whole.len()).filter(|&u| weights[u] > 0.0).filter_map(|u| Some((u, (place(u)?, weights[u]))));
        let (drawn, units): (Vec<usize>, Vec<(usize, f64)>) = found.unzip();
        if units.is_empty() {
            return Ok(None);
        }
        let stratum = |(k, (_, piece)): (usize, &(usize, PartStratum))| {
            let n = units.iter().filter(|u| u.0 == k).count() as u64;
            Stratum { name: k.to_string(), population: (piece.cells.round() as u64).max(n).max(1), area: piece.area }
        };
        let strata = pieces.iter().enumerate().map(stratum).collect();
        let cut = pieces.iter().map(|(pool, piece)| (*pool, piece.class)).collect();
        let expected: Vec<ExpectedMatrix> = pieces.into_iter().map(|(_, piece)| piece.expected).collect();
        Ok(Some(Self {
            flat: flat_units(&expected),
            sample: StratifiedSample::thin(strata, &units, whole.is_finite()),
            map: drawn.iter().map(|&u| of.map[u]).collect(),
            reference: drawn.iter().map(|&u| of.reference[u]).collect(),
            expected,
            draws: of.draws,
            level: of.level,
            drawn,
            cut,
            known: !ground.strata.is_empty(),
        }))
    }

    /// What a direct number of the part rests on.
    pub(crate) fn basis(&self) -> DirectBasis {
        match (self.known, self.sample.n.contains(&0)) {
            (false, _) => DirectBasis::Weights,
            (true, true) => DirectBasis::PartlySynthetic,
            (true, false) => DirectBasis::KnownAreas,
        }
    }

    /// Mean of the indicator `y` of a class over the part, by the known areas of its strata there: the separate estimator, design-unbiased given how many
    /// units lie in each (Sarndal, Swensson and Wretman 1992, section 10.5). The variance over the whole of a stratum counts for
    /// [`JOINED`] degrees of freedom beside that of its units in the part, which may be one. A stratum without a unit in the part has its mean over the whole map
    /// with the variance of one unit: its cells in the part differ from all its cells by no more than one cell does, on average. That mean is synthetic
    /// (Rao and Molina 2015, section 3.2); where the whole sample has no unit of it either, it is what the map expects. `None` where the areas are not known.
    pub(crate) fn mean(&self, (of, y): (usize, &[f64]), spreads: &Spreads) -> Result<Option<PartMean>, EstimateError> {
        if !self.known {
            return Ok(None);
        }
        let own: Vec<f64> = self.drawn.iter().map(|&u| y[u]).collect();
        let means = self.sample.stratum_means(&own)?;
        let powers = self.sample.stratum_powers(&own, &means);
        let (mut value, mut variance, mut spread, mut anticipated) = (0.0, 0.0, 0.0, 0.0);
        for (k, (stratum, (pool, class))) in self.sample.strata().iter().zip(&self.cut).enumerate() {
            let weight = stratum.area / self.sample.area();
            let over_all = class
                .map_or(spreads.by_pool[*pool], |class| spreads.by_class[class])
                .unwrap_or_else(|| Moments::of_fraction(self.expected[k].class(of)));
            let (units, mean, squares, size) = match self.sample.n[k] {
                0 => (1.0, over_all.mean, 0.0, 1.0),
                n => (n as f64, means[k], powers[k][0], self.sample.size_powers()[k][0] / n as f64),
            };
            let over_all = over_all.variance * size;
            let degrees = units - 1.0 + JOINED;
            let per_unit = weight.powi(2) * self.sample.undrawn(k) / units;
            let v = per_unit * (squares + JOINED * over_all) / degrees;
            anticipated += per_unit * over_all;
            value += weight * mean;
            variance += v;
            spread += v * v / degrees;
        }
        let degrees = if spread > 0.0 { (variance * variance / spread).min(MOST_DEGREES) } else { MOST_DEGREES };
        let variance = settled(variance, 1.0);
        let found = Estimate { degrees, ..Estimate::fraction(value.clamp(0.0, 1.0), variance, self.drawn.len()) };
        let estimate = found.or_equal_units(|| self.sample.units().1);
        Ok(Some(PartMean { estimate, anticipated: anticipated.sqrt() }))
    }

    /// Interval of a class's fraction of the part, about its estimate: the posterior's, and no shorter to either side than the normal one. The prior of a
    /// stratum without a unit in the part knows what the map expects of it, not what the whole sample found there, as the estimate does.
    pub(crate) fn interval(&self, class: usize, estimate: &Estimate) -> Result<Interval, EstimateError> {
        let posterior = self.intervals().area_about(class, Some(estimate.value), self.flat.clone())?;
        let half = normal_quantile(self.level) * estimate.standard_error;
        Ok(posterior.holding((estimate.value - half).max(0.0)).holding((estimate.value + half).min(1.0)))
    }

    /// Interval of overall accuracy in the part, about its estimate.
    pub(crate) fn overall(&self, estimate: f64) -> Result<Interval, EstimateError> {
        self.intervals().overall_about(Some(estimate))
    }

    fn intervals(&self) -> ClassIntervals<'_> {
        ClassIntervals {
            sample: &self.sample,
            map: &self.map,
            reference: &self.reference,
            expected: &self.expected,
            draws: self.draws,
            level: self.level,
        }
    }
}

/// The strata of a part, each with the pool that its units are of.
fn pieces(
    of: &ClassIntervals,
    ground: &ZoneGround,
    weights: &[f64],
) -> Result<Vec<(usize, PartStratum)>, EstimateError> {
    let whole = of.sample;
    let mut areas: BTreeMap<usize, f64> = ground.strata.iter().copied().collect();
    if areas.is_empty() {
        for (&h, weight) in whole.stratum_of().iter().zip(weights) {
            *areas.entry(h).or_default() += weight;
        }
    }
    let mut pools: BTreeMap<usize, Vec<(usize, f64)>> = BTreeMap::new();
    for (h, area) in areas.into_iter().filter(|(_, area)| *area > 0.0) {
        pools.entry(whole.pools[h]).or_default().push((h, area));
    }
    let piece = |(pool, parts): (usize, Vec<(usize, f64)>)| {
        let matrices: Vec<(f64, &ExpectedMatrix)> = parts.iter().map(|&(h, area)| (area, &of.expected[h])).collect();
        let expected = ExpectedMatrix::together(&matrices)?.mapped_as(ground.mapped);
        let cells = parts.iter().map(|&(h, area)| whole.cells_of(h, area)).sum();
        let area = parts.iter().map(|part| part.1).sum();
        Ok((pool, PartStratum { area, cells, expected, class: None }))
    };
    let pieces: Vec<(usize, PartStratum)> = pools.into_iter().map(piece).collect::<Result<_, EstimateError>>()?;
    match <[(usize, PartStratum); 1]>::try_from(pieces) {
        Ok([(pool, all)]) => Ok(all.by_class()?.into_iter().map(|piece| (pool, piece)).collect()),
        Err(pieces) => Ok(pieces),
    }
}

impl PartStratum {
    /// Cut into its map classes.
    fn by_class(self) -> Result<Vec<Self>, EstimateError> {
        let of_class = |(class, fraction): (usize, f64)| {
            let (area, cells) = (self.area * fraction, self.cells * fraction);
            Ok(Self { area, cells, expected: self.expected.only(class)?, class: Some(class) })
        };
        self.expected.mapped_classes().map(of_class).collect()
    }
}

#[cfg(test)]
mod tests;
