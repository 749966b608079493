//! The label of a patch from the labels of its pixels.

use areal_formats::{DropReason, NamedChoice, UnknownName};
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::runs::{LabelRows, LabelRun};
use crate::PatchError;
use areal_store::Label;

/// How the label of a patch is chosen from those of its pixels.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum LabelRule {
    /// The label that most pixels have.
    #[default]
    Majority,
    /// The label of the pixel in the middle: row and column patch size / 2 (rounded down).
    Centre,
}

impl NamedChoice for LabelRule {
    const WHAT: &'static str = "label rule";
}

/// A patch to be labelled: its first row and column, and the item that it must be labelled by, if that is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    pub row: usize,
    pub col: usize,
    pub item: Option<u32>,
}

/// What was found for a patch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The item (polygon, class of a raster) that stands for the label: of those with the label, the one with the most
    /// pixels.
    pub item: u32,
    /// Share of the patch's pixels that have the label.
    pub fraction: f64,
}

/// Sizes and rule of labelling.
#[derive(Debug, Clone, Copy)]
pub struct Labelling<'a> {
    /// Patch size in pixels.
    pub size: usize,
    /// Rows of the scene.
    pub height: usize,
    pub rule: LabelRule,
    /// Least share of pixels that must have the label.
    pub min_fraction: f64,
    /// Label of each item.
    pub labels: &'a [Label],
}

/// A patch whose rows are being counted.
struct Open {
    origin: Origin,
    counts: Vec<(u32, u64)>,
    centre: Option<u32>,
}

