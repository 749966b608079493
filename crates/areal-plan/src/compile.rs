//! Compilation of a network to a program of kernels.

use areal_kernels::reduced::{Encodings, MapEncoding, ReducedConv2d};
use areal_kernels::{Activation, Conv2d, Isa, MaxPool};
use areal_model::{Block, Network};
use burn::nn::pool::MaxPool2d;

use crate::PlanError;
use crate::fold::{Folded, convolution, linear, symmetric};
use crate::program::{Program, ProgramBuilder, Value};

/// The arithmetic of a plan's convolutions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arithmetic<'a> {
    /// Single precision.
    F32,
    /// bf16.
    Bf16,
    /// Bytes, with the value of the code 1 for each convolution in the order of the program.
    Int8(&'a [f32]),
}

/// A program with its convolutions' results, in the order in which they are computed; the head's is not among them.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub program: Program,
    pub convolutions: Vec<Value>,
}

/// Compiles a network: maps `[H, W, N, bands]` in, logits `[1, 1, N, K]` out.
///
/// In reduced precision the images are rounded to bf16; results that are not rectified and those that the head's pooling reads
/// are of bf16; pooling sums and the head are in single precision.
///
/// # Errors
/// When the network has a layer that plans do not support.
pub(crate) fn compile(network: &Network, isa: Isa, arithmetic: Arithmetic<'_>) -> Result<Compiled, PlanError> {
    let mut c = Compiler { isa, arithmetic, builder: ProgramBuilder::new(isa), convolutions: Vec::new() };
    let mut x = c.stem(&convolution(&network.conv1, &network.bn1)?)?;
    if let Some(pool) = &network.maxpool {
        x.value = c.builder.max_pool(x.value, max_pool(pool)?);
    }
    let layers = [&network.layer1, &network.layer2, &network.layer3, &network.layer4];
    let blocks: Vec<&Block> = layers.into_iter().flatten().collect();
    for (index, residual) in blocks.iter().enumerate() {
        x = c.block(x, residual, index + 1 == blocks.len())?;
    }
    let pooled = c.builder.mean_pool(x.value);
    let head = linear(&network.fc);
    let head = Conv2d::new(isa, head.shape, &head.weights, Some(&head.bias), Activation::None)?;
    c.builder.conv(pooled, head, None);
    Ok(Compiled { program: c.builder.finish()?, convolutions: c.convolutions })
}

/// A map of the program.
#[derive(Debug, Clone, Copy)]
struct Map {
    value: Value,
    /// Its encoding; none for single precision.
    encoding: Option<MapEncoding>,
}

/// How a convolution's result is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ResultUse {
    /// Rectified; convolutions read it.
    Convolved,
    /// Rectified; the head's pooling reads it.
    Pooled,
    /// Not rectified; it is added to another result.
    Added,
}

struct Compiler<'a> {
    isa: Isa,
    arithmetic: Arithmetic<'a>,
    builder: ProgramBuilder,
    convolutions: Vec<Value>,
}

impl Compiler<'_> {
    fn stem(&mut self, layer: &Folded) -> Result<Map, PlanError> {
        let input = self.builder.input();
        let Some(output) = self.encoding(ResultUse::Convolved)? else {
            return self.conv(Map { value: input, encoding: None }, layer, ResultUse::Convolved, None);
        };
        let rows = self.builder.rows(input, layer.shape.padding[1]);
        let Folded { shape, weights, bias } = layer;
        let conv = ReducedConv2d::of_rows(self.isa, *shape, weights, bias, Activation::Relu, output)?;
        Ok(self.keep(Some(output), |builder| builder.reduced_conv(rows, conv, None)))
    }

    /// A residual block: the shortcut is added in the last convolution's epilogue.
    fn block(&mut self, x: Map, block: &Block, last: bool) -> Result<Map, PlanError> {
        let mut shortcut = x;
        if block.margin() > 0 {
            shortcut.value = self.builder.crop(x.value, block.margin());
        }
        if let Some((conv, norm)) = &block.downsample {
            shortcut = self.conv(shortcut, &convolution(conv, norm)?, ResultUse::Added, None)?;
        }
        let end = if last { ResultUse::Pooled } else { ResultUse::Convolved };
        let y = self.conv(x, &convolution(&block.conv1, &block.bn1)?, ResultUse::Convolved, None)?;
        let second = convolution(&block.conv2, &block.bn2)?;
        let (Some(conv3), Some(bn3)) = (&block.conv3, &block.bn3) else {
            return self.conv(y, &second, end, Some(shortcut));
        };
        let y = self.conv(y, &second, ResultUse::Convolved, None)?;
        self.conv(y, &convolution(conv3, bn3)?, end, Some(shortcut))
    }

    fn conv(&mut self, from: Map, layer: &Folded, goes: ResultUse, add: Option<Map>) -> Result<Map, PlanError> {
        let activation = if goes == ResultUse::Added { Activation::None } else { Activation::Relu };
        let (value, added) = (from.value, add.map(|map| map.value));
        let Folded { shape, weights, bias } = layer;
        let (Some(input), Some(output)) = (from.encoding, self.encoding(goes)?) else {
            let conv = Conv2d::new(self.isa, *shape, weights, Some(bias), activation)?;
            return Ok(self.keep(None, |builder| builder.conv(value, conv, added)));
        };
        let encodings = Encodings { input, added: add.and_then(|map| map.encoding), output };
        let conv = ReducedConv2d::new(self.isa, *shape, weights, bias, activation, encodings)?;
        Ok(self.keep(Some(output), |builder| builder.reduced_conv(value, conv, added)))
    }

    fn keep(&mut self, encoding: Option<MapEncoding>, add: impl FnOnce(&mut ProgramBuilder) -> Value) -> Map {
        let value = add(&mut self.builder);
        self.convolutions.push(value);
        Map { value, encoding }
    }

    /// The code of the next convolution's result.
    fn encoding(&self, goes: ResultUse) -> Result<Option<MapEncoding>, PlanError> {
        match self.arithmetic {
            Arithmetic::F32 => Ok(None),
            Arithmetic::Int8(scales) if goes == ResultUse::Convolved => match scales.get(self.convolutions.len()) {
                Some(scale) => Ok(Some(MapEncoding::U8 { scale: *scale })),
                None => Err(PlanError::Layer(format!("more than {} convolutions with a measured range", scales.len()))),
            },
            Arithmetic::Bf16 | Arithmetic::Int8(_) => Ok(Some(MapEncoding::Bf16)),
        }
    }
}

fn max_pool(pool: &MaxPool2d) -> Result<MaxPool, PlanError> {
    let [padding, across] = symmetric(&pool.padding)?;
    let square = pool.kernel_size[0] == pool.kernel_size[1] && pool.stride[0] == pool.stride[1] && padding == across;
    if !square || pool.dilation != [1, 1] || pool.ceil_mode {
        return Err(PlanError::Layer(format!("pooling {pool:?}")));
    }
    Ok(MaxPool { kernel: pool.kernel_size[0], stride: pool.stride[0], padding })
}
