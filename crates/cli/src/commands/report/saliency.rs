//! Saliency examples.

use std::path::Path;

use areal_job::FileError;
use areal_report::{Note, Report, SaliencyFigure};

use super::Rows;
use crate::errors::CliError;

/// So many pictures are shown; the rest stay in their folder.
const MOST: usize = 24;

/// Adds the pictures that `saliency.csv` names, with what it says of each.
pub fn add(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let rows = Rows::read(&folder.join("saliency.csv"))?;
    let mut found = 0;
    for record in &rows.records {
        let is_picture = |cell: &str| Path::new(cell).extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
        let Some(picture) = record.iter().find(|c| is_picture(c)) else { continue };
        found += 1;
        if found > MOST {
            continue;
        }
        let path = folder.join(picture);
        let png = std::fs::read(&path).map_err(FileError::io("read", &path))?;
        let named = rows.header.iter().zip(record).filter(|(_, cell)| !cell.is_empty() && *cell != picture);
        let facts: Vec<(String, String)> = named.map(|(name, cell)| (name.replace('_', " "), short(cell))).collect();
        let title = facts.iter().find(|(n, _)| n == "class" || n == "class name" || n == "predicted name");
        let title = title.map_or_else(|| picture.to_owned(), |(_, class)| class.clone());
        report.saliency.push(SaliencyFigure { title, png, facts });
    }
    if found > MOST {
        let text = format!("{} shows {found} saliency examples; {MOST} of them are in this report.", folder.display());
        report.notes.push(Note::remark(text));
    }
    Ok(())
}

/// A number without the digits that nobody reads.
fn short(cell: &str) -> String {
    match cell.parse::<f64>() {
        Ok(v) if cell.contains('.') && v.abs() < 1000.0 => format!("{v:.4}"),
        _ => cell.to_owned(),
    }
}
