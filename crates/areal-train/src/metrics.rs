//! Measures of classifications and regressions.

use areal_grid::Class;
use serde::{Deserialize, Serialize};

/// Patches by reference class and predicted class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfusionMatrix {
    /// `counts[r][p]`: patches of reference class `r` that were predicted as class `p`, in the legend's order.
    pub counts: Vec<Vec<u64>>,
}

impl ConfusionMatrix {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![vec![0; classes]; classes] }
    }

    /// Counts one patch.
    ///
    /// # Panics
    /// When a class is out of range, as with a slice.
    pub fn add(&mut self, reference: usize, predicted: usize) {
        self.counts[reference][predicted] += 1;
    }

    pub fn total(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    fn hits(&self) -> Vec<f64> {
        (0..self.counts.len()).map(|k| self.counts[k][k] as f64).collect()
    }

    fn references(&self) -> Vec<f64> {
        self.counts.iter().map(|row| row.iter().sum::<u64>() as f64).collect()
    }

    fn predictions(&self) -> Vec<f64> {
        (0..self.counts.len()).map(|k| self.counts.iter().map(|row| row[k]).sum::<u64>() as f64).collect()
    }

    /// Fraction of patches predicted correctly. None without patches.
    pub fn accuracy(&self) -> Option<f64> {
        ratio(self.hits().iter().sum(), self.total() as f64)
    }

    /// Recall of class `k`: fraction of its reference patches that were found. None without reference patches.
    pub fn recall(&self, k: usize) -> Option<f64> {
        ratio(self.hits()[k], self.references()[k])
    }

    /// Precision of class `k`: fraction of its predictions that are correct. None without predictions.
    pub fn precision(&self, k: usize) -> Option<f64> {
        ratio(self.hits()[k], self.predictions()[k])
    }

    /// F1 of class `k`, `2 TP / (2 TP + FP + FN)`. None where the class is neither in the reference nor predicted.
    pub fn f1(&self, k: usize) -> Option<f64> {
        ratio(2.0 * self.hits()[k], self.references()[k] + self.predictions()[k])
    }

    /// Mean recall of the classes that have reference patches.
    pub fn balanced_accuracy(&self) -> Option<f64> {
        mean((0..self.counts.len()).filter_map(|k| self.recall(k)))
    }

    /// Mean F1 of the classes that are in the reference or predicted.
    pub fn macro_f1(&self) -> Option<f64> {
        mean((0..self.counts.len()).filter_map(|k| self.f1(k)))
    }

    /// Matthews' correlation coefficient for several classes (Gorodkin 2004). None where either side has one class.
    pub fn mcc(&self) -> Option<f64> {
        let (n, hits) = (self.total() as f64, self.hits().iter().sum::<f64>());
        let (r, p) = (self.references(), self.predictions());
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let spread = ((n * n - dot(&p, &p)) * (n * n - dot(&r, &r))).sqrt();
        ratio(hits * n - dot(&r, &p), spread)
    }

    /// Cohen's kappa (1960). None where chance agreement is complete.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.total() as f64;
        let chance: f64 = self.references().iter().zip(self.predictions()).map(|(r, p)| r * p).sum::<f64>() / (n * n);
        ratio(self.accuracy()? - chance, 1.0 - chance)
    }
}

fn ratio(over: f64, under: f64) -> Option<f64> {
    (under > 0.0).then(|| over / under)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    ratio(values.iter().sum(), values.len() as f64)
}

/// Measures of a model on one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Metrics {
    /// Of a class target.
    Classes(ClassMetrics),
    /// Of a value target.
    Value(ValueMetrics),
}

/// Measures of a classification. A measure that is not defined (a class never predicted has no precision) is null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassMetrics {
    /// Fraction of patches predicted correctly.
    pub accuracy: Option<f64>,
    /// Mean recall over classes.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 over classes.
    pub macro_f1: Option<f64>,
    /// Matthews' correlation coefficient.
    pub mcc: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Mean of `-ln p` of the reference class.
    pub log_loss: f64,
    /// Expected calibration error of the most probable class, 15 bins (Guo et al. 2017, eq. 3).
    pub expected_calibration_error: f64,
    /// One row a class, in the legend's order.
    pub classes: Vec<ClassRow>,
    /// Patches by reference class and predicted class.
    pub confusion: ConfusionMatrix,
}

/// Measures of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassRow {
    pub code: u8,
    pub name: String,
    pub patches: u64,
    /// Fraction of its predictions that are correct.
    pub precision: Option<f64>,
    /// Fraction of its reference patches that were found.
    pub recall: Option<f64>,
    /// Harmonic mean of both.
    pub f1: Option<f64>,
}

