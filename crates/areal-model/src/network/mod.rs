mod block;

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use serde::{Deserialize, Serialize};

pub use block::Block;
use block::{BlockKind, convolution, convolve, stage};

use crate::weights::initial_state;
use crate::{Architecture, ModelError, StateDict};

/// What determines a network's tensors: its architecture, bands in, outputs out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The architecture.
    pub architecture: Architecture,
    /// Number of bands.
    pub bands: usize,
    /// Number of outputs: classes, or 1 for a value.
    pub outputs: usize,
}

/// A residual network (He et al. 2016): a stem, up to four stages of blocks, global average pooling and one linear
/// layer. Field names are those of the weights in circulation, so that a tensor's path here is its name there.
#[derive(Module, Debug)]
pub struct Network {
    /// Convolution of the stem, stride 2.
    pub conv1: Conv2d,
    /// Batch normalisation of the stem.
    pub bn1: BatchNorm,
    /// 3 x 3, stride 2; `compact` has none.
    pub maxpool: Option<MaxPool2d>,
    /// First stage.
    pub layer1: Vec<Block>,
    /// Second stage.
    pub layer2: Vec<Block>,
    /// Third stage.
    pub layer3: Vec<Block>,
    /// Fourth stage; empty in `compact`.
    pub layer4: Vec<Block>,
    /// The linear layer of the head.
    pub fc: Linear,
}

/// Sizes of an architecture.
struct Plan {
    kind: BlockKind,
    stem: usize,
    stem_kernel: usize,
    pool: bool,
    /// Width, number of blocks and stride of each stage.
    stages: [(usize, usize, usize); 4],
}

impl Architecture {
    fn plan(self) -> Plan {
        let resnet = |kind, blocks: [usize; 4]| Plan {
            kind,
            stem: 64,
            stem_kernel: 7,
            pool: true,
            stages: [(64, blocks[0], 1), (128, blocks[1], 2), (256, blocks[2], 2), (512, blocks[3], 2)],
        };
        match self {
            Self::Compact => Plan {
                kind: BlockKind::Basic,
                stem: 32,
                stem_kernel: 3,
                pool: false,
                stages: [(32, 1, 2), (64, 1, 2), (96, 1, 2), (0, 0, 1)],
            },
            Self::Resnet18 => resnet(BlockKind::Basic, [2, 2, 2, 2]),
            Self::Resnet34 => resnet(BlockKind::Basic, [3, 4, 6, 3]),
            Self::Resnet50 => resnet(BlockKind::Bottleneck, [3, 4, 6, 3]),
        }
    }
}

impl NetworkConfig {
    /// A network of zeros; its values come from a [`StateDict`].
    pub(crate) fn zeros(&self, device: &Device) -> Network {
        let plan = self.architecture.plan();
        let mut channels = plan.stem;
        let mut layers = plan.stages.map(|(width, blocks, stride)| {
            let (layer, out) = stage(plan.kind, channels, width, blocks, stride, device);
            channels = out;
            layer
        });
        let [layer1, layer2, layer3, layer4] = layers.each_mut().map(std::mem::take);
        Network {
            conv1: convolution([self.bands, plan.stem], plan.stem_kernel, 2, device),
            bn1: BatchNormConfig::new(plan.stem).init(device),
            maxpool: plan.pool.then(|| {
                MaxPool2dConfig::new([3, 3])
                    .with_strides([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                    .init()
            }),
            layer1,
            layer2,
            layer3,
            layer4,
            fc: LinearConfig::new(channels, self.outputs).with_initializer(Initializer::Zeros).init(device),
        }
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

    /// A network with given weights. It shares nothing with any other network.
    ///
    /// # Errors
    /// When a tensor is missing, unknown, of the wrong shape or not finite.
    pub fn from_state(config: &NetworkConfig, state: &StateDict, device: &Device) -> Result<Self, ModelError> {
        state.check(config)?;
        Ok(crate::weights::fill(config.zeros(device), state))
    }

    /// Feature maps `[N, F, h, w]` of images `[N, C, H, W]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<4> {
        let mut x = relu(self.bn1.forward(convolve(&self.conv1, x)));
        if let Some(pool) = &self.maxpool {
            x = pool.forward(x);
        }
        for block in [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten() {
            x = block.forward(x);
        }
        x
    }

    /// Logits `[N, K]` of feature maps `[N, F, h, w]`: global average pooling and one linear layer.
    pub fn head(&self, features: Tensor<4>) -> Tensor<2> {
        let [n, f, h, w] = features.dims();
        let pooled = features.reshape([n, f, h * w]).mean_dim(2).reshape([n, f]);
        self.fc.forward(pooled)
    }

    /// Logits `[N, K]` of images `[N, C, H, W]`. Batch normalisation uses the batch's own statistics on a device with
    /// gradients, the stored ones elsewhere.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.head(self.features(x))
    }
}
