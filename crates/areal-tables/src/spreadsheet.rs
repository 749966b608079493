//! Tables that are safe to open in a spreadsheet, where a cell that begins with `=`, `+`, `-` or `@` is a formula.

use std::path::Path;

use areal_job::{FileError, InputFile, check_unchanged};
use csv::StringRecord;

/// What a cell of text begins with where a spreadsheet may take it for a formula (OWASP, "CSV Injection"); the apostrophe so that
/// it can be undone.
const STARTS: [char; 7] = ['=', '+', '-', '@', '\t', '\r', '\''];

/// [`make_spreadsheet_safe`] for every `.csv` in a folder. The number of cells that changed.
///
/// # Errors
/// When a file cannot be read or written.
pub fn make_tables_spreadsheet_safe(folder: &Path) -> Result<u64, FileError> {
    let mut changed = 0;
    for entry in std::fs::read_dir(folder).map_err(FileError::io("read", folder))? {
        let path = entry.map_err(FileError::io("read", folder))?.path();
        if path.extension().is_some_and(|e| e == "csv") {
            changed += make_spreadsheet_safe(&path)?;
        }
    }
    Ok(changed)
}

/// Puts an apostrophe before every cell of a table that a spreadsheet might take for a formula; numbers stay. The number of such
/// cells.
///
/// # Errors
/// When the file cannot be read or written.
fn make_spreadsheet_safe(path: &Path) -> Result<u64, FileError> {
    let fault = |e: csv::Error| FileError::io("rewrite", path)(e.into());
    let file = InputFile::open(path).map_err(FileError::io("read", path))?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file);
    let made = path.with_extension("csv.safe");
    let mut writer = csv::Writer::from_path(&made).map_err(fault)?;
    let (mut record, mut changed) = (StringRecord::new(), 0);
    while reader.read_record(&mut record).map_err(fault)? {
        let safe: Vec<String> = record.iter().map(|cell| quoted(cell, &mut changed)).collect();
        writer.write_record(&safe).map_err(fault)?;
    }
    writer.flush().map_err(FileError::io("write", path))?;
    drop(writer);
    std::fs::rename(&made, path).map_err(FileError::io("write", path))?;
    Ok(changed)
}

fn quoted(cell: &str, changed: &mut u64) -> String {
    if !cell.starts_with(STARTS) || cell.parse::<f64>().is_ok() {
        return cell.to_owned();
    }
    *changed += 1;
    format!("'{cell}")
}

/// The text of a cell, without the apostrophe of [`make_spreadsheet_safe`].
fn unquoted(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(STARTS) => rest,
        _ => cell,
    }
}

/// Why a table that areal wrote cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ArealTableError {
    #[error(transparent)]
    Csv(#[from] csv::Error),
    /// It is not as areal wrote it.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The header and rows of a table that areal wrote, as it was before [`make_tables_spreadsheet_safe`].
///
/// # Errors
/// When the file cannot be read, is no table, or was changed since areal wrote it.
pub fn read_areal_table(path: &Path) -> Result<(StringRecord, Vec<StringRecord>), ArealTableError> {
    let mut reader = csv::Reader::from_reader(InputFile::open(path).map_err(csv::Error::from)?);
    let header = reader.headers()?.clone();
    let unquote = |record: csv::Result<StringRecord>| {
        record.map(|record| {
            let mut plain: StringRecord = record.iter().map(unquoted).collect();
            plain.set_position(record.position().cloned());
            plain
        })
    };
    let rows = reader.records().map(unquote).collect::<Result<_, _>>()?;
    check_unchanged(path)?;
    Ok((header, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_come_back_and_numbers_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let text = "zone,value\n=1+1,-2.5\n@x,+3\n\"-a, b\",1e-3\n'=q,NaN\nplain,0\n'tis,\n";
        std::fs::write(&path, text).unwrap();
        assert_eq!(make_spreadsheet_safe(&path).unwrap(), 5);
        let safe = "zone,value\n'=1+1,-2.5\n'@x,+3\n\"'-a, b\",1e-3\n''=q,NaN\nplain,0\n''tis,\n";
        assert_eq!(std::fs::read_to_string(&path).unwrap(), safe);
        let (header, rows) = read_areal_table(&path).unwrap();
        assert_eq!(header.iter().collect::<Vec<_>>(), ["zone", "value"]);
        let zones: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
        assert_eq!(zones, ["=1+1", "@x", "-a, b", "'=q", "plain", "'tis"]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
