//! The operations of a forward pass, which training may compute in its own way.

use std::convert::Infallible;

use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// How a network's layers are computed. The methods that are given compute them with Burn.
pub trait Operations {
    /// Adds the gradients of images that two operations read.
    type Fork;

    /// A fork for images that a block's first convolution and its shortcut read; `last` is the block's last normalisation.
    fn fork(&self, x: &Tensor<4>, last: &BatchNorm) -> Option<Self::Fork> {
        let _ = (x, last);
        None
    }

    /// Convolves images `[N, C, H, W]`; `fork` is shared with the other operation that reads `x`, if there is one.
    fn convolve(&self, conv: &Conv2d, x: Tensor<4>, fork: Option<&Self::Fork>) -> Tensor<4> {
        let _ = fork;
        conv.forward(x)
    }

    /// Normalises images by channel, adds other images, which may have a fork, and rectifies if asked to. While it is
    /// trained, the running statistics of the normalisation move.
    fn normalise(
        &self,
        norm: &BatchNorm,
        x: Tensor<4>,
        add: Option<(Tensor<4>, Option<&Self::Fork>)>,
        rectify: bool,
    ) -> Tensor<4> {
        let y = add.into_iter().fold(norm.forward(x), |y, (add, _)| y + add);
        if rectify { relu(y) } else { y }
    }

    /// The greatest value in each window.
    fn pool(&self, pool: &MaxPool2d, x: Tensor<4>) -> Tensor<4> {
        pool.forward(x)
    }
}

/// Every layer by Burn.
#[derive(Debug, Clone, Copy)]
pub struct BurnOperations;

impl Operations for BurnOperations {
    type Fork = Infallible;
}
