//! Zones on a grid: how large they are, and which cells they cover.

use areal_grid::{PixelGrid, Window};
use areal_job::Job;
use geo::Rect;

use crate::overlap::overlaps;
use crate::placed_shapes::PlacedShapes;
use crate::{WindowCoverage, ZoneSet, ZonesError, place};

/// How large one zone is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ZoneSize {
    /// True area of the whole zone, square metres.
    pub area: f64,
    /// The same in cells; `None` where the outline was clipped to the surroundings of the map.
    pub cells: Option<f64>,
}

/// Zones on a grid.
pub(crate) struct Ground {
    /// In the order of the zone set.
    pub sizes: Vec<ZoneSize>,
    shapes: PlacedShapes,
    /// What the zones have in common, once for each zone beyond the first.
    overlaps: PlacedShapes,
}

impl Ground {
    /// Brings zones onto a grid.
    pub(crate) fn place(set: &ZoneSet, grid: &PixelGrid, job: Job<'_>) -> Result<Self, ZonesError> {
        let placed = place(set, grid)?;
        let sizes = placed.iter().map(|z| ZoneSize { area: z.area, cells: z.cells }).collect();
        let (mut shapes, mut outlines) = (Vec::with_capacity(placed.len()), Vec::with_capacity(placed.len()));
        for zone in placed {
            shapes.push(zone.shape);
            outlines.push(zone.outline);
        }
        let whole = Rect::new((0.0, 0.0), (grid.width as f64, grid.height as f64));
        let (shapes, overlaps) = rayon::join(|| PlacedShapes::new(shapes), || overlaps(&outlines, whole, job));
        Ok(Self { sizes, shapes, overlaps: PlacedShapes::new(overlaps?) })
    }

    /// Coverage of the cells of a window, and what the zones leave of it.
    ///
    /// Cells on the rim of the Earth count by what of them is on it: row and column in the grid, with that share.
    pub(crate) fn coverage(&self, window: Window, rim: &[([usize; 2], f64)]) -> WindowCoverage {
        WindowCoverage::with_rest(&self.shapes, &self.overlaps, window, rim)
    }
}
