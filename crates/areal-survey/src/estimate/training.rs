//! The patches that the map's model was trained on.

use std::path::Path;

use areal_grid::{Crs, PixelGrid};
use areal_raster::{Projection, read_layer};
use areal_store::{Records, Split, files};
use geo::{Centroid, Contains, Geometry, Point};

use crate::SurveyError;

/// Footprints of the training patches in the map's CRS.
#[derive(Default)]
pub(super) struct TrainingPatches(Vec<Geometry<f64>>);

impl TrainingPatches {
    /// Reads the patches of the training split from a patch store.
    pub(super) fn read(store: &Path, grid: &PixelGrid) -> Result<Self, SurveyError> {
        let layer = store.join(files::LAYER);
        let (crs, patches) = if store.join(files::RECORDS).is_file() || !layer.is_file() {
            from_records(store)?
        } else {
            from_layer(&layer)?
        };
        let to_map = Projection::new(&crs, &grid.crs)?;
        Ok(Self(patches.iter().map(|patch| to_map.apply_geometry(patch)).collect::<Result<_, _>>()?))
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

fn from_records(store: &Path) -> Result<(Crs, Vec<Geometry<f64>>), SurveyError> {
    let (meta, records) = Records::read(store)?;
    let crs = meta.crs.ok_or_else(|| SurveyError::Store { path: store.join(files::META), what: "CRS" })?;
    let training = records.patches.iter().zip(&records.footprints).filter(|(patch, _)| patch.split == Split::Train);
    Ok((crs, training.map(|(_, footprint)| footprint.to_polygon().into()).collect()))
}

/// Stores of earlier versions have the layer alone.
fn from_layer(path: &Path) -> Result<(Crs, Vec<Geometry<f64>>), SurveyError> {
    let layer = read_layer(path, None)?;
    let fault = |what| SurveyError::Store { path: path.to_path_buf(), what };
    let split = layer.field_index("split").ok_or_else(|| fault("field \"split\""))?;
    let crs = layer.crs.clone().ok_or_else(|| fault("CRS"))?;
    let training = layer.features.into_iter().filter(|f| f.values[split].to_string() == Split::Train.name());
    Ok((crs, training.filter_map(|f| f.geometry).collect()))
}
