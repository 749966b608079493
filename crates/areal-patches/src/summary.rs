//! Counts of a store, and what is wrong or noteworthy about them.

use std::collections::BTreeMap;

use areal_grid::Target;

use crate::{PatchError, SplitFractions};
use areal_formats::{DropCount, DropReason, LabelCount, StoreCounts};
use areal_store::{Label, Split};

/// Counts records by label and split.
pub(crate) fn counts(
    target: &Target,
    records: impl Iterator<Item = (Label, Split)>,
    dropped: &BTreeMap<DropReason, u64>,
) -> StoreCounts {
    let names: Vec<(Option<u8>, &str)> = match target {
        Target::Classes { classes } => classes.iter().map(|c| (Some(c.code), c.name.as_str())).collect(),
        Target::Value { name, .. } => vec![(None, name)],
    };
    let mut by_code: BTreeMap<Option<u8>, [u64; 3]> = BTreeMap::new();
    let mut patches = 0;
    for (label, split) in records {
        patches += 1;
        let code = match label {
            Label::Class(code) => Some(code),
            Label::Value(_) => None,
        };
        by_code.entry(code).or_default()[split.index()] += 1;
    }
    let row = |(code, name): (Option<u8>, &str)| {
        let [train, validation, test] = by_code.get(&code).copied().unwrap_or_default();
        LabelCount { label: name.to_owned(), train, validation, test }
    };
    StoreCounts {
        patches,
        labels: names.into_iter().map(row).collect(),
        dropped: dropped.iter().map(|(reason, n)| DropCount { reason: *reason, patches: *n }).collect(),
    }
}

/// Refuses a class that is to be validated or tested but was never trained on.
pub(crate) fn check_classes(counts: &StoreCounts, target: &Target) -> Result<(), PatchError> {
    if matches!(target, Target::Value { .. }) {
        return Ok(());
    }
    let unseen = counts.labels.iter().find(|row| row.train == 0 && row.validation + row.test > 0);
    unseen.map_or(Ok(()), |row| {
        let split = if row.validation > 0 { Split::Validation } else { Split::Test };
        Err(PatchError::ClassUnseen { class: row.label.clone(), split })
    })
}

/// Says what a person will trip over later.
pub(crate) fn warn_of_gaps(counts: &StoreCounts, target: &Target, fractions: &SplitFractions) {
    let having = counts.labels.iter().filter(|row| row.by_split().iter().sum::<u64>() > 0);
    if let (Target::Classes { .. }, [only]) = (target, &having.collect::<Vec<_>>()[..]) {
        tracing::warn!("all patches are of one class, \"{}\"; training needs at least two classes", only.label);
    }
    for split in fractions.wanted() {
        let of = |row: &LabelCount| row.by_split()[split.index()];
        if counts.labels.iter().map(of).sum::<u64>() == 0 {
            tracing::warn!(
                "{split} has no patch: there are too few blocks or groups, or all are too near to another split"
            );
            continue;
        }
        let without: Vec<&str> =
            counts.labels.iter().filter(|row| of(row) == 0).map(|row| row.label.as_str()).collect();
        if !without.is_empty() {
            tracing::warn!("without a patch in {split}: {}", without.join(", "));
        }
    }
}

/// The error when every planned patch was dropped.
pub(crate) fn nothing_left(planned: u64, dropped: &BTreeMap<DropReason, u64>, of_polygons: bool) -> PatchError {
    let reasons: Vec<String> = dropped.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    PatchError::NoPatch { planned, why: reasons.join(", "), of_polygons }
}
