//! Raking of a table to known row and column totals.

use crate::error::{EstimateError, same_length};

/// Rakes a table of estimates (rows = zones, columns = classes) to known row and column sums by iterative proportional
/// fitting (Deming and Stephan 1940, Annals of Mathematical Statistics 11:427), until both fit to `1e-9` of the whole.
/// Cells of zero stay zero.
///
/// # Errors
/// Sums that differ from each other, or a row or column that must be positive but is all zero.
pub fn rake(table: &[Vec<f64>], rows: &[f64], columns: &[f64]) -> Result<Vec<Vec<f64>>, EstimateError> {
    same_length("the row totals", rows.len(), table.len())?;
    let whole: f64 = rows.iter().sum();
    let other: f64 = columns.iter().sum();
    if (whole - other).abs() > 1e-6 * whole.abs() {
        return Err(EstimateError::Value {
            what: "sum of the class totals",
            name: "the benchmark".into(),
            value: other,
            expected: "must be the total area of the zones",
        });
    }
    let mut table = table.to_vec();
    for row in &table {
        same_length("a row of the table", row.len(), columns.len())?;
    }
    for _ in 0..1000 {
        for (row, &target) in table.iter_mut().zip(rows) {
            let sum: f64 = row.iter().sum();
            let factor = if sum > 0.0 { target / sum } else { 0.0 };
            for v in row.iter_mut() {
                *v *= factor;
            }
        }
        let mut worst = 0.0f64;
        for (j, &target) in columns.iter().enumerate() {
            let sum: f64 = table.iter().map(|r| r[j]).sum();
            worst = worst.max((sum - target).abs());
            let factor = if sum > 0.0 { target / sum } else { 0.0 };
            for row in &mut table {
                row[j] *= factor;
            }
        }
        if worst <= 1e-9 * whole {
            return Ok(table);
        }
    }
    Err(EstimateError::NoConvergence { what: "raking to the totals", iterations: 1000 })
}
