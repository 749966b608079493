//! Where a map class is cut into a confident and an uncertain part, by the map's own probabilities.

use crate::expected::probability_sum;
use crate::sample_size::fraction_deviation;

/// Bins of the probability of error.
const BINS: usize = 1000;
/// Cells that either side of a cut must have.
const MIN_CELLS: u64 = 50;
/// The least error that is planned for: confident cells are drawn too, so that a wrong confidence is found out.
pub const MIN_ERROR: f64 = 0.02;

/// The cells of one map class by the probability that they are not of it.
#[derive(Debug, Clone)]
pub struct ClassRisk {
    class: usize,
    classes: usize,
    cells: Vec<u64>,
    areas: Vec<f64>,
    /// `[bin][class]`: sum of area times probability.
    probabilities: Vec<f64>,
}

/// Two parts of a map class, or all of it as the first.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskCut {
    /// Least probability of the mapped class in the first part; `None` where the class is not cut.
    pub min_probability: Option<f64>,
    /// The parts that have cells.
    pub parts: Vec<RiskPart>,
}

/// A part of a map class.
#[derive(Debug, Clone, PartialEq)]
pub struct RiskPart {
    pub cells: u64,
    pub area: f64,
    /// Area by class, as the map's probabilities expect it.
    pub expected: Vec<f64>,
}

impl RiskPart {
    /// The fraction that the map expects to be of a class.
    pub fn fraction(&self, class: usize) -> f64 {
        let expected = self.expected.get(class).copied().unwrap_or(0.0);
        if self.area > 0.0 { expected / self.area } else { 0.0 }
    }
}

/// Whether a cell lies in the uncertain part of a class that is cut at `min_probability`; NaN does.
pub fn is_uncertain(probability: f64, min_probability: f64) -> bool {
    bin_of(probability) >= ((1.0 - min_probability) * BINS as f64).round() as usize
}

/// Bin of the probability of the mapped class.
fn bin_of(probability: f64) -> usize {
    let error = if probability.is_nan() { 1.0 } else { (1.0 - probability).clamp(0.0, 1.0) };
    ((error * BINS as f64) as usize).min(BINS - 1)
}

impl ClassRisk {
    pub fn new(class: usize, classes: usize) -> Self {
        Self { class, classes, cells: vec![0; BINS], areas: vec![0.0; BINS], probabilities: vec![0.0; BINS * classes] }
    }

    /// Adds a cell of this map class. `probabilities` has one value a class. Where they are no probabilities
    /// ([`probability_sum`]) every class is expected alike.
    pub fn add(&mut self, area: f64, probabilities: &[f64]) {
        let bin = bin_of(probabilities.get(self.class).copied().unwrap_or(f64::NAN));
        self.cells[bin] += 1;
        self.areas[bin] += area;
        let row = &mut self.probabilities[bin * self.classes..(bin + 1) * self.classes];
        match probability_sum(probabilities.iter().copied()) {
            Some(sum) => row.iter_mut().zip(probabilities).for_each(|(total, p)| *total += area * p / sum),
            None => {
                for total in row {
                    *total += area / self.classes as f64;
                }
            }
        }
    }

    /// The cut that leaves the least sum of `W S` over the two parts, to which the standard error of overall accuracy under Neyman's
    /// allocation is proportional (Cochran 1977, eq. 5.26), with the errors that the map expects, [`MIN_ERROR`] at least.
    pub fn cut(&self) -> RiskCut {
        let right = |bin: usize| self.probabilities.get(bin * self.classes + self.class).copied().unwrap_or(0.0);
        let weight = |area: f64, right: f64| {
            let error = if area > 0.0 { 1.0 - right / area } else { 0.0 };
            area * fraction_deviation(error.clamp(MIN_ERROR, 1.0 - MIN_ERROR))
        };
        let all = (0..BINS).fold((0, 0.0, 0.0), |(n, a, r), b| (n + self.cells[b], a + self.areas[b], r + right(b)));
        let mut below = (0, 0.0, 0.0);
        let mut best = (weight(all.1, all.2), BINS);
        for bin in 1..BINS {
            below = (below.0 + self.cells[bin - 1], below.1 + self.areas[bin - 1], below.2 + right(bin - 1));
            if below.0 < MIN_CELLS || all.0 - below.0 < MIN_CELLS {
                continue;
            }
            let sum = weight(below.1, below.2) + weight(all.1 - below.1, all.2 - below.2);
            if sum < best.0 {
                best = (sum, bin);
            }
        }
        match best.1 {
            BINS => RiskCut { min_probability: None, parts: vec![self.part(0, BINS)] },
            bin => RiskCut {
                min_probability: Some((BINS - bin) as f64 / BINS as f64),
                parts: vec![self.part(0, bin), self.part(bin, BINS)],
            },
        }
    }

