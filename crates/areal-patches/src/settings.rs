//! How scenes are cut into labelled patches.

use areal_formats::{MAX_PATCH_SIZE, NamedChoice, Resampling, UnknownName};
use areal_grid::PatchLayout;
use serde::{Deserialize, Serialize};

use crate::labels::measure::LabelRule;
use crate::labels::source::{LabelKind, LabelSettings};
use crate::{PatchError, SplitFractions};

/// How scenes are cut into labelled patches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileSettings {
    /// Patch size in pixels.
    pub patch_size: usize,
    /// Pixels from one patch to the next; with [`PatchPlacement::Grid`] it divides the patch size.
    pub stride: usize,
    /// Where patches lie.
    pub placement: PatchPlacement,
    /// Least share of observed pixels, 0 to 1.
    pub min_valid: f64,
    /// Where labels come from.
    pub labels: LabelSettings,
    /// How a patch gets its label from its pixels.
    pub rule: LabelRule,
    /// Least share of pixels (by centre) with the patch's label, 0 to 1.
    pub min_label_fraction: f64,
    /// How patches are assigned to splits.
    pub split: SplitSettings,
    /// Seed of the assignment.
    pub seed: u64,
}

/// Where patches lie when labels are polygons or a raster. Points have a patch centred on each.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum PatchPlacement {
    /// On the grid of the prediction: every stride pixels from the scene's first corner.
    #[default]
    Grid,
    /// Centred inside polygons: one on a point inside each polygon and others every stride pixels from there, wherever
    /// the centre lies in the polygon. For polygons too few or too small for the grid: each gives at least one patch,
    /// whose label is the polygon's.
    Polygon,
}

impl NamedChoice for PatchPlacement {
    const WHAT: &'static str = "placement";
}

/// Side of a patch in pixels where none is given.
pub const DEFAULT_PATCH_SIZE: usize = 64;
/// Minimum fraction of observed pixels of a patch where none is given.
pub const DEFAULT_MIN_VALID: f64 = 0.9;
/// Seed of the assignment to splits where none is given.
pub const DEFAULT_SEED: u64 = 1;

/// Minimum fraction of the pixels of a patch that must have its class where none is given: half of them, and any where the
/// polygon or the pixel in the middle decides.
pub fn default_label_fraction(placement: PatchPlacement, rule: LabelRule) -> f64 {
    match (placement, rule) {
        (PatchPlacement::Polygon, _) | (_, LabelRule::Centre) => 0.0,
        (PatchPlacement::Grid, LabelRule::Majority) => 0.5,
    }
}

/// How patches are assigned to splits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitSettings {
    /// The fractions of patches that the splits are to have.
    #[serde(alias = "shares")]
    pub fractions: SplitFractions,
    /// What is never divided between splits.
    pub by: SplitBy,
    /// Side of a geographic block in metres; without it, a tenth of the side of the area with patches.
    pub block_size: Option<f64>,
    /// Least distance between footprints of different splits, in metres.
    pub buffer: f64,
}

/// What is never divided between splits.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum SplitBy {
    /// Geographic blocks: square cells of the ground, whatever the scene or date.
    #[default]
    Block,
    /// Groups of labels: polygons, clusters, or what a field says.
    Group,
    /// Nothing: the labels name each patch's split in a field.
    Field,
}

impl NamedChoice for SplitBy {
    const WHAT: &'static str = "unit of splits";
}

/// Checks the side of a patch, whatever it was set by.
pub(crate) fn check_patch_size(what: &'static str, size: usize) -> Result<(), PatchError> {
    if (1..=MAX_PATCH_SIZE).contains(&size) {
        return Ok(());
    }
    Err(PatchError::Setting { what, value: size.to_string(), expected: "it must be 1 to 4096 pixels" })
}

impl TileSettings {
    /// Checks what needs no file.
    ///
    /// # Errors
    /// [`PatchError::Setting`] with the offending value.
    pub fn check(&self) -> Result<(), PatchError> {
        let bad = |what, value: &dyn std::fmt::Display, expected| {
            Err(PatchError::Setting { what, value: value.to_string(), expected })
        };
        let share = |x: f64| (0.0..=1.0).contains(&x);
        check_patch_size("patch size", self.patch_size)?;
        if self.stride == 0 {
            return bad("stride", &self.stride, "it must be at least 1 pixel");
        }
        let of_points = matches!(self.labels.kind, LabelKind::Value { .. });
        if self.placement == PatchPlacement::Grid && !of_points {
            // Whether the stride divides the patch size does not depend on the scene.
            PatchLayout::new(1, 1, self.patch_size, self.stride)?;
        }
        if !share(self.min_valid) {
            return bad("minimum valid fraction", &self.min_valid, "it must be between 0 and 1");
        }
        if !share(self.min_label_fraction) {
            return bad("minimum label fraction", &self.min_label_fraction, "it must be between 0 and 1");
        }
        if let Some(size) = self.split.block_size
            && !(size.is_finite() && size > 0.0)
        {
            return bad("block size", &size, "it must be a number of metres above 0");
        }
        if !(self.split.buffer.is_finite() && self.split.buffer >= 0.0) {
            return bad("buffer", &self.split.buffer, "it must be 0 metres or more");
        }
        if let Some(other) = self.labels.resampling.filter(|r| *r != Resampling::Nearest) {
            return bad("resampling of labels", &other, "class codes have no mean, so it must be nearest");
        }
        let raster = self.labels.kind == LabelKind::Raster;
        if raster && self.split.by == SplitBy::Group {
            return bad("split unit", &self.split.by, "a label raster has no groups; split by block");
        }
        if raster && self.placement == PatchPlacement::Polygon {
            return bad("placement", &self.placement, "a label raster has no polygons; place patches on the grid");
        }
        let field = self.labels.split_field.is_some();
        if field != (self.split.by == SplitBy::Field) {
            return bad(
                "split unit",
                &self.split.by,
                "a split field requires splitting by field, and splitting by field requires a split field",
            );
        }
        Ok(())
    }
}
