//! Where a map class is cut into cells that the map is sure of and others, by the map's own probabilities.

use crate::expected::ExpectedMatrix;
use crate::sample_size::fraction_deviation;

/// Bins of the probability of error.
const BINS: usize = 1000;
/// Cells that either side of a cut must have.
const MIN_CELLS: u64 = 50;
/// The least error that is planned for: cells that the map is sure of are drawn too, so that a wrong confidence is found out.
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
    /// The fraction that the map expects to be of another class than `class`, [`MIN_ERROR`] at least.
    pub fn error(&self, class: usize) -> f64 {
        let right = self.expected.get(class).copied().unwrap_or(0.0);
        if self.area > 0.0 { (1.0 - right / self.area).clamp(MIN_ERROR, 1.0 - MIN_ERROR) } else { MIN_ERROR }
    }

    /// What the map expects of this part of `class`; `None` without area.
    pub fn matrix(&self, class: usize) -> Option<ExpectedMatrix> {
        let classes = self.expected.len();
        let row = |i: usize| if i == class { self.expected.clone() } else { vec![0.0; classes] };
        ExpectedMatrix::new((0..classes).map(row).collect()).ok()
    }
}

impl ClassRisk {
    pub fn new(class: usize, classes: usize) -> Self {
        Self { class, classes, cells: vec![0; BINS], areas: vec![0.0; BINS], probabilities: vec![0.0; BINS * classes] }
    }

    /// Adds a cell of this map class. `probabilities` has one value a class; where any is not a number the cell counts as
    /// one that the map is least sure of.
    pub fn add(&mut self, area: f64, probabilities: &[f64]) {
        let known = probabilities.len() == self.classes && probabilities.iter().all(|p| p.is_finite());
        let error = if known { (1.0 - probabilities[self.class]).clamp(0.0, 1.0) } else { 1.0 };
        let bin = ((error * BINS as f64) as usize).min(BINS - 1);
        self.cells[bin] += 1;
        self.areas[bin] += area;
        let row = &mut self.probabilities[bin * self.classes..(bin + 1) * self.classes];
        if known {
            row.iter_mut().zip(probabilities).for_each(|(sum, p)| *sum += area * p);
        } else {
            for sum in row {
                *sum += area / self.classes as f64;
            }
        }
    }

    /// The cut that leaves the least sum of `W S` over the two parts, to which the standard error of overall accuracy under Neyman's
    /// allocation is proportional (Cochran 1977, eq. 5.26), with the errors that the map expects.
    pub fn cut(&self) -> RiskCut {
        let weight = |p: &RiskPart| p.area * fraction_deviation(p.error(self.class));
        let whole = self.part(0, BINS);
        let cuts = (1..BINS).map(|b| (b, self.part(0, b), self.part(b, BINS)));
        let best = cuts
            .filter(|(_, sure, rest)| sure.cells >= MIN_CELLS && rest.cells >= MIN_CELLS)
            .map(|(b, sure, rest)| (weight(&sure) + weight(&rest), b, sure, rest))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match best {
            Some((sum, b, sure, rest)) if sum < weight(&whole) => {
                RiskCut { min_probability: Some((BINS - b) as f64 / BINS as f64), parts: vec![sure, rest] }
            }
            _ => RiskCut { min_probability: None, parts: vec![whole] },
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
        assert!((rest.error(1) - 0.5).abs() < 1e-12);
        // .01 is expected of the sure ones, .02 is planned for.
        assert_eq!(sure.error(1), MIN_ERROR);
        let matrix = rest.matrix(1).unwrap();
        assert!((matrix.fraction(1, 0) - 0.4).abs() < 1e-12 && matrix.mapped(1) == 1.0);
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

    #[test]
    fn a_cell_without_probabilities_is_unsure() {
        let mut risk = ClassRisk::new(0, 2);
        (0..100).for_each(|_| risk.add(1.0, &[1.0, 0.0]));
        (0..100).for_each(|_| risk.add(1.0, &[f64::NAN, f64::NAN]));
        let cut = risk.cut();
        assert_eq!(cut.parts[1].expected, [50.0, 50.0]);
    }
}
