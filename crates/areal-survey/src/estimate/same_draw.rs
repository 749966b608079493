//! Whether a labelled sample is of the draw that its design describes.

use areal_estimate::{Finding, FindingKind};
use areal_formats::DesignUnit;
use areal_grid::PixelGrid;
use areal_raster::{Projection, crs_from_text};

use super::flaws::other_design;
use super::labelled_sample::DrawnDesign;
use crate::SurveyError;
use crate::labels::LabelRow;

/// The labelled sample must be of this draw: it says so, or its positions are those of the design's units. Unit numbers
/// alone are the same in every draw. Positions may have been moved on purpose; a sample that says that it is of another draw is an error.
pub(super) fn other_draw(
    drawn: &DrawnDesign,
    labels: &[LabelRow],
    grid: &PixelGrid,
) -> Result<Option<Finding>, SurveyError> {
    let design = &drawn.design;
    let expected = || format!("{} (seed {})", design.design_id, design.seed);
    if let Some(other) = labels.iter().find(|l| !l.design_id.is_empty() && l.design_id != design.design_id) {
        return Err(SurveyError::OtherDraw { found: format!("draw {}", other.design_id), expected: expected() });
    }
    let placed: Vec<(&LabelRow, [f64; 2], &DesignUnit)> =
        labels.iter().filter_map(|l| Some((l, l.place?, drawn.units.get(&l.unit_id)?))).collect();
    if placed.is_empty() {
        let named = labels.iter().any(|l| !l.design_id.is_empty());
        let message = "the labelled sample has neither a design_id nor positions: whether it is of this design cannot be \
                       checked";
        return Ok((!named).then(|| Finding::warning(FindingKind::OtherDesign, message)));
    }
    let to_map = Projection::new(&crs_from_text("EPSG:4326")?, &grid.crs)?;
    for (label, place, unit) in placed {
        let mut points = [place, [unit.lon, unit.lat]];
        to_map.apply(&mut points)?;
        let Some((row, col)) = grid.pixel_at(points[1]) else { continue };
        // A cell of tolerance: spreadsheets cut decimals.
        let near = |(r, c): (usize, usize)| r.abs_diff(row) <= 1 && c.abs_diff(col) <= 1;
        if !grid.pixel_at(points[0]).is_some_and(near) {
            let found = format!(
                "another draw (unit {} lies at {:.5}, {:.5}; the design has it at {:.5}, {:.5})",
                label.unit_id, place[0], place[1], unit.lon, unit.lat
            );
            return Ok(Some(other_design(&found, &expected())));
        }
    }
    Ok(None)
}
