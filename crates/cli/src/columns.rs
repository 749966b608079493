//! Printed tables with aligned columns. Long cells are cut; the output files hold the full text.

use std::borrow::Cow;

/// Most characters of a cell.
const WIDEST: usize = 60;

/// A text without what a terminal would act on: line breaks and other control characters are U+FFFD, since names come from files of others.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}").into() } else { text.into() }
}

/// A text as a cell: printable, and cut short where it is too long.
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = printable(text);
    if text.chars().nth(WIDEST).is_none() {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect::<String>().into()
}

/// Width of a column that holds these texts as cells.
pub fn width<'a>(texts: impl IntoIterator<Item = &'a str>) -> usize {
    texts.into_iter().map(|text| cell(text).chars().count()).max().unwrap_or(0)
}

/// Lines of cells as text, two spaces between columns; words stand left, and columns that are `right` stand right.
pub fn aligned(lines: &[Vec<String>], right: impl Fn(usize) -> bool) -> Vec<String> {
    let mut widths = Vec::new();
    for cells in lines {
        widen(&mut widths, cells);
    }
    lines.iter().map(|cells| line(cells, &widths, &right)).collect()
}

/// Makes columns wide enough for a line of cells.
pub fn widen(widths: &mut Vec<usize>, cells: &[String]) {
    widths.resize(widths.len().max(cells.len()), 0);
    for (width, text) in widths.iter_mut().zip(cells) {
        *width = (*width).max(cell(text).chars().count());
    }
}

/// One line of cells, as in [`aligned`].
pub fn line(cells: &[String], widths: &[usize], right: impl Fn(usize) -> bool) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(c, (text, width))| {
        let text = cell(text);
        if right(c) { format!("{text:>width$}") } else { format!("{text:<width$}") }
    });
    padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_of_any_length_is_cut_to_what_a_line_can_bear() {
        let line = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        assert_eq!(aligned(&[line("a", "12"), line("bcd", "3")], |c| c == 1), ["a    12", "bcd   3"]);
        // Widths above 65535 cannot be formatted.
        let long = "ä".repeat(70_000);
        let shown = aligned(&[line(&long, "1"), line("b", "2")], |_| false);
        assert_eq!(shown[0], format!("{}…  1", "ä".repeat(59)));
        assert_eq!(shown[1], format!("b{}  2", " ".repeat(59)));
        assert_eq!(cell(&"x".repeat(60)).chars().count(), 60);
        // A name of a class that clears the screen, or makes a row.
        assert_eq!(cell("bu\u{1b}[2J\nilt"), "bu\u{fffd}[2J\u{fffd}ilt");
    }
}
