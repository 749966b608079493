//! Weights of classes in the loss.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// How much each class counts in the loss.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClassWeights {
    /// Every patch counts the same.
    #[default]
    None,
    /// `N / (C n_c)`: every class counts the same.
    Inverse,
    /// The square root of [`Inverse`](Self::Inverse): between the two.
    SqrtInverse,
    /// By the effective number of samples, `(1 - beta) / (1 - beta^n_c)`, scaled to add up to the number of classes
    /// (Cui et al. 2019, eq. 2 and section 4). Beta in `[0, 1)`.
    Effective(f64),
}

impl ClassWeights {
    /// The weight of each class of these patch counts. `N` and `C` are the numbers of patches and of classes present; a class
    /// without patches weighs 0.
    ///
    /// # Example
    /// Counts 5000, 500, 50: inverse weights 0.37, 3.7, 37.
    pub fn weights(self, counts: &[u64]) -> Vec<f64> {
        let total = counts.iter().sum::<u64>() as f64;
        let classes = counts.iter().filter(|n| **n > 0).count() as f64;
        let raw = |n: f64| match self {
            Self::None => 1.0,
            Self::Inverse => total / (classes * n),
            Self::SqrtInverse => (total / (classes * n)).sqrt(),
            Self::Effective(beta) => (1.0 - beta) / (1.0 - beta.powf(n)),
        };
        let mut weights: Vec<f64> = counts.iter().map(|&n| if n == 0 { 0.0 } else { raw(n as f64) }).collect();
        if let Self::Effective(_) = self {
            let sum: f64 = weights.iter().sum();
            weights = weights.into_iter().map(|w| w * classes / sum).collect();
        }
        weights
    }
}

/// The class prior that a model's probabilities imply when class `c` was drawn with probability `fractions[c]` and
/// weighted with `weights[c]` in the loss: proportional to their product, adding up to 1.
pub fn implied_prior(fractions: &[f64], weights: &[f64]) -> Vec<f64> {
    let products: Vec<f64> = fractions.iter().zip(weights).map(|(s, w)| s * w).collect();
    let sum: f64 = products.iter().sum();
    products.into_iter().map(|p| if sum > 0.0 { p / sum } else { 0.0 }).collect()
}

impl std::fmt::Display for ClassWeights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Inverse => f.write_str("inverse"),
            Self::SqrtInverse => f.write_str("sqrt-inverse"),
            Self::Effective(beta) => write!(f, "effective({beta})"),
        }
    }
}

impl FromStr for ClassWeights {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (name, numbers) = crate::choice::call(text);
        match (name, numbers.as_deref()) {
            ("none", Some([])) => Ok(Self::None),
            ("inverse", Some([])) => Ok(Self::Inverse),
            ("sqrt-inverse", Some([])) => Ok(Self::SqrtInverse),
            ("effective", Some([])) => Ok(Self::Effective(0.999)),
            ("effective", Some([beta])) if (0.0..1.0).contains(beta) => Ok(Self::Effective(*beta)),
            _ => Err(ModelError::Choice {
                what: "class weighting",
                given: text.to_owned(),
                choices: ["none", "inverse", "sqrt-inverse", "effective(BETA) with BETA from 0 to below 1"]
                    .map(str::to_owned)
                    .to_vec(),
            }),
        }
    }
}

crate::choice::text_form!(ClassWeights);

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (f, e) in found.iter().zip(expected) {
            assert!((f - e).abs() < 5e-7 * e.abs().max(1.0), "{found:?} {expected:?}");
        }
    }

    const COUNTS: [u64; 3] = [5000, 500, 50];

    #[test]
    fn inverse_frequency() {
        close(&ClassWeights::Inverse.weights(&COUNTS), &[0.37, 3.7, 37.0]);
        close(&ClassWeights::SqrtInverse.weights(&COUNTS), &[0.37f64.sqrt(), 3.7f64.sqrt(), 37f64.sqrt()]);
        close(&ClassWeights::None.weights(&COUNTS), &[1.0, 1.0, 1.0]);
    }

    /// Cui et al. 2019, normalised to add up to the number of classes.
    #[test]
    fn effective_number() {
        close(&ClassWeights::Effective(0.9999).weights(&COUNTS), &[0.034_107, 0.275_167, 2.690_725]);
        close(&ClassWeights::Effective(0.999).weights(&COUNTS), &[0.125_629, 0.317_017, 2.557_354]);
    }

    #[test]
    fn a_class_without_patches_weighs_nothing() {
        close(&ClassWeights::Inverse.weights(&[30, 0, 10]), &[40.0 / 60.0, 0.0, 2.0]);
        close(&ClassWeights::Effective(0.0).weights(&[30, 0, 10]), &[1.0, 0.0, 1.0]);
    }

    #[test]
    fn inverse_weights_imply_an_even_prior() {
        let fractions = COUNTS.map(|n| n as f64 / 5550.0);
        close(&implied_prior(&fractions, &ClassWeights::Inverse.weights(&COUNTS)), &[1.0 / 3.0; 3]);
        close(&implied_prior(&fractions, &ClassWeights::None.weights(&COUNTS)), &fractions);
    }

    #[test]
    fn words_come_back() {
        for text in ["none", "inverse", "sqrt-inverse", "effective(0.9999)"] {
            assert_eq!(text.parse::<ClassWeights>().unwrap().to_string(), text);
        }
        for text in ["effective(1)", "effective(-1)", "inverse(2)", "effective(x)", "effective(0.9", "weighted"] {
            assert!(text.parse::<ClassWeights>().is_err(), "{text}");
        }
    }
}
