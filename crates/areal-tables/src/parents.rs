//! The column `parent` of a legend: names or codes of classes, never both.

use std::collections::BTreeSet;

use crate::{ClassKeys, ClassLabels, LegendError, LegendRow, clean};

/// The name of each row's parent. One that is no row, and no number, is a class of its own.
pub(crate) fn parents(rows: &[LegendRow]) -> Result<Vec<Option<String>>, LegendError> {
    let given = |row: &LegendRow| row.parent.as_deref().map(clean);
    if let Some(row) = rows.iter().find(|row| row.parent.is_some() && row.code.is_none()) {
        return Err(LegendError::NoCode { name: row.name.clone() });
    }
    let mut names: Vec<String> = rows.iter().map(|row| clean(&row.name)).collect();
    let known: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let is_new = |name: &String| !known.contains(&name.to_lowercase()) && name.parse::<f64>().is_err();
    let new: BTreeSet<String> = rows.iter().filter_map(given).filter(is_new).collect();
    names.extend(new);
    let codes = rows.iter().enumerate().filter_map(|(place, row)| Some((row.code?, place))).collect();
    let keys = ClassKeys::new(names.clone(), codes);
    let texts: Vec<String> = rows.iter().filter_map(given).collect();
    let read = ClassLabels::read(&keys, texts.iter().map(String::as_str), None).map_err(LegendError::Parents)?;
    read.warn("column parent");
    let parent = |row: &LegendRow| {
        let Some(place) = given(row).and_then(|parent| read.place(&parent)) else { return Ok(None) };
        match rows.get(place) {
            Some(parent) if parent.parent.is_some() => {
                let (name, parent) = (&row.name, &parent.name);
                let reason = format!("gives \"{name}\" the parent \"{parent}\", which has a parent itself");
                Err(LegendError::Contradiction(reason))
            }
            Some(parent) => Ok(Some(parent.name.clone())),
            None => Ok(Some(names[place].clone())),
        }
    };
    rows.iter().map(parent).collect()
}
