//! What the cells of a raster are: codes of classes or values.

use areal_formats::{NamedChoice, SceneSettings, UnknownName};
use areal_grid::PixelType;
use areal_raster::{BandFacts, RasterFile};
use areal_tables::{Encoding, Recoding};
use serde::{Deserialize, Serialize};

use crate::ZonesError;

/// What the cells of a raster are.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Content {
    /// Codes of classes.
    Classes,
    /// Numbers to be averaged.
    Values,
}

impl NamedChoice for Content {
    const WHAT: &'static str = "content";
}

/// What the cells of a raster are taken for where nobody says, by the type of its first band. Whole numbers can be either, so it is
/// said how they are read.
pub(crate) fn chosen_content(
    raster: &RasterFile,
    band: &BandFacts,
    reading: &SceneSettings,
    recoding: &Recoding,
    encoding: Option<Encoding>,
) -> Result<Content, ZonesError> {
    let path = raster.facts().path.display();
    if matches!(band.pixel_type, PixelType::F32 | PixelType::F64) {
        return Ok(Content::Values);
    }
    let is_scaled = (band.scale, band.offset) != (1.0, 0.0) || reading.converts();
    let has_names = !recoding.is_empty() || !raster.named_codes(band.number, encoding)?.is_empty();
    let kind = band.pixel_type;
    match (kind == PixelType::U8, has_names) {
        (true, true) => Ok(Content::Classes),
        (true, false) => {
            tracing::info!(
                "{path}: cells are read as class codes because their type is u8; if they hold values, pass --content values"
            );
            Ok(Content::Classes)
        }
        (false, true) if recoding.is_empty() => {
            tracing::warn!(
                "{path}: cells are read as values because their type is {kind}, although the file has names for codes; if they are class \
                 codes, pass --content classes"
            );
            Ok(Content::Values)
        }
        // With a legend or rules it is refused as values.
        (false, _) if is_scaled || !recoding.is_empty() => Ok(Content::Values),
        (false, _) => {
            tracing::info!(
                "{path}: cells are read as values because their type is {kind}, not u8; if they are class codes, pass --content \
                 classes"
            );
            Ok(Content::Values)
        }
    }
}
