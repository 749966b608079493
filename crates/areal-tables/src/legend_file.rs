//! Legend files: a table with the columns `name` and, as wanted, `code`, `colour` and `parent`.

use std::path::{Path, PathBuf};

use crate::{Encoding, Table, TableError};

/// One row of a legend file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegendRow {
    /// The code in rasters.
    pub code: Option<i64>,
    pub name: String,
    pub colour: Option<[u8; 3]>,
    /// Name or code of the class that the code counts as.
    pub parent: Option<String>,
}

/// A legend that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum LegendError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// A cell that is not what its column holds.
    #[error("{path}, line {line}: \"{text}\" is not {expected}", path = path.display())]
    Cell { path: PathBuf, line: u64, text: String, expected: &'static str },
    /// A rule of `--map` that is none.
    #[error("\"{text}\" is not CODES=CLASS: {reason}")]
    Rule { text: String, reason: String },
    /// A legend that contradicts itself.
    #[error("the legend {0}")]
    Contradiction(String),
}

/// Reads a legend file.
///
/// # Errors
/// When it cannot be read, has no column `name`, or holds a code or colour that is none.
pub fn read_legend(path: &Path, encoding: Option<Encoding>) -> Result<Vec<LegendRow>, LegendError> {
    let table = Table::read(path, encoding)?;
    let name = table.require("name")?;
    let (code, parent) = (table.column("code")?, table.column("parent")?);
    let colour = table.column("colour")?.or(table.column("color")?);
    let row = |row: &crate::Row| {
        let cell = |column: Option<usize>| column.map(|k| row.text(k)).filter(|text| !text.is_empty());
        let fault = |text: &str, expected| LegendError::Cell {
            path: path.to_path_buf(),
            line: row.line,
            text: text.to_owned(),
            expected,
        };
        Ok(LegendRow {
            code: cell(code).map(|text| text.parse().map_err(|_| fault(text, "a whole number"))).transpose()?,
            name: row.text(name).to_owned(),
            colour: cell(colour)
                .map(|text| parse_colour(text).ok_or_else(|| fault(text, "a colour; write #rrggbb, such as #1b7837")))
                .transpose()?,
            parent: cell(parent).map(str::to_owned),
        })
    };
    table.rows.iter().map(row).collect()
}

/// A colour written as `#rrggbb`, with or without the number sign.
pub fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.trim().trim_start_matches('#');
    let hex_digit = |d: &&str| d.bytes().all(|b| b.is_ascii_hexdigit());
    let part = |i: usize| digits.get(i..i + 2).filter(hex_digit).and_then(|d| u8::from_str_radix(d, 16).ok());
    match (digits.len(), part(0), part(2), part(4)) {
        (6, Some(r), Some(g), Some(b)) => Some([r, g, b]),
        _ => None,
    }
}
