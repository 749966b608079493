//! Batch normalisation folded into convolutions.

use areal_kernels::ConvShape;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear, PaddingConfig2d};
use burn::tensor::Tensor;

use crate::PlanError;

/// A convolution as plain numbers.
#[derive(Debug, Clone)]
pub struct Folded {
    pub shape: ConvShape,
    /// `[outputs, inputs, kernel rows, kernel columns]`.
    pub weights: Vec<f32>,
    /// By output.
    pub bias: Vec<f32>,
}

/// Values of a tensor, row-major.
fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// The same padding on opposite sides, (vertical, horizontal).
pub fn symmetric(padding: &PaddingConfig2d) -> Result<[usize; 2], PlanError> {
    match *padding {
        PaddingConfig2d::Valid => Ok([0, 0]),
        PaddingConfig2d::Explicit(top, left, bottom, right) if top == bottom && left == right => Ok([top, left]),
        ref other => Err(PlanError::Layer(format!("padding of {other:?}"))),
    }
}

/// A convolution with the batch normalisation that follows it folded in:
/// `w' = w gamma / sqrt(var + eps)`, `b' = beta + (b - mean) gamma / sqrt(var + eps)`, in double precision.
pub fn convolution(conv: &Conv2d, norm: &BatchNorm) -> Result<Folded, PlanError> {
    if conv.groups != 1 {
        return Err(PlanError::Layer(format!("convolution in {} groups", conv.groups)));
    }
    let [outputs, inputs, rows, columns] = conv.weight.dims();
    let shape = ConvShape {
        inputs,
        outputs,
        kernel: [rows, columns],
        stride: conv.stride,
        padding: symmetric(&conv.padding)?,
        dilation: conv.dilation,
    };
    let mut weights = values(conv.weight.val());
    let bias = conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| values(b.val()));
    let (gamma, beta) = (values(norm.gamma.val()), values(norm.beta.val()));
    let (mean, variance) = (values(norm.running_mean.value_sync()), values(norm.running_var.value_sync()));
    let mut folded = Vec::with_capacity(outputs);
    for (output, weights) in weights.chunks_exact_mut(inputs * rows * columns).enumerate() {
        let scale = f64::from(gamma[output]) / (f64::from(variance[output]) + norm.epsilon).sqrt();
        for weight in weights {
            *weight = (f64::from(*weight) * scale) as f32;
        }
        folded.push((f64::from(beta[output]) + (f64::from(bias[output]) - f64::from(mean[output])) * scale) as f32);
    }
    Ok(Folded { shape, weights, bias: folded })
}

/// A linear layer as a convolution of one position; Burn stores its weights `[inputs, outputs]`.
pub fn linear(linear: &Linear) -> Folded {
    let [inputs, outputs] = linear.weight.dims();
    let weights = values(linear.weight.val().transpose());
    let bias = linear.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| values(b.val()));
    Folded { shape: ConvShape::square(inputs, outputs, 1, 1, 0), weights, bias }
}
