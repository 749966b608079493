//! Images of predictions.

use std::path::Path;

use areal_formats::PredictionMeta;
use areal_grid::{PixelState, Pixels, Target, Window, ground_resolution};
use areal_raster::{Prediction, Projection, RasterError, RasterFile};
use areal_report::{MapFigure, Report};

use super::{document, name_of};
use crate::errors::CliError;

/// Maximum width and height of an image in pixels. Larger maps are thinned to every second, third ... cell.
const LARGEST: usize = 1400;

pub fn add(report: &mut Report, folder: &Path) -> Result<(), CliError> {
    let prediction = Prediction::open(folder)?;
    let meta = prediction.meta();
    let name = name_of(folder);
    let mut figure = match (&meta.target, prediction.classes_path(), prediction.value_path()) {
        (Target::Classes { classes }, Some(path), _) => {
            let picture = MapImage::read(&path)?;
            let code = |v: &f32| if v.is_finite() { *v as u8 } else { Target::NODATA_CLASS };
            let codes: Vec<u8> = picture.values.iter().map(code).collect();
            MapFigure::classes(&name, picture.size, &codes, classes, picture.metres)?
        }
        (Target::Value { name: value, unit }, _, Some(path)) => {
            let picture = MapImage::read(&path)?;
            let title = if unit.is_empty() { value.clone() } else { format!("{value} ({unit})") };
            MapFigure::values(&name, picture.size, &picture.values, &title, picture.metres)?
        }
        _ => {
            let reason = "its rasters do not match its target".to_owned();
            return Err(RasterError::Prediction { path: folder.to_path_buf(), reason }.into());
        }
    };
    let counts = &meta.counts;
    let named = [
        ("predicted", counts.predicted),
        ("nodata", counts.nodata),
        ("masked", counts.masked),
        ("outside the scene", counts.outside),
    ];
    figure.counts = named.map(|(label, n)| (label.to_owned(), n)).into();
    report.maps.push(figure);
    document(report, &folder.join(PredictionMeta::FILE), &PredictionMeta::FORMATS)?;
    Ok(())
}

/// Band 1 of a raster, thinned to the image size.
struct MapImage {
    /// Rows and columns.
    size: [usize; 2],
    /// Values `[row, col]`, not a number where nothing is observed.
    values: Vec<f32>,
    /// Ground size of one pixel of the picture in metres, east and south.
    metres: [f64; 2],
}

impl MapImage {
    fn read(path: &Path) -> Result<Self, CliError> {
        let mut raster = RasterFile::open(path)?;
        let grid = raster.grid().clone();
        let at = |source| RasterError::Projection { path: path.to_path_buf(), source };
        let ground = ground_resolution(&grid, &Projection::to_lonlat(&grid.crs)?).map_err(at)?;
        let every = grid.height.max(grid.width).div_ceil(LARGEST).max(1);
        let mut values = Vec::new();
        for row in (0..grid.height).step_by(every) {
            let (pixels, states) = raster.read_band(1, &Window::new(row, 0, 1, grid.width))?;
            values.extend((0..grid.width).step_by(every).map(|col| shown(&pixels, &states, col)));
        }
        let size = [grid.height.div_ceil(every), grid.width.div_ceil(every)];
        Ok(Self { size, values, metres: [ground.x, ground.y].map(|m| m * every as f64) })
    }
}

fn shown(pixels: &Pixels, states: &[PixelState], col: usize) -> f32 {
    if states[col] == PixelState::Observed { pixels.get(col) as f32 } else { f32::NAN }
}
