//! Residual blocks.

use areal_formats::Padding;
use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::{Device, Tensor};

use crate::Operations;

/// Which of the two residual blocks of He et al. 2016, figure 5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// Two 3 x 3 convolutions.
    Basic,
    /// 1 x 1, 3 x 3, 1 x 1; four times as many channels out as its width.
    Bottleneck,
}

/// A residual block: convolutions with batch normalisation beside a shortcut, added, then rectified.
#[derive(Module, Debug)]
pub struct Block {
    /// First convolution: 3 x 3 with the stride (basic) or 1 x 1 (bottleneck).
    pub conv1: Conv2d,
    pub bn1: BatchNorm,
    /// Second convolution: 3 x 3, with the stride in a bottleneck.
    pub conv2: Conv2d,
    pub bn2: BatchNorm,
    /// Third convolution, 1 x 1: bottleneck only.
    pub conv3: Option<Conv2d>,
    pub bn3: Option<BatchNorm>,
    /// Shortcut where shapes differ: 1 x 1 convolution with the stride, and its normalisation.
    pub downsample: Option<(Conv2d, BatchNorm)>,
}

/// A convolution of zeros without bias.
pub(super) fn convolution(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: Padding,
    device: &Device,
) -> Conv2d {
    let pad = padding.around(kernel);
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_bias(false)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

/// `blocks` blocks, the first with the stride; and the number of output channels.
pub(super) fn stage(
    kind: BlockKind,
    channels: usize,
    (width, blocks, stride): (usize, usize, usize),
    padding: Padding,
    device: &Device,
) -> (Vec<Block>, usize) {
    let mut channels = channels;
    let mut stage = Vec::with_capacity(blocks);
    for index in 0..blocks {
        let (block, out) = block(kind, channels, (width, if index == 0 { stride } else { 1 }), padding, device);
        stage.push(block);
        channels = out;
    }
    (stage, channels)
}

fn block(
    kind: BlockKind,
    channels: usize,
    (width, stride): (usize, usize),
    padding: Padding,
    device: &Device,
) -> (Block, usize) {
    let norm = |n| BatchNormConfig::new(n).init(device);
    let conv = |from, to, kernel, stride| convolution([from, to], kernel, stride, padding, device);
    let out = if kind == BlockKind::Basic { width } else { 4 * width };
    let (conv1, conv2, conv3) = match kind {
        BlockKind::Basic => (conv(channels, width, 3, stride), conv(width, width, 3, 1), None),
        BlockKind::Bottleneck => {
            (conv(channels, width, 1, 1), conv(width, width, 3, stride), Some(conv(width, out, 1, 1)))
        }
    };
    let bn3 = conv3.is_some().then(|| norm(out));
    let downsample = (stride != 1 || channels != out).then(|| (conv(channels, out, 1, stride), norm(out)));
    (Block { conv1, bn1: norm(width), conv2, bn2: norm(width), conv3, bn3, downsample }, out)
}

impl Block {
    /// Pixels that the convolutions take from each side of a map, at the scale of the input, where they have no
    /// padding: those that the shortcut leaves out too. 0 with padding.
    pub fn margin(&self) -> usize {
        let (mut margin, mut scale) = (0, 1);
        for conv in [Some(&self.conv1), Some(&self.conv2), self.conv3.as_ref()].into_iter().flatten() {
            let pad = if let PaddingConfig2d::Explicit(top, ..) = conv.padding { top } else { 0 };
            margin += scale * (conv.kernel_size[0] / 2).saturating_sub(pad);
            scale *= conv.stride[0];
        }
        margin
    }

    /// `[N, C, H, W]` to `[N, C', H', W']`.
    pub(super) fn forward<O: Operations>(&self, x: Tensor<4>, ops: &O) -> Tensor<4> {
        let margin = self.margin();
        // Where the shortcut leaves pixels out, it reads other images than the first convolution.
        let fork = if margin == 0 { ops.fork(&x, self.bn3.as_ref().unwrap_or(&self.bn2)) } else { None };
        let shortcut = without_margin(x.clone(), margin);
        let (shortcut, shared) = match &self.downsample {
            Some((conv, norm)) => (ops.normalise(norm, ops.convolve(conv, shortcut, fork.as_ref()), None, false), None),
            None => (shortcut, fork.as_ref()),
        };
        let y = ops.normalise(&self.bn1, ops.convolve(&self.conv1, x, fork.as_ref()), None, true);
        let y = ops.convolve(&self.conv2, y, None);
        let add = Some((shortcut, shared));
        match (&self.conv3, &self.bn3) {
            (Some(conv), Some(norm)) => {
                let y = ops.normalise(&self.bn2, y, None, true);
                ops.normalise(norm, ops.convolve(conv, y, None), add, true)
            }
            _ => ops.normalise(&self.bn2, y, add, true),
        }
    }
}

/// Images `[N, C, H, W]` less `margin` pixels on every side.
fn without_margin(x: Tensor<4>, margin: usize) -> Tensor<4> {
    if margin == 0 {
        return x;
    }
    let [n, c, h, w] = x.dims();
    x.slice([0..n, 0..c, margin..h - margin, margin..w - margin])
}
