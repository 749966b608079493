//! Zones on a grid: how large they are, and which cells they cover.

use areal_grid::{PixelGrid, Window};
use areal_job::{Job, Task, Unit};

use crate::place::place_watched;
use crate::placed_shapes::PlacedShapes;
use crate::{WindowCoverage, ZoneSet, ZonesError};

/// How large one zone is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ZoneSize {
    /// True area of the whole zone, square metres.
    pub area: f64,
    /// The same in cells; `None` where the outline was clipped to the surroundings of the map or reaches beyond it.
    pub cells: Option<f64>,
}

/// From this number of zones on, reading, placing and writing them takes long enough to be shown.
const MANY: usize = 10_000;

/// A stage that takes zones one by one, where there are many.
pub(crate) fn zone_task(job: Job<'_>, name: &str, zones: usize) -> Option<Box<dyn Task>> {
    (zones >= MANY).then(|| job.task(name, Some(zones as u64), Unit::Zones))
}

/// Zones on a grid.
pub(crate) struct Ground {
    /// In the order of the zone set.
    pub sizes: Vec<ZoneSize>,
    shapes: PlacedShapes,
}

impl Ground {
    /// Brings zones onto a grid.
    pub(crate) fn place(set: &ZoneSet, grid: &PixelGrid, job: Job<'_>) -> Result<Self, ZonesError> {
        let task = zone_task(job, "place zones", set.zones.len());
        let placed = place_watched(set, grid, &|zones| task.iter().for_each(|task| task.advance(zones)))?;
        let sizes = placed.iter().map(|z| ZoneSize { area: z.area, cells: z.cells }).collect();
        Ok(Self { sizes, shapes: PlacedShapes::new(placed.into_iter().map(|z| z.shape).collect()) })
    }

    /// True where no cell of the grid beyond a window is in a zone.
    pub(crate) fn is_within(&self, zone: usize, window: &Window, size: [usize; 2]) -> bool {
        self.shapes.is_within(zone, window, size)
    }

    /// First row below a zone.
    pub(crate) fn end_row(&self, zone: usize) -> usize {
        self.shapes.end_row(zone)
    }

    /// The part of a window that boxes of zones touch, if any do.
    pub(crate) fn near(&self, window: Window) -> Option<Window> {
        let [x0, y0, x1, y1] = self.shapes.extent_in(&window)?;
        let (row, col) = (y0.floor() as usize, x0.floor() as usize);
        window.intersect(&Window::new(row, col, y1.ceil() as usize - row, x1.ceil() as usize - col))
    }

    /// Coverage of the cells of a window, and what the zones leave of it.
    ///
    /// Cells on the rim of the Earth count by what of them is on it: row and column in the grid, with that share.
    pub(crate) fn coverage(&self, window: Window, rim: &[([usize; 2], f64)]) -> WindowCoverage {
        WindowCoverage::with_rest(&self.shapes, window, rim)
    }
}
