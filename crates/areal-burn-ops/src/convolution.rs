use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;

use crate::fork::{Fork, pass_on};
use crate::layout::{dims, images_of, kernel_of, map_of, recycle, weights_of};
use crate::{FlexFloat, is_ours, isa};
use areal_kernels::buffer_pool::take;
use areal_kernels::{Conv2d, ConvShape, KernelError, MapShape, input_gradient, weights_gradient};

/// What is done beside the tensors.
#[derive(Debug, Clone)]
struct Convolution {
    options: ConvOptions<2>,
    /// SharedMut with the other operation that reads the images.
    fork: Option<Fork>,
}

/// The convolution as an operation of Burn's backends.
#[backend_extension(Flex, Autodiff)]
trait MapConvolution: Backend {
    /// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`.
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, how: Convolution) -> FloatTensor<Self>;
}

/// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`, without bias: with these
/// kernels on Burn's CPU backend, forward and backward; elsewhere, and for what they do not cover (groups, unequal
/// padding, other types than `f32`), with Burn's own operation.
///
/// `fork` is shared with the one other operation that reads `x`, if there is one that takes a fork.
pub fn conv2d(x: Tensor<4>, weights: Tensor<4>, options: ConvOptions<2>, fork: Option<&Fork>) -> Tensor<4> {
    if is_ours(&x) && is_ours(&weights) && shapes(x.dims(), weights.dims(), &options).is_some() {
        let how = Convolution { options, fork: fork.cloned() };
        Tensor::from_dispatch(<Dispatch as MapConvolution>::map_conv2d(x.into_dispatch(), weights.into_dispatch(), how))
    } else {
        burn::tensor::module::conv2d(x, weights, None, options)
    }
}

/// What is convolved, the map that goes in and the one that comes out; none for what the kernels do not cover.
fn shapes(
    [n, c, h, w]: [usize; 4],
    [o, i, rows, columns]: [usize; 4],
    options: &ConvOptions<2>,
) -> Option<(ConvShape, MapShape, MapShape)> {
    let [(top, bottom), (left, right)] = options.padding;
    if options.groups != 1 || i != c || top != bottom || left != right {
        return None;
    }
    let shape = ConvShape {
        inputs: i,
        outputs: o,
        kernel: [rows, columns],
        stride: options.stride,
        padding: [top, left],
        dilation: options.dilation,
    };
    let input = MapShape::new(h, w, n, c);
    Some((shape, input, shape.output(input).ok()?))
}

fn uncovered() -> KernelError {
    KernelError::Shape("a convolution that the kernels do not cover".to_owned())
}

fn forward(x: &FlexFloat, weights: &FlexFloat, options: &ConvOptions<2>) -> Result<FlexFloat, KernelError> {
    let (shape, input, output) = shapes(dims(x), dims(weights), options).ok_or_else(uncovered)?;
    let conv = Conv2d::of_rows(isa(), shape, &kernel_of(weights))?;
    let mut y = take(output.len());
    conv.run(input, &map_of(x), None, &mut y)?;
    conv.return_buffers();
    Ok(images_of(y, output))
}

/// What the gradients of one convolution come from.
#[derive(Debug, Clone)]
struct Kept {
    x: FlexFloat,
    weights: FlexFloat,
    how: Convolution,
}

impl Kept {
    fn shapes(&self) -> Result<(ConvShape, MapShape, MapShape), KernelError> {
        shapes(dims(&self.x), dims(&self.weights), &self.how.options).ok_or_else(uncovered)
    }

    /// The gradient by the images, plus what the fork's other branch left.
    fn by_images(&self, gradient: &FlexFloat, other: Option<&FlexFloat>) -> Result<FlexFloat, KernelError> {
        let (shape, input, _) = self.shapes()?;
        let mut result = take(input.len());
        let other = other.map(map_of);
        let weights = kernel_of(&self.weights);
        input_gradient(isa(), &shape, input, &weights, &map_of(gradient), other.as_deref(), &mut result)?;
        Ok(images_of(result, input))
    }

    fn by_weights(&self, gradient: &FlexFloat) -> Result<FlexFloat, KernelError> {
        let (shape, input, _) = self.shapes()?;
        let mut result = take(shape.weights_len());
        weights_gradient(isa(), &shape, input, &map_of(&self.x), &map_of(gradient), &mut result)?;
        Ok(weights_of(result, dims(&self.weights)))
    }
}

impl MapConvolution for Flex {
    fn map_conv2d(x: FlexFloat, weights: FlexFloat, how: Convolution) -> FlexFloat {
        // `conv2d` asked before; Burn's own operation stands in for what a direct caller may bring.
        forward(&x, &weights, &how.options).unwrap_or_else(|_| Flex::conv2d(x, weights, None, how.options))
    }
}

impl<C: CheckpointStrategy> MapConvolution for Autodiff<Flex, C> {
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, how: Convolution) -> FloatTensor<Self> {
        match Step.prepare::<C>([x.node(), weights.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weights) = (x.into_primitive(), weights.into_primitive());
                let y = Flex::map_conv2d(x.clone(), weights.clone(), how.clone());
                prepared.finish(Kept { x, weights, how }, y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::map_conv2d(x.into_primitive(), weights.into_primitive(), how))
            }
        }
    }
}

/// The backward step.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 2> for Step {
    type State = Kept;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [by_x, by_weights] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let kept = ops.state;
        if let Some(node) = by_weights {
            let result = kept.by_weights(&gradient).unwrap_or_else(|_| {
                let (x, weights, options) = (kept.x.clone(), kept.weights.clone(), kept.how.options.clone());
                Flex::conv2d_weight_backward(x, weights, gradient.clone(), options)
            });
            grads.register::<Flex>(node.id, result);
        }
        if let Some(node) = by_x {
            let other = kept.how.fork.as_ref().and_then(Fork::take);
            let result = kept.by_images(&gradient, other.as_ref()).unwrap_or_else(|_| {
                let (x, weights, options) = (kept.x.clone(), kept.weights.clone(), kept.how.options.clone());
                let result = Flex::conv2d_x_backward(x, weights, gradient.clone(), options);
                other.iter().fold(result, |sum, other| Flex::float_add(sum, other.clone()))
            });
            // With the other branch's share in it, the sum is whole.
            let fork = if other.is_some() { None } else { kept.how.fork.as_ref() };
            pass_on(grads, node.id, fork, result);
            other.into_iter().for_each(recycle);
        }
        recycle(gradient);
        recycle(kept.x);
    }
}
