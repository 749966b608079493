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
    /// The mean of the map, between them.
    pub mean: f64,
    pub high: f64,
}

impl Tails {
    /// From the mean, the variance, the least and the greatest value of the map: cells drawn in proportion to their value above the least
    /// have the mean `mean + variance / (mean - least)`. The variance is at most `(mean - least) (greatest - mean)` (Bhatia and Davis 2000, American
    /// Mathematical Monthly 107:353), so that what rounding leaves of one is no tail.
    pub fn of(mean: f64, variance: f64, least: f64, greatest: f64) -> Self {
        let mean = mean.max(least).min(greatest);
        let variance = variance.min((mean - least) * (greatest - mean));
        let beyond = |distance: f64| if distance > 0.0 { 2.0 * variance / distance } else { 0.0 };
        Self { low: mean - beyond(greatest - mean), mean, high: mean + beyond(mean - least) }
    }

    /// The same for a map whose level is off by so much: its mean error in the sample.
    #[must_use]
    pub(crate) fn shifted(&self, by: f64) -> Self {
        Self { low: self.low + by, mean: self.mean + by, high: self.high + by }
    }

    /// The same of a value that cannot be less than `floor`.
    #[must_use]
    pub(crate) fn at_least(&self, floor: f64) -> Self {
        Self { low: self.low.max(floor), high: self.high.max(floor), ..*self }
    }

    /// Tails of what is left of a value by `slope` times the map, at a cell that the map shows as the mean, `shown`: the largest error there may be.
    fn of_errors(&self, slope: f64, shown: f64) -> Self {
        let shown = slope * shown;
        Self { low: self.low - shown, mean: self.mean - shown, high: self.high - shown }
    }

    /// The closer of two.
    fn closer(self, other: Self) -> Self {
        if other.high - other.low < self.high - self.low { other } else { self }
    }
}

/// Units of one stratum, and how much of it lies in the part of the map whose mean is sought.
pub(crate) struct StratumPart {
    /// Fraction of the whole area that the stratum has.
    pub weight: f64,
    /// Units that lie inside: the weight of each in its stratum, with a mean of 1 over all units there, the fraction of it that lies inside, and its value.
    pub units: Vec<[f64; 3]>,
    /// Number and weight of the units that lie outside.
    pub outside: (usize, f64),
    /// Fraction that is not drawn; 1 without the finite population correction.
    pub undrawn: f64,
    pub tails: Tails,
}

