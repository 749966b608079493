//! The encodings of values in reduced precision, and their rounding.

use half::bf16;

use crate::MapShape;

/// How a map of reduced precision encodes its values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MapEncoding {
    /// Two bytes: the upper half of a single-precision number, rounded to nearest, ties to even.
    Bf16,
    /// One byte: `value = scale * code`, the code from 0 to 255. Nothing below zero.
    U8 {
        /// Value of the code 1.
        scale: f32,
    },
}

impl MapEncoding {
    /// Bytes of a value.
    pub fn size(self) -> usize {
        match self {
            Self::Bf16 => 2,
            Self::U8 { .. } => 1,
        }
    }

    /// The shape of a map of this code taken as a map of bytes.
    pub fn bytes_of(self, shape: MapShape) -> MapShape {
        MapShape { channels: shape.channels * self.size(), ..shape }
    }

    /// Writes values as bytes, as many as both hold.
    pub fn encode(self, values: &[f32], bytes: &mut [u8]) {
        match self {
            Self::Bf16 => {
                for (value, bytes) in values.iter().zip(bytes.as_chunks_mut::<2>().0) {
                    *bytes = bf16::from_f32(*value).to_ne_bytes();
                }
            }
            Self::U8 { scale } => {
                for (value, byte) in values.iter().zip(bytes) {
                    *byte = round_u8(value / scale);
                }
            }
        }
    }

    /// The values of bytes.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::Bf16 => bytes.as_chunks::<2>().0.iter().map(|b| bf16::from_ne_bytes(*b).to_f32()).collect(),
            Self::U8 { scale } => bytes.iter().map(|b| f32::from(*b) * scale).collect(),
        }
    }
}

/// The upper half of a number, rounded to nearest, ties to even; in integers, so that it is vectorised everywhere.
#[expect(clippy::inline_always, reason = "compiled once for each instruction set")]
#[inline(always)]
pub fn round_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    let rounded = (bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) >> 16) as u16;
    let quiet = (bits >> 16) as u16 | 0x40;
    if bits & 0x7FFF_FFFF > 0x7F80_0000 { quiet } else { rounded }
}

/// The nearest of 0 to 255, ties to even; 0 for NaN.
#[inline(always)]
pub fn round_u8(value: f32) -> u8 {
    // The spacing of numbers from 2^23 on is 1: the addition rounds, and the low bits are the integer.
    const ROUND: f32 = 8_388_608.0;
    let above = if value > 0.0 { value } else { 0.0 };
    let inside = if above < 255.0 { above } else { 255.0 };
    (inside + ROUND).to_bits() as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        #[cfg_attr(miri, ignore = "too many cases for Miri")]
        fn bf16_rounds_as_its_definition_says(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assert_eq!(round_bf16(value), bf16::from_f32(value).to_bits());
        }

        #[test]
        #[cfg_attr(miri, ignore = "too many cases for Miri")]
        fn bytes_round_to_the_nearest_ties_to_even(value in -10.0f32..300.0) {
            prop_assert_eq!(f32::from(round_u8(value)), value.round_ties_even().clamp(0.0, 255.0));
        }
    }

    #[test]
    fn ties_and_nan() {
        let of = |values: [f32; 6]| values.map(round_u8);
        assert_eq!(of([0.5, 1.5, 2.5, f32::NAN, f32::INFINITY, -f32::INFINITY]), [0, 2, 2, 0, 255, 0]);
        for bits in [0x7F80_0000, 0xFF80_0000, 0x7F80_0001, 0xFFFF_FFFF, 0x7F7F_FFFF, 0x0000_8000, 0x0001_8000] {
            let value = f32::from_bits(bits);
            assert_eq!(round_bf16(value), bf16::from_f32(value).to_bits(), "{bits:#x}");
        }
    }

    #[test]
    fn a_map_of_bytes_steps_by_its_scale() {
        let code = MapEncoding::U8 { scale: 0.5 };
        let mut bytes = [0; 4];
        code.encode(&[-1.0, 0.6, 3.0, 1000.0], &mut bytes);
        assert_eq!((bytes, code.decode(&bytes)), ([0, 1, 6, 255], vec![0.0, 0.5, 3.0, 127.5]));
    }
}
