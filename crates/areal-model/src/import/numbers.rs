//! The numbers that weights read, and how those of a store become them.

use std::ops::RangeInclusive;

use areal_formats::{BandQuantiles, Normalisation};
use areal_grid::{PixelType, Scaling};

use super::first_convolution::Matched;
use super::rule::InputRule;

/// The numbers that a normalisation is of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    /// Bytes in so many first bands, and ten-thousandths of reflectance in the others, as they are stored.
    Bytes { first: usize },
    /// Ten-thousandths of reflectance.
    Reflectance,
    /// Decibels.
    Decibels,
    /// Those of a bundle's training, with their meaning by band where it is known.
    Own(Option<Vec<Scaling>>),
}

/// The numbers of a store's training pixels.
#[derive(Debug, Clone, Copy)]
pub struct StoreNumbers<'a> {
    pub pixel_type: PixelType,
    /// What stored numbers mean, by band. A scale of 1 with an offset of 0 is what files without a meaning have: it says nothing.
    pub scaling: Option<&'a [Scaling]>,
    /// Distribution of each band.
    pub quantiles: &'a [BandQuantiles],
}

/// Greatest numbers (95 % of the pixels of the brightest band) of reflectance as fractions of 1.
const FRACTIONS: RangeInclusive<f64> = 0.005..=3.0;
/// The same of ten-thousandths. Below, they are bytes or nothing that can be told from them.
const TEN_THOUSANDTHS: RangeInclusive<f64> = 256.0..=30_000.0;
/// The same of bytes. Below, they are fractions.
const BYTES: RangeInclusive<f64> = 3.0..=255.0;
/// Median of the darkest band in decibels: power as a ratio is above 0, whole hundredths lie below.
const DARKEST_DECIBELS: RangeInclusive<f64> = -60.0..=0.0;
/// Most decibels.
const MOST_DECIBELS: f64 = 60.0;
/// Least number as a part of the greatest one that the kind of numbers has: somewhat below 0 by a correction of the atmosphere.
const LEAST_REFLECTANCE: f64 = -0.5;
/// Greatest distance of the median from 0 after normalisation, in the band nearest to it, that the numbers of a bundle's training have.
const FURTHEST_MEDIAN: f64 = 15.0;
/// Least range of the middle nine tenths after normalisation, in the band where it is greatest.
const LEAST_RANGE: f64 = 1e-3;

/// A number of the weights is `factor` times the stored one plus `shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Conversion {
    factor: f64,
    shift: f64,
}

const AS_STORED: Conversion = Conversion { factor: 1.0, shift: 0.0 };

/// The middle nine tenths of some bands together.
struct Span {
    least: f64,
    most: f64,
}

impl StoreNumbers<'_> {
    /// The meaning of a band's numbers; none where the store does not say it.
    fn stated(&self, band: usize) -> Option<Scaling> {
        self.scaling.map(|s| s[band]).filter(|s| !s.is_like(&Scaling::default()))
    }

    fn span(&self, bands: &[usize], meaning: impl Fn(usize) -> Scaling) -> Span {
        let ends = bands
            .iter()
            .flat_map(|band| [self.quantiles[*band].p05, self.quantiles[*band].p95].map(|v| meaning(*band).apply(v)));
        let (least, most) =
            ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(v), most.max(v)));
        Span { least, most }
    }

    fn stored_span(&self, bands: &[usize]) -> Span {
        self.span(bands, |_| Scaling::default())
    }

    fn scalings_in_words(&self, bands: &[usize]) -> String {
        Scaling::in_words(&bands.iter().filter_map(|band| self.stated(*band)).collect::<Vec<_>>())
    }

    /// What the pixels of some bands are, for an error.
    pub fn found(&self, bands: &[usize]) -> String {
        let Span { least, most } = self.stored_span(bands);
        let scalings = self.scalings_in_words(bands);
        let meaning = if scalings.is_empty() { scalings } else { format!(" (physical value {scalings})") };
        format!("are {} between {} and {} (5 and 95 %){meaning}", self.pixel_type.name(), short(least), short(most))
    }
}

/// As short as a number of single precision is written: 0.229, which is 0.22900000214576721 in double precision.
fn short(v: f64) -> f32 {
    v as f32
}

