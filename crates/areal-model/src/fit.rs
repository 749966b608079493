//! A model's description applied: probabilities of logits, whether data fit the model, whether it fits its network.

use areal_formats::{ModelSpec, StoreMeta};
use areal_grid::{GroundResolution, PixelType, Scaling};
use areal_tables::{are_same_names, may_be_renamed};
use ndarray::{Array2, ArrayView2, Axis};

use crate::{ModelError, NetworkConfig};

/// Greatest relative difference between two ground resolutions that count as the same.
const RESOLUTION_TOLERANCE: f64 = 0.05;

/// Class probabilities `[N, K]` of logits `[N, K]`: `softmax(logits / temperature)`, rows adding up to 1. For a value
/// target `[N, 1]`, the value in its own units.
#[expect(clippy::needless_pass_by_value, reason = "a view is a reference")]
pub fn probabilities(spec: &ModelSpec, logits: ArrayView2<'_, f32>) -> Array2<f32> {
    if let Some(scale) = spec.value_scale {
        return logits.mapv(|z| (f64::from(z) * scale.std + scale.mean) as f32);
    }
    let mut result = logits.to_owned();
    for mut row in result.axis_iter_mut(Axis(0)) {
        let top = row.fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let exp = |z: f32| (f64::from(z - top) / spec.calibration.temperature).exp();
        let sum: f64 = row.iter().map(|z| exp(*z)).sum();
        row.mapv_inplace(|z| (exp(z) / sum) as f32);
    }
    result
}

/// Checks a description against itself, and that its network takes patches of its size.
///
/// # Errors
/// [`ModelError::Spec`] that names the contradiction; [`ModelError::PatchTooSmall`].
pub fn check_spec(spec: &ModelSpec) -> Result<(), ModelError> {
    spec.check()?;
    NetworkConfig::of(spec).check_patch(spec.patch_size)
}

/// What data must share with those that a model was trained on. What is not known is not compared.
#[derive(Debug, Clone, PartialEq)]
pub struct DataKind {
    /// Descriptions of the bands, in order.
    pub bands: Vec<String>,
    pub pixel_type: PixelType,
    /// What stored values mean, by band.
    pub scaling: Option<Vec<Scaling>>,
    pub ground_resolution: Option<GroundResolution>,
    /// The bands are chosen by number: a person says that they are the right ones, whatever their names.
    pub by_number: bool,
    /// The values are made by a scale and offset that a person gives, who says by this that they are in the unit of the model.
    pub is_converted: bool,
}

impl DataKind {
    /// The data that a model was trained on.
    pub fn of_model(spec: &ModelSpec) -> Self {
        Self {
            bands: spec.bands.clone(),
            pixel_type: spec.pixel_type,
            scaling: spec.scaling.clone(),
            ground_resolution: spec.ground_resolution,
            by_number: false,
            is_converted: false,
        }
    }

    /// The data in a patch store.
    pub fn of_store(meta: &StoreMeta) -> Self {
        Self {
            bands: meta.bands.clone(),
            pixel_type: meta.pixel_type,
            scaling: meta.scaling.clone(),
            ground_resolution: meta.ground_resolution,
            by_number: meta.scenes.iter().any(|scene| scene.settings.is_by_number()),
            is_converted: meta.scenes.iter().any(|scene| scene.settings.converts()),
        }
    }

    /// Checks that other data fit a model of these: the same bands in the same order, the same pixel type and meaning of
    /// stored values, a ground resolution within 5 %. Names of bands are compared as everywhere; see [`are_same_names`]. Bands that are
    /// chosen by number need the right count only, unless one has the name of another band of the model, and converted values neither type nor scaling.
    ///
    /// # Errors
    /// What does not fit, with both sides; [`ModelError::Misfits`] of several things. Bands that do not fit stand alone: nothing else
    /// can be compared then.
    pub fn check(&self, data: &Self) -> Result<(), ModelError> {
        let are_renamed = data.by_number && may_be_renamed(&self.bands, &data.bands);
        if !are_renamed && !are_same_names(&self.bands, &data.bands) {
            return Err(ModelError::Bands { model: self.bands.clone(), data: data.bands.clone() });
        }
        let mut misfits = Vec::new();
        if self.pixel_type != data.pixel_type && !data.is_converted {
            misfits.push(ModelError::PixelType { model: self.pixel_type, data: data.pixel_type });
        }
        if let (Some(model), Some(data), false) = (&self.scaling, &data.scaling, data.is_converted)
            && !Scaling::are_like(model, data)
        {
            misfits.push(ModelError::Scaling { model: model.clone(), data: data.clone() });
        }
        if let (Some(model), Some(data)) = (self.ground_resolution, data.ground_resolution) {
            let (model, data) = (model.mean(), data.mean());
            if (data / model - 1.0).abs() > RESOLUTION_TOLERANCE {
                misfits.push(ModelError::GroundResolution { model, data });
            }
        }
        match misfits.pop() {
            None => Ok(()),
            Some(only) if misfits.is_empty() => Err(only),
            Some(last) => {
                misfits.push(last);
                Err(ModelError::Misfits { misfits })
            }
        }
    }

    /// What is worth a note though the data fit: bands that go by other names than the model's.
    pub fn note(&self, data: &Self) -> Option<String> {
        let differ = || self.bands.iter().zip(&data.bands).filter(|(model, data)| model != data);
        let pair = |(model, data): (&String, &String)| format!("\"{data}\" as \"{model}\"");
        let pairs: Vec<String> = differ().map(pair).collect();
        let why = if are_same_names(&self.bands, &data.bands) {
            "names are compared without letter case, spaces and punctuation"
        } else {
            "they are chosen by number"
        };
        (!pairs.is_empty())
            .then(|| format!("bands of the scene are read as bands of the model: {} ({why})", pairs.join(", ")))
    }
}
