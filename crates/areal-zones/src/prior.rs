//! Correction of class probabilities for the class prior of training.

/// Brings class probabilities from the prior that training implied (after class weights or resampling) to the classes'
/// shares among the training patches: `p'_k ~ p_k share_k / prior_k`, scaled to sum to 1 (Saerens, Latinne and
/// Decaestecker 2002, Neural Computation 14:21, eq. 4). Where patches overlap, a cell's probabilities are the mean over its
/// patches, and it is this mean that is brought there: nearly the same, and exactly so where the patches agree.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorShift {
    ratios: Vec<f32>,
}

impl PriorShift {
    /// None where the two are the same, or not known for each of the classes.
    pub(crate) fn new(prior: &[f64], shares: &[f64], classes: usize) -> Option<Self> {
        if prior.len() != classes
            || shares.len() != classes
            || prior.iter().zip(shares).any(|(p, s)| *p <= 0.0 && *s > 0.0)
        {
            return None;
        }
        let ratios: Vec<f32> =
            prior.iter().zip(shares).map(|(p, s)| if *p > 0.0 { (s / p) as f32 } else { 1.0 }).collect();
        ratios.iter().any(|r| (r - 1.0).abs() > 1e-6).then_some(Self { ratios })
    }

    /// Changes planes of probabilities, one a class; cells that are NaN stay NaN.
    pub(crate) fn apply(&self, planes: &mut [Vec<f32>]) {
        let cells = planes.first().map_or(0, Vec::len);
        for cell in 0..cells {
            let sum: f32 = planes.iter().zip(&self.ratios).map(|(plane, ratio)| plane[cell] * ratio).sum();
            // Where all that is left is impossible, nothing better is known than what was predicted.
            if sum > 0.0 {
                planes.iter_mut().zip(&self.ratios).for_each(|(plane, ratio)| plane[cell] *= ratio / sum);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_training_are_undone() {
        // One patch in ten is rubber; balanced weights imply a prior of one half. Even odds there are 1 to 9 here.
        let shift = PriorShift::new(&[0.5, 0.5], &[0.1, 0.9], 2).unwrap();
        let mut planes = vec![vec![0.5, 0.9, f32::NAN], vec![0.5, 0.1, f32::NAN]];
        shift.apply(&mut planes);
        assert!((planes[0][0] - 0.1).abs() < 1e-6 && (planes[1][0] - 0.9).abs() < 1e-6);
        // 0.9 x 0.2 = 0.18 against 0.1 x 1.8 = 0.18.
        assert!((planes[0][1] - 0.5).abs() < 1e-6);
        assert!(planes.iter().all(|p| p[2].is_nan()));
        assert_eq!(PriorShift::new(&[0.1, 0.9], &[0.1, 0.9], 2), None);
        assert_eq!(PriorShift::new(&[], &[0.1, 0.9], 2), None);
    }

    /// A class that no training patch had kept the weights of all others from being undone.
    #[test]
    fn a_class_without_a_patch_leaves_the_others_undone() {
        let shift = PriorShift::new(&[0.5, 0.5, 0.0], &[0.1, 0.9, 0.0], 3).unwrap();
        let mut planes = vec![vec![0.5], vec![0.5], vec![0.0]];
        shift.apply(&mut planes);
        assert!((planes[0][0] - 0.1).abs() < 1e-6 && (planes[1][0] - 0.9).abs() < 1e-6 && planes[2][0] == 0.0);
        // A prior of 0 in training cannot be divided by.
        assert_eq!(PriorShift::new(&[1.0, 0.0], &[0.5, 0.5], 2), None);
    }
}
