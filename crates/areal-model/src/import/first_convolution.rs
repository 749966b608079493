//! The first convolution of weights, changed from the bands that they read to those of a store: by name, never by place.

use std::fmt;

use areal_formats::{NamedChoice, UnknownName};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use super::band_name::is_place;
use super::numbers::Numbers;
use super::rule::InputRule;
use super::{WeightsKind, first_names};
use crate::{ModelError, StateDict, TensorValues};

/// What becomes of the filters of a band that weights have and a store lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames, Display)]
#[serde(rename_all = "kebab-case")]
#[strum(
    serialize_all = "kebab-case",
    parse_err_ty = UnknownName,
    parse_err_fn = UnknownName::of::<Self>
)]
pub enum MissingBand {
    /// As if the band were 0 everywhere, in what the numbers of the weights mean. At the border of a patch, where a convolution pads, it is
    /// not exact unless the mean of the weights is 0 too.
    Zero,
    /// As if the band were the mean of the weights' training everywhere: its filters are left out.
    Mean,
    /// Its filters are left out, and those of the other bands scaled up by bands of the weights / bands that are left.
    Drop,
}

impl NamedChoice for MissingBand {
    const WHAT: &'static str = "rule for missing bands";
}

/// The store's side of an import.
#[derive(Debug, Clone, Copy)]
pub struct StoreBands<'a> {
    /// Names of the store's bands, in order.
    pub names: &'a [String],
    /// What each of them is called by the publisher of the weights, in the order of the store; `-` for a band that the weights do
    /// not have. Empty where the store's own names tell.
    pub named_as: &'a [String],
}

/// For each band of the store its place among the bands of the weights.
pub(super) struct Matched {
    pub of_store: Vec<Option<usize>>,
    pub missing: Vec<usize>,
}

pub(super) fn match_bands(
    kind: WeightsKind,
    rule: &InputRule,
    store: &StoreBands<'_>,
    rule_for_missing: Option<MissingBand>,
) -> Result<Matched, ModelError> {
    let names = if store.named_as.is_empty() { store.names } else { store.named_as };
    let refuse = |problem: String| ModelError::WeightsBands {
        kind: kind.to_string(),
        weights: rule.bands.clone(),
        store: store.names.to_vec(),
        problem,
    };
    if names.len() != store.names.len() {
        return Err(refuse(format!("{} names are given for {} bands", names.len(), store.names.len())));
    }
    let of_store: Vec<Option<usize>> = places(rule, names, !store.named_as.is_empty()).map_err(refuse)?;
    for (at, place) in of_store.iter().enumerate() {
        if let Some(place) = place.filter(|_| of_store[..at].contains(place)) {
            return Err(refuse(format!("{} is the name of two bands", rule.bands[place])));
        }
        if place.is_none() && !store.named_as.is_empty() && names[at] != "-" {
            return Err(refuse(format!("{} is no band of the weights", names[at])));
        }
    }
    if of_store.iter().all(Option::is_none) && names.iter().all(|name| is_place(name)) {
        return Err(refuse("bands without descriptions have no names to compare".to_owned()));
    }
    if of_store.iter().all(Option::is_none) {
        return Err(refuse("none of the names is the same".to_owned()));
    }
    let missing: Vec<usize> = (0..rule.bands.len()).filter(|band| !of_store.contains(&Some(*band))).collect();
    if let (Some(MissingBand::Mean), Some(band), false) = (rule_for_missing, missing.first(), rule.has_means) {
        return Err(refuse(format!("the mean of {} was not published with them", rule.bands[*band])));
    }
    Ok(Matched { of_store, missing })
}

