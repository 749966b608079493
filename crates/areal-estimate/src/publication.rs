use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{EstimateError, require, same_length};

/// How far a published number may be relied on, by its CV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum QualityFlag {
    /// CV below the first limit.
    Good,
    /// CV between the limits: use with caution.
    Caution,
    /// CV above the second limit, or none: too unreliable to be published.
    Unreliable,
}

impl fmt::Display for QualityFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Good => "good",
            Self::Caution => "caution",
            Self::Unreliable => "unreliable",
        })
    }
}

/// CVs at which the flag changes; by default 16.5 % and 33.3 %, the limits of Statistics Canada's Labour Force Survey
/// guide (catalogue 71-543-G).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CvLimits {
    /// Below: good.
    pub good: f64,
    /// To here: caution; above: unreliable.
    pub caution: f64,
}

impl Default for CvLimits {
    fn default() -> Self {
        Self { good: 0.165, caution: 0.333 }
    }
}

impl CvLimits {
    /// Limits as asked for.
    ///
    /// # Errors
    /// Unless `0 < good <= caution`.
    pub fn new(good: f64, caution: f64) -> Result<Self, EstimateError> {
        require(good > 0.0 && good.is_finite(), "first CV limit", "the quality flag", good, "must be positive")?;
        let expected = "must not be below the first";
        require(caution >= good && caution.is_finite(), "second CV limit", "the quality flag", caution, expected)?;
        Ok(Self { good, caution })
    }

    /// The flag of a number with this CV; a number without one is unreliable.
    pub fn flag(&self, cv: Option<f64>) -> QualityFlag {
        match cv {
            Some(cv) if cv < self.good => QualityFlag::Good,
            Some(cv) if cv <= self.caution => QualityFlag::Caution,
            _ => QualityFlag::Unreliable,
        }
    }
}

/// Why a cell of a published table is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Suppression {
    /// It is published.
    Shown,
    /// Too few units.
    Primary,
    /// Its row or column would give another suppressed cell away.
    Secondary,
}

impl fmt::Display for Suppression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shown => "",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        })
    }
}

/// Which cells of a table (rows = zones, columns = classes, with published row and column totals) are left empty: those with
/// fewer than `least` units, and then as many more that no row and no column has exactly one empty cell, which its total
/// would give away. In a line with one, the open cell with the fewest units is closed, then the smallest value.
/// (Willenborg and de Waal 2001, Elements of Statistical Disclosure Control, section 1.6.)
///
/// # Errors
/// Tables of different shape.
pub fn suppress(
    units: &[Vec<usize>],
    values: &[Vec<f64>],
    least: usize,
) -> Result<Vec<Vec<Suppression>>, EstimateError> {
    same_length("the rows of values", values.len(), units.len())?;
    let columns = units.first().map_or(0, Vec::len);
    for (u, v) in units.iter().zip(values) {
        same_length("a row of units", u.len(), columns)?;
        same_length("a row of values", v.len(), columns)?;
    }
    let first = |n: &usize| if *n < least { Suppression::Primary } else { Suppression::Shown };
    let mut state: Vec<Vec<Suppression>> = units.iter().map(|r| r.iter().map(first).collect()).collect();
    let rows: Vec<Vec<(usize, usize)>> = (0..units.len()).map(|i| (0..columns).map(|j| (i, j)).collect()).collect();
    let cols: Vec<Vec<(usize, usize)>> = (0..columns).map(|j| (0..units.len()).map(|i| (i, j)).collect()).collect();
    loop {
        let mut changed = false;
        for line in rows.iter().chain(&cols) {
            let (shown, hidden): (Vec<_>, Vec<_>) =
                line.iter().copied().partition(|&(i, j)| state[i][j] == Suppression::Shown);
            let closest = shown
                .into_iter()
                .min_by(|&(a, b), &(c, d)| units[a][b].cmp(&units[c][d]).then(values[a][b].total_cmp(&values[c][d])));
            if let (1, Some((i, j))) = (hidden.len(), closest) {
                state[i][j] = Suppression::Secondary;
                changed = true;
            }
        }
        if !changed {
            return Ok(state);
        }
    }
}

/// Rounds to a multiple of `step` (half away from zero); 0 leaves the value as it is.
pub fn round_to(value: f64, step: f64) -> f64 {
    if step > 0.0 && value.is_finite() { (value / step).round() * step } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn flags_change_at_the_limits() {
        let limits = CvLimits::default();
        let flag = |cv| limits.flag(Some(cv));
        assert_eq!(flag(0.164), QualityFlag::Good);
        assert_eq!(flag(0.165), QualityFlag::Caution);
        assert_eq!(flag(0.333), QualityFlag::Caution);
        assert_eq!(flag(0.334), QualityFlag::Unreliable);
        assert_eq!(limits.flag(None), QualityFlag::Unreliable);
        assert!(CvLimits::new(0.3, 0.2).is_err());
    }

    #[test]
    fn one_small_cell_takes_a_rectangle_with_it() {
        // (0, 0) has 3 units. Its row closes (0, 1), its column (1, 0), and they close (1, 1).
        let units = vec![vec![3, 20, 90], vec![30, 50, 90], vec![60, 70, 90]];
        let values = vec![vec![1.0; 3]; 3];
        let s = suppress(&units, &values, 10).unwrap();
        let open = Suppression::Shown;
        let shut = Suppression::Secondary;
        assert_eq!(s, vec![vec![Suppression::Primary, shut, open], vec![shut, shut, open], vec![open; 3]]);
    }

    #[test]
    fn rounding_is_to_the_step() {
        assert_eq!(round_to(1234.5, 10.0), 1230.0);
        assert_eq!(round_to(-15.0, 10.0), -20.0);
        assert_eq!(round_to(1.25, 0.0), 1.25);
    }

    proptest! {
        #[test]
        fn no_line_has_exactly_one_hidden_cell(rows in 2usize..7, cols in 2usize..7, seed in 0usize..1000) {
            let units: Vec<Vec<usize>> =
                (0..rows).map(|i| (0..cols).map(|j| (seed + i * 31 + j * 17 + i * j * seed) % 40).collect()).collect();
            let values = vec![vec![1.0; cols]; rows];
            let s = suppress(&units, &values, 10).unwrap();
            let hidden = |it: &mut dyn Iterator<Item = Suppression>| it.filter(|s| *s != Suppression::Shown).count();
            for row in &s {
                prop_assert_ne!(hidden(&mut row.iter().copied()), 1);
            }
            for j in 0..cols {
                prop_assert_ne!(hidden(&mut s.iter().map(|r| r[j])), 1);
            }
        }
    }
}