/// Interval of a mean: [`mean_interval`] where it is longer, else quantiles of the Bayesian bootstrap (Rubin 1981, Annals of Statistics 9:130) with one more
/// unit, over all pieces together, that lies as far out as any of the sample or as the [`Tails`] of the map.
///
/// Its distance from the mean is multiplied by the root of the undrawn fraction. `tests/coverage` has what it was compared with.
pub(crate) fn value_interval(mean: &Estimate, pieces: &[StratumPart], draws: usize, level: f64) -> Interval {
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

impl StratumPart {
    /// Weight of all units, and of what lies inside with its value.
    fn sums(&self) -> [f64; 3] {
        let add = |[all, inside, sum]: [f64; 3], [w, z, y]: &[f64; 3]| [all + w, inside + w * z, sum + w * z * y];
        self.units.iter().fold([self.outside.1, 0.0, 0.0], add)
    }
}

/// Draws of the distance from the sample's mean with the further unit at either end: a ratio of sums over the strata, each of which is
/// drawn with its units outside, whose value is nothing. In one stratum these cancel.
fn bootstrap(pieces: &[StratumPart], draws: usize) -> (Vec<f64>, Vec<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    // Of each draw: the ground inside, the distance with the further unit at the lower end, and at the upper.
    let mut drawn = vec![[0.0; 3]; draws];
    let further = Gamma::new(1.0 / pieces.len().max(1) as f64, 1.0).expect("the parameters are positive");
    let (ground, sum) = pieces.iter().fold((0.0, 0.0), |(ground, total), p| {
        let [all, inside, sum] = p.sums();
        (ground + p.weight * inside / all, total + p.weight * sum / all)
    });
    let mean = sum / ground;
    for piece in pieces {
        let [all, inside, sum] = piece.sums();
        let own = (sum - mean * inside) / all;
        let least = piece.units.iter().map(|u| u[2]).fold(piece.tails.low, f64::min) - mean;
        let greatest = piece.units.iter().map(|u| u[2]).fold(piece.tails.high, f64::max) - mean;
        let away = piece.weight * piece.undrawn.sqrt();
        let (count, weight) = piece.outside;
        let outside = (count > 0).then(|| {
            Gamma::new(count as f64, weight / count as f64).expect("the units outside have a number and a weight")
        });
        for draw in &mut drawn {
            let (mut all, mut inside, mut sum) = (outside.map_or(0.0, |o| o.sample(&mut rng)), 0.0, 0.0);
            for [w, z, y] in &piece.units {
                let one: f64 = Exp1.sample(&mut rng);
                all += w * one;
                inside += w * z * one;
                sum += w * z * one * (y - mean);
            }
            let more = further.sample(&mut rng);
            draw[0] += piece.weight * (inside + more) / (all + more);
            draw[1] += away * ((sum + more * least) / (all + more) - own);
            draw[2] += away * ((sum + more * greatest) / (all + more) - own);
        }
    }
    drawn.into_iter().map(|[ground, low, high]| (low / ground, high / ground)).unzip()
}

impl StratifiedSample {
    /// The strata as pieces; `tails` are those of each.
    pub(crate) fn pieces(&self, y: &[f64], tails: &[Tails]) -> Result<Vec<StratumPart>, EstimateError> {
        self.pieces_inside(y, &vec![1.0; y.len()], tails)
    }

    /// A part of the area as pieces, one for each stratum with units in it; `inside` is the fraction of each unit in the part. The tails of a stratum
    /// are those of the part where these are closer.
    pub(crate) fn pieces_of_part(
        &self,
        y: &[f64],
        inside: &[f64],
        part: Tails,
        tails: &[Tails],
    ) -> Result<Vec<StratumPart>, EstimateError> {
        let tails: Vec<Tails> = tails.iter().map(|t| t.closer(part)).collect();
        self.pieces_inside(y, inside, &tails)
    }

    fn pieces_inside(&self, y: &[f64], inside: &[f64], tails: &[Tails]) -> Result<Vec<StratumPart>, EstimateError> {
        same_length("the variable", y.len(), self.len())?;
        same_length("the units inside", inside.len(), self.len())?;
        same_length("the tails of the strata", tails.len(), self.strata.len())?;
        let mut pieces: Vec<StratumPart> = tails.iter().enumerate().map(|(h, tails)| self.piece(h, *tails)).collect();
        for (u, (&h, size)) in self.stratum_of().iter().zip(self.sizes()).enumerate() {
            if inside[u] > 0.0 {
                pieces[h].units.push([*size, inside[u], y[u]]);
            } else {
                pieces[h].outside.0 += 1;
                pieces[h].outside.1 += size;
            }
        }
        pieces.retain(|p| !p.units.is_empty());
        Ok(pieces)
    }

    /// A stratum without its units.
    fn piece(&self, h: usize, tails: Tails) -> StratumPart {
        let weight = self.strata[h].area / self.area();
        StratumPart { weight, units: Vec::new(), outside: (0, 0.0), undrawn: self.undrawn(h), tails }
    }

    /// What is left of a value in the strata by a map that an estimator uses, whose mean error is `level`; `tails` are shifted by it.
    pub(crate) fn residual_pieces(
        &self,
        y: &[f64],
        predicted: &[f64],
        [slope, level]: [f64; 2],
        tails: &[Tails],
    ) -> Result<Vec<StratumPart>, EstimateError> {
        same_length("the predictions", predicted.len(), y.len())?;
        let errors: Vec<f64> = y.iter().zip(predicted).map(|(y, f)| y - slope * f).collect();
        let of_errors: Vec<Tails> = tails.iter().map(|t| t.of_errors(slope, t.mean - level)).collect();
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stratified::Stratum;

    #[test]
    fn tails_are_twice_as_far_as_cells_drawn_in_proportion_to_their_value() {
        // 98 cells of 0 and two of 50: mean 1, variance 49. A cell drawn in proportion to its value has 50, and to what it lacks to 50, 0.
        assert_eq!(Tails::of(1.0, 49.0, 0.0, 50.0), Tails { low: -1.0, mean: 1.0, high: 99.0 });
        assert_eq!(Tails::of(7.0, 0.0, 7.0, 7.0), Tails { low: 7.0, mean: 7.0, high: 7.0 });
    }

    /// Thirty units of nothing had a mean of 0 with an interval from 0 to 0.
    #[test]
    fn a_sample_without_the_tail_that_the_map_shows_allows_for_it() {
        let strata = vec![Stratum { name: "whole".into(), population: 100_000, area: 1e5 }];
        let sample = StratifiedSample::new(strata, &[(0, 1.0); 30], true).unwrap();
        let y = [0.0; 30];
        let mean = sample.mean(&y).unwrap();
        let pieces = sample.pieces(&y, &[Tails { low: 0.0, mean: 1.0, high: 50.0 }]).unwrap();
        let i = value_interval(&mean, &pieces, 20_000, 0.95);
        // The share of the further unit is beta (1, 30): its quantile .975 is 1 - .025^(1/30) = .1157.
        assert!(i.low == 0.0 && (i.high - 50.0 * 0.1157).abs() < 0.15, "{i:?}");
        assert_eq!(i.method, IntervalMethod::Bootstrap);
    }

    /// A constant map of 5.3 had a variance of 1e-15 by rounding and a mean 1e-15 from its least value: tails of -1.7 and 12.
    #[test]
    fn rounding_makes_no_tails_of_a_constant_map() {
        assert_eq!(Tails::of(5.3 + 1e-15, 4e-15, 5.3, 5.3), Tails { low: 5.3, mean: 5.3, high: 5.3 });
        // From 0 to 4 with mean 1 the variance is at most 1 * 3: cells drawn in proportion have 4, and to what they lack to 4, 0.
        assert_eq!(Tails::of(1.0, 9.0, 0.0, 4.0), Tails { low: -1.0, mean: 1.0, high: 7.0 });
    }

    fn two_strata(units: usize) -> StratifiedSample {
        let stratum = |name: &str| Stratum { name: name.into(), population: 100_000, area: 1e5 };
        let units: Vec<(usize, f64)> = (0..2 * units).map(|k| (k / units, 1.0)).collect();
        StratifiedSample::new(vec![stratum("poor"), stratum("rich")], &units, false).unwrap()
    }

    /// The tails of errors by half of the map were those of the whole of it: from a mean of 80 they were -4 to 6 where the values left are about 40.
    #[test]
    fn tails_of_errors_know_the_slope_and_the_stratum() {
        let sample = two_strata(4);
        let y = [10.0, 11.0, 9.0, 10.0, 80.0, 81.0, 79.0, 80.0];
        let tails = [Tails { low: 8.0, mean: 10.0, high: 13.0 }, Tails { low: 76.0, mean: 80.0, high: 86.0 }];
        // A cell of 8 that is shown as 10 has 8 - 5 = 3 left, of 76 as 80 has 76 - 40.
        let pieces = sample.residual_pieces(&y, &y, [0.5, 0.0], &tails).unwrap();
        let ends: Vec<[f64; 2]> = pieces.iter().map(|p| [p.tails.low, p.tails.high]).collect();
        assert_eq!(ends, [[3.0, 8.0], [36.0, 46.0]]);
        // Their errors lie between the tails of both strata, not about the mean of the whole map, 45.
        let pieces = sample.residual_pieces(&y, &y, [1.0, 0.0], &tails).unwrap();
        let ends: Vec<[f64; 2]> = pieces.iter().map(|p| [p.tails.low, p.tails.high]).collect();
        assert_eq!(ends, [[-2.0, 3.0], [-4.0, 6.0]]);
    }

    /// Half of each of two strata, of 10 and 90 each: their difference counted as the error of a mean over both.
    #[test]
    fn a_part_of_several_strata_is_drawn_by_stratum() {
        let sample = two_strata(40);
        let value = |k: usize| [10.0, 90.0][k / 40] + if k.is_multiple_of(2) { -1.0 } else { 1.0 };
        let y: Vec<f64> = (0..80).map(value).collect();
        let tails = [10.0, 90.0].map(|mean| Tails { low: mean - 2.0, mean, high: mean + 2.0 });
        let part = Tails { low: -30.0, mean: 50.0, high: 130.0 };
        let whole = sample.mean(&y).unwrap();
        let all = value_interval(&whole, &sample.pieces_of_part(&y, &[1.0; 80], part, &tails).unwrap(), 4000, 0.95);
        // The error of a stratum's mean is about 1 / sqrt 40 = .158, of the mean of two .112; twice that and the further unit are below .4.
        assert!(all.covers(50.0) && all.high - all.low < 0.8, "{all:?}");
        assert_eq!(all, value_interval(&whole, &sample.pieces(&y, &tails).unwrap(), 4000, 0.95));
    }

    /// In one stratum the units outside cancel: the share of the further unit among ten of 30 that lie inside is beta (1, 10), whose quantile .975 is
    /// 1 - .025^(1/10) = .3085.
    #[test]
    fn units_outside_a_part_leave_its_bootstrap_alone() {
        let strata = vec![Stratum { name: "whole".into(), population: 100_000, area: 1e5 }];
        let sample = StratifiedSample::new(strata, &[(0, 1.0); 30], false).unwrap();
        let inside: Vec<f64> = (0..30).map(|k| if k < 10 { 1.0 } else { 0.0 }).collect();
        let y: Vec<f64> = (0..30).map(|k| if k < 10 { 0.0 } else { 7.0 }).collect();
        let mean = sample.domain(&y, &inside).unwrap().unwrap();
        let tails = Tails { low: 0.0, mean: 1.0, high: 50.0 };
        let pieces = sample.pieces_of_part(&y, &inside, tails, &[tails]).unwrap();
        let i = value_interval(&mean, &pieces, 20_000, 0.95);
        assert!(i.low == 0.0 && (i.high - 50.0 * 0.3085).abs() < 0.3, "{i:?}");
    }
}
