//! Tables of text as people save them: comma, semicolon, tab or bar between the cells, with or without quotes.

use std::path::{Path, PathBuf};

use areal_job::FileError;

use crate::{Encoding, NotText, clean};

/// What may stand between two cells; of equally frequent ones the first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// A table in memory. Cells are without spaces around them; rows of blank cells are left out and counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub path: PathBuf,
    pub columns: Vec<String>,
    pub rows: Vec<TableRow>,
    /// Rows without any text.
    pub blank: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TableRow {
    /// Where it begins in the file, from 1.
    pub line: u64,
    cells: Vec<String>,
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error(transparent)]
    File(#[from] FileError),
    /// Bytes in another encoding.
    #[error("{path}: {source}", path = path.display())]
    Text { path: PathBuf, source: NotText },
    /// A row with more or fewer cells than the header.
    #[error("{path}, line {line}: {found} cells in a table of {expected} columns", path = path.display())]
    Cells { path: PathBuf, line: u64, found: usize, expected: usize },
    /// A cell in quotes that does not end.
    #[error("{path}, line {line}: unclosed quote", path = path.display())]
    Quote { path: PathBuf, line: u64 },
    /// A file without a header.
    #[error("{path} is empty", path = path.display())]
    Empty { path: PathBuf },
    /// A name that heads two columns.
    #[error("{path} has two columns \"{column}\"", path = path.display())]
    ColumnTwice { path: PathBuf, column: String },
    /// Several columns of longitude, or of latitude.
    #[error("{path} has several columns for one coordinate: {columns}", path = path.display())]
    DegreesTwice { path: PathBuf, columns: String },
    /// A coordinate that is not a number in degrees, or out of range.
    #[error("{path}, line {line}, column {column}: \"{text}\" is not a number of degrees from -{most} to {most}", path = path.display())]
    Degrees { path: PathBuf, line: u64, column: String, text: String, most: f64 },
    /// A column that the table does not have.
    #[error("{path} has no column \"{column}\"; it has {columns}", path = path.display())]
    NoColumn { path: PathBuf, column: String, columns: String },
}

impl Table {
    /// Reads a table with a header. Its delimiter is the one that is most frequent in the header.
    ///
    /// # Errors
    /// [`TableError`], with the line.
    pub fn read(path: &Path, encoding: Option<Encoding>) -> Result<Self, TableError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        let path = path.to_path_buf();
        let text = match Encoding::decode(encoding, &bytes) {
            Ok(text) => text,
            Err(source) => return Err(TableError::Text { path, source }),
        };
        // Spreadsheets may name the delimiter in a line of its own.
        let (named, text, skipped) = match text.split_once('\n') {
            Some((first, rest)) if first.trim_end_matches('\r').len() == 5 && first.starts_with("sep=") => {
                (first.chars().nth(4), rest, 1)
            }
            _ => (None, text.as_str(), 0),
        };
        let delimiter = named.filter(|c| c.is_ascii() && *c != '"').unwrap_or_else(|| delimiter(text));
        if let Some(line) = unclosed_quote(text, delimiter) {
            return Err(TableError::Quote { path, line: line + skipped });
        }
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter as u8)
            .flexible(true)
            .has_headers(false)
            .from_reader(text.as_bytes());
        let mut table = Self { path, columns: Vec::new(), rows: Vec::new(), blank: 0 };
        for record in reader.records() {
            let record = record.expect("text in memory that is UTF-8 has no fault for a flexible reader");
            let line = record.position().map_or(0, |at| line_of(text, at)) + skipped;
            let cells: Vec<String> = record.iter().map(clean).collect();
            if cells.iter().all(String::is_empty) {
                table.blank += 1;
            } else if table.columns.is_empty() {
                table.columns = cells;
            } else {
                table.push(line, cells)?;
            }
        }
        if table.columns.is_empty() {
            return Err(TableError::Empty { path: table.path });
        }
        if table.blank > 0 {
            tracing::warn!("{}: {} blank rows were skipped", table.path.display(), table.blank);
        }
        Ok(table)
    }

    fn push(&mut self, line: u64, mut cells: Vec<String>) -> Result<(), TableError> {
        let (found, expected) = (cells.len(), self.columns.len());
        // Editors may add empty cells at the end.
        if found < expected || cells.iter().skip(expected).any(|cell| !cell.is_empty()) {
            return Err(TableError::Cells { path: self.path.clone(), line, found, expected });
        }
        cells.resize(expected, String::new());
        self.rows.push(TableRow { line, cells });
        Ok(())
    }

    /// The place of a column by its name; by its name in another letter case where no other column has it.
    ///
    /// # Errors
    /// When two columns have the name.
    pub fn column(&self, name: &str) -> Result<Option<usize>, TableError> {
        let name = clean(name);
        let places = |same: &dyn Fn(&String) -> bool| -> Vec<usize> {
            self.columns.iter().enumerate().filter(|(_, c)| same(c)).map(|(k, _)| k).collect()
        };
        let exact = places(&|column| *column == name);
        let found =
            if exact.is_empty() { places(&|column| column.to_lowercase() == name.to_lowercase()) } else { exact };
        match found[..] {
            [] => Ok(None),
            [place] => Ok(Some(place)),
            _ => Err(TableError::ColumnTwice { path: self.path.clone(), column: name }),
        }
    }

    /// The place of a column that the table must have.
    ///
    /// # Errors
    /// When it has none, or two.
    pub fn require(&self, name: &str) -> Result<usize, TableError> {
        self.column(name)?.ok_or_else(|| TableError::NoColumn {
            path: self.path.clone(),
            column: name.to_owned(),
            columns: self.columns.join(", "),
        })
    }
}

