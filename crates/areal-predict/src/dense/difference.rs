//! How far dense mode is from patch mode, on patches predicted in both.

use areal_formats::DenseAgreement;

/// Sums over patches that were predicted in both modes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ModeDifference {
    pub patches: u64,
    /// Patches with the same class in both.
    pub same: u64,
    pub numbers: u64,
    /// Sum of the differences of the numbers, without their signs.
    pub sum: f64,
    /// The greatest of them.
    pub greatest: f64,
}

impl ModeDifference {
    /// Takes one patch in: its outputs in both modes.
    pub fn add(&mut self, outputs: impl Iterator<Item = (f32, f32)> + Clone) {
        self.patches += 1;
        let first = most(outputs.clone().map(|(dense, _)| dense));
        self.same += u64::from(first == most(outputs.clone().map(|(_, alone)| alone)));
        for (dense, alone) in outputs {
            let apart = f64::from((dense - alone).abs());
            self.numbers += 1;
            self.sum += apart;
            self.greatest = self.greatest.max(apart);
        }
    }

    /// Takes those of other patches in.
    pub fn merge(&mut self, other: &Self) {
        self.patches += other.patches;
        self.same += other.same;
        self.numbers += other.numbers;
        self.sum += other.sum;
        self.greatest = self.greatest.max(other.greatest);
    }

    /// What they come to; `classes` says whether the outputs are probabilities of classes. None without any patch.
    pub fn agreement(&self, classes: bool) -> Option<DenseAgreement> {
        (self.patches > 0).then(|| DenseAgreement {
            patches: self.patches,
            same_class: classes.then(|| self.same as f64 / self.patches as f64),
            mean_difference: self.sum / self.numbers.max(1) as f64,
            greatest_difference: self.greatest,
        })
    }
}

/// Place of the greatest number, the first of equals.
fn most(numbers: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (at, number) in numbers.enumerate() {
        if number > best.1 {
            best = (at, number);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let mut difference = ModeDifference::default();
        difference.add([(0.75, 0.5), (0.25, 0.5)].into_iter());
        let mut other = ModeDifference::default();
        other.add([(0.25, 0.75), (0.75, 0.25)].into_iter());
        difference.merge(&other);
        // The first of equals counts as the class, so the first patch has the same one; 2 x 1/4 and 2 x 1/2 over 4.
        let agreement = difference.agreement(true).unwrap();
        assert_eq!((agreement.patches, agreement.same_class), (2, Some(0.5)));
        assert_eq!((agreement.mean_difference, agreement.greatest_difference), (0.375, 0.5));
        assert_eq!(ModeDifference::default().agreement(true), None);
        assert_eq!(other.agreement(false).unwrap().same_class, None);
    }
}
