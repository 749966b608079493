//! Tables of measures as CSV.

use std::path::Path;

use areal_grid::Class;
use areal_job::FileError;

use crate::{ClassMetrics, ConfusionMatrix, EpochRow, Metrics, ValueMetrics};

/// Writes `metrics.csv`: one row an epoch. A measure that is not defined is an empty cell.
///
/// Columns: `epoch, learning_rate, train_loss, validation_loss`; then for classes `accuracy, balanced_accuracy,
/// macro_f1, mcc, kappa` and `precision_NAME, recall_NAME` of each class, for a value `rmse, mae, bias, r2, pearson_r2`.
///
/// # Errors
/// When the file cannot be written.
pub fn write_metrics(path: &Path, rows: &[EpochRow]) -> Result<(), FileError> {
    let mut table = Table::create(path)?;
    for (i, row) in rows.iter().enumerate() {
        let (names, values) = measures(&row.validation);
        if i == 0 {
            let head = ["epoch", "learning_rate", "train_loss", "validation_loss"].map(str::to_owned);
            table.row(head.into_iter().chain(names))?;
        }
        let numbers = [row.learning_rate, row.train_loss, row.validation_loss].map(Some);
        let numbers = numbers.into_iter().chain(values).map(cell);
        table.row(std::iter::once(row.epoch.to_string()).chain(numbers))?;
    }
    table.finish()
}

/// Writes the measures of one split as `metrics.csv`, tidy: `measure, value`, one row a measure, with the names of
/// [`write_metrics`]'s columns.
///
/// # Errors
/// When the file cannot be written.
pub fn write_evaluation(path: &Path, metrics: &Metrics) -> Result<(), FileError> {
    let mut table = Table::create(path)?;
    table.row(["measure", "value"].map(str::to_owned))?;
    let (names, values) = measures(metrics);
    for (name, value) in names.into_iter().zip(values) {
        table.row([name, cell(value)])?;
    }
    table.finish()
}

/// Writes `confusion.csv`, tidy: `reference_code, reference_name, predicted_code, predicted_name, patches`, one row a
/// pair of classes, pairs without patches included.
///
/// # Errors
/// When the file cannot be written.
pub fn write_confusion(path: &Path, classes: &[Class], matrix: &ConfusionMatrix) -> Result<(), FileError> {
    let mut table = Table::create(path)?;
    table
        .row(["reference_code", "reference_name", "predicted_code", "predicted_name", "patches"].map(str::to_owned))?;
    for (reference, row) in classes.iter().zip(&matrix.counts) {
        for (predicted, n) in classes.iter().zip(row) {
            let names = (reference.name.clone(), predicted.name.clone());
            let codes = (reference.code.to_string(), predicted.code.to_string());
            table.row([codes.0, names.0, codes.1, names.1, n.to_string()])?;
        }
    }
    table.finish()
}

/// Names and values of the measures of one split, in the order of tables.
pub(crate) fn measures(metrics: &Metrics) -> (Vec<String>, Vec<Option<f64>>) {
    match metrics {
        Metrics::Classes(m) => class_measures(m),
        Metrics::Value(ValueMetrics { rmse, mae, bias, r2, pearson_r2, .. }) => (
            ["rmse", "mae", "bias", "r2", "pearson_r2"].map(str::to_owned).to_vec(),
            vec![Some(*rmse), Some(*mae), Some(*bias), *r2, *pearson_r2],
        ),
    }
}

fn class_measures(m: &ClassMetrics) -> (Vec<String>, Vec<Option<f64>>) {
    let mut names: Vec<String> =
        ["accuracy", "balanced_accuracy", "macro_f1", "mcc", "kappa"].map(str::to_owned).to_vec();
    let mut values = vec![m.accuracy, m.balanced_accuracy, m.macro_f1, m.mcc, m.kappa];
    for class in &m.classes {
        names.extend([format!("precision_{}", class.name), format!("recall_{}", class.name)]);
        values.extend([class.precision, class.recall]);
    }
    (names, values)
}

fn cell(value: Option<f64>) -> String {
    value.map(|v| v.to_string()).unwrap_or_default()
}

/// A CSV file that names itself in its errors.
struct Table<'a> {
    path: &'a Path,
    writer: csv::Writer<std::fs::File>,
}

impl<'a> Table<'a> {
    fn create(path: &'a Path) -> Result<Self, FileError> {
        let file = std::fs::File::create(path).map_err(FileError::io("write", path))?;
        Ok(Self { path, writer: csv::Writer::from_writer(file) })
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) -> Result<(), FileError> {
        self.writer.write_record(cells).map_err(|e| FileError::io("write", self.path)(e.into()))
    }

    fn finish(mut self) -> Result<(), FileError> {
        self.writer.flush().map_err(FileError::io("write", self.path))
    }
}