impl TableRow {
    /// The text of a cell, empty where there is none.
    pub fn text(&self, column: usize) -> &str {
        self.cells.get(column).map_or("", String::as_str)
    }
}

/// The line of a record: the reader's place may be before empty lines.
fn line_of(text: &str, at: &csv::Position) -> u64 {
    let rest = text.get(at.byte() as usize..).unwrap_or_default();
    let empty = rest.chars().take_while(|c| matches!(c, '\n' | '\r')).filter(|c| *c == '\n').count();
    at.line() + empty as u64
}

/// The line of the quote that opens a cell and is not closed. Only a quote at the beginning of a cell opens it.
fn unclosed_quote(text: &str, delimiter: char) -> Option<u64> {
    let (mut line, mut opened, mut at_start) = (1, None, true);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        line += u64::from(c == '\n');
        match (c, opened) {
            // Two quotes inside a cell are one that belongs to it.
            ('"', Some(_)) if rest.next_if_eq(&'"').is_some() => {}
            ('"', Some(_)) => opened = None,
            ('"', None) if at_start => opened = Some(line),
            _ => {}
        }
        at_start = c == delimiter || matches!(c, '\n' | '\r');
    }
    opened
}

/// The most frequent delimiter of the header, outside quotes.
fn delimiter(text: &str) -> char {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut counts = [0usize; DELIMITERS.len()];
    let mut quoted = false;
    for c in header.chars() {
        quoted ^= c == '"';
        if let Some(k) = DELIMITERS.iter().position(|d| *d == c && !quoted) {
            counts[k] += 1;
        }
    }
    let best = (0..DELIMITERS.len()).rev().max_by_key(|k| counts[*k]).unwrap_or(0);
    DELIMITERS[best]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> Result<Table, TableError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, bytes).unwrap();
        Table::read(&path, None)
    }

    fn cells(bytes: &[u8]) -> Vec<Vec<String>> {
        let table = table(bytes).unwrap();
        std::iter::once(table.columns).chain(table.rows.into_iter().map(|row| row.cells)).collect()
    }

    #[test]
    fn every_delimiter_and_encoding_gives_the_same_table() {
        let expected = [["id", "Größe, ha", "label"], ["1", "2,5", "oil palm"], ["2", "", "x;y"]];
        let texts = [
            "id,\"Größe, ha\",label\n1,\"2,5\",oil\u{a0}palm\n2,,x;y\n",
            "id;\"Größe, ha\";label\r\n1;2,5; oil palm \r\n2;;\"x;y\"\r\n;;\r\n\r\n",
            "sep=\t\nid\tGröße, ha\tlabel\n1\t2,5\toil  palm\n2\t\tx;y\n\t\t\n",
            "id|Größe, ha|label\n1|2,5|oil palm\n2||x;y\n",
        ];
        for text in texts {
            assert_eq!(cells(text.as_bytes()), expected, "{text}");
            let utf16: Vec<u8> =
                std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            assert_eq!(cells(&utf16), expected, "{text} in UTF-16");
        }
        assert_eq!(table(texts[1].as_bytes()).unwrap().blank, 1);
    }

    #[test]
    fn faults_are_told_with_their_line() {
        let said = |text: &str| table(text.as_bytes()).unwrap_err().to_string();
        assert!(said("a,b\n1,2\n\n1,2,3\n").contains("line 4: 3 cells in a table of 2 columns"));
        assert!(said("sep=,\na,b\n1,x\n2,\"w\n3,y\n").contains("line 4: unclosed quote"));
        // No cell opens with these quotes, or they are closed.
        for closed in ["a,b\n1,5\" pipe\n", "a,b\n1,\"x\"\"y\"\n", "a,b\n1,\"two\nlines\"\n", "a,b\n1,\"x\"y\"z\n"] {
            assert_eq!(table(closed.as_bytes()).unwrap().rows.len(), 1, "{closed}");
        }
        assert_eq!(table(b"sep=\"\ncode\"name\n1\"forest\n").unwrap().columns, ["code\"name"]);
        assert!(said("a,b,c\n1\n").contains("line 2: 1 cells"));
        assert!(said("\n").contains("is empty"));
        assert!(table(b"a,b\nM\xfc,1\n").unwrap_err().to_string().contains("line 2 is not UTF-8"));
        let twice = table(b"Label,label\n").unwrap();
        assert_eq!(twice.column("label").unwrap(), Some(1));
        assert!(twice.column("LABEL").unwrap_err().to_string().contains("two columns"));
        assert!(twice.require("x").unwrap_err().to_string().contains("it has Label, label"));
    }

    /// Seeded: bytes changed, put in and cut off. A table or an error, never a panic.
    #[test]
    fn damaged_tables_are_tables_or_errors() {
        let text = "sep=;\nid;\"Größe, ha\";label\r\n1;\"2,5\";oil\u{a0}palm\r\n2;;\"x;y\"\n;;\n";
        let mut state = 7u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below.max(1)
        };
        let awkward: [&[u8]; 6] = [b"\"", b"\0", b"\xff\xfe", b"\r", b"sep=\"\n", b";;;;"];
        let mut read = 0;
        for _ in 0..1000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                match random(3) {
                    0 if !bytes.is_empty() => bytes[at] ^= 1 << random(8),
                    1 => bytes.truncate(at),
                    _ => drop(bytes.splice(at..at, awkward[random(awkward.len())].iter().copied())),
                }
            }
            read += usize::from(table(&bytes).is_ok());
        }
        assert!((100..1000).contains(&read), "{read} of 1000 are tables");
    }
}
