//! Reading of the program's tables.

use std::collections::HashMap;
use std::path::Path;

/// One row of a CSV file: text by column.
pub type Row = HashMap<String, String>;

/// The rows of a CSV file.
#[track_caller]
pub fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    reader.deserialize().map(|row| row.unwrap_or_else(|e| panic!("{}: {e}", path.display()))).collect()
}

/// The number in a field of a row.
#[track_caller]
pub fn number(row: &Row, field: &str) -> f64 {
    row[field].parse().unwrap_or_else(|_| panic!("{field} is {:?} in {row:?}", row[field]))
}
