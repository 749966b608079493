//! What a network read: its bands and the normalisation of their numbers.

use areal_formats::{ModelSpec, Normalisation};

use super::band_name::canonical;
use super::numbers::Numbers;

/// The input of a network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InputRule {
    /// Names of the bands, in order.
    pub bands: Vec<String>,
    /// Mean and standard deviation of each band, in `numbers`.
    pub normalisation: Vec<(f64, f64)>,
    pub numbers: Numbers,
    /// Whether the means are those of the training, and not only numbers to subtract.
    pub has_means: bool,
    /// The publisher writes `SR_B4` for B4.
    pub surface_prefix: bool,
}

impl InputRule {
    /// A published rule. A mean of 0 is none.
    pub fn new(bands: &[&str], normalisation: &[(f64, f64)], numbers: Numbers) -> Self {
        Self {
            bands: bands.iter().map(ToString::to_string).collect(),
            normalisation: normalisation.to_vec(),
            numbers,
            has_means: normalisation.iter().all(|(mean, _)| *mean != 0.0),
            surface_prefix: false,
        }
    }

    pub fn of_bundle(spec: &ModelSpec) -> Self {
        let Normalisation { mean, std } = &spec.normalisation;
        Self {
            bands: spec.bands.clone(),
            normalisation: mean.iter().zip(std).map(|(m, s)| (f64::from(*m), f64::from(*s))).collect(),
            numbers: Numbers::Own(spec.scaling.clone()),
            has_means: true,
            surface_prefix: false,
        }
    }

    /// The number that means 0 in a band: of a bundle whose numbers have a scale and an offset, the stored number of a physical value of 0.
    pub fn zero(&self, band: usize) -> f64 {
        match &self.numbers {
            Numbers::Own(Some(scalings)) => -scalings[band].offset / scalings[band].scale,
            _ => 0.0,
        }
    }

    /// The text by which names of one band are compared.
    pub fn canonical(&self, name: &str) -> String {
        canonical(name, self.surface_prefix)
    }

    /// True where bands are known by numbers, which stand for other bands on another sensor.
    pub fn is_numbered(&self) -> bool {
        self.bands
            .iter()
            .all(|band| band.strip_prefix('B').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit())))
    }
}