impl Labelling<'_> {
    /// Labels patches, which come in ascending order of row, in one pass down the rows; `done` is called for each in
    /// the same order.
    pub fn run(
        &self,
        rows: &mut dyn LabelRows,
        patches: impl Iterator<Item = Origin>,
        mut done: impl FnMut(Origin, Result<Found, DropReason>) -> Result<(), PatchError>,
    ) -> Result<(), PatchError> {
        let mut patches = patches.peekable();
        let mut open: VecDeque<Open> = VecDeque::new();
        let mut runs = Vec::new();
        let Some(mut row) = patches.peek().map(|p| p.row) else { return Ok(()) };
        loop {
            while let Some(origin) = patches.next_if(|p| p.row == row) {
                open.push_back(Open { origin, counts: Vec::new(), centre: None });
            }
            if row < self.height {
                rows.row(row, &mut runs)?;
                if !runs.is_empty() {
                    for patch in &mut open {
                        self.count(patch, row, &runs);
                    }
                }
            }
            row += 1;
            while let Some(patch) = open.pop_front_if(|patch| patch.origin.row + self.size == row) {
                done(patch.origin, self.decide(&patch))?;
            }
            if open.is_empty() {
                match patches.peek() {
                    Some(next) => row = next.row,
                    None => return Ok(()),
                }
            }
        }
    }

    fn count(&self, patch: &mut Open, row: usize, runs: &[LabelRun]) {
        let (left, right) = (patch.origin.col, patch.origin.col + self.size);
        let (centre_row, centre_col) = (patch.origin.row + self.size / 2, left + self.size / 2);
        let first = runs.partition_point(|run| run.end <= left);
        for run in runs[first..].iter().take_while(|run| run.start < right) {
            let pixels = (run.end.min(right) - run.start.max(left)) as u64;
            match patch.counts.iter_mut().find(|(item, _)| *item == run.item) {
                Some((_, count)) => *count += pixels,
                None => patch.counts.push((run.item, pixels)),
            }
            if row == centre_row && (run.start..run.end).contains(&centre_col) {
                patch.centre = Some(run.item);
            }
        }
    }

    fn label(&self, item: u32) -> Option<Label> {
        self.labels.get(item as usize).copied()
    }

    fn decide(&self, patch: &Open) -> Result<Found, DropReason> {
        let pixels_of = |label: Option<Label>| -> u64 {
            patch.counts.iter().filter(|(item, _)| self.label(*item) == label).map(|(_, n)| n).sum()
        };
        let item = match (patch.origin.item, self.rule) {
            (Some(item), _) => item,
            (None, LabelRule::Centre) => patch.centre.ok_or(DropReason::Unlabelled)?,
            (None, LabelRule::Majority) => self.majority(patch, pixels_of)?,
        };
        let fraction = pixels_of(self.label(item)) as f64 / (self.size * self.size) as f64;
        if fraction < self.min_fraction {
            return Err(DropReason::LabelFraction);
        }
        Ok(Found { item, fraction })
    }

    fn majority(&self, patch: &Open, pixels_of: impl Fn(Option<Label>) -> u64) -> Result<u32, DropReason> {
        let most = patch.counts.iter().map(|(item, _)| pixels_of(self.label(*item))).max();
        let most = most.ok_or(DropReason::Unlabelled)?;
        let winners: Vec<&(u32, u64)> =
            patch.counts.iter().filter(|(item, _)| pixels_of(self.label(*item)) == most).collect();
        let first = winners.first().and_then(|(item, _)| self.label(*item));
        if winners.iter().any(|(item, _)| self.label(*item) != first) {
            return Err(DropReason::Tie);
        }
        // Most pixels first, then the lowest number.
        let best = winners.iter().max_by_key(|(item, n)| (*n, std::cmp::Reverse(*item)));
        best.map(|(item, _)| *item).ok_or(DropReason::Unlabelled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A label image of `width` columns; 255 is no label.
    struct Image<'a>(&'a [u8], usize);

    impl LabelRows for Image<'_> {
        fn row(&mut self, row: usize, out: &mut Vec<LabelRun>) -> Result<(), PatchError> {
            out.clear();
            for (col, item) in self.0[row * self.1..(row + 1) * self.1].iter().enumerate() {
                if *item != 255 {
                    out.push(LabelRun { start: col, end: col + 1, item: u32::from(*item) });
                }
            }
            Ok(())
        }
    }

    fn run(image: &[u8], width: usize, m: Labelling, patches: &[Origin]) -> Vec<Result<Found, DropReason>> {
        let mut all = Vec::new();
        let patches = patches.iter().copied();
        m.run(&mut Image(image, width), patches, |_, found| {
            all.push(found);
            Ok(())
        })
        .unwrap();
        all
    }

    const LABELS: [Label; 4] = [Label::Class(0), Label::Class(1), Label::Class(1), Label::Class(2)];

    proptest! {
        #[test]
        fn the_majority_is_that_of_counting_every_pixel(
            image in prop::collection::vec(prop::sample::select(vec![0u8, 1, 2, 3, 255]), 12 * 10),
            size in 1usize..6, stride in 1usize..4, least in 0.0..1.0f64, centre: bool,
        ) {
            let (height, width) = (12, 10);
            let patches: Vec<Origin> = (0..height).step_by(stride)
                .flat_map(|row| (0..width).step_by(stride).map(move |col| Origin { row, col, item: None }))
                .collect();
            let rule = if centre { LabelRule::Centre } else { LabelRule::Majority };
            let m = Labelling { size, height, rule, min_fraction: least, labels: &LABELS };
            let found = run(&image, width, m, &patches);
            prop_assert_eq!(found.len(), patches.len());
            for (patch, found) in patches.iter().zip(found) {
                // Brute force: classes of the patch's pixels, one by one.
                let item = |r: usize, c: usize| {
                    (r < height && c < width).then(|| image[r * width + c]).filter(|i| *i != 255)
                };
                let mut classes = [0u32; 3];
                for r in patch.row..patch.row + size {
                    for c in patch.col..patch.col + size {
                        if let Some(i) = item(r, c) {
                            classes[[0, 1, 1, 2][i as usize]] += 1;
                        }
                    }
                }
                let most = *classes.iter().max().unwrap();
                let class = if centre {
                    item(patch.row + size / 2, patch.col + size / 2)
                        .map(|i| [0, 1, 1, 2][i as usize]).ok_or(DropReason::Unlabelled)
                } else if most == 0 {
                    Err(DropReason::Unlabelled)
                } else if classes.iter().filter(|n| **n == most).count() > 1 {
                    Err(DropReason::Tie)
                } else {
                    Ok(classes.iter().position(|n| *n == most).unwrap())
                };
                let expected = class.and_then(|class| {
                    let share = f64::from(classes[class]) / (size * size) as f64;
                    if share < least { Err(DropReason::LabelFraction) } else { Ok((class as u8, share)) }
                });
                let found = found.map(|f| (match LABELS[f.item as usize] { Label::Class(c) => c, Label::Value(_) => 99 }, f.fraction));
                prop_assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn the_item_is_the_one_with_the_most_pixels_of_the_label() {
        // Items 1 and 2 are both class 1: three and four pixels; item 0 has two.
        let image = [1, 1, 1, 2, 2, 2, 2, 0, 0];
        let m = Labelling { size: 3, height: 3, rule: LabelRule::Majority, min_fraction: 0.5, labels: &LABELS };
        let found = run(&image, 3, m, &[Origin { row: 0, col: 0, item: None }]);
        assert_eq!(found, [Ok(Found { item: 2, fraction: 7.0 / 9.0 })]);
        // A settled item keeps its label, whatever most pixels say.
        let m = Labelling { min_fraction: 0.0, ..m };
        let found = run(&image, 3, m, &[Origin { row: 0, col: 0, item: Some(0) }]);
        assert_eq!(found, [Ok(Found { item: 0, fraction: 2.0 / 9.0 })]);
    }
}
