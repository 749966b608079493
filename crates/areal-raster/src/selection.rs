//! Which bands of a file a scene uses.

use areal_grid::PixelType;

use crate::{BandFacts, FileFacts, RasterError};
use areal_formats::{BandRef, Quality, SceneSettings};

/// The bands of one file that a scene uses.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    /// Bands with the scene's values, in the scene's order.
    pub bands: Vec<BandFacts>,
    /// The quality band and what in it masks a pixel.
    pub quality: Option<QualityRule>,
    /// Nodata besides the file's own.
    pub nodata: Option<f64>,
}

/// What in which band masks a pixel.
#[derive(Debug, Clone)]
pub(crate) struct QualityRule {
    /// Number of the band, from 1.
    pub number: usize,
    values: Vec<i64>,
    bits: i64,
}

impl QualityRule {
    /// Refuses values that are no codes: whole numbers are, whatever type they are stored as.
    pub(crate) fn check(&self, values: &[f64]) -> Result<(), RasterError> {
        match values.iter().find(|v| v.is_finite() && v.fract() != 0.0) {
            None => Ok(()),
            Some(value) => {
                let reason = format!("it holds {value}, which is not an integer code");
                Err(RasterError::Quality { band: BandRef::Number(self.number), reason })
            }
        }
    }

    /// True when a value of the quality band masks its pixel.
    pub(crate) fn masks(&self, value: f64) -> bool {
        let value = value as i64;
        value & self.bits != 0 || self.values.contains(&value)
    }
}

impl Selection {
    /// Finds the bands that the settings name in a file.
    pub(crate) fn new(facts: &FileFacts, settings: &SceneSettings) -> Result<Self, RasterError> {
        let quality = settings.quality.as_ref().map(|q| quality_rule(facts, q)).transpose()?;
        let bands: Vec<BandFacts> = if settings.bands.is_empty() {
            let used = |b: &&BandFacts| !b.alpha && quality.as_ref().is_none_or(|q| q.number != b.number);
            facts.bands.iter().filter(used).cloned().collect()
        } else {
            settings.bands.iter().map(|band| find(facts, band).cloned()).collect::<Result<_, _>>()?
        };
        if bands.is_empty() {
            return Err(RasterError::NoBands { path: facts.path.clone(), subdatasets: Vec::new() });
        }
        Ok(Self { bands, quality, nodata: settings.nodata })
    }

    /// Refuses bands of several types: the pixels of a scene have one.
    pub(crate) fn check_types(&self, facts: &FileFacts) -> Result<(), RasterError> {
        let Some(first) = self.bands.first() else { return Ok(()) };
        match self.bands.iter().find(|b| b.pixel_type != first.pixel_type) {
            None => Ok(()),
            Some(other) => Err(RasterError::MixedTypes {
                path: facts.path.clone(),
                first: first.number,
                first_type: first.pixel_type.to_string(),
                second: other.number,
                second_type: other.pixel_type.to_string(),
            }),
        }
    }

    /// The type of all bands, or double precision, which holds every other, where they differ.
    pub(crate) fn pixel_type(&self) -> PixelType {
        let first = self.bands.first().map_or(PixelType::U8, |b| b.pixel_type);
        if self.bands.iter().all(|b| b.pixel_type == first) { first } else { PixelType::F64 }
    }

    pub(crate) fn numbers(&self) -> Vec<usize> {
        self.bands.iter().map(|b| b.number).collect()
    }
}

/// The band that a reference names.
pub(crate) fn find<'a>(facts: &'a FileFacts, band: &BandRef) -> Result<&'a BandFacts, RasterError> {
    let missing =
        || RasterError::NoSuchBand { path: facts.path.clone(), band: band.clone(), available: facts.bands_in_words() };
    let text = match band {
        BandRef::Number(number) => return facts.bands.iter().find(|b| b.number == *number).ok_or_else(missing),
        BandRef::Description(text) => text,
    };
    let exact: Vec<&BandFacts> = facts.bands.iter().filter(|b| b.description == *text).collect();
    let alike = |b: &&BandFacts| b.description.to_lowercase() == text.to_lowercase();
    let found = if exact.is_empty() { facts.bands.iter().filter(alike).collect() } else { exact };
    match found[..] {
        [one] => Ok(one),
        [] => Err(missing()),
        _ => Err(RasterError::AmbiguousBand {
            path: facts.path.clone(),
            band: band.clone(),
            numbers: found.iter().map(|b| b.number).collect(),
        }),
    }
}

fn quality_rule(facts: &FileFacts, quality: &Quality) -> Result<QualityRule, RasterError> {
    let fault = |reason: String| RasterError::Quality { band: quality.band.clone(), reason };
    if quality.values.is_empty() && quality.bits.is_empty() {
        return Err(fault("neither values nor bits are given".to_owned()));
    }
    let band = find(facts, &quality.band)?;
    let width = match band.pixel_type {
        // Whole numbers that it holds exactly.
        PixelType::F32 => f32::MANTISSA_DIGITS as u8,
        PixelType::F64 => f64::MANTISSA_DIGITS as u8,
        integer => integer.size() as u8 * 8,
    };
    if let Some(bit) = quality.bits.iter().find(|bit| **bit >= width) {
        return Err(fault(format!(
            "bit {bit} is requested, but its values have only {width} bits, 0 to {}",
            width - 1
        )));
    }
    let bits = quality.bits.iter().fold(0i64, |bits, bit| bits | 1 << bit);
    Ok(QualityRule { number: band.number, values: quality.values.clone(), bits })
}
