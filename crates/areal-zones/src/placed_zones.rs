//! Zones on a grid: how large they are, and which cells they cover.

use areal_grid::{PixelGrid, Window};
use areal_job::{Job, Task, Unit};

use crate::place::place;
use crate::placed_shapes::{PlacedShapes, Placing};
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
#[derive(Debug, Default)]
pub struct PlacedZones {
    /// In the order of the zone set.
    pub(crate) sizes: Vec<ZoneSize>,
    shapes: PlacedShapes,
}

impl PlacedZones {
    /// Brings zones onto a grid: projects their outlines with vertices added, so that edges stay within a thousandth of a
    /// cell of where they belong, and works out their true areas.
    ///
    /// # Errors
    /// [`ZonesError::NoOverlap`] when no zone touches the grid, [`ZonesError::NotProjectable`] for a zone near the map that
    /// cannot be projected.
    pub fn place(set: &ZoneSet, grid: &PixelGrid, job: Job<'_>) -> Result<Self, ZonesError> {
        let task = zone_task(job, "place zones", set.zones.len());
        let mut placing = Placing::new(set.memory);
        let mut sizes = Vec::with_capacity(set.zones.len());
        place(set, grid, &mut |zone| {
            job.check()?;
            if let Some(task) = &task {
                task.advance(1);
            }
            sizes.push(ZoneSize { area: zone.area, cells: zone.cells });
            placing.push(&zone.shape)
        })?;
        Ok(Self { sizes, shapes: placing.finish()? })
    }

    /// How many zones there are.
    pub fn zones(&self) -> usize {
        self.sizes.len()
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
    ///
    /// # Errors
    /// When a temporary file cannot be read.
    pub fn coverage(&self, window: Window, rim: &[([usize; 2], f64)]) -> Result<WindowCoverage, ZonesError> {
        WindowCoverage::with_rest(&self.shapes, window, rim)
    }
}
