//! A network's layers by the CPU kernels, forward and backward.

use areal_burn_ops::{Fork, Kernels};
use areal_kernels::MaxPool;
use areal_model::Operations;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{BatchNorm, PaddingConfig2d};
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;

use crate::TrainError;

/// The kernels as a network's operations, with gradients on devices that have them. Inference uses Burn's own, so that compiled plans are
/// compared with something independent of the kernels.
#[derive(Debug, Clone, Copy)]
pub struct KernelOperations(pub(crate) Kernels);

impl KernelOperations {
    /// With the fastest instruction set of this processor, as far as the environment allows.
    ///
    /// # Errors
    /// When the environment names an unknown instruction set.
    pub fn detect() -> Result<Self, TrainError> {
        Ok(Self(Kernels::detect()?))
    }
}

impl Operations for KernelOperations {
    type Fork = Fork;

    fn fork(&self, x: &Tensor<4>, last: &BatchNorm) -> Option<Fork> {
        // Layers that are not trained use no fork.
        if is_trained(last, x) { Fork::of(x) } else { None }
    }

    fn convolve(&self, conv: &Conv2d, x: Tensor<4>, fork: Option<&Fork>) -> Tensor<4> {
        let PaddingConfig2d::Explicit(top, left, bottom, right) = conv.padding else { return conv.forward(x) };
        if conv.bias.is_some() {
            return conv.forward(x);
        }
        let padding = [(top, bottom), (left, right)];
        let options = ConvOptions::new_with_padding(conv.stride, padding, conv.dilation, conv.groups);
        self.0.conv2d(x, conv.weight.val(), options, fork)
    }

    /// Running statistics move as Burn's module moves them.
    fn normalise(
        &self,
        norm: &BatchNorm,
        x: Tensor<4>,
        add: Option<(Tensor<4>, Option<&Fork>)>,
        rectify: bool,
    ) -> Tensor<4> {
        let device = x.device();
        if !is_trained(norm, &x) {
            let [mean, variance] =
                [&norm.running_mean, &norm.running_var].map(|state| state.value().to_device(&device));
            let parameters = [norm.gamma.val(), norm.beta.val(), mean, variance];
            return self.0.normalise(x, parameters, norm.epsilon, add.map(|(add, _)| add), rectify);
        }
        let parameters = [norm.gamma.val(), norm.beta.val()];
        let (y, mean, variance) = self.0.batch_norm(x, parameters, norm.epsilon, add, rectify);
        for (state, value) in [(&norm.running_mean, mean), (&norm.running_var, variance)] {
            let kept = state.value_sync().to_device(&device) * (1.0 - norm.momentum);
            state.update((kept + value * norm.momentum).detach());
        }
        y
    }

    fn pool(&self, pool: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
        let (kernel, stride) = (pool.kernel_size, pool.stride);
        match &pool.padding {
            PaddingConfig2d::Explicit(p, left, bottom, right)
                if [left, bottom, right] == [p; 3]
                    && kernel[0] == kernel[1]
                    && stride[0] == stride[1]
                    && pool.dilation == [1, 1]
                    && !pool.ceil_mode =>
            {
                self.0.max_pool2d(x, MaxPool { kernel: kernel[0], stride: stride[0], padding: *p })
            }
            _ => pool.forward(x),
        }
    }
}

/// Whether a normalisation uses the statistics of the batch: in a network that is trained, on a device with gradients.
fn is_trained(norm: &BatchNorm, x: &Tensor<4>) -> bool {
    x.device().is_autodiff() && norm.training.is_enabled()
}
