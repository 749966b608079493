//! Are the patches of a store like those that a model was trained on?

use areal_formats::{ConversionError, ModelSpec};
use areal_grid::{PixelState, Pixels};
use areal_model::{BandSample, BandsOf, DataKind};
use areal_store::{PatchStore, StoreError};

use crate::TrainError;

/// Most patches that are looked at.
const MOST: usize = 256;

/// Warns where the bands of a store's patches are distributed unlike those of the training pixels, with the numbers, the likely cause
/// and the flags that mend it. Says where bands go by other names.
///
/// # Errors
/// When the store cannot be read.
pub fn warn_if_unlike(spec: &ModelSpec, store: &PatchStore) -> Result<(), TrainError> {
    let meta = store.meta();
    if let Some(note) = DataKind::of_model(spec).note(&DataKind::of_store(meta)) {
        tracing::info!("{note}");
    }
    if spec.band_quantiles.is_empty() {
        return Ok(());
    }
    let [n, c, h, w] = store.shape();
    let mut sample = BandSample::new(c);
    for place in (0..n).step_by(n.div_ceil(MOST).max(1)) {
        let mut pixels = Pixels::zeros(meta.pixel_type, c * h * w);
        let mut states = vec![PixelState::Outside; h * w];
        store.read_into(place, &mut pixels, 0, &mut states)?;
        sample.add(&pixels, 0, &states);
    }
    let fault = |e: ConversionError| StoreError::Records { path: store.path().to_path_buf(), reason: e.to_string() };
    let first = meta.scenes.first();
    let conversion = first.map_or(Ok(None), |scene| scene.settings.conversion(c)).map_err(fault)?;
    let remedy = "cut the store again: `areal tile` with";
    let bands = BandsOf { what: "the patches of the store are", remedy, conversion, quantiles: sample.quantiles() };
    if let Some(unlike) = bands.unlike(spec) {
        tracing::warn!("{unlike}");
    }
    Ok(())
}
