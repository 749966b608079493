//! What a map expects of its own errors in a stratum.

use std::collections::BTreeMap;

use crate::error::{EstimateError, require, same_length};

/// Sum of the class probabilities of a cell; `None` if they are not valid: NaN, negative, or all zero.
pub fn probability_sum(mut probabilities: impl Iterator<Item = f64>) -> Option<f64> {
    let sum = probabilities.try_fold(0.0, |sum, p| (p.is_finite() && p >= 0.0).then_some(sum + p))?;
    (sum > 0.0).then_some(sum)
}

/// The error matrix of a stratum that the map's own probabilities expect, `[mapped][class]`: the fraction of the stratum's area that is mapped as
/// one class and of another. Sums to 1. A map without probabilities expects no error. Only rows with an area are kept: a stratum of one map class
/// among hundreds has one.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedMatrix {
    classes: usize,
    /// Each mapped class that has an area, in order, with the fractions that are of each class.
    rows: Vec<(usize, Vec<f64>)>,
}

impl ExpectedMatrix {
    /// From areas, or fractions, that need not sum to 1.
    ///
    /// # Errors
    /// A matrix that is not square, negative or without any area.
    pub fn new(areas: Vec<Vec<f64>>) -> Result<Self, EstimateError> {
        for row in &areas {
            same_length("a row of the expected error matrix", row.len(), areas.len())?;
        }
        Self::of_rows(areas.len(), areas.into_iter().enumerate().collect())
    }

    /// The same from the rows of some of the mapped classes, in order.
    fn of_rows(classes: usize, mut rows: Vec<(usize, Vec<f64>)>) -> Result<Self, EstimateError> {
        let areas = || rows.iter().flat_map(|row| &row.1).copied();
        let least = areas().fold(0.0, f64::min);
        require(least >= 0.0, "area", "the expected error matrix", least, "must not be negative")?;
        let sum: f64 = areas().sum();
        require(sum.is_finite() && sum > 0.0, "sum", "the expected error matrix", sum, "must be positive")?;
        for area in rows.iter_mut().flat_map(|row| &mut row.1) {
            *area /= sum;
        }
        rows.retain(|(_, row)| row.iter().any(|area| *area != 0.0));
        Ok(Self { classes, rows })
    }

    /// A map that expects no error, with these mapped areas.
    ///
    /// # Errors
    /// Negative areas, or none.
    pub fn without_errors(mapped: &[f64]) -> Result<Self, EstimateError> {
        let row = |i: usize| (0..mapped.len()).map(|j| if i == j { mapped[i] } else { 0.0 }).collect();
        Self::new((0..mapped.len()).map(row).collect())
    }

    /// Of the part that is mapped as one class.
    ///
    /// # Errors
    /// When nothing is mapped as the class.
    pub fn only(&self, mapped: usize) -> Result<Self, EstimateError> {
        Self::of_rows(self.classes, self.rows.iter().filter(|row| row.0 == mapped).cloned().collect())
    }

    /// The same errors in each mapped class, where these are mapped in other proportions. As it is where none of its classes is among `mapped`.
    pub(crate) fn mapped_as(&self, mapped: &[f64]) -> Self {
        let scaled = |(class, row): &(usize, Vec<f64>)| {
            let factor = mapped[*class] / row.iter().sum::<f64>();
            (*class, row.iter().map(|fraction| fraction * factor).collect())
        };
        Self::of_rows(self.classes, self.rows.iter().map(scaled).collect()).unwrap_or_else(|_| self.clone())
    }

    /// Of several parts of an area together, each with its area.
    pub(crate) fn together(parts: &[(f64, &Self)]) -> Result<Self, EstimateError> {
        let classes = parts.first().map_or(0, |(_, matrix)| matrix.classes);
        let mut rows: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (area, matrix) in parts {
            for (mapped, row) in &matrix.rows {
                let sums = rows.entry(*mapped).or_insert_with(|| vec![0.0; classes]);
                sums.iter_mut().zip(row).for_each(|(sum, fraction)| *sum += area * fraction);
            }
        }
        Self::of_rows(classes, rows.into_iter().collect())
    }

    pub fn classes(&self) -> usize {
        self.classes
    }

    fn row(&self, mapped: usize) -> &[f64] {
        self.rows.iter().find(|row| row.0 == mapped).map_or(&[], |row| &row.1)
    }

    /// The fraction that is mapped as `mapped` and of `class`.
    pub fn fraction(&self, mapped: usize, class: usize) -> f64 {
        self.row(mapped).get(class).copied().unwrap_or(0.0)
    }

    /// The fraction that is of this class.
    pub fn class(&self, class: usize) -> f64 {
        self.rows.iter().filter_map(|(_, row)| row.get(class)).sum()
    }

    /// The fraction that is mapped as this class.
    pub fn mapped(&self, class: usize) -> f64 {
        self.row(class).iter().sum()
    }

    /// Each mapped class that has an area, in order, with that fraction.
    pub(crate) fn mapped_classes(&self) -> impl Iterator<Item = (usize, f64)> {
        self.rows.iter().map(|(class, row)| (*class, row.iter().sum()))
    }

    /// The fraction that is of its mapped class.
    pub fn right(&self) -> f64 {
        self.rows.iter().map(|(class, row)| row[*class]).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_of_the_whole_stratum() {
        let matrix = ExpectedMatrix::new(vec![vec![60.0, 20.0], vec![5.0, 15.0]]).unwrap();
        assert_eq!((matrix.class(0), matrix.mapped(0), matrix.right()), (0.65, 0.8, 0.75));
        assert_eq!(matrix.fraction(1, 0), 0.05);
        let sure = ExpectedMatrix::without_errors(&[3.0, 1.0]).unwrap();
        assert_eq!((sure.class(1), sure.mapped(1), sure.right()), (0.25, 0.25, 1.0));
        assert_eq!(probability_sum([0.5, 0.3].into_iter()), Some(0.8));
        assert!(
            [[0.0, 0.0], [-0.1, 1.0], [f64::NAN, 1.0]].iter().all(|p| probability_sum(p.iter().copied()).is_none())
        );
        assert!(ExpectedMatrix::new(vec![vec![0.0]]).is_err() && ExpectedMatrix::new(vec![vec![1.0, 0.0]]).is_err());
        assert!(ExpectedMatrix::without_errors(&[-1.0, 2.0]).is_err());
    }
}
