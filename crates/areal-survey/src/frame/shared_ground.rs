//! Ground that several zones share: it counts once in all zones together.

use areal_grid::PixelGrid;
use areal_job::Job;
use areal_zones::{PlacedZone, ZoneShape};
use geo::{MultiPolygon, Rect};

use crate::SurveyError;

/// Mean width in cells below which an overlap is what rounding leaves between neighbours.
const MIN_WIDTH: f64 = 1e-6;

/// For each zone that overlaps earlier ones the part that lies in them. The coverage of a cell by all zones together is
/// the sum of the zones' coverages less the sum of these.
pub(super) fn overlaps(zones: &[PlacedZone], grid: &PixelGrid, job: Job<'_>) -> Result<Vec<ZoneShape>, SurveyError> {
    let outlines: Vec<MultiPolygon<f64>> = zones.iter().map(|z| z.outline.clone()).collect();
    let whole = Rect::new((0.0, 0.0), (grid.width as f64, grid.height as f64));
    let mut found = areal_zones::overlaps(&outlines, whole, job)?;
    found.retain(|shape| {
        let length = shape.extent().map_or(0.0, |[x0, y0, x1, y1]| (x1 - x0) + (y1 - y0));
        shape.area().abs() > MIN_WIDTH * length
    });
    Ok(found)
}
