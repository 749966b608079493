//! The decimal mark of a column of numbers: a point or a comma, decided by all of its cells.

/// The decimal mark of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalMark {
    Point,
    Comma,
}

/// A column whose decimal mark cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalFault {
    #[error("\"{text}\" has a thousands separator")]
    Thousands { text: String },
    #[error("some numbers have a decimal point (\"{point}\") and others a comma (\"{comma}\")")]
    Mixed { point: String, comma: String },
    #[error("\"{text}\" may have a decimal comma or a thousands separator: every comma stands before three digits")]
    Ambiguous { text: String },
}

/// What to do about it, in every command.
pub const DECIMAL_ADVICE: &str = "write numbers without thousands separators and with decimal points, such as 1234.5";

impl DecimalMark {
    /// The decimal mark of a column. Cells that are not numbers are ignored.
    ///
    /// # Errors
    /// [`DecimalFault`].
    pub fn of<'a>(cells: impl IntoIterator<Item = &'a str>) -> Result<Self, DecimalFault> {
        let (mut point, mut comma, mut certain) = (None, None, false);
        for text in cells {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | ' ');
            if !digits.starts_with(|c: char| c.is_ascii_digit()) || !digits.chars().all(is_number) {
                // Text, or a number that no thousands separator can be in, such as 1e3.
                if text.contains('.') && text.parse::<f64>().is_ok() {
                    point = Some(text);
                }
                continue;
            }
            let (points, commas) = (digits.matches('.').count(), digits.matches(',').count());
            if points + commas > 1 || digits.contains(['\'', ' ']) {
                return Err(DecimalFault::Thousands { text: text.to_owned() });
            }
            if points == 1 {
                point = Some(text);
            }
            if let Some((whole, decimals)) = digits.split_once(',') {
                comma = Some(text);
                // Groups of thousands have three digits, and the first does not begin with 0.
                certain |= decimals.len() != 3 || whole.len() > 3 || whole.starts_with('0');
            }
        }
        match (point, comma) {
            (Some(point), Some(comma)) => Err(DecimalFault::Mixed { point: point.to_owned(), comma: comma.to_owned() }),
            (None, Some(text)) if !certain => Err(DecimalFault::Ambiguous { text: text.to_owned() }),
            (None, Some(_)) => Ok(Self::Comma),
            (_, None) => Ok(Self::Point),
        }
    }

    /// The finite number in a cell of the column.
    pub fn number(self, text: &str) -> Option<f64> {
        let number = match self {
            Self::Point => text.parse(),
            Self::Comma => text.replace(',', ".").parse(),
        };
        number.ok().filter(|v: &f64| v.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cells: &[&str]) -> Result<Vec<Option<f64>>, String> {
        let mark = DecimalMark::of(cells.iter().copied()).map_err(|fault| fault.to_string())?;
        Ok(cells.iter().map(|cell| mark.number(cell)).collect())
    }

    #[test]
    fn a_column_has_points_or_commas() {
        assert_eq!(read(&["2.5", "-1", "1e3", "1.234", "nan", ""]).unwrap()[..4], [2.5, -1.0, 1e3, 1.234].map(Some));
        assert_eq!(read(&["2,5", "-1", "1,234", "x"]).unwrap(), [Some(2.5), Some(-1.0), Some(1.234), None]);
        assert_eq!(read(&["0,500"]).unwrap(), [Some(0.5)]);
        assert_eq!(read(&["nan", "", "x,y"]).unwrap(), [None, None, None]);
    }

    #[test]
    fn thousands_are_not_read_as_decimals() {
        assert!(read(&["1,234", "850"]).unwrap_err().contains("\"1,234\" may have a decimal comma"));
        assert!(read(&["1,5", "2.5"]).unwrap_err().contains("point (\"2.5\") and others a comma (\"1,5\")"));
        for text in ["1.234,5", "1,234.5", "1,234,567", "1.234.567", "1'234", "1 234,5"] {
            assert_eq!(read(&["1,5", text]).unwrap_err(), format!("\"{text}\" has a thousands separator"));
        }
    }
}
