//! Patch settings that suit polygons of their size.

use areal_raster::Scene;
use geo::{Area, Euclidean, Geometry, Length};

use crate::candidates::Shape;
use crate::labels::polygons::parts;
use crate::labels::source::{LabelSettings, Labels, Shapes};
use crate::{PatchError, PatchPlacement, SplitBy};

/// Patch sizes to choose from, in pixels.
const PATCH_SIZES: [usize; 4] = [8, 16, 32, 64];
/// Patches to have at least, before the stride is made smaller.
const ENOUGH_PATCHES: f64 = 1000.0;

/// Patch settings that suit the polygons of a label layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Proposal {
    /// Polygons that reach into a scene.
    pub polygons: usize,
    /// Median width of these, in pixels; see [`width`].
    pub median_width: f64,
    pub patch_size: usize,
    /// Pixels from one patch to the next.
    pub stride: usize,
    pub placement: PatchPlacement,
    pub split_by: SplitBy,
}

impl Proposal {
    /// The proposal for polygons of these widths in pixels; `None` without any.
    ///
    /// The patch is the largest that fits into half of the polygons. Where a grid of such patches would miss most polygons,
    /// patches are centred inside polygons, and polygons stay whole in the splits.
    pub(crate) fn of(mut widths: Vec<f64>) -> Option<Self> {
        let middle = widths.len().checked_sub(1)? / 2;
        let (_, median, _) = widths.select_nth_unstable_by(middle, f64::total_cmp);
        let (median, polygons) = (*median, widths.len());
        let patch_size = PATCH_SIZES.into_iter().rfind(|size| *size as f64 <= median).unwrap_or(PATCH_SIZES[0]);
        // A polygon twice as wide as a patch holds a whole patch of the grid wherever it lies.
        let fits_grid = median >= 2.0 * patch_size as f64;
        let patches = |stride: usize| widths.iter().map(|w| (w / stride as f64).powi(2).max(1.0)).sum::<f64>();
        let stride = [patch_size, patch_size / 2, patch_size / 4];
        let stride = stride.into_iter().find(|s| patches(*s) >= ENOUGH_PATCHES).unwrap_or(patch_size / 4);
        let (placement, split_by) =
            if fits_grid { (PatchPlacement::Grid, SplitBy::Block) } else { (PatchPlacement::Polygon, SplitBy::Group) };
        Some(Self { polygons, median_width: median, patch_size, stride, placement, split_by })
    }
}

impl std::fmt::Display for Proposal {
    /// As flags.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--patch-size {} --stride {}", self.patch_size, self.stride)?;
        match self.placement {
            PatchPlacement::Grid => Ok(()),
            PatchPlacement::Polygon => write!(f, " --placement {} --split-by {}", self.placement, self.split_by),
        }
    }
}

/// Proposes patch settings for the polygons of a label layer; `None` for labels that are no polygons.
///
/// # Errors
/// Labels that cannot be read, or cannot be laid over a scene.
pub fn propose(scenes: &[Scene], settings: &LabelSettings) -> Result<Option<Proposal>, PatchError> {
    let Shapes::Polygons(crs, polygons) = Labels::read(settings)?.shapes else { return Ok(None) };
    let mut widths = Vec::new();
    for scene in scenes {
        widths.extend(Shape::all(&polygons, &crs, scene.grid())?.iter().map(|shape| width(&shape.pixels)));
    }
    Ok(Proposal::of(widths))
}

/// Width of a polygon: four areas over its outline, which is the side of a square and twice the width of a long strip. Holes
/// count to both.
pub(crate) fn width(polygon: &Geometry<f64>) -> f64 {
    let (mut area, mut outline) = (0.0, 0.0);
    for part in parts(polygon) {
        area += part.unsigned_area();
        outline +=
            Euclidean.length(part.exterior()) + part.interiors().iter().map(|r| Euclidean.length(r)).sum::<f64>();
    }
    if outline > 0.0 { 4.0 * area / outline } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo::{Rect, coord};

    fn rectangle(w: f64, h: f64) -> Geometry<f64> {
        Geometry::Polygon(Rect::new(coord! { x: 0.0, y: 0.0 }, coord! { x: w, y: h }).to_polygon())
    }

    #[test]
    fn the_width_is_that_of_a_square_and_twice_that_of_a_strip() {
        assert!((width(&rectangle(12.0, 12.0)) - 12.0).abs() < 1e-12);
        // 4 x 2000 / 2004.
        assert!((width(&rectangle(2.0, 1000.0)) - 8000.0 / 2004.0).abs() < 1e-12);
    }

    #[test]
    fn patches_fit_into_half_of_the_polygons() {
        let of = |width: f64, polygons: usize| Proposal::of(vec![width; polygons]).unwrap().to_string();
        // 25 polygons, 11 pixels wide: (11 / 2)^2 x 25 = 756 patches, fewer than 1000 also with the smallest stride.
        assert_eq!(of(11.0, 25), "--patch-size 8 --stride 2 --placement polygon --split-by group");
        // 2000 fields, 20 pixels wide: one patch and a half each side by side.
        assert_eq!(of(20.0, 2000), "--patch-size 16 --stride 16 --placement polygon --split-by group");
        assert_eq!(of(300.0, 100), "--patch-size 64 --stride 64");
        // Narrower than the smallest patch.
        assert_eq!(of(3.0, 10), "--patch-size 8 --stride 2 --placement polygon --split-by group");
        assert_eq!(Proposal::of(Vec::new()), None);
    }
}
