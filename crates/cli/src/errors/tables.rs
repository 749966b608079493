//! Advice about tables, class names and legends.

use areal_tables::{LabelFault, LegendError, TableError};

use super::{CliError, Exit};

/// What to do about labels that are not all names or all codes.
pub fn class_by(fault: &LabelFault) -> &'static str {
    match fault {
        LabelFault::Mixed { .. } => "write all labels as names or all as codes",
        _ => "correct the labels, or pass --class-by name or --class-by code",
    }
}

impl From<LegendError> for CliError {
    fn from(error: LegendError) -> Self {
        if let LegendError::Table(TableError::File(inner)) = error {
            return inner.into();
        }
        let (exit, help) = match &error {
            LegendError::Table(inner) => (Exit::Input, table(inner)),
            LegendError::Cell { .. } => {
                (Exit::Input, "a legend has the column name and optionally code, colour (#rrggbb) and parent")
            }
            LegendError::Class { .. } => (Exit::Usage, "pass --classes 0=water,1=forest:#1b7837, or a CSV file"),
            LegendError::Rule { .. } => {
                (Exit::Usage, "for example: --map 311,312,313=forest --map 111-142=built-up --map '*=other'")
            }
            LegendError::NameTwice { codes: Some((a, b)), .. } => {
                let help = format!(
                    "for two codes of one class keep one row and pass --map {a},{b}=CLASS, or give the rows names of their own \
                     and the class in the column parent"
                );
                return Self::from_source(Exit::Usage, &error).help(help);
            }
            LegendError::NameTwice { codes: None, .. } => (Exit::Usage, "remove one of the two"),
            LegendError::NoCode { .. } => (Exit::Usage, "give every row of the legend a code, or remove the row"),
            LegendError::Parents(_) => (Exit::Usage, "write all parents as names of classes, or all as codes of rows"),
            LegendError::Contradiction(_) => {
                (Exit::Usage, "remove the contradiction between --classes or --legend and --map")
            }
        };
        Self::from_source(exit, &error).help(help)
    }
}

/// What to do about a table that cannot be read.
pub fn table(error: &TableError) -> &'static str {
    match error {
        TableError::Text { .. } => {
            "name its encoding with --encoding, such as --encoding windows-1252, or save it as UTF-8"
        }
        TableError::Cells { .. } => "correct the row; put a cell that contains the delimiter in quotes",
        TableError::Quote { .. } => {
            "close the quote; to include a quote in a cell, put the cell in quotes and double the quote"
        }
        TableError::Empty { .. } => "give a table with a header",
        TableError::Degrees { .. } => "give longitude and latitude in decimal degrees, or leave both empty",
        TableError::DegreesTwice { .. } => "keep one column of longitude and one of latitude, in degrees",
        TableError::ColumnTwice { .. } => "rename one of the columns",
        TableError::NoColumn { .. } => {
            "name the columns in its first row; cells are separated by commas, semicolons or tabs"
        }
        TableError::File(_) => "check the path",
    }
}
