//! Class fractions from a classifier alone, corrected for its errors: model-based quantification.

use nalgebra::{DMatrix, DVector};

use crate::error::{EstimateError, Missing, require, same_length};

/// Adjusted count for several classes: solves `q = C pi` with `C[i][j] = P(mapped i | truly j)` from a confusion matrix of
/// held-out data (rows = mapped, columns = true), then sets negative fractions to zero and rescales (Saerens et al. 2002, section
/// 2.3.1, the confusion matrix method). It does not depend on the class prior of training or of the held-out data.
///
/// # Errors
/// A class that the held-out data lack, or a matrix that cannot be inverted.
pub fn adjusted_counts(mapped: &[f64], confusion: &[Vec<f64>]) -> Result<Vec<f64>, EstimateError> {
    let k = mapped.len();
    same_length("the confusion matrix", confusion.len(), k)?;
    for row in confusion {
        same_length("a row of the confusion matrix", row.len(), k)?;
    }
    let columns: Vec<f64> = (0..k).map(|j| confusion.iter().map(|row| row[j]).sum()).collect();
    if let Some(j) = columns.iter().position(|&c| c <= 0.0) {
        return Err(EstimateError::Value {
            what: "number of held-out patches",
            name: format!("class {j}"),
            value: columns[j],
            expected: "must be positive: its error rates are unknown",
        });
    }
    let rates = DMatrix::from_fn(k, k, |i, j| confusion[i][j] / columns[j]);
    let solved = rates.lu().solve(&DVector::from_column_slice(mapped)).ok_or(EstimateError::Singular {
        what: "the confusion matrix",
        why: "two classes have the same error rates, so their fractions cannot be told apart",
    })?;
    let kept: Vec<f64> = solved.iter().map(|v| v.max(0.0)).collect();
    let sum: f64 = kept.iter().sum();
    require(sum > 0.0, "sum of the adjusted fractions", "the classes", sum, "must be positive")?;
    Ok(kept.iter().map(|v| v / sum).collect())
}

/// Result of [`expectation_maximisation`].
#[derive(Debug, Clone, PartialEq)]
pub struct Quantified {
    /// Fraction of each class; sums to 1.
    pub fractions: Vec<f64>,
    /// Iterations used.
    pub iterations: usize,
}

/// Class fractions under label shift by expectation maximisation (EMQ; Saerens, Latinne and Decaestecker 2002, Neural
/// Computation 14:21, eq. 9): posteriors that were made under `training_prior` are re-weighted by `fractions / training_prior`
/// and averaged until the fractions settle. Starting from the prior that training *implied* (after class weights or
/// resampling) is what undoes it.
///
/// The map may be larger than memory, so it is read anew each iteration: `pass` calls its argument once a cell with the
/// cell's class probabilities and its weight (area).
///
/// # Errors
/// A prior that is not positive everywhere; no cell; fractions that do not settle; whatever `pass` fails with.
pub fn expectation_maximisation<E: From<EstimateError>>(
    training_prior: &[f64],
    tolerance: f64,
    iterations: usize,
    mut pass: impl FnMut(&mut dyn FnMut(&[f64], f64)) -> Result<(), E>,
) -> Result<Quantified, E> {
    for (k, &p) in training_prior.iter().enumerate() {
        require(p > 0.0 && p.is_finite(), "training prior", &format!("class {k}"), p, "must be positive")?;
    }
    let mut fractions = training_prior.to_vec();
    for step in 1..=iterations {
        let next = one_step(training_prior, &fractions, &mut pass)?;
        let change = fractions.iter().zip(&next).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        fractions = next;
        if change <= tolerance {
            return Ok(Quantified { fractions, iterations: step });
        }
    }
    Err(EstimateError::NoConvergence { what: "the class fractions (EMQ)", iterations }.into())
}

fn one_step<E: From<EstimateError>>(
    prior: &[f64],
    fractions: &[f64],
    pass: &mut impl FnMut(&mut dyn FnMut(&[f64], f64)) -> Result<(), E>,
) -> Result<Vec<f64>, E> {
    let ratio: Vec<f64> = fractions.iter().zip(prior).map(|(s, p)| s / p).collect();
    let (mut sums, mut weight) = (vec![0.0; prior.len()], 0.0);
    pass(&mut |posterior, w| {
        let scale: f64 = posterior.iter().zip(&ratio).map(|(p, r)| p * r).sum();
        if scale > 0.0 && w > 0.0 {
            for ((sum, p), r) in sums.iter_mut().zip(posterior).zip(&ratio) {
                *sum += w * p * r / scale;
            }
            weight += w;
        }
    })?;
    if weight <= 0.0 {
        return Err(EstimateError::Empty(Missing::PredictedCell).into());
    }
    Ok(sums.iter().map(|s| s / weight).collect())
}
