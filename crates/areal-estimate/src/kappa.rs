//! Agreement of two interpreters who labelled the same units.

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, Missing, same_length};

/// Kappa of two labellings of the same units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kappa {
    /// Units labelled twice.
    pub n: u64,
    /// Fraction of units with the same label.
    pub observed: f64,
    /// Fraction that chance alone would give.
    pub expected: f64,
    /// Cohen's kappa, `(observed - expected) / (1 - expected)`; 1 when both always give one and the same class.
    pub kappa: f64,
    /// Its large-sample standard error.
    pub standard_error: f64,
}

/// Cohen's kappa of a square table of counts (Cohen 1960, Educational and Psychological Measurement 20:37), with the
/// standard error of Fleiss, Cohen and Everitt 1969 (Psychological Bulletin 72:323, eq. 13).
///
/// # Errors
/// A table that is not square or holds nothing.
pub fn kappa(counts: &[Vec<u64>]) -> Result<Kappa, EstimateError> {
    let k = counts.len();
    for row in counts {
        same_length("a row of the agreement table", row.len(), k)?;
    }
    let n: u64 = counts.iter().flatten().sum();
    if n == 0 {
        return Err(EstimateError::Empty(Missing::UnitLabelledTwice));
    }
    let fraction = |i: usize, j: usize| counts[i][j] as f64 / n as f64;
    let rows: Vec<f64> = (0..k).map(|i| (0..k).map(|j| fraction(i, j)).sum()).collect();
    let columns: Vec<f64> = (0..k).map(|j| (0..k).map(|i| fraction(i, j)).sum()).collect();
    let observed: f64 = (0..k).map(|i| fraction(i, i)).sum();
    let expected: f64 = rows.iter().zip(&columns).map(|(a, b)| a * b).sum();
    let free = 1.0 - expected;
    if free <= 0.0 {
        return Ok(Kappa { n, observed, expected, kappa: 1.0, standard_error: 0.0 });
    }
    let kappa = (observed - expected) / free;
    let mut sum = 0.0;
    for i in 0..k {
        sum += fraction(i, i) * (free - (rows[i] + columns[i]) * (1.0 - observed)).powi(2);
        for j in (0..k).filter(|&j| j != i) {
            sum += (1.0 - observed).powi(2) * fraction(i, j) * (columns[i] + rows[j]).powi(2);
        }
    }
    sum -= (observed * expected - 2.0 * expected + observed).powi(2);
    let standard_error = (sum.max(0.0) / n as f64).sqrt() / (free * free);
    Ok(Kappa { n, observed, expected, kappa, standard_error })
}
