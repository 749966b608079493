//! Estimates that a comparison leaves out, each under one reason.

use std::collections::{HashMap, HashSet};

use areal_estimate::{EstimateRow, Population, counted};

use crate::compare::{EstimatesTable, RowKey, is_without_width, key};

/// Estimates that are not compared, by reason. An estimate counts under the first reason that holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotCompared {
    /// In one of the two tables only.
    pub in_one_only: usize,
    /// Suppressed in one of the tables or both.
    pub suppressed: usize,
    /// With an interval that has no width in one of the tables or both, which is not certainty. By population, zone and class.
    pub without_width: Vec<(Population, String, String)>,
    /// Without an interval in one of the tables or both, as model-based estimates are.
    pub without_interval: usize,
}

/// Why two rows of the same number cannot be compared.
enum Reason {
    Suppressed,
    WithoutWidth,
    WithoutInterval,
}

impl Reason {
    fn of(sides: [(&EstimatesTable, &EstimateRow); 2]) -> Option<Self> {
        if sides.iter().any(|(_, row)| !row.suppressed.is_empty()) {
            Some(Self::Suppressed)
        } else if sides.iter().any(|(_, row)| is_without_width(row)) {
            Some(Self::WithoutWidth)
        } else {
            sides.iter().any(|(table, row)| table.vintage(row).is_none()).then_some(Self::WithoutInterval)
        }
    }
}

impl NotCompared {
    pub(crate) fn of(old: &EstimatesTable, new: &EstimatesTable, before: &HashMap<RowKey, &EstimateRow>) -> Self {
        let after: HashSet<RowKey> = new.rows.iter().map(key).collect();
        let mut found = Self { in_one_only: before.keys().filter(|k| !after.contains(*k)).count(), ..Self::default() };
        for row in &new.rows {
            let Some(earlier) = before.get(&key(row)) else {
                found.in_one_only += 1;
                continue;
            };
            match Reason::of([(old, *earlier), (new, row)]) {
                Some(Reason::Suppressed) => found.suppressed += 1,
                Some(Reason::WithoutWidth) => {
                    found.without_width.push((row.population, row.zone_id.clone(), row.class_name.clone()));
                }
                Some(Reason::WithoutInterval) => found.without_interval += 1,
                None => {}
            }
        }
        found
    }

    /// The numbers of estimates with their reasons in words, without those that are named one by one ([`Self::without_width`]).
    pub fn counts(&self) -> impl Iterator<Item = (usize, &'static str)> {
        [
            (self.in_one_only, "in only one of the tables"),
            (self.suppressed, "suppressed in one of the tables or both"),
            (self.without_interval, "without an interval in one of the tables or both, as model-based estimates are"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
    }

    /// The numbers of all estimates that are left out, with their reasons, after `words`; nothing where none is.
    pub(crate) fn told_after(&self, words: &str) -> String {
        let width = (self.without_width.len(), "with an interval without width in one of the tables or both");
        let reasons: Vec<String> = self
            .counts()
            .chain(Some(width).filter(|(count, _)| *count > 0))
            .map(|(count, why)| format!("{} {why}", counted(count, "estimate")))
            .collect();
        if reasons.is_empty() { String::new() } else { format!("{words}{}", reasons.join("; ")) }
    }
}
