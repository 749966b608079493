//! Splits for patches: units are assigned, conflicts are found.

use std::collections::BTreeMap;

use areal_store::{Label, PlacedPatch, Split, StoreError, conflicts};

use crate::PatchError;
use crate::assign::{Counts, assign};
use crate::conflicts::to_drop;
use crate::settings::SplitSettings;

/// Values are balanced between splits by quarters of their range of ranks.
const VALUE_CLASSES: usize = 4;

/// A patch as the assignment sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Member {
    /// What is never divided, a block or a group: its number, in the order of places or names.
    pub unit: u64,
    pub label: Label,
}

/// How patches are split.
pub(crate) struct Splitting<'a> {
    pub settings: &'a SplitSettings,
    pub seed: u64,
    /// Patch size in pixels.
    pub size: usize,
}

impl Splitting<'_> {
    /// The split of each patch: that of its unit.
    pub fn assign(&self, members: &[Member]) -> Vec<Split> {
        let classes = strata(members);
        let count = classes.iter().max().map_or(0, |most| most + 1);
        let mut units: BTreeMap<u64, Counts> = BTreeMap::new();
        for (member, class) in members.iter().zip(&classes) {
            units.entry(member.unit).or_insert_with(|| vec![0; count])[*class] += 1;
        }
        let counts: Vec<Counts> = units.values().cloned().collect();
        let splits = assign(&counts, &self.settings.fractions, self.seed);
        let of_unit: BTreeMap<u64, Split> = units.keys().copied().zip(splits).collect();
        members.iter().map(|m| of_unit[&m.unit]).collect()
    }

    /// Which patches come too near to another split and are left out.
    pub fn conflicting(&self, placed: &[PlacedPatch]) -> Vec<bool> {
        to_drop(placed, self.size, self.settings.buffer)
    }

    /// Where a person named the splits, patches that touch are an error.
    pub fn refuse_conflicts(
        &self,
        placed: &[PlacedPatch],
        describe: impl Fn(usize) -> String,
    ) -> Result<(), PatchError> {
        let mut fault = Ok(());
        conflicts(placed, self.size, self.settings.buffer, |c| {
            let (first, second) = (describe(c.first), describe(c.second));
            fault = Err(match c.distance {
                None => StoreError::SplitsOverlap { first, second }.into(),
                Some(distance) => PatchError::SplitsNear { first, second, distance, buffer: self.settings.buffer },
            });
            false
        });
        fault
    }
}

/// The class of each patch for balancing: its own, or the quarter that its value ranks in.
fn strata(members: &[Member]) -> Vec<usize> {
    let value = |m: &Member| match m.label {
        Label::Value(value) => value,
        Label::Class(code) => f64::from(code),
    };
    if !members.iter().any(|m| matches!(m.label, Label::Value(_))) {
        return members.iter().map(|m| value(m) as usize).collect();
    }
    let mut ranked: Vec<f64> = members.iter().map(value).collect();
    ranked.sort_by(f64::total_cmp);
    let quarter = |m: &Member| ranked.partition_point(|v| *v < value(m)) * VALUE_CLASSES / ranked.len();
    members.iter().map(quarter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ranked_into_quarters() {
        let members: Vec<Member> =
            [8.0, 1.0, 2.0, 2.0, 5.0, 6.0, 7.0, 3.0].map(|v| Member { unit: 0, label: Label::Value(v) }).into();
        // Ranks of 1 2 2 3 | 5 6 | 7 8, equal values together.
        assert_eq!(strata(&members), [3, 0, 0, 0, 2, 2, 3, 1]);
    }
}
