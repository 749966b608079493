//! Zones on a grid: how large they are, and which cells they cover.

use std::path::Path;

use areal_grid::{PixelGrid, Window};
use areal_job::Job;
use geo::Rect;

use crate::kept::{self, KeptCoverage};
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
    source: Source,
}

enum Source {
    Shapes { shapes: PlacedShapes, overlaps: PlacedShapes },
    Kept(KeptCoverage),
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
        Ok(Self { sizes, source: Source::Shapes { shapes, overlaps: PlacedShapes::new(overlaps?) } })
    }

    /// The same with its coverage from `folder`: as it was kept there for this grid and these zones, or worked out now
    /// and kept. `window_cells` bounds the memory of working it out.
    pub(crate) fn kept(
        folder: &Path,
        set: &ZoneSet,
        grid: &PixelGrid,
        window_cells: usize,
        job: Job<'_>,
    ) -> Result<Self, ZonesError> {
        let key = kept::key(set, grid);
        let path = kept::path(folder, &key);
        let found = match KeptCoverage::open(&path, &key, grid, set.zones.len()) {
            Ok(Some(found)) => {
                tracing::info!("the coverage of these zones on this grid is kept in {}", path.display());
                Some(found)
            }
            Ok(None) => None,
            Err(ZonesError::Coverage { path, reason }) => {
                tracing::warn!("{}: {reason}; the coverage is worked out anew", path.display());
                None
            }
            Err(other) => return Err(other),
        };
        if let Some((kept, sizes)) = found {
            return Ok(Self { sizes, source: Source::Kept(kept) });
        }
        let ground = Self::place(set, grid, job)?;
        kept::write(&path, &key, &ground, set, grid, window_cells, job)?;
        let found = KeptCoverage::open(&path, &key, grid, set.zones.len())?;
        let (kept, sizes) = found.ok_or_else(|| ZonesError::Coverage {
            path: path.clone(),
            reason: "it was there a moment ago and is no more".to_owned(),
        })?;
        tracing::info!("the coverage of these zones on this grid is now kept in {}", path.display());
        Ok(Self { sizes, source: Source::Kept(kept) })
    }

    /// Coverage of the cells of a window, and what the zones leave of it.
    pub(crate) fn coverage(&self, window: Window) -> Result<WindowCoverage, ZonesError> {
        match &self.source {
            Source::Shapes { shapes, overlaps } => Ok(WindowCoverage::with_rest(shapes, overlaps, window)),
            Source::Kept(kept) => kept.read(window),
        }
    }
}