impl ClassMetrics {
    /// Measures of a matrix over a legend.
    pub fn new(classes: &[Class], confusion: ConfusionMatrix, log_loss: f64, expected_calibration_error: f64) -> Self {
        let rows = classes.iter().enumerate().map(|(k, class)| ClassRow {
            code: class.code,
            name: class.name.clone(),
            patches: confusion.counts[k].iter().sum(),
            precision: confusion.precision(k),
            recall: confusion.recall(k),
            f1: confusion.f1(k),
        });
        Self {
            accuracy: confusion.accuracy(),
            balanced_accuracy: confusion.balanced_accuracy(),
            macro_f1: confusion.macro_f1(),
            mcc: confusion.mcc(),
            kappa: confusion.kappa(),
            log_loss,
            expected_calibration_error,
            classes: rows.collect(),
            confusion,
        }
    }
}

/// Measures of a regression, in the value's own units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMetrics {
    pub patches: u64,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Mean error, prediction less value.
    pub bias: f64,
    /// Coefficient of determination, `1 - SSE / SST`; below 0 where the mean would do better. Null without spread.
    pub r2: Option<f64>,
    /// Squared Pearson correlation: does not see bias or scale. Null without spread on either side.
    pub pearson_r2: Option<f64>,
}

impl ValueMetrics {
    /// Measures of pairs (value, prediction).
    pub fn new(pairs: &[(f64, f64)]) -> Self {
        let n = pairs.len().max(1) as f64;
        let sum = |f: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|(y, p)| f(*y, *p)).sum::<f64>();
        let (mean_y, mean_p) = (sum(&|y, _| y) / n, sum(&|_, p| p) / n);
        let errors = sum(&|y, p| (p - y).powi(2));
        let spread_y = sum(&|y, _| (y - mean_y).powi(2));
        let spread_p = sum(&|_, p| (p - mean_p).powi(2));
        let together = sum(&|y, p| (y - mean_y) * (p - mean_p));
        Self {
            patches: pairs.len() as u64,
            rmse: (errors / n).sqrt(),
            mae: sum(&|y, p| (p - y).abs()) / n,
            bias: mean_p - mean_y,
            r2: ratio(errors, spread_y).map(|share| 1.0 - share),
            pearson_r2: ratio(together * together, spread_y * spread_p),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: Option<f64>, expected: f64) {
        assert!((found.unwrap() - expected).abs() < 5e-8, "{found:?} {expected}");
    }

    /// Olofsson et al. 2014, table 8, raw counts; there rows are the map and columns the reference.
    #[test]
    fn olofsson_2014_raw_counts() {
        let map_by_reference = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]];
        let mut matrix = ConfusionMatrix::new(4);
        for (map, row) in map_by_reference.iter().enumerate() {
            for (reference, n) in row.iter().enumerate() {
                matrix.counts[reference][map] = *n;
            }
        }
        assert_eq!(matrix.total(), 640);
        close(matrix.accuracy(), 0.917_187_5);
        close(matrix.balanced_accuracy(), 0.933_384_6);
        close(matrix.macro_f1(), 0.899_428_7);
        close(matrix.mcc(), 0.871_330_5);
        close(matrix.kappa(), 0.869_963_6);
        // User's accuracy of deforestation is its precision: 66 of 75 mapped; 66 of 69 reference patches found.
        close(matrix.precision(0), 66.0 / 75.0);
        close(matrix.recall(0), 66.0 / 69.0);
    }

    #[test]
    fn what_is_not_defined_is_none() {
        let mut matrix = ConfusionMatrix::new(3);
        matrix.add(0, 0);
        matrix.add(1, 0);
        assert_eq!((matrix.precision(1), matrix.recall(2), matrix.f1(2)), (None, None, None));
        assert_eq!((matrix.recall(1), matrix.f1(1)), (Some(0.0), Some(0.0)));
        // Recalls 1 and 0; F1 2/3 and 0.
        assert_eq!(matrix.balanced_accuracy(), Some(0.5));
        close(matrix.macro_f1(), 1.0 / 3.0);
        assert_eq!(matrix.mcc(), None);
        assert_eq!(ConfusionMatrix::new(2).accuracy(), None);
    }

    /// Values 1, 2, 3, 4 predicted as 2, 2, 4, 4: errors 1, 0, 1, 0.
    #[test]
    fn regression_by_hand() {
        let m = ValueMetrics::new(&[(1.0, 2.0), (2.0, 2.0), (3.0, 4.0), (4.0, 4.0)]);
        assert_eq!((m.rmse, m.mae, m.bias), (0.5f64.sqrt(), 0.5, 0.5));
        // SSE 2, SST 5; covariance sum 1.5 + 0.5 + 0.5 + 1.5 = 4, prediction spread 4.
        close(m.r2, 1.0 - 2.0 / 5.0);
        close(m.pearson_r2, 16.0 / 20.0);
        let flat = ValueMetrics::new(&[(1.0, 2.0), (2.0, 2.0)]);
        assert_eq!((flat.pearson_r2, flat.r2), (None, Some(-1.0)));
    }
}