    /// The cells of the bins from `start` to before `end`.
    fn part(&self, start: usize, end: usize) -> RiskPart {
        let rows = self.probabilities[start * self.classes..end * self.classes].chunks(self.classes.max(1));
        let mut expected = vec![0.0; self.classes];
        for row in rows {
            expected.iter_mut().zip(row).for_each(|(sum, p)| *sum += p);
        }
        RiskPart { cells: self.cells[start..end].iter().sum(), area: self.areas[start..end].iter().sum(), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 900 sure cells (.99) and 100 that are wrong half the time: the cut is between them, and what it expects is their sum.
    #[test]
    fn the_cut_is_between_the_sure_and_the_unsure() {
        let mut risk = ClassRisk::new(1, 3);
        (0..900).for_each(|_| risk.add(2.0, &[0.004, 0.99, 0.006]));
        (0..100).for_each(|_| risk.add(2.0, &[0.4, 0.5, 0.1]));
        let cut = risk.cut();
        let at = cut.min_probability.unwrap();
        assert!((0.5..=0.99).contains(&at), "{at}");
        let [sure, rest] = cut.parts.as_slice() else { panic!("{cut:?}") };
        assert_eq!((sure.cells, rest.cells, sure.area), (900, 100, 1800.0));
        assert!((rest.fraction(1) - 0.5).abs() < 1e-12 && (rest.fraction(0) - 0.4).abs() < 1e-12);
        assert!((sure.fraction(1) - 0.99).abs() < 1e-12);
        assert!(!is_uncertain(0.99, at) && is_uncertain(0.5, at));
    }

    #[test]
    fn a_class_without_differences_is_not_cut() {
        let mut risk = ClassRisk::new(0, 2);
        (0..400).for_each(|_| risk.add(1.0, &[0.9, 0.1]));
        let cut = risk.cut();
        assert_eq!((cut.min_probability, cut.parts.len()), (None, 1));
        let mut few = ClassRisk::new(0, 2);
        (0..60).for_each(|k| few.add(1.0, &[0.5 + 0.005 * f64::from(k), 0.2]));
        assert_eq!(few.cut().min_probability, None);
    }

    /// The plan counted .9 and .9005 in one part, the map in two: strata without cells were to be drawn from.
    #[test]
    fn cells_lie_where_they_were_counted() {
        let mut risk = ClassRisk::new(0, 2);
        let probabilities: Vec<f64> = (0..4000).map(|k| f64::from(0.6_f32 + 0.0001 * k as f32)).collect();
        for &p in &probabilities {
            risk.add(1.0, &[p, 1.0 - p]);
        }
        let cut = risk.cut();
        let at = cut.min_probability.unwrap();
        let unsure = probabilities.iter().filter(|p| is_uncertain(**p, at)).count() as u64;
        assert_eq!(unsure, cut.parts[1].cells);
        // The same after the cut was written as text.
        let read: f64 = format!("{at}").parse().unwrap();
        assert!(probabilities.iter().all(|&p| is_uncertain(p, read) == is_uncertain(p, at)));
    }

    #[test]
    fn a_cell_without_probabilities_is_uncertain() {
        let mut risk = ClassRisk::new(0, 2);
        (0..100).for_each(|_| risk.add(1.0, &[1.0, 0.0]));
        (0..100).for_each(|_| risk.add(1.0, &[f64::NAN, f64::NAN]));
        let cut = risk.cut();
        assert_eq!(cut.parts[1].expected, [50.0, 50.0]);
    }
}
