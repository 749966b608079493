//! Is a scene like the scenes that a model was trained on? A cheap look before anything is predicted.

use areal_formats::{BandQuantiles, ModelSpec};
use areal_grid::Window;
use areal_model::{BandSample, Cause, Unlike, unlike_training};
use areal_raster::Scene;

use crate::PredictError;
use crate::source::PixelSource;

/// Windows that are looked at, each way, and their greatest side in pixels.
const WINDOWS: usize = 5;
const SIDE: usize = 64;
/// Bands that are named in a warning.
const NAMED: usize = 3;

/// Warns where the bands of a scene are distributed unlike those of the training pixels, with the numbers and the likely cause.
///
/// # Errors
/// When the scene cannot be read.
pub(crate) fn warn_if_unlike(scene: &Scene, spec: &ModelSpec) -> Result<(), PredictError> {
    if spec.band_quantiles.is_empty() {
        return Ok(());
    }
    let found = sample(scene)?.quantiles();
    if let Some(unlike) = unlike_training(&spec.band_quantiles, &found) {
        tracing::warn!("{}", describe(spec, &found, &unlike));
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

fn describe(spec: &ModelSpec, scene: &[BandQuantiles], unlike: &Unlike) -> String {
    let band = |b: &usize| {
        let (t, s) = (&spec.band_quantiles[*b], &scene[*b]);
        format!(
            "{} has a median of {} (in training {}, nine tenths from {} to {})",
            spec.bands[*b], s.p50, t.p50, t.p05, t.p95
        )
    };
    let named: Vec<String> = unlike.bands.iter().take(NAMED).map(band).collect();
    let others = unlike.bands.len().saturating_sub(NAMED);
    let others = if others > 0 { format!("; so do {others} more") } else { String::new() };
    let cause = match unlike.cause {
        Some(Cause::Offset(offset)) => format!(
            "The values are about {} {}. Sentinel-2 products from processing baseline 04.00 (January 2022) on are 1000 higher than \
             earlier ones. Bring both to the same values: `gdal_translate -scale_1 {2} SCENE.tif NEW.tif`, with a -scale_N {2} for each \
             spectral band N",
            offset.abs(),
            if offset > 0.0 { "higher" } else { "lower" },
            range_without(offset)
        ),
        Some(Cause::Scale(scale)) => format!(
            "The values are about {scale} times as large: the scene stores reflectance in another unit than the training scenes. Bring \
             both to the same unit: `gdal_translate -scale_1 0 {scale} 0 1 SCENE.tif NEW.tif`, with a -scale_N 0 {scale} 0 1 for each \
             spectral band N"
        ),
        None => "The model has not seen such ground or such a product, and its map may be wrong".to_owned(),
    };
    format!("the scene is unlike the training scenes: band {}{others}. {cause}", named.join("; "))
}

/// What takes an offset off, as `gdal_translate -scale` reads it: from, to, and what these become.
fn range_without(offset: f64) -> String {
    let (from, to) = if offset > 0.0 { (offset, 0.0) } else { (0.0, -offset) };
    format!("{from} {} {to} {}", from + 10_000.0, to + 10_000.0)
}
