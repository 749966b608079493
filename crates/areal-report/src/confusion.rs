//! Confusion matrices.

use crate::ReportError;
use crate::number::{number, percent};

/// How often each class was predicted as each.
#[derive(Debug, Clone)]
pub struct Confusion {
    /// What was compared: `validation patches`, say.
    pub name: String,
    /// The classes, in order.
    pub classes: Vec<String>,
    /// Counts `[reference][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// Share of a class's reference patches that were predicted as it; `None` without any.
    pub fn recall(&self, k: usize) -> Option<f64> {
        ratio(self.counts[k][k], self.counts[k].iter().sum())
    }

    /// Share of the patches predicted as a class that are of it; `None` without any.
    pub fn precision(&self, k: usize) -> Option<f64> {
        ratio(self.counts[k][k], self.counts.iter().map(|row| row[k]).sum())
    }

    pub(crate) fn view(&self) -> Result<ConfusionView, ReportError> {
        let n = self.classes.len();
        let fault = |found| Err(ReportError::Table { table: self.name.clone(), found, expected: n });
        if self.counts.len() != n {
            return fault(self.counts.len());
        }
        if let Some(row) = self.counts.iter().find(|row| row.len() != n) {
            return fault(row.len());
        }
        let share = |k: usize, count: u64| ratio(count, self.counts[k].iter().sum()).unwrap_or(0.0);
        let cell = |k: usize, j: usize| ConfusionCell {
            count: number(self.counts[k][j] as f64, 0),
            share: format!("{:.0}", 60.0 * share(k, self.counts[k][j])),
            right: k == j,
        };
        let text = |v: Option<f64>| v.map_or_else(|| "–".to_owned(), percent);
        let row = |k: usize| ConfusionRow {
            name: self.classes[k].clone(),
            cells: (0..n).map(|j| cell(k, j)).collect(),
            recall: text(self.recall(k)),
        };
        let right: u64 = (0..n).map(|k| self.counts[k][k]).sum();
        Ok(ConfusionView {
            name: self.name.clone(),
            classes: self.classes.clone(),
            rows: (0..n).map(row).collect(),
            precisions: (0..n).map(|k| text(self.precision(k))).collect(),
            accuracy: text(ratio(right, self.counts.iter().flatten().sum())),
        })
    }
}

fn ratio(part: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| part as f64 / all as f64)
}

pub(crate) struct ConfusionView {
    pub name: String,
    pub classes: Vec<String>,
    pub rows: Vec<ConfusionRow>,
    pub precisions: Vec<String>,
    pub accuracy: String,
}

pub(crate) struct ConfusionRow {
    pub name: String,
    pub cells: Vec<ConfusionCell>,
    pub recall: String,
}

pub(crate) struct ConfusionCell {
    pub count: String,
    pub share: String,
    pub right: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recall_goes_along_rows_and_precision_down_columns() {
        let c =
            Confusion { name: "t".into(), classes: vec!["a".into(), "b".into()], counts: vec![vec![8, 2], vec![1, 0]] };
        // 8 of 10 reference a; 8 of 9 predicted a; none of class b right.
        assert_eq!((c.recall(0), c.precision(0)), (Some(0.8), Some(8.0 / 9.0)));
        assert_eq!((c.recall(1), c.precision(1)), (Some(0.0), Some(0.0)));
        assert_eq!(c.view().unwrap().accuracy, "72.7\u{202f}%");
    }
}