/// Numbers of a store that are not those of weights.
pub(super) struct OtherNumbers {
    pub expected: &'static str,
    /// Bands of the store.
    pub bands: Vec<usize>,
}

impl InputRule {
    /// The normalisation of a store's bands by that of the weights; bands that the weights do not have keep the store's. Whether its
    /// numbers are those of the weights is judged over all bands of a kind together: one dark band is no other kind of numbers.
    pub fn normalisation_of(
        &self,
        matched: &Matched,
        store: &StoreNumbers<'_>,
        of_store: &Normalisation,
        said: &mut Vec<String>,
    ) -> Result<Normalisation, OtherNumbers> {
        let pairs: Vec<(usize, usize)> =
            matched.of_store.iter().enumerate().filter_map(|(band, place)| Some((band, (*place)?))).collect();
        let conversions = match &self.numbers {
            Numbers::Bytes { first } => bytes(&pairs, *first, store, said)?,
            Numbers::Reflectance => reflectance(&pairs, store, said)?,
            Numbers::Decibels => decibels(&pairs, store, said)?,
            Numbers::Own(own) => own_numbers(&pairs, own.as_deref(), store, said),
        };
        let mut taken = of_store.clone();
        for ((band, place), Conversion { factor, shift }) in pairs.iter().zip(conversions) {
            let (mean, std) = self.normalisation[*place];
            (taken.mean[*band], taken.std[*band]) = (((mean - shift) / factor) as f32, (std / factor) as f32);
        }
        if matches!(self.numbers, Numbers::Own(_)) && is_far(&pairs, store, &taken) {
            return Err(OtherNumbers { expected: "the numbers of that training", bands: bands(&pairs) });
        }
        Ok(taken)
    }
}

fn bands(pairs: &[(usize, usize)]) -> Vec<usize> {
    pairs.iter().map(|(band, _)| *band).collect()
}

fn bytes(
    pairs: &[(usize, usize)],
    first: usize,
    store: &StoreNumbers<'_>,
    said: &mut Vec<String>,
) -> Result<Vec<Conversion>, OtherNumbers> {
    let (bytes, others): (Vec<_>, Vec<_>) = pairs.iter().copied().partition(|(_, place)| *place < first);
    let kinds = [(bytes, BYTES, "bytes, 0 to 255"), (others, TEN_THOUSANDTHS, "ten-thousandths of reflectance")];
    for (pairs, range, expected) in kinds {
        let bands = bands(&pairs);
        if bands.is_empty() {
            continue;
        }
        let Span { least, most } = store.stored_span(&bands);
        if !range.contains(&most) || least < 0.0 {
            return Err(OtherNumbers { expected, bands });
        }
        let (least, most) = (short(least), short(most));
        said.push(format!("stored numbers between {least} and {most} (5 and 95 %) are taken for {expected}"));
    }
    let scalings = store.scalings_in_words(&bands(pairs));
    if !scalings.is_empty() {
        said.push(format!("scale and offset of the store ({scalings}) are ignored: the weights read stored numbers"));
    }
    Ok(vec![AS_STORED; pairs.len()])
}

