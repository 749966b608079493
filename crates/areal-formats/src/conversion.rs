//! Values that are made from the stored ones: the scale and offset that a person gives.

use areal_grid::Scaling;

use crate::SceneSettings;

/// A scale or offset that cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ConversionError {
    /// Neither one number nor one for each band.
    #[error("{given} numbers are given as {what}, but the number of bands read is {bands}")]
    Count {
        /// Band scale or band offset.
        what: &'static str,
        given: usize,
        bands: usize,
    },
    /// A number with which no value can be made.
    #[error("{value} is not possible as {what}: {reason}")]
    Number {
        /// Band scale or band offset.
        what: &'static str,
        value: f64,
        reason: &'static str,
    },
}

impl SceneSettings {
    /// True where values are made from the stored ones.
    pub fn converts(&self) -> bool {
        !self.band_scale.is_empty() || !self.band_offset.is_empty()
    }

    /// What makes the values of each of so many bands: value = stored value x scale + offset. None where stored values are used.
    ///
    /// # Errors
    /// When there is neither one number nor one for each band, or a number that makes no values.
    pub fn conversion(&self, bands: usize) -> Result<Option<Vec<Scaling>>, ConversionError> {
        if !self.converts() {
            return Ok(None);
        }
        let scales = each("band scale", &self.band_scale, 1.0, bands)?;
        let offsets = each("band offset", &self.band_offset, 0.0, bands)?;
        let reason = "a scale is not 0";
        match scales.iter().find(|scale| **scale == 0.0) {
            Some(&value) => Err(ConversionError::Number { what: "band scale", value, reason }),
            None => {
                Ok(Some(scales.into_iter().zip(offsets).map(|(scale, offset)| Scaling { scale, offset }).collect()))
            }
        }
    }
}

/// Greatest scale and offset: beyond them, single precision cannot hold what 32-bit integers become.
const MAX_NUMBER: f64 = 1e30;

/// A number for each band.
fn each(what: &'static str, given: &[f64], absent: f64, bands: usize) -> Result<Vec<f64>, ConversionError> {
    if let Some(&value) = given.iter().find(|value| value.is_nan() || value.abs() > MAX_NUMBER) {
        return Err(ConversionError::Number { what, value, reason: "it must be a number from -1e30 to 1e30" });
    }
    match given {
        [] => Ok(vec![absent; bands]),
        [one] => Ok(vec![*one; bands]),
        all if all.len() == bands => Ok(all.to_vec()),
        all => Err(ConversionError::Count { what, given: all.len(), bands }),
    }
}

/// The flags that convert bands so: one number where it is the same for all, none where it changes nothing.
pub fn conversion_flags(bands: &[Scaling]) -> String {
    let flag = |name: &str, of: fn(&Scaling) -> f64, absent: f64| {
        let numbers: Vec<f64> = bands.iter().map(|band| rounded(of(band))).collect();
        let first = *numbers.first()?;
        let is_uniform = numbers.iter().all(|number| *number == first);
        let texts: Vec<String> =
            numbers.iter().take(if is_uniform { 1 } else { usize::MAX }).map(f64::to_string).collect();
        (!is_uniform || first != absent).then(|| format!("--{name}={}", texts.join(",")))
    };
    let flags = [flag("band-scale", |band| band.scale, 1.0), flag("band-offset", |band| band.offset, 0.0)];
    let flags: Vec<String> = flags.into_iter().flatten().collect();
    if flags.is_empty() { "--band-scale=1".to_owned() } else { flags.join(" ") }
}

/// Ten significant digits: what arithmetic adds beyond them is not meant.
fn rounded(value: f64) -> f64 {
    format!("{value:.9e}").parse().expect("a number is written as one")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(scale: &[f64], offset: &[f64]) -> SceneSettings {
        SceneSettings {
            band_scale: scale.to_vec(),
            band_offset: offset.to_vec(),
            ..SceneSettings::new("s", Vec::new())
        }
    }

    #[test]
    fn one_number_is_for_all_bands_and_several_for_one_each() {
        let scaling = |scale, offset| Scaling { scale, offset };
        assert_eq!(settings(&[], &[]).conversion(2), Ok(None));
        let both = settings(&[0.5], &[-1.0, 2.0]).conversion(2).unwrap();
        assert_eq!(both, Some(vec![scaling(0.5, -1.0), scaling(0.5, 2.0)]));
        let said = |settings: SceneSettings| settings.conversion(3).unwrap_err().to_string();
        assert_eq!(
            said(settings(&[1.0, 2.0], &[])),
            "2 numbers are given as band scale, but the number of bands read is 3"
        );
        assert_eq!(said(settings(&[0.0], &[])), "0 is not possible as band scale: a scale is not 0");
        assert!(said(settings(&[], &[f64::NAN])).contains("band offset"));
    }

    #[test]
    fn flags_are_short_and_round() {
        let flags = |bands: &[(f64, f64)]| {
            let bands: Vec<Scaling> = bands.iter().map(|&(scale, offset)| Scaling { scale, offset }).collect();
            conversion_flags(&bands)
        };
        assert_eq!(flags(&[(1.0, -1_000.000_000_000_1), (1.0, -1000.0)]), "--band-offset=-1000");
        assert_eq!(flags(&[(1e-4, -0.1)]), "--band-scale=0.0001 --band-offset=-0.1");
        assert_eq!(flags(&[(1.0, -1000.0), (1.0, 0.0)]), "--band-offset=-1000,0");
        assert_eq!(flags(&[(1.0, 0.0)]), "--band-scale=1");
    }
}
