use std::path::Path;

use areal_estimate::{EstimateRow, Population};
use areal_job::{FileError, StagedDir};
use areal_zones::CsvTable;
use serde::Serialize;

use crate::columns::aligned;
use crate::errors::CliError;

/// Writes a table as CSV with its metadata (CSV on the Web) beside it.
pub fn write_table<T: Serialize>(out: &StagedDir, name: &str, table: &CsvTable, rows: &[T]) -> Result<(), CliError> {
    let path = out.file(name);
    write_csv(&path, table, rows)?;
    table.write_metadata(&path)?;
    Ok(())
}

/// Writes a table as CSV.
pub fn write_csv<T: Serialize>(path: &Path, table: &CsvTable, rows: &[T]) -> Result<(), CliError> {
    let fault = |e: csv::Error| CliError::from(FileError::io("write", path)(std::io::Error::other(e)));
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_path(path).map_err(fault)?;
    writer.write_record(table.header()).map_err(fault)?;
    for row in rows {
        writer.serialize(row).map_err(fault)?;
    }
    writer.flush().map_err(|e| CliError::from(FileError::io("write", path)(e)))
}

/// What stands for the zone of a number: the zone, or the population that it speaks of.
pub fn zone_label(population: Population, zone_id: &str) -> String {
    match population {
        Population::Map => "(map)".to_owned(),
        Population::Strata => "(strata)".to_owned(),
        Population::Zones => "(zones)".to_owned(),
        Population::Zone => zone_id.to_owned(),
    }
}

/// Prints estimates to stdout, aligned: with the digits that rounding left, or four decimals without any.
pub fn print_rows(rows: &[EstimateRow], rounded: bool) {
    let text = |v: f64| if rounded { v.to_string() } else { format!("{v:.4}") };
    let number = |v: Option<f64>| v.map_or_else(|| "-".to_owned(), text);
    let head = ["zone", "class", "mapped", "estimate", "error", "low", "high", "n", "method", "quality"];
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|h| (*h).to_owned()).collect()];
    for row in rows {
        lines.push(vec![
            zone_label(row.population, &row.zone_id),
            row.class_name.clone(),
            number(Some(row.mapped)),
            number(row.estimate),
            number(row.standard_error),
            number(row.low),
            number(row.high),
            row.n.to_string(),
            row.method.clone(),
            if row.suppressed.is_empty() { row.quality.clone() } else { format!("suppressed ({})", row.suppressed) },
        ]);
    }
    print_aligned(&lines);
}

/// Prints lines of cells to stdout, columns aligned: numbers right, words left.
pub fn print_aligned(lines: &[Vec<String>]) {
    let is_number = |c: usize| lines.iter().skip(1).all(|l| l[c] == "-" || l[c].parse::<f64>().is_ok());
    let right: Vec<bool> = (0..lines.first().map_or(0, Vec::len)).map(is_number).collect();
    for line in aligned(lines, |c| right[c]) {
        outln!("{line}");
    }
}
