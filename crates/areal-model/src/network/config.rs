//! What determines a network, and the sizes of each architecture.

use areal_formats::{Architecture, ModelSpec, Padding};
use burn::nn::pool::MaxPool2dConfig;
use burn::nn::{BatchNormConfig, Initializer, LinearConfig, PaddingConfig2d};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::Network;
use super::block::{BlockKind, convolution, stage};
use crate::ModelError;

/// What determines a network: its architecture, its padding, bands in, outputs out. The tensors are the same with either padding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    pub architecture: Architecture,
    /// What its convolutions see past the border of a patch.
    #[serde(default)]
    pub padding: Padding,
    pub bands: usize,
    /// Number of outputs: classes, or 1 for a value.
    pub outputs: usize,
}

/// Sizes of an architecture.
struct Sizes {
    kind: BlockKind,
    stem: usize,
    stem_kernel: usize,
    pool: bool,
    /// Width, number of blocks and stride of each stage.
    stages: [(usize, usize, usize); 4],
}

impl Sizes {
    fn of(architecture: Architecture) -> Self {
        let resnet = |kind, blocks: [usize; 4]| Self {
            kind,
            stem: 64,
            stem_kernel: 7,
            pool: true,
            stages: [(64, blocks[0], 1), (128, blocks[1], 2), (256, blocks[2], 2), (512, blocks[3], 2)],
        };
        match architecture {
            Architecture::Compact => Self {
                kind: BlockKind::Basic,
                stem: 32,
                stem_kernel: 3,
                pool: false,
                // One feature in 8 pixels: fine enough for saliency maps of small patches.
                stages: [(32, 1, 1), (64, 1, 2), (96, 1, 2), (0, 0, 1)],
            },
            Architecture::Resnet18 => resnet(BlockKind::Basic, [2, 2, 2, 2]),
            Architecture::Resnet34 => resnet(BlockKind::Basic, [3, 4, 6, 3]),
            Architecture::Resnet50 => resnet(BlockKind::Bottleneck, [3, 4, 6, 3]),
        }
    }
}

/// Number of stages of an architecture.
pub fn stage_count(architecture: Architecture) -> usize {
    Sizes::of(architecture).stages.iter().filter(|(_, blocks, _)| *blocks > 0).count()
}

impl NetworkConfig {
    /// The network that a model's description describes.
    pub fn of(spec: &ModelSpec) -> Self {
        Self {
            architecture: spec.architecture,
            padding: spec.padding,
            bands: spec.bands.len(),
            outputs: spec.target.outputs(),
        }
    }

    /// Number of features that the head reads.
    pub fn features(&self) -> usize {
        let sizes = Sizes::of(self.architecture);
        let width = sizes.stages.iter().rev().find(|(_, blocks, _)| *blocks > 0).map_or(sizes.stem, |stage| stage.0);
        if sizes.kind == BlockKind::Bottleneck { 4 * width } else { width }
    }

    /// Side in pixels of the smallest patch that has a feature: 1 with padding; without, what one feature of the network
    /// sees.
    pub fn least_patch(&self) -> usize {
        if self.padding == Padding::Same {
            return 1;
        }
        // Positions that a kernel reads for this number of outputs.
        let read = |positions: usize, kernel: usize, stride: usize| (positions - 1) * stride + kernel;
        let sizes = Sizes::of(self.architecture);
        let mut size = 1;
        for (_, blocks, stride) in sizes.stages.into_iter().rev() {
            for stride in (0..blocks).rev().map(|index| if index == 0 { stride } else { 1 }) {
                size = match sizes.kind {
                    BlockKind::Basic => read(read(size, 3, 1), 3, stride),
                    BlockKind::Bottleneck => read(size, 3, stride),
                };
            }
        }
        if sizes.pool {
            size = read(size, 3, 2);
        }
        read(size, sizes.stem_kernel, 2)
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
                let sizes = Sizes::of(self.architecture);
                let strides = sizes.stages.iter().map(|(_, _, stride)| stride).product::<usize>();
                let step = 2 * strides * if sizes.pool { 2 } else { 1 };
                ((self.least_patch() - 1) as f64 / 2.0, step as f64)
            }
        }
    }

    /// Checks that patches of this size have a feature.
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
        let sizes = Sizes::of(self.architecture);
        let mut channels = sizes.stem;
        let mut layers = sizes.stages.map(|of_stage| {
            let (layer, out) = stage(sizes.kind, channels, of_stage, self.padding, device);
            channels = out;
            layer
        });
        let [layer1, layer2, layer3, layer4] = layers.each_mut().map(std::mem::take);
        Network {
            conv1: convolution([self.bands, sizes.stem], sizes.stem_kernel, 2, self.padding, device),
            bn1: BatchNormConfig::new(sizes.stem).init(device),
            maxpool: sizes.pool.then(|| {
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
