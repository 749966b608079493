//! Is a scene like the scenes that a model was trained on? A cheap look before anything is computed.

use areal_formats::ModelSpec;
use areal_grid::Window;
use areal_model::{BandSample, BandsOf, DataKind, ModelError};
use areal_raster::Scene;

use crate::source::PixelSource;
use crate::{PredictError, data_kind};

/// Windows that are looked at, each way, and their greatest side in pixels.
const WINDOWS: usize = 5;
const SIDE: usize = 64;

/// Checks that a scene fits a model: its bands, type and ground resolution. Says where bands go by other names, and warns where
/// bands are distributed unlike those of the training pixels, with the numbers, the likely cause and the flags that mend it.
///
/// # Errors
/// When it does not fit, or cannot be read.
pub fn check_scene(scene: &Scene, spec: &ModelSpec) -> Result<(), PredictError> {
    let (model, data) = (DataKind::of_model(spec), data_kind(scene));
    let fits = model.check(&data);
    // Bands and values of another meaning cannot be compared. Else all that a scene needs is said at once.
    let is_other = |misfit: &ModelError| matches!(misfit, ModelError::Bands { .. } | ModelError::Scaling { .. });
    if !fits.as_ref().is_err_and(|error| error.misfits().iter().any(is_other)) {
        warn_if_unlike(scene, spec)?;
    }
    fits?;
    if let Some(note) = model.note(&data) {
        tracing::info!("{note}");
    }
    Ok(())
}

fn warn_if_unlike(scene: &Scene, spec: &ModelSpec) -> Result<(), PredictError> {
    if spec.band_quantiles.is_empty() {
        return Ok(());
    }
    let conversion = scene.conversion().map(<[_]>::to_vec);
    let quantiles = sample(scene)?.quantiles();
    let bands = BandsOf { what: "the scene is", remedy: "pass", conversion, quantiles };
    if let Some(unlike) = bands.unlike(spec) {
        tracing::warn!("{unlike}");
    }
    Ok(())
}

/// Pixels of windows that lie evenly over the scene.
fn sample(scene: &Scene) -> Result<BandSample, PredictError> {
    let mut sample = BandSample::new(scene.bands().len());
    let (height, width) = scene.size();
    let mut reader = scene.reader()?;
    for k in 0..WINDOWS * WINDOWS {
        let at = |k: usize, size: usize| ((2 * k + 1) * size / (2 * WINDOWS)).saturating_sub(SIDE / 2).min(size);
        let (row, col) = (at(k / WINDOWS, height), at(k % WINDOWS, width));
        let window = Window::new(row, col, SIDE.min(height - row), SIDE.min(width - col));
        let block = reader.read(&window)?;
        sample.add(&block.pixels, 0, &block.states);
    }
    Ok(sample)
}
