//! Pixels with the scale and offset that a person gives.

use std::path::Path;

use areal_grid::{PixelBlock, PixelState, PixelType, Pixels, Scaling};

use crate::BandFacts;

/// Says where a given scale and offset would change codes: bands with a colour table or names of categories.
pub fn warn_of_converted_codes(path: &Path, bands: &[BandFacts], given: &[Scaling]) {
    let changed = bands.iter().zip(given).filter(|(band, given)| band.categorical && **given != Scaling::default());
    let numbers: Vec<String> = changed.map(|(band, _)| band.number.to_string()).collect();
    if !numbers.is_empty() {
        tracing::warn!(
            "{}: band {} has a colour table or names of categories, so its pixels are likely codes; --band-scale and --band-offset change \
             them as they do values",
            path.display(),
            numbers.join(", ")
        );
    }
}

/// Makes the values of a scene from the stored ones.
#[derive(Debug, Clone)]
pub(crate) struct Conversion {
    pub bands: Vec<Scaling>,
    /// Type of the values.
    pub pixel_type: PixelType,
}

impl Conversion {
    /// From stored pixels of a type. Single precision holds what bytes and 16 bits become; wider integers take double precision.
    pub(crate) fn new(bands: Vec<Scaling>, stored: PixelType) -> Self {
        let pixel_type = match stored {
            PixelType::U32 | PixelType::I32 | PixelType::F64 => PixelType::F64,
            PixelType::U8 | PixelType::I8 | PixelType::U16 | PixelType::I16 | PixelType::F32 => PixelType::F32,
        };
        Self { bands, pixel_type }
    }

    /// A block of stored values with the values made of them. A pixel with a value too large for the type is nodata.
    pub(crate) fn apply(&self, stored: PixelBlock) -> PixelBlock {
        let PixelBlock { window, bands, pixels, mut states } = stored;
        let pixels = match self.pixel_type {
            PixelType::F64 => Pixels::F64(self.values(&pixels, &mut states, f64::is_finite, |value| value)),
            _ => Pixels::F32(self.values(&pixels, &mut states, f32::is_finite, |value| value as f32)),
        };
        PixelBlock { window, bands, pixels, states }
    }

    fn values<T: Copy + Default>(
        &self,
        stored: &Pixels,
        states: &mut [PixelState],
        is_finite: fn(T) -> bool,
        cast: fn(f64) -> T,
    ) -> Vec<T> {
        let plane = states.len();
        let mut values = vec![T::default(); self.bands.len() * plane];
        for (band, scaling) in self.bands.iter().enumerate() {
            for k in (0..plane).filter(|k| states[*k] == PixelState::Observed) {
                values[band * plane + k] = cast(scaling.apply(stored.get(band * plane + k)));
            }
        }
        for (k, state) in states.iter_mut().enumerate() {
            let all = || (0..self.bands.len()).map(|band| band * plane + k);
            if all().any(|at| !is_finite(values[at])) {
                *state = PixelState::Nodata;
                all().for_each(|at| values[at] = T::default());
            }
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use areal_grid::Window;

    use super::*;

    #[test]
    fn observed_values_are_converted_and_those_without_a_number_are_nodata() {
        let mut block = PixelBlock::outside(Window::new(0, 0, 1, 3), 2, PixelType::U16);
        block.pixels = Pixels::U16(vec![1500, 0, 700, 10, 0, 60_000]);
        block.states = vec![PixelState::Observed, PixelState::Masked, PixelState::Observed];
        let bands = vec![Scaling { scale: 1.0, offset: -1000.0 }, Scaling { scale: 1e34, offset: 0.0 }];
        let made = Conversion::new(bands, PixelType::U16).apply(block);
        // 60,000 x 1e34 is more than the 3.4e38 of single precision.
        assert_eq!(made.pixels, Pixels::F32(vec![500.0, 0.0, 0.0, 1e35, 0.0, 0.0]));
        assert_eq!(made.states, [PixelState::Observed, PixelState::Masked, PixelState::Nodata]);
    }
}
