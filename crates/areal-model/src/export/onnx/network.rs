//! The layers of a network as operations of ONNX.

use burn::nn::conv::Conv2d;
use burn::nn::pool::MaxPool2d;
use burn::nn::{BatchNorm, PaddingConfig2d};

use super::graph::{GraphBuilder, Value};
use crate::{Block, ModelError, Network, StateDict};

/// Adds layers to a graph, with the weights under their names.
pub struct Layers<'a> {
    pub graph: &'a mut GraphBuilder,
    pub weights: &'a StateDict,
}

impl Layers<'_> {
    /// Logits `[batch, K]` of a normalised image.
    pub fn logits(&mut self, network: &Network, x: &str) -> Result<String, ModelError> {
        let mut x = self.convolution(&network.conv1, "conv1", x)?;
        x = self.normalisation(&network.bn1, "bn1", &x)?;
        x = self.rectifier("relu", &x);
        if let Some(pool) = &network.maxpool {
            x = self.pool(pool, &x)?;
        }
        for (stage, blocks) in [&network.layer1, &network.layer2, &network.layer3, &network.layer4].iter().enumerate() {
            for (index, block) in blocks.iter().enumerate() {
                x = self.block(block, &format!("layer{}.{index}", stage + 1), &x)?;
            }
        }
        x = self.graph.node("GlobalAveragePool", "avgpool", &[&x], Vec::new());
        x = self.graph.node("Flatten", "features", &[&x], vec![("axis", Value::Int(1))]);
        let (weight, bias) = (self.weight("fc.weight")?, self.weight("fc.bias")?);
        Ok(self.graph.node("Gemm", "logits", &[&x, &weight, &bias], vec![("transB", Value::Int(1))]))
    }

    /// A residual block.
    fn block(&mut self, block: &Block, name: &str, x: &str) -> Result<String, ModelError> {
        let at = |layer: &str| format!("{name}.{layer}");
        let mut shortcut = self.crop(block.margin(), &at("crop"), x);
        if let Some((conv, norm)) = &block.downsample {
            shortcut = self.convolution(conv, &at("downsample.0"), &shortcut)?;
            shortcut = self.normalisation(norm, &at("downsample.1"), &shortcut)?;
        }
        let mut y = self.convolution(&block.conv1, &at("conv1"), x)?;
        y = self.normalisation(&block.bn1, &at("bn1"), &y)?;
        y = self.rectifier(&at("relu1"), &y);
        y = self.convolution(&block.conv2, &at("conv2"), &y)?;
        y = self.normalisation(&block.bn2, &at("bn2"), &y)?;
        if let (Some(conv), Some(norm)) = (&block.conv3, &block.bn3) {
            y = self.rectifier(&at("relu2"), &y);
            y = self.convolution(conv, &at("conv3"), &y)?;
            y = self.normalisation(norm, &at("bn3"), &y)?;
        }
        let sum = self.graph.node("Add", &at("add"), &[&y, &shortcut], Vec::new());
        Ok(self.rectifier(&at("relu"), &sum))
    }

    /// An image without `margin` pixels on every side.
    fn crop(&mut self, margin: usize, name: &str, x: &str) -> String {
        if margin == 0 {
            return x.to_owned();
        }
        let (first, last) = (margin as i64, -(margin as i64));
        let starts = self.graph.ints(&format!("{name}.starts"), &[first, first]);
        let ends = self.graph.ints(&format!("{name}.ends"), &[last, last]);
        let axes = self.graph.ints(&format!("{name}.axes"), &[2, 3]);
        self.graph.node("Slice", name, &[x, &starts, &ends, &axes], Vec::new())
    }

    fn convolution(&mut self, conv: &Conv2d, name: &str, x: &str) -> Result<String, ModelError> {
        let weight = self.weight(&format!("{name}.weight"))?;
        let attributes = vec![
            ("kernel_shape", ints(&conv.kernel_size)),
            ("strides", ints(&conv.stride)),
            ("pads", pads(&conv.padding, name)?),
        ];
        Ok(self.graph.node("Conv", name, &[x, &weight], attributes))
    }

    fn normalisation(&mut self, norm: &BatchNorm, name: &str, x: &str) -> Result<String, ModelError> {
        let parameter = |layers: &mut Self, of: &str| layers.weight(&format!("{name}.{of}"));
        let (scale, shift) = (parameter(self, "weight")?, parameter(self, "bias")?);
        let (mean, variance) = (parameter(self, "running_mean")?, parameter(self, "running_var")?);
        let attributes = vec![("epsilon", Value::Float(norm.epsilon as f32))];
        Ok(self.graph.node("BatchNormalization", name, &[x, &scale, &shift, &mean, &variance], attributes))
    }

    fn rectifier(&mut self, name: &str, x: &str) -> String {
        self.graph.node("Relu", name, &[x], Vec::new())
    }

    fn pool(&mut self, pool: &MaxPool2d, x: &str) -> Result<String, ModelError> {
        let attributes = vec![
            ("kernel_shape", ints(&pool.kernel_size)),
            ("strides", ints(&pool.stride)),
            ("pads", pads(&pool.padding, "maxpool")?),
        ];
        Ok(self.graph.node("MaxPool", "maxpool", &[x], attributes))
    }

    /// The constant of a tensor of the weights.
    fn weight(&mut self, name: &str) -> Result<String, ModelError> {
        let tensor = self.weights.tensors.get(name).ok_or_else(|| ModelError::Export {
            layer: name.to_owned(),
            reason: "the network has no such weights".to_owned(),
        })?;
        Ok(self.graph.floats(name, &tensor.shape, &tensor.values))
    }
}

fn ints(sizes: &[usize]) -> Value {
    Value::Ints(sizes.iter().map(|n| *n as i64).collect())
}

/// Padding as ONNX has it: top, left, bottom, right.
fn pads(padding: &PaddingConfig2d, layer: &str) -> Result<Value, ModelError> {
    match padding {
        PaddingConfig2d::Explicit(top, left, bottom, right) => Ok(ints(&[*top, *left, *bottom, *right])),
        PaddingConfig2d::Valid => Ok(ints(&[0; 4])),
        PaddingConfig2d::Same => Err(ModelError::Export {
            layer: layer.to_owned(),
            reason: "its padding depends on the size of the image".to_owned(),
        }),
    }
}
