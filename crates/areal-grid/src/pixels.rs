//! Pixel types, pixel values in their own type, and the state of each pixel.

use serde::{Deserialize, Serialize};

/// How one pixel of a raster is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum PixelType {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// IEEE single precision; half precision is read as this.
    F32,
    /// IEEE double precision; 64-bit integers are read as this.
    F64,
}

/// Calls `$body` with `$v` bound to the typed vector inside a [`Pixels`].
macro_rules! each {
    ($pixels:expr, $v:ident => $body:expr) => {
        match $pixels {
            Pixels::U8($v) => $body,
            Pixels::I8($v) => $body,
            Pixels::U16($v) => $body,
            Pixels::I16($v) => $body,
            Pixels::U32($v) => $body,
            Pixels::I32($v) => $body,
            Pixels::F32($v) => $body,
            Pixels::F64($v) => $body,
        }
    };
}

impl PixelType {
    pub const ALL: [Self; 8] = [Self::U8, Self::I8, Self::U16, Self::I16, Self::U32, Self::I32, Self::F32, Self::F64];

    /// Bytes of one pixel.
    pub fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Its name in files and messages: `u8`, `i16`, `f32` ...
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Pixel values in their own type, in whatever shape their owner says; rasters are `[band, row, col]`, row-major.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Pixels {
    /// `len` zeros of a type.
    pub fn zeros(pixel_type: PixelType, len: usize) -> Self {
        match pixel_type {
            PixelType::U8 => Self::U8(vec![0; len]),
            PixelType::I8 => Self::I8(vec![0; len]),
            PixelType::U16 => Self::U16(vec![0; len]),
            PixelType::I16 => Self::I16(vec![0; len]),
            PixelType::U32 => Self::U32(vec![0; len]),
            PixelType::I32 => Self::I32(vec![0; len]),
            PixelType::F32 => Self::F32(vec![0.0; len]),
            PixelType::F64 => Self::F64(vec![0.0; len]),
        }
    }

    /// The type of the values.
    pub fn pixel_type(&self) -> PixelType {
        match self {
            Self::U8(_) => PixelType::U8,
            Self::I8(_) => PixelType::I8,
            Self::U16(_) => PixelType::U16,
            Self::I16(_) => PixelType::I16,
            Self::U32(_) => PixelType::U32,
            Self::I32(_) => PixelType::I32,
            Self::F32(_) => PixelType::F32,
            Self::F64(_) => PixelType::F64,
        }
    }

    pub fn len(&self) -> usize {
        each!(self, v => v.len())
    }

    /// Drops all values but the first `len`.
    pub fn truncate(&mut self, len: usize) {
        each!(self, v => v.truncate(len));
    }

    /// True when there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// One value as double precision, exact for every type.
    ///
    /// # Panics
    /// When `index` is out of range, as with a slice.
    #[expect(clippy::useless_conversion, reason = "one body serves every type")]
    pub fn get(&self, index: usize) -> f64 {
        each!(self, v => f64::from(v[index]))
    }

    /// Adds the observed values to what was seen of a band. Bytes are left out: none of them can be a stray.
    pub fn seen(&self, states: &[PixelState], extremes: &mut crate::Extremes) {
        if self.pixel_type().size() == 1 {
            return;
        }
        each!(self, v => extremes.see(v, states));
    }

    /// All values as physical ones, in double precision.
    #[must_use]
    #[expect(clippy::useless_conversion, reason = "one body serves every type")]
    pub fn scaled(&self, scaling: crate::Scaling) -> Self {
        Self::F64(each!(self, v => v.iter().map(|x| scaling.apply(f64::from(*x))).collect()))
    }

    /// Writes values `start..start + out.len()` as single precision.
    ///
    /// # Panics
    /// When the range is out of bounds, as with a slice.
    #[expect(clippy::unnecessary_cast, reason = "one body serves every type")]
    pub fn read_f32(&self, start: usize, out: &mut [f32]) {
        let range = start..start + out.len();
        each!(self, v => out.iter_mut().zip(&v[range]).for_each(|(o, x)| *o = *x as f32));
    }

    /// Copies `len` values from `source[source_start..]` into `self[start..]`.
    ///
    /// # Panics
    /// When the types differ or a range is out of bounds: both are mistakes of the caller, not of its input.
    pub fn copy_from(&mut self, start: usize, source: &Self, source_start: usize, len: usize) {
        macro_rules! pairs {
            ($($variant:ident),*) => {
                match (self, source) {
                    $((Self::$variant(a), Self::$variant(b)) => {
                        a[start..start + len].copy_from_slice(&b[source_start..source_start + len]);
                    })*
                    (a, b) => {
                        assert_eq!(a.pixel_type(), b.pixel_type(), "pixels of different types");
                    }
                }
            };
        }
        pairs!(U8, I8, U16, I16, U32, I32, F32, F64);
    }
}

/// What is known of one pixel: the four kinds are counted apart everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum PixelState {
    Observed = 0,
    /// Nodata in the file: its nodata value, alpha 0, its mask, or not a finite number.
    Nodata = 1,
    /// Observed but set aside by a quality band: cloud, shadow ...
    Masked = 2,
    /// Not in any file.
    Outside = 3,
}

impl PixelState {
    /// All of them; the place of each is its code in files.
    pub const ALL: [Self; 4] = [Self::Observed, Self::Nodata, Self::Masked, Self::Outside];

    /// The state with this code in a file.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Its name in legends.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A rectangle of a scene as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelBlock {
    /// Which pixels of the scene; may reach past it, what lies outside is [`PixelState::Outside`].
    pub window: crate::Window,
    pub bands: usize,
    /// Values, `[band, row, col]`. A pixel that is not observed holds 0.
    pub pixels: Pixels,
    /// What is known of each pixel, `[row, col]`: observed only if it is in every band.
    pub states: Vec<PixelState>,
}

impl PixelBlock {
    /// A block of zeros, nothing in it observed.
    pub fn outside(window: crate::Window, bands: usize, pixel_type: PixelType) -> Self {
        Self {
            window,
            bands,
            pixels: Pixels::zeros(pixel_type, bands * window.len()),
            states: vec![PixelState::Outside; window.len()],
        }
    }

    /// Share of pixels that are observed, 0 to 1.
    pub fn valid_fraction(&self) -> f64 {
        let observed = self.states.iter().filter(|s| **s == PixelState::Observed).count();
        observed as f64 / self.states.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Window;

    #[test]
    fn values_keep_their_type() {
        let mut a = Pixels::zeros(PixelType::I16, 4);
        a.copy_from(1, &Pixels::I16(vec![7, -9, 3]), 1, 2);
        assert_eq!(a, Pixels::I16(vec![0, -9, 3, 0]));
        let mut out = [0.0; 2];
        a.read_f32(1, &mut out);
        assert_eq!(out, [-9.0, 3.0]);
        assert_eq!((a.get(1), a.len(), a.pixel_type().size()), (-9.0, 4, 2));
    }

    #[test]
    fn valid_fraction_counts_observed_pixels() {
        let mut b = PixelBlock::outside(Window::new(0, 0, 2, 2), 1, PixelType::U8);
        b.states[0] = PixelState::Observed;
        b.states[1] = PixelState::Masked;
        assert!((b.valid_fraction() - 0.25).abs() < 1e-12);
    }
}
