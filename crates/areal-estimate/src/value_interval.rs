//! Intervals of the mean of a value: skewed samples, and tails that a sample may not hold.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Exp1, Gamma};

use crate::error::{EstimateError, same_length};
use crate::estimate::Estimate;
use crate::interval::{Interval, IntervalMethod, mean_interval};
use crate::posterior_interval::{SEED, quantile};
use crate::stratified::StratifiedSample;

/// Values that the mean of a piece of ground can rest on. By the map, cells that are drawn in proportion to their distance from the least value are so
/// far from the mean; twice as far, because predictions are drawn to their mean. Likewise from the greatest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tails {
    pub low: f64,
    pub high: f64,
}

impl Tails {
    /// From the mean, the variance, the least and the greatest value of the map: cells drawn in proportion to their value above the least
    /// have the mean `mean + variance / (mean - least)`.
    pub fn of(mean: f64, variance: f64, least: f64, greatest: f64) -> Self {
        let beyond = |distance: f64| if distance > 0.0 { 2.0 * variance / distance } else { 0.0 };
        Self { low: mean - beyond(greatest - mean), high: mean + beyond(mean - least) }
    }
}

/// Units of one stratum, or of one zone.
pub(crate) struct Piece {
    /// Fraction of the whole area.
    pub weight: f64,
    /// Weight of each unit, with a mean of 1, and its value.
    pub units: Vec<(f64, f64)>,
    /// Fraction that is not drawn; 1 without the finite population correction.
    pub undrawn: f64,
    pub tails: Tails,
}

/// Interval of a mean: [`mean_interval`] where it is longer, else quantiles of the Bayesian bootstrap (Rubin 1981, Annals of Statistics 9:130) with one more
/// unit, over all pieces together, that lies as far out as any of the sample or as the [`Tails`] of the map.
///
/// Its distance from the mean is multiplied by the root of the undrawn fraction. `tests/coverage` has what it was compared with.
pub(crate) fn value_interval(mean: &Estimate, pieces: &[Piece], draws: usize, level: f64) -> Interval {
    let moments = mean_interval(mean, level);
    let (low, high) = bootstrap(pieces, draws);
    let tail = 0.5 - 0.5 * level;
    let low = mean.value + quantile(low, tail).unwrap_or(0.0).min(0.0);
    let high = mean.value + quantile(high, 1.0 - tail).unwrap_or(0.0).max(0.0);
    let longer = low < moments.low || high > moments.high;
    Interval {
        low: low.min(moments.low),
        high: high.max(moments.high),
        method: if longer { IntervalMethod::Bootstrap } else { moments.method },
    }
}

/// Draws of the distance from the sample's mean with the further unit at either end.
fn bootstrap(pieces: &[Piece], draws: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut low, mut high) = (vec![0.0; draws], vec![0.0; draws]);
    let further = Gamma::new(1.0 / pieces.len().max(1) as f64, 1.0).expect("the parameters are positive");
    for piece in pieces {
        let count = piece.units.len() as f64;
        let mean = piece.units.iter().map(|(w, y)| w * y).sum::<f64>() / count;
        let least = piece.units.iter().map(|u| u.1).fold(piece.tails.low, f64::min);
        let greatest = piece.units.iter().map(|u| u.1).fold(piece.tails.high, f64::max);
        let away = piece.undrawn.sqrt();
        for (low, high) in low.iter_mut().zip(&mut high) {
            let (mut all, mut sum) = (0.0, 0.0);
            for (w, y) in &piece.units {
                let drawn: f64 = Exp1.sample(&mut rng);
                all += w * drawn;
                sum += w * drawn * y;
            }
            let more = further.sample(&mut rng);
            let end = |value: f64| piece.weight * away * ((sum + more * value) / (all + more) - mean);
            *low += end(least);
            *high += end(greatest);
        }
    }
    (low, high)
}

