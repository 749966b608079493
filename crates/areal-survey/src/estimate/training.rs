//! The patches that the map's model was trained on.

use std::path::Path;

use areal_grid::PixelGrid;
use areal_raster::{Projection, read_layer};
use geo::{Centroid, Contains, Geometry, Point};

use crate::SurveyError;

/// Footprints of the training patches in the map's CRS.
#[derive(Default)]
pub(super) struct TrainingPatches(Vec<Geometry<f64>>);

impl TrainingPatches {
    /// Reads the patches of the training split from a patch store.
    pub(super) fn read(store: &Path, grid: &PixelGrid) -> Result<Self, SurveyError> {
        let path = store.join("patches.gpkg");
        let layer = read_layer(&path, None)?;
        let fault = |what| SurveyError::Store { path: path.clone(), what };
        let split = layer.field_index("split").ok_or_else(|| fault("field \"split\""))?;
        let crs = layer.crs.as_ref().ok_or_else(|| fault("CRS"))?;
        let to_map = Projection::new(crs, &grid.crs)?;
        let training = layer.features.iter().filter(|f| f.values[split].to_string() == "train");
        let patches = training.filter_map(|f| f.geometry.as_ref()).map(|g| to_map.apply_geometry(g));
        Ok(Self(patches.collect::<Result<_, _>>()?))
    }

    /// True where the centre of the cell lies in a patch, or the centre of a patch in the cell.
    pub(super) fn overlap(&self, grid: &PixelGrid, row: usize, col: usize) -> bool {
        let [x, y] = grid.centre(row, col);
        self.0.iter().any(|patch| {
            let within = |c: Point<f64>| grid.pixel_at([c.x(), c.y()]) == Some((row, col));
            patch.contains(&Point::new(x, y)) || patch.centroid().is_some_and(within)
        })
    }
}
