//! Which files make a scene and how they are read.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{NamedChoice, UnknownName};

/// A band of a file, by number or description. As text, digits are a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, from = "BandText")]
pub enum BandRef {
    /// By number, from 1.
    Number(usize),
    /// By description; letter case counts only where it tells two bands apart.
    Description(String),
}

/// A band reference as it stands in a recipe: `4`, `"4"` or `"nir"`.
#[derive(Deserialize)]
#[serde(untagged)]
enum BandText {
    Number(usize),
    Text(String),
}

impl From<BandText> for BandRef {
    fn from(written: BandText) -> Self {
        match written {
            BandText::Number(number) => Self::Number(number),
            BandText::Text(text) => match text.parse() {
                Ok(band) => band,
                Err(never) => match never {},
            },
        }
    }
}

impl FromStr for BandRef {
    type Err = Infallible;

    /// Digits are a number, anything else a description.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let text = text.trim();
        Ok(text.parse().map_or_else(|_| Self::Description(text.to_owned()), Self::Number))
    }
}

impl fmt::Display for BandRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Description(text) => write!(f, "\"{text}\""),
        }
    }
}

/// How pixels of one grid are made from those of another.
///
/// Only observed pixels take part, their weights scaled to sum to 1.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Resampling {
    /// The pixel that holds the position: the one for categories.
    Nearest,
    /// Linear between the four pixels around; over a wider footprint where pixels get larger.
    Bilinear,
    /// Cubic convolution (Keys 1981, a = -1/2) over sixteen pixels; wider where pixels get larger.
    Cubic,
    /// Mean over the new pixel's footprint, by share of each old pixel: the one for much larger pixels.
    Average,
}

impl Resampling {
    pub const ALL: [Self; 4] = [Self::Nearest, Self::Bilinear, Self::Cubic, Self::Average];

    /// Its name in flags, files and messages.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl NamedChoice for Resampling {
    const WHAT: &'static str = "resampling";
}

/// A band that says which pixels to set aside. Its own nodata value means nothing: in many files 0 is both the image's
/// nodata and the quality band's "clear".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    pub band: BandRef,
    /// Values that mask a pixel.
    #[serde(default)]
    pub values: Vec<i64>,
    /// Bits, from 0, that mask a pixel when set.
    #[serde(default)]
    pub bits: Vec<u8>,
}

/// `band "cloud", values 2, 3`
impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "band {}", self.band)?;
        let list = |numbers: Vec<String>| numbers.join(", ");
        if !self.values.is_empty() {
            write!(f, ", values {}", list(self.values.iter().map(ToString::to_string).collect()))?;
        }
        if !self.bits.is_empty() {
            write!(f, ", bits {}", list(self.bits.iter().map(ToString::to_string).collect()))?;
        }
        Ok(())
    }
}

/// What makes a scene: its files and how they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneSettings {
    /// Name of the scene, for people and for the patch store.
    pub name: String,
    /// Its files; where they overlap, the first one with an observed pixel wins.
    pub files: Vec<PathBuf>,
    /// Bands to use, in order. None: all but the quality and alpha bands.
    #[serde(default)]
    pub bands: Vec<BandRef>,
    /// A value that means nodata, besides what the files themselves say.
    #[serde(default)]
    pub nodata: Option<f64>,
    /// What stored values are multiplied by: one number for all bands, or one for each; empty for 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub band_scale: Vec<f64>,
    /// What is then added: one number for all bands, or one for each; empty for 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub band_offset: Vec<f64>,
    /// Which pixels to set aside.
    #[serde(default)]
    pub quality: Option<Quality>,
    /// CRS of the pixel grid: `EPSG:32648`, WKT or a PROJ string. None: that of the files.
    #[serde(default)]
    pub crs: Option<String>,
    /// Pixel size of the pixel grid, in units of its CRS. None: that of the files.
    #[serde(default)]
    pub resolution: Option<f64>,
    /// Extent of the pixel grid, `[west, south, east, north]` in units of its CRS, grown to whole pixels. None: that of
    /// the files.
    #[serde(default)]
    pub bounds: Option<[f64; 4]>,
    /// How pixels are made where a file's grid is another one than the scene's.
    #[serde(default)]
    pub resampling: Option<Resampling>,
}

impl SceneSettings {
    /// True where bands are named, each by its number.
    pub fn is_by_number(&self) -> bool {
        !self.bands.is_empty() && self.bands.iter().all(|band| matches!(band, BandRef::Number(_)))
    }

    /// A scene of these files, read as they are.
    pub fn new(name: impl Into<String>, files: Vec<PathBuf>) -> Self {
        Self {
            name: name.into(),
            files,
            bands: Vec::new(),
            nodata: None,
            band_scale: Vec::new(),
            band_offset: Vec::new(),
            quality: None,
            crs: None,
            resolution: None,
            bounds: None,
            resampling: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::BandRef;

    #[test]
    fn digits_in_quotes_are_a_band_number_as_on_the_command_line() {
        let bands: Vec<BandRef> = serde_json::from_str(r#"[8, "8", "nir"]"#).unwrap();
        assert_eq!(bands, [BandRef::Number(8), BandRef::Number(8), BandRef::Description("nir".into())]);
        assert_eq!(serde_json::to_string(&bands).unwrap(), r#"[8,8,"nir"]"#);
    }
}
