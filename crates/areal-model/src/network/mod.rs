mod block;

use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use serde::{Deserialize, Serialize};

pub use block::Block;
use block::{BlockKind, convolution, convolve, normalise, pool, stage};

use crate::weights::initial_state;
use crate::{Architecture, ModelError, Padding, StateDict};

/// What determines a network: its architecture, its padding, bands in, outputs out. The tensors are the same with either padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// The architecture.
    pub architecture: Architecture,
    /// What its convolutions see past the border of a patch.
    #[serde(default)]
    pub padding: Padding,
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
                // One feature in 8 pixels: fine enough for saliency maps of small patches.
                stages: [(32, 1, 1), (64, 1, 2), (96, 1, 2), (0, 0, 1)],
            },
            Self::Resnet18 => resnet(BlockKind::Basic, [2, 2, 2, 2]),
            Self::Resnet34 => resnet(BlockKind::Basic, [3, 4, 6, 3]),
            Self::Resnet50 => resnet(BlockKind::Bottleneck, [3, 4, 6, 3]),
        }
    }
}

impl NetworkConfig {
    /// Side in pixels of the smallest patch that has a feature: 1 with padding; without, what one feature of the network
    /// sees.
    pub fn least_patch(&self) -> usize {
        if self.padding == Padding::Same {
            return 1;
        }
        // Positions that a kernel reads for so many of its own.
        let read = |positions: usize, kernel: usize, stride: usize| (positions - 1) * stride + kernel;
        let plan = self.architecture.plan();
        let mut size = 1;
        for (_, blocks, stride) in plan.stages.into_iter().rev() {
            for stride in (0..blocks).rev().map(|index| if index == 0 { stride } else { 1 }) {
                size = match plan.kind {
                    BlockKind::Basic => read(read(size, 3, 1), 3, stride),
                    BlockKind::Bottleneck => read(size, 3, stride),
                };
            }
        }
        if plan.pool {
            size = read(size, 3, 2);
        }
        read(size, plan.stem_kernel, 2)
    }

    /// Where the `features` along one side of a patch lie: the middle of the first one and the distance to the next, in
    /// pixels from the middle of the patch's first pixel. Features without padding see the middle of the patch; those with
    /// padding are spread over it evenly.
    pub fn places(&self, features: usize, patch_size: usize) -> (f64, f64) {
        match self.padding {
            Padding::Same => {
                let step = patch_size as f64 / features as f64;
                (step / 2.0 - 0.5, step)
            }
            Padding::Valid => {
                let plan = self.architecture.plan();
                let strides = plan.stages.iter().map(|(_, _, stride)| stride).product::<usize>();
                let step = 2 * strides * if plan.pool { 2 } else { 1 };
                ((self.least_patch() - 1) as f64 / 2.0, step as f64)
            }
        }
    }

    /// Checks that patches of so many pixels have a feature.
    ///
    /// # Errors
    /// [`ModelError::PatchTooSmall`].
    pub fn check_patch(&self, patch_size: usize) -> Result<(), ModelError> {
        let least = self.least_patch();
        if patch_size >= least {
            return Ok(());
        }
        Err(ModelError::PatchTooSmall { architecture: self.architecture.to_string(), patch_size, least })
    }

