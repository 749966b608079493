//! Residual networks as Burn modules.

mod block;
mod config;
mod operations;
mod parts;
#[cfg(test)]
mod tests;

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;

pub use block::Block;
pub use config::{NetworkConfig, stage_count};
use operations::BurnOperations;
pub use operations::Operations;
pub use parts::Part;

use crate::weights::initial_state;
use crate::{ModelError, StateDict};

/// A residual network (He et al. 2016): a stem, up to four stages of blocks, global average pooling and one linear
/// layer. Field names are those of published weights, so that a tensor's path here is its name there.
#[derive(Module, Debug)]
pub struct Network {
    /// Convolution of the stem, stride 2.
    pub conv1: Conv2d,
    /// Batch normalisation of the stem.
    pub bn1: BatchNorm,
    /// 3 x 3, stride 2; `compact` has none.
    pub maxpool: Option<MaxPool2d>,
    pub layer1: Vec<Block>,
    pub layer2: Vec<Block>,
    pub layer3: Vec<Block>,
    /// Fourth stage; empty in `compact`.
    pub layer4: Vec<Block>,
    /// The linear layer of the head.
    pub fc: Linear,
}

/// Outputs `[N, K]` of a linear layer for inputs `[N, F]`, by elementwise operations. A GPU's kernel for matrix products may give zeros (Burn
/// 0.22.1 on `SwiftShader`: every product of `[3, 16]` and `[16, 6]`) or wrong values for one output. For a layer of so few outputs the
/// sum of products costs next to nothing.
fn linear(layer: &Linear, x: Tensor<2>) -> Tensor<2> {
    let [n, f] = x.dims();
    let weight = layer.weight.val();
    let k = weight.dims()[1];
    let products = x.reshape([n, 1, f]) * weight.transpose().reshape([1, k, f]);
    let sums = products.sum_dim(2).reshape([n, k]);
    match &layer.bias {
        Some(bias) => sums + bias.val().reshape([1, k]),
        None => sums,
    }
}

impl Network {
    /// A network ready to be trained: convolutions from the normal distribution of He et al. (2015) over the
    /// outgoing connections, the linear layer uniform within `1 / sqrt(inputs)`. The same seed gives the same values
    /// on every device.
    ///
    /// # Errors
    /// None for a sound configuration.
    pub fn new(config: &NetworkConfig, seed: u64, device: &Device) -> Result<Self, ModelError> {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        Self::from_state(config, &initial_state(config, &mut rng), device)
    }

    /// A network with given weights. It shares no memory with any other network.
    ///
    /// # Errors
    /// When a tensor is missing, unknown, of the wrong shape or not finite.
    pub fn from_state(config: &NetworkConfig, state: &StateDict, device: &Device) -> Result<Self, ModelError> {
        state.check(config)?;
        Ok(crate::weights::fill(config.zeros(device), state))
    }

    /// Feature maps `[N, F, h, w]` of images `[N, C, H, W]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<4> {
        self.maps_after(x, self.stages().len(), &BurnOperations)
    }

    /// The blocks of each stage; the fourth has none in `compact`.
    fn stages(&self) -> [&Vec<Block>; 4] {
        [&self.layer1, &self.layer2, &self.layer3, &self.layer4]
    }

    /// The maps `[N, C', h, w]` of images `[N, C, H, W]` after the stem and the first `stages` stages.
    pub fn maps_after<O: Operations>(&self, x: Tensor<4>, stages: usize, ops: &O) -> Tensor<4> {
        let mut x = ops.normalise(&self.bn1, ops.convolve(&self.conv1, x, None), None, true);
        if let Some(pool) = &self.maxpool {
            x = ops.pool(pool, x);
        }
        self.stages().into_iter().take(stages).flatten().fold(x, |x, block| block.forward(x, ops))
    }

    /// Logits `[N, K]` of the maps that [`Network::maps_after`] gives after as many stages.
    pub fn logits_after<O: Operations>(&self, maps: Tensor<4>, stages: usize, ops: &O) -> Tensor<2> {
        self.head(self.stages().into_iter().skip(stages).flatten().fold(maps, |x, block| block.forward(x, ops)))
    }

    /// Pooled features `[N, F]` of feature maps `[N, F, h, w]`: their means.
    pub fn pooled(features: Tensor<4>) -> Tensor<2> {
        let [n, f, h, w] = features.dims();
        features.reshape([n, f, h * w]).mean_dim(2).reshape([n, f])
    }

    /// Logits `[N, K]` of feature maps `[N, F, h, w]`: global average pooling and one linear layer.
    pub fn head(&self, features: Tensor<4>) -> Tensor<2> {
        let pooled = Self::pooled(features);
        if pooled.device().inner() == Device::flex() { self.fc.forward(pooled) } else { linear(&self.fc, pooled) }
    }

    /// Logits `[N, K]` of images `[N, C, H, W]`. Batch normalisation uses the batch's own statistics on a device with
    /// gradients, the stored ones elsewhere.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.forward_with(x, &BurnOperations)
    }

    /// The same with other operations than Burn's.
    pub fn forward_with<O: Operations>(&self, x: Tensor<4>, ops: &O) -> Tensor<2> {
        self.head(self.maps_after(x, self.stages().len(), ops))
    }
}