impl StratifiedSample {
    /// The strata as pieces; `tails` are those of each.
    pub(crate) fn pieces(&self, y: &[f64], tails: &[Tails]) -> Result<Vec<Piece>, EstimateError> {
        same_length("the variable", y.len(), self.len())?;
        same_length("the tails of the strata", tails.len(), self.strata.len())?;
        let piece = |(h, tails): (usize, &Tails)| Piece {
            weight: self.strata[h].area / self.area(),
            units: self.units_of(h).map(|(u, size)| (size, y[u])).collect(),
            undrawn: self.undrawn(h),
            tails: *tails,
        };
        Ok(tails.iter().enumerate().map(piece).filter(|p| !p.units.is_empty()).collect())
    }

    /// What is left of a value in the strata by a map that an estimator uses. A cell of the tails that the map shows as the mean has the largest error
    /// there may be.
    pub(crate) fn residual_pieces(
        &self,
        (y, predicted, slope): (&[f64], &[f64], f64),
        map_mean: f64,
        tails: &[Tails],
    ) -> Result<Vec<Piece>, EstimateError> {
        same_length("the predictions", predicted.len(), y.len())?;
        let errors: Vec<f64> = y.iter().zip(predicted).map(|(y, f)| y - slope * f).collect();
        let of_errors: Vec<Tails> =
            tails.iter().map(|t| Tails { low: t.low - map_mean, high: t.high - map_mean }).collect();
        self.pieces(&errors, &of_errors)
    }

    /// The slope of a value on its prediction in the sample; 0 where all predictions are alike.
    pub(crate) fn slope(&self, y: &[f64], predicted: &[f64]) -> Result<f64, EstimateError> {
        let mean = self.sum(predicted)? / self.area();
        let above: Vec<f64> = predicted.iter().map(|f| f - mean).collect();
        let product = |of: &[f64]| above.iter().zip(of).map(|(a, b)| a * b).collect::<Vec<f64>>();
        let below = self.sum(&product(&above))?;
        Ok(if below > 0.0 { self.sum(&product(y))? / below } else { 0.0 })
    }

    /// A part of the area as one piece; `inside` is the fraction of each unit in it.
    pub(crate) fn piece_inside(&self, y: &[f64], inside: &[f64], tails: Tails) -> Piece {
        let weights: Vec<f64> = self.weights().iter().zip(inside).map(|(w, f)| w * f).collect();
        let within: Vec<usize> = (0..weights.len()).filter(|&u| weights[u] > 0.0).collect();
        let sum: f64 = weights.iter().sum();
        let scale = within.len() as f64 / sum;
        let undrawn = within.iter().map(|&u| weights[u] * self.undrawn(self.stratum_of()[u])).sum::<f64>() / sum;
        Piece { weight: 1.0, units: within.iter().map(|&u| (weights[u] * scale, y[u])).collect(), undrawn, tails }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stratified::Stratum;

    #[test]
    fn tails_are_twice_as_far_as_cells_drawn_in_proportion_to_their_value() {
        // 98 cells of 0 and two of 50: mean 1, variance 49. A cell drawn in proportion to its value has 50, and to what it lacks to 50, 0.
        assert_eq!(Tails::of(1.0, 49.0, 0.0, 50.0), Tails { low: -1.0, high: 99.0 });
        assert_eq!(Tails::of(7.0, 0.0, 7.0, 7.0), Tails { low: 7.0, high: 7.0 });
    }

    /// Thirty units of nothing had a mean of 0 with an interval from 0 to 0.
    #[test]
    fn a_sample_without_the_tail_that_the_map_shows_allows_for_it() {
        let strata = vec![Stratum { name: "whole".into(), population: 100_000, area: 1e5 }];
        let sample = StratifiedSample::new(strata, &[(0, 1.0); 30], true).unwrap();
        let y = [0.0; 30];
        let mean = sample.mean(&y).unwrap();
        let pieces = sample.pieces(&y, &[Tails { low: 0.0, high: 50.0 }]).unwrap();
        let i = value_interval(&mean, &pieces, 20_000, 0.95);
        // The share of the further unit is beta (1, 30): its quantile .975 is 1 - .025^(1/30) = .1157.
        assert!(i.low == 0.0 && (i.high - 50.0 * 0.1157).abs() < 0.15, "{i:?}");
        assert_eq!(i.method, IntervalMethod::Bootstrap);
    }
}