    /// A network of zeros; its values come from a [`StateDict`].
    pub(crate) fn zeros(&self, device: &Device) -> Network {
        let plan = self.architecture.plan();
        let mut channels = plan.stem;
        let mut layers = plan.stages.map(|sizes| {
            let (layer, out) = stage(plan.kind, channels, sizes, self.padding, device);
            channels = out;
            layer
        });
        let [layer1, layer2, layer3, layer4] = layers.each_mut().map(std::mem::take);
        Network {
            conv1: convolution([self.bands, plan.stem], plan.stem_kernel, 2, self.padding, device),
            bn1: BatchNormConfig::new(plan.stem).init(device),
            maxpool: plan.pool.then(|| {
                let pad = self.padding.around(3);
                MaxPool2dConfig::new([3, 3])
                    .with_strides([2, 2])
                    .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
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
        let mut x = normalise(&self.bn1, convolve(&self.conv1, x, None), None, true);
        if let Some(config) = &self.maxpool {
            x = pool(config, x);
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

#[cfg(test)]
mod tests {
    use burn::tensor::TensorData;
    use serde::Deserialize;

    use super::*;
    use crate::TensorValues;
    use crate::weights::shapes;

    fn config(architecture: Architecture, bands: usize, outputs: usize) -> NetworkConfig {
        NetworkConfig { architecture, padding: Padding::Same, bands, outputs }
    }

    fn learnable(config: &NetworkConfig) -> usize {
        let is_learnable = |name: &str| !name.contains("running_");
        shapes(config).iter().filter(|(n, _)| is_learnable(n)).map(|(_, s)| s.iter().product::<usize>()).sum()
    }

    /// The numbers of parameters that circulate for 3 bands and 1000 classes.
    #[test]
    fn residual_networks_have_the_published_numbers_of_parameters() {
        for (architecture, expected) in [
            (Architecture::Resnet18, 11_689_512),
            (Architecture::Resnet34, 21_797_672),
            (Architecture::Resnet50, 25_557_032),
        ] {
            assert_eq!(learnable(&config(architecture, 3, 1000)), expected, "{architecture}");
        }
    }

    #[test]
    fn compact_is_small_and_takes_patches_from_8_px() {
        let config = config(Architecture::Compact, 4, 6);
        let size = learnable(&config);
        assert!((100_000..300_000).contains(&size), "{size}");
        let network = Network::new(&config, 1, &Device::flex()).unwrap();
        for (side, map) in [(8, 1), (9, 2), (64, 8), (65, 9), (224, 28)] {
            let x = Tensor::ones([2, 4, side, side], &Device::flex());
            let features = network.features(x);
            assert_eq!(features.dims(), [2, 96, map, map], "{side}");
            assert_eq!(network.head(features).dims(), [2, 6]);
        }
    }

    #[test]
    fn a_network_without_padding_needs_patches_as_large_as_it_sees() {
        let valid = |architecture| NetworkConfig { padding: Padding::Valid, ..config(architecture, 2, 3) };
        // By hand: every kernel adds its reach times the strides before it. resnet18: 1 + 2 (3 + 1) + 4 (2 x 4) + 8 (7) + ...
        for (architecture, least) in
            [(Architecture::Compact, 47), (Architecture::Resnet18, 435), (Architecture::Resnet50, 427)]
        {
            assert_eq!(valid(architecture).least_patch(), least, "{architecture}");
        }
        let refused = valid(Architecture::Resnet18).check_patch(64).unwrap_err().to_string();
        let expected = "resnet18 with padding = valid reads 435 px for one feature; patches of 64 px are too small";
        assert_eq!(refused, expected);
        let network = Network::new(&valid(Architecture::Compact), 1, &Device::flex()).unwrap();
        for (side, map) in [(47, 1), (54, 1), (55, 2), (64, 3)] {
            let features = network.features(Tensor::ones([1, 2, side, side], &Device::flex()));
            assert_eq!(features.dims(), [1, 96, map, map], "{side}");
        }
    }

    #[test]
    fn features_without_padding_lie_around_the_middle_of_a_patch() {
        let padded = config(Architecture::Compact, 1, 2);
        assert_eq!(padded.places(8, 64), (3.5, 8.0));
        // Three features of 47 px, 8 px apart: pixels 0 to 46, 8 to 54 and 16 to 62.
        assert_eq!(NetworkConfig { padding: Padding::Valid, ..padded }.places(3, 64), (23.0, 8.0));
        let deep = NetworkConfig { padding: Padding::Valid, ..config(Architecture::Resnet18, 1, 2) };
        assert_eq!(deep.places(1, 435), (217.0, 32.0));
    }

    #[test]
    fn a_feature_without_padding_sees_its_part_of_the_patch_alone() {
        let valid = NetworkConfig { padding: Padding::Valid, ..config(Architecture::Compact, 1, 2) };
        let network = Network::new(&valid, 2, &Device::flex()).unwrap();
        let values: Vec<f32> = (0..71 * 71).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let image = Tensor::<4>::from_data(TensorData::new(values, [1, 1, 71, 71]), &Device::flex());
        let whole = network.features(image.clone());
        assert_eq!(whole.dims(), [1, 96, 4, 4]);
        // The feature at (2, 1) sees the 47 pixels from (16, 8) on.
        let part = network.features(image.slice([0..1, 0..1, 16..63, 8..55]));
        let found: Vec<f32> = whole.slice([0..1, 0..96, 2..3, 1..2]).into_data().iter::<f32>().collect();
        for (found, expected) in found.iter().zip(part.into_data().iter::<f32>()) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_weights_and_another_seed_others() {
        let config = config(Architecture::Compact, 3, 2);
        let state = |seed| StateDict::of(&Network::new(&config, seed, &Device::flex()).unwrap());
        assert_eq!(state(7), state(7));
        assert_ne!(state(7), state(8));
    }

    #[test]
    fn initial_convolutions_have_the_deviation_of_he_et_al() {
        let config = config(Architecture::Resnet18, 3, 2);
        let state = StateDict::of(&Network::new(&config, 3, &Device::flex()).unwrap());
        let values = &state.tensors["layer4.1.conv2.weight"].values;
        let n = values.len() as f64;
        let variance = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / n;
        // 2 / (512 x 3 x 3); the deviation of a variance over n normal values is sqrt(2 / n) of it.
        let expected = 2.0 / (512.0 * 9.0);
        assert!((variance / expected - 1.0).abs() < 5.0 * (2.0 / n).sqrt(), "{variance} {expected}");
    }

    /// Values that the script `tests/oracles/resnet_forward.py` writes down in the same way.
    fn oracle_state(config: &NetworkConfig) -> StateDict {
        let tensors = shapes(config).into_iter().enumerate().map(|(i, (name, shape))| {
            let len: usize = shape.iter().product();
            let fan: usize = shape.iter().skip(1).product();
            let wave = |j: usize| (0.37 * j as f64 + 1.7 * i as f64 + 0.5).sin();
            let value = |j: usize| match (shape.len(), name.rsplit('.').next()) {
                (1, Some("running_var")) => 1.0 + 0.5 * wave(j),
                (1, Some("weight")) => 0.8 + 0.3 * wave(j),
                (1, _) => 0.1 * wave(j),
                _ => (2.0 / fan as f64).sqrt() * wave(j),
            };
            let values = (0..len).map(|j| value(j) as f32).collect();
            (name, TensorValues { shape, values })
        });
        StateDict { tensors: tensors.collect() }
    }

    #[derive(Deserialize)]
    struct Oracle {
        architecture: Architecture,
        bands: usize,
        outputs: usize,
        shape: [usize; 4],
        logits: Vec<f32>,
    }

    /// Against PyTorch: `tests/oracles/resnet_forward.py` made the expected logits.
    #[test]
    fn residual_networks_agree_with_pytorch() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/oracles/resnet_forward.json");
        let oracles: Vec<Oracle> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(oracles.len(), 3);
        for oracle in oracles {
            let config = config(oracle.architecture, oracle.bands, oracle.outputs);
            let network = Network::from_state(&config, &oracle_state(&config), &Device::flex()).unwrap();
            let len: usize = oracle.shape.iter().product();
            let pixels: Vec<f32> = (0..len).map(|j| (0.11 * j as f64).cos() as f32).collect();
            let x = Tensor::from_data(TensorData::new(pixels, oracle.shape), &Device::flex());
            let found: Vec<f32> = network.forward(x).into_data().iter::<f32>().collect();
            let scale = oracle.logits.iter().fold(1.0f32, |a, b| a.max(b.abs()));
            for (f, e) in found.iter().zip(&oracle.logits) {
                assert!((f - e).abs() < 1e-4 * scale, "{}: {found:?} {:?}", config.architecture, oracle.logits);
            }
            assert_eq!(found.len(), oracle.logits.len());
        }
    }
}