fn reflectance(
    pairs: &[(usize, usize)],
    store: &StoreNumbers<'_>,
    said: &mut Vec<String>,
) -> Result<Vec<Conversion>, OtherNumbers> {
    let (stated, unstated): (Vec<usize>, Vec<usize>) =
        pairs.iter().map(|(band, _)| *band).partition(|band| store.stated(*band).is_some());
    let mut units_per_one = [1.0; 2];
    for (group, bands) in [&unstated, &stated].into_iter().enumerate() {
        if bands.is_empty() {
            continue;
        }
        let is_whole = group == 0 && !matches!(store.pixel_type, PixelType::F32 | PixelType::F64);
        let Span { least, most } = store.span(bands, |band| store.stated(band).unwrap_or_default());
        let (unit, words) = if FRACTIONS.contains(&most) && !is_whole && least >= LEAST_REFLECTANCE {
            (10_000.0, "fractions")
        } else if TEN_THOUSANDTHS.contains(&most) && least >= 10_000.0 * LEAST_REFLECTANCE {
            (1.0, "ten-thousandths")
        } else {
            let expected = "reflectance, as fractions (0 to 1) or ten-thousandths (0 to 10000)";
            return Err(OtherNumbers { expected, bands: bands.clone() });
        };
        units_per_one[group] = unit;
        let (least, most) = (short(least), short(most));
        said.push(if group == 0 {
            format!(
                "the store does not say what its numbers mean; between {least} and {most} (5 and 95 %), they are taken for {words} of \
                 reflectance"
            )
        } else {
            let scalings = store.scalings_in_words(bands);
            format!("by scale and offset of the store ({scalings}), its numbers are {words} of reflectance")
        });
    }
    let conversion = |(band, _): &(usize, usize)| {
        let meaning = store.stated(*band);
        let unit = units_per_one[usize::from(meaning.is_some())];
        let Scaling { scale, offset } = meaning.unwrap_or_default();
        Conversion { factor: unit * scale, shift: unit * offset }
    };
    Ok(pairs.iter().map(conversion).collect())
}

fn decibels(
    pairs: &[(usize, usize)],
    store: &StoreNumbers<'_>,
    said: &mut Vec<String>,
) -> Result<Vec<Conversion>, OtherNumbers> {
    let bands = bands(pairs);
    let meaning = |band| store.stated(band).unwrap_or_default();
    let darkest = bands.iter().map(|b| meaning(*b).apply(store.quantiles[*b].p50)).fold(f64::INFINITY, f64::min);
    if !DARKEST_DECIBELS.contains(&darkest) || darkest == 0.0 || store.span(&bands, meaning).most > MOST_DECIBELS {
        return Err(OtherNumbers { expected: "decibels, mostly below 0", bands });
    }
    let scalings = store.scalings_in_words(&bands);
    said.push(if scalings.is_empty() {
        let darkest = short(darkest);
        format!("the store does not say what its numbers mean; with a median of {darkest} they are taken for decibels")
    } else {
        format!("by scale and offset of the store ({scalings}), its numbers are decibels")
    });
    Ok(bands.iter().map(|b| Conversion { factor: meaning(*b).scale, shift: meaning(*b).offset }).collect())
}

fn own_numbers(
    pairs: &[(usize, usize)],
    own: Option<&[Scaling]>,
    store: &StoreNumbers<'_>,
    said: &mut Vec<String>,
) -> Vec<Conversion> {
    let of_weights = |place: usize| own.map(|s| s[place]).filter(|s| !s.is_like(&Scaling::default()));
    let both = |(band, place): &(usize, usize)| store.stated(*band).zip(of_weights(*place));
    said.push(match pairs.iter().filter(|pair| both(pair).is_some()).count() {
        0 => "stored numbers are taken to mean what they did in that training: scale and offset are not known on both sides"
            .to_owned(),
        n if n == pairs.len() => "the meaning of stored numbers is that of the scale and offset on both sides".to_owned(),
        n => format!("scale and offset are known on both sides in {n} bands; in the others stored numbers are taken to mean the same"),
    });
    let conversion = |pair: &(usize, usize)| {
        both(pair).map_or(AS_STORED, |(store, own)| Conversion {
            factor: store.scale / own.scale,
            shift: (store.offset - own.offset) / own.scale,
        })
    };
    pairs.iter().map(conversion).collect()
}

/// True where no band is anywhere near the numbers of a training.
fn is_far(pairs: &[(usize, usize)], store: &StoreNumbers<'_>, taken: &Normalisation) -> bool {
    let normalised = |band: usize, v: f64| (v - f64::from(taken.mean[band])) / f64::from(taken.std[band]);
    let median = |band: usize| normalised(band, store.quantiles[band].p50).abs();
    let range = |band: usize| (store.quantiles[band].p95 - store.quantiles[band].p05) / f64::from(taken.std[band]);
    let bands = bands(pairs);
    let is_flat = bands.iter().all(|band| range(*band) <= 0.0);
    bands.iter().all(|band| median(*band) > FURTHEST_MEDIAN)
        || !is_flat && bands.iter().all(|band| range(*band) < LEAST_RANGE)
}

#[cfg(test)]
mod tests;
