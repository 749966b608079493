//! Legend files: a table with the columns `name` and, as wanted, `code`, `colour` and `parent`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::names::whole_number;
use crate::{Encoding, LabelFault, Table, TableError, clean};

/// One row of a legend file; as a text `forest`, `3=forest` or `3=forest:#1b7837`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegendRow {
    /// The code in rasters or labels.
    pub code: Option<i64>,
    pub name: String,
    pub colour: Option<[u8; 3]>,
    /// Name or code of the class that the code counts as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

impl std::str::FromStr for LegendRow {
    type Err = LegendError;

    fn from_str(text: &str) -> Result<Self, LegendError> {
        let fault = |text: &str, expected| LegendError::Class { text: text.to_owned(), expected };
        let (rest, colour) = match text.rsplit_once(":#") {
            Some((rest, hex)) => (rest, Some(parse_colour(hex).ok_or_else(|| fault(hex, COLOUR))?)),
            None => (text, None),
        };
        let (code, name) = match rest.split_once('=') {
            Some((code, name)) => (Some(whole_number(code.trim()).ok_or_else(|| fault(code, "a class code"))?), name),
            None => (None, rest),
        };
        Ok(Self { code, name: clean(name), colour, parent: None })
    }
}

const COLOUR: &str = "a colour; write #rrggbb, such as #1b7837";

/// A legend that cannot be read or made.
#[derive(Debug, thiserror::Error)]
pub enum LegendError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// A cell with an invalid value.
    #[error("{path}, line {line}: \"{text}\" is not {expected}", path = path.display())]
    Cell { path: PathBuf, line: u64, text: String, expected: &'static str },
    /// A malformed class in a class list.
    #[error("\"{text}\" is not {expected}")]
    Class { text: String, expected: &'static str },
    /// An invalid `--map` rule.
    #[error("\"{text}\" is not CODES=CLASS: {reason}")]
    Rule { text: String, reason: String },
    /// Two rows with the same name.
    #[error("the class list has the class \"{name}\" twice{}", codes.map_or(String::new(), |(a, b)| format!(" (codes {a} and {b})")))]
    NameTwice { name: String, codes: Option<(i64, i64)> },
    /// A class without a code.
    #[error("the class list: \"{name}\" has no code")]
    NoCode { name: String },
    /// A column `parent` that is not all names or all codes.
    #[error("the class list, column parent: {0}")]
    Parents(LabelFault),
    /// A legend that contradicts itself.
    #[error("the class list {0}")]
    Contradiction(String),
}

/// Reads a legend file.
///
/// # Errors
/// If it cannot be read, has no column `name`, or holds an invalid code or colour.
pub fn read_legend(path: &Path, encoding: Option<Encoding>) -> Result<Vec<LegendRow>, LegendError> {
    let table = Table::read(path, encoding)?;
    let name = table.require("name")?;
    let (code, parent) = (table.column("code")?, table.column("parent")?);
    let colour = table.column("colour")?.or(table.column("color")?);
    let row = |row: &crate::TableRow| {
        let cell = |column: Option<usize>| column.map(|k| row.text(k)).filter(|text| !text.is_empty());
        let fault = |text: &str, expected| LegendError::Cell {
            path: path.to_path_buf(),
            line: row.line,
            text: text.to_owned(),
            expected,
        };
        Ok(LegendRow {
            code: cell(code).map(|text| whole_number(text).ok_or_else(|| fault(text, "a whole number"))).transpose()?,
            name: row.text(name).to_owned(),
            colour: cell(colour).map(|text| parse_colour(text).ok_or_else(|| fault(text, COLOUR))).transpose()?,
            parent: cell(parent).map(str::to_owned),
        })
    };
    table.rows.iter().map(row).collect()
}

/// A colour written as `#rrggbb`, with or without the number sign.
fn parse_colour(text: &str) -> Option<[u8; 3]> {
    let digits = text.trim().trim_start_matches('#');
    let hex_digit = |d: &&str| d.bytes().all(|b| b.is_ascii_hexdigit());
    let part = |i: usize| digits.get(i..i + 2).filter(hex_digit).and_then(|d| u8::from_str_radix(d, 16).ok());
    match (digits.len(), part(0), part(2), part(4)) {
        (6, Some(r), Some(g), Some(b)) => Some([r, g, b]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_of_a_list_is_a_name_with_or_without_code_and_colour() {
        let parse =
            |text: &str| text.parse::<LegendRow>().map(|r| (r.code, r.name, r.colour)).map_err(|e| e.to_string());
        assert_eq!(parse("5=water:#0000ff"), Ok((Some(5), "water".into(), Some([0, 0, 255]))));
        assert_eq!(parse(" oil\u{a0}palm "), Ok((None, "oil palm".into(), None)));
        for (text, said) in
            [("x=y", "\"x\" is not a class code"), ("a:#12345", "not a colour"), ("a:#+12345", "not a colour")]
        {
            assert!(parse(text).unwrap_err().contains(said), "{text}");
        }
    }

    #[test]
    fn a_legend_is_read_from_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("classes.csv");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_legend(&path, None).map_err(|e| e.to_string())
        };
        let rows = read("Code; Name; Color; Parent\n311; broad-leaved; #1b7837; forest\n1; water;;\n;;;\n").unwrap();
        assert_eq!(
            (rows[0].code, rows[0].colour, rows[0].parent.as_deref()),
            (Some(311), Some([0x1b, 0x78, 0x37]), Some("forest"))
        );
        assert_eq!((rows.len(), rows[1].name.as_str(), rows[1].colour), (2, "water", None));
        assert!(read("code\n3\n").unwrap_err().contains("no column \"name\""));
        // As spreadsheets write whole numbers.
        assert_eq!(read("code,name\n311.0,a\n-9,b\n").unwrap()[0].code, Some(311));
        assert!(read("code,name\n2.5,a\n").unwrap_err().contains("line 2: \"2.5\" is not a whole number"));
        assert!(read("code,name\n3,a\nx,b\n").unwrap_err().contains("line 3: \"x\" is not a whole number"));
    }
}