/// For each name its place among the bands of the weights: that of the same name, else that of the other spelling of it, where only
/// one band of either side is called so. A band without a description has no name.
fn places(rule: &InputRule, names: &[String], is_said: bool) -> Result<Vec<Option<usize>>, String> {
    let of_weights: Vec<String> = rule.bands.iter().map(|n| rule.canonical(n)).collect();
    let of_store: Vec<String> = names.iter().map(|n| rule.canonical(n)).collect();
    let count = |all: &[String], name: &String| all.iter().filter(|other| *other == name).count();
    let place = |(name, canonical): (&String, &String)| {
        if let Some(exact) = rule.bands.iter().position(|band| band.trim() == name.trim()) {
            return Ok(Some(exact));
        }
        if count(&of_weights, canonical) != 1 || is_place(name) && !is_said {
            return Ok(None);
        }
        if count(&of_store, canonical) > 1 {
            return Err(format!("{canonical} is the name of two bands"));
        }
        Ok(of_weights.iter().position(|band| band == canonical))
    };
    names.iter().zip(&of_store).map(place).collect()
}

impl StateDict {
    /// Changes the first convolution `[filters, bands, height, width]` to the bands of a store.
    pub(super) fn adapt_bands(
        &mut self,
        rule: &InputRule,
        matched: &Matched,
        missing: MissingBand,
    ) -> Result<(), ModelError> {
        let bands = rule.bands.len();
        let Some(conv) = self.tensors.get("conv1.weight") else { return Ok(()) };
        let [filters, read, height, width] = conv.shape[..] else { return Ok(()) };
        if read != bands {
            return Err(ModelError::WeightsBandCount { found: read, expected: bands });
        }
        let plane = height * width;
        let kept = bands - matched.missing.len();
        let scale = if missing == MissingBand::Drop { bands as f32 / kept as f32 } else { 1.0 };
        let mut values = Vec::with_capacity(filters * matched.of_store.len() * plane);
        // What a band of constant zeros adds to each feature map.
        let mut added = vec![0.0f64; filters];
        for (filter, added) in conv.values.chunks_exact(bands * plane).zip(&mut added) {
            for place in &matched.of_store {
                match place {
                    Some(band) => values.extend(filter[band * plane..(band + 1) * plane].iter().map(|v| v * scale)),
                    // It begins without influence and is learnt.
                    None => values.extend(std::iter::repeat_n(0.0, plane)),
                }
            }
            for band in &matched.missing {
                let (mean, std) = rule.normalisation[*band];
                let sum: f64 = filter[band * plane..(band + 1) * plane].iter().map(|v| f64::from(*v)).sum();
                *added += (rule.zero(*band) - mean) / std * sum;
            }
        }
        let shape = vec![filters, matched.of_store.len(), height, width];
        self.tensors.insert("conv1.weight".to_owned(), TensorValues { shape, values });
        if let (MissingBand::Zero, Some(mean)) = (missing, self.tensors.get_mut("bn1.running_mean")) {
            // The normalisation after it takes the running mean off, so what was added to all positions goes there.
            mean.values.iter_mut().zip(&added).for_each(|(mean, added)| *mean = (f64::from(*mean) - added) as f32);
        }
        Ok(())
    }
}

impl fmt::Display for Matched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let matched = self.of_store.iter().flatten().count();
        write!(f, "{matched} of {} bands were matched by name", self.of_store.len())
    }
}

/// What was done with the bands that are not on both sides.
pub(super) fn notes(rule: &InputRule, matched: &Matched, missing: MissingBand, store: &StoreBands<'_>) -> Vec<String> {
    let mut notes = vec![matched.to_string()];
    if rule.is_numbered() && store.named_as.is_empty() && !matches!(rule.numbers, Numbers::Own(_)) {
        notes.push("bands are compared by number without knowing the sensor of the store: check that it is that of the weights".to_owned());
    }
    if !matched.missing.is_empty() {
        let names: Vec<&str> = matched.missing.iter().map(|band| rule.bands[*band].as_str()).collect();
        notes.push(format!("{}: the store lacks it; rule for missing bands: {missing}", names.join(", ")));
    }
    let new: Vec<String> = (matched.of_store.iter().zip(store.names))
        .filter(|(place, _)| place.is_none())
        .map(|(_, name)| name.clone())
        .collect();
    if !new.is_empty() {
        notes.push(format!("{}: the weights lack it; its filters begin at 0", first_names(&new)));
    }
    notes
}
