//! The interface of inference patch by patch, and inference by Burn.

use std::path::Path;

use areal_formats::ModelSpec;
use areal_grid::PatchLayout;
use burn::tensor::{Device, Tensor};
use ndarray::Array2;

use crate::{
    Bundle, DenseInference, DeviceChoice, Gradients, ModelError, Network, NetworkConfig, PatchBatch, to_tensor,
};

/// The seam between a pipeline and a network: a batch in, logits out.
pub trait Inference: Send {
    /// The model behind it.
    fn spec(&self) -> &ModelSpec;

    /// How it computes, in a word or two: results of one kind and device are the same to the last bit, those of two
    /// differ by rounding.
    fn kind(&self) -> String;

    /// Logits `[N, K]` of a batch; [`probabilities`](crate::probabilities) makes probabilities of them.
    ///
    /// # Errors
    /// When the batch does not fit the model or the device fails.
    fn infer(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError>;

    /// Pooled features `[N, F]` of a batch, which the linear layer of the head reads; F is [`NetworkConfig::features`].
    ///
    /// # Errors
    /// As [`Inference::infer`].
    fn features(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError>;

    /// The same network over a whole scene, for the patches of this layout.
    ///
    /// # Errors
    /// [`ModelError::NotDense`] where it can only take patches.
    fn dense(&self, layout: &PatchLayout) -> Result<Box<dyn DenseInference>, ModelError> {
        let _ = layout;
        Err(ModelError::NotDense { kind: self.kind() })
    }
}

/// Inference by Burn on any device.
#[derive(Debug)]
pub struct BurnInference {
    bundle: Bundle,
    device: Device,
}

impl BurnInference {
    /// Loads a bundle's folder onto a device, which is compared with the CPU.
    ///
    /// # Errors
    /// As [`Bundle::load`] and [`DeviceChoice::open_checked`].
    pub fn load(folder: &Path, device: DeviceChoice) -> Result<Self, ModelError> {
        let (spec, weights) = Bundle::read(folder)?;
        let config = NetworkConfig::of(&spec);
        let device = device.open_checked(&config, &weights, Gradients::Ignore)?;
        let network = Network::from_state(&config, &weights, &device)?;
        Ok(Self { bundle: Bundle { spec, network }, device })
    }

    /// Uses a loaded bundle; `device` is the one it was loaded to.
    pub fn new(bundle: Bundle, device: Device) -> Self {
        Self { bundle, device }
    }
}

impl Inference for BurnInference {
    fn spec(&self) -> &ModelSpec {
        &self.bundle.spec
    }

    fn kind(&self) -> String {
        "burn".to_owned()
    }

    fn infer(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        self.rows(batch, self.bundle.spec.target.outputs(), Network::forward)
    }

    fn features(&mut self, batch: &PatchBatch) -> Result<Array2<f32>, ModelError> {
        let width = NetworkConfig::of(&self.bundle.spec).features();
        self.rows(batch, width, |network, x| Network::pooled(network.features(x)))
    }
}

impl BurnInference {
    /// What `compute` gives for a batch: `width` numbers a patch.
    fn rows(
        &self,
        batch: &PatchBatch,
        width: usize,
        compute: impl Fn(&Network, Tensor<4>) -> Tensor<2>,
    ) -> Result<Array2<f32>, ModelError> {
        let spec = &self.bundle.spec;
        batch.check(spec.bands.len())?;
        let shape = (batch.shape[0], width);
        if shape.0 == 0 {
            return Ok(Array2::zeros(shape));
        }
        let rows = compute(&self.bundle.network, to_tensor(batch, &spec.normalisation, &self.device));
        let data = rows.try_into_data().map_err(|e| ModelError::Compute(e.to_string()))?;
        Array2::from_shape_vec(shape, data.iter::<f32>().collect()).map_err(|e| ModelError::Compute(e.to_string()))
    }
}
