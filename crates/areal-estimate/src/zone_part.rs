//! Part of the map as a sample of its own, for the intervals of its class areas.

use std::collections::BTreeMap;

use crate::class_intervals::ClassIntervals;
use crate::error::{EstimateError, same_length};
use crate::expected::ExpectedMatrix;
use crate::interval::Interval;
use crate::stratified::{StratifiedSample, Stratum};

/// A zone, or all zones together.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// The fraction of each unit in it.
    pub inside: &'a [f64],
    /// The strata that lie in it with their areas there; where it is empty, as many as the sample shows.
    pub strata: &'a [(usize, f64)],
    /// The mapped area of each class.
    pub mapped: &'a [f64],
}

/// Part of the map as the posterior sees it. Its strata are the parts of the sample's strata that lie in it; those that share their
/// variance are one, and the only one is cut into its map classes. Their areas are known, even where none of their units lies in the part: an
/// error of the map there was not drawn either. The units of a stratum in the part are a simple random sample of it (Sarndal, Swensson and
/// Wretman 1992, section 10.4).
pub(crate) struct ZonePart {
    sample: StratifiedSample,
    map: Vec<usize>,
    reference: Vec<usize>,
    expected: Vec<ExpectedMatrix>,
    draws: usize,
    level: f64,
}

/// One stratum of a part.
struct Piece {
    area: f64,
    cells: f64,
    expected: ExpectedMatrix,
    /// Its map class, where it is cut out of a stratum of several.
    class: Option<usize>,
}

impl ZonePart {
    /// `None` where nothing of the sample or of the strata lies there.
    pub(crate) fn new(of: &ClassIntervals, ground: &Ground) -> Result<Option<Self>, EstimateError> {
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
        let stratum = |(k, (_, piece)): (usize, &(usize, Piece))| {
            let n = units.iter().filter(|u| u.0 == k).count() as u64;
            Stratum { name: k.to_string(), population: (piece.cells.round() as u64).max(n).max(1), area: piece.area }
        };
        let strata = pieces.iter().enumerate().map(stratum).collect();
        Ok(Some(Self {
            sample: StratifiedSample::thin(strata, &units, whole.is_finite()),
            map: drawn.iter().map(|&u| of.map[u]).collect(),
            reference: drawn.iter().map(|&u| of.reference[u]).collect(),
            expected: pieces.into_iter().map(|(_, piece)| piece.expected).collect(),
            draws: of.draws,
            level: of.level,
        }))
    }

    /// Interval of a class's fraction of the part, about its estimate.
    pub(crate) fn interval(&self, class: usize, estimate: f64) -> Result<Interval, EstimateError> {
        let intervals = ClassIntervals {
            sample: &self.sample,
            map: &self.map,
            reference: &self.reference,
            expected: &self.expected,
            draws: self.draws,
            level: self.level,
        };
        intervals.area_about(class, Some(estimate))
    }
}

/// The strata of a part, each with the pool that its units are of.
fn pieces(of: &ClassIntervals, ground: &Ground, weights: &[f64]) -> Result<Vec<(usize, Piece)>, EstimateError> {
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
        Ok((pool, Piece { area, cells, expected, class: None }))
    };
    let pieces: Vec<(usize, Piece)> = pools.into_iter().map(piece).collect::<Result<_, EstimateError>>()?;
    match <[(usize, Piece); 1]>::try_from(pieces) {
        Ok([(pool, all)]) => Ok(all.by_class()?.into_iter().map(|piece| (pool, piece)).collect()),
        Err(pieces) => Ok(pieces),
    }
}

impl Piece {
    /// Cut into its map classes.
    fn by_class(self) -> Result<Vec<Self>, EstimateError> {
        let classes = (0..self.expected.classes()).filter(|&c| self.expected.mapped(c) > 0.0);
        let of_class = |class: usize| {
            let fraction = self.expected.mapped(class);
            let (area, cells) = (self.area * fraction, self.cells * fraction);
            Ok(Self { area, cells, expected: self.expected.only(class)?, class: Some(class) })
        };
        classes.map(of_class).collect()
    }
}

#[cfg(test)]
mod tests;
