//! The tables that a survey publishes: CSV with CSV on the Web metadata.

pub(crate) mod codebook;

use std::path::Path;

use areal_formats::CsvTable;
use areal_job::{FileError, StagedDir};
use serde::Serialize;

use crate::SurveyError;

/// Writes a table as CSV with its metadata (CSV on the Web) beside it.
pub(crate) fn write_table<T: Serialize>(
    out: &StagedDir,
    name: &str,
    table: &CsvTable,
    rows: &[T],
) -> Result<(), SurveyError> {
    let path = out.file(name);
    write_csv(&path, table, rows)?;
    Ok(table.write_metadata(&path)?)
}

/// Writes a table as CSV.
pub(crate) fn write_csv<T: Serialize>(path: &Path, table: &CsvTable, rows: &[T]) -> Result<(), SurveyError> {
    let fault = |e: csv::Error| FileError::io("write", path)(std::io::Error::other(e));
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_path(path).map_err(fault)?;
    writer.write_record(table.header()).map_err(fault)?;
    for row in rows {
        writer.serialize(row).map_err(fault)?;
    }
    Ok(writer.flush().map_err(FileError::io("write", path))?)
}
