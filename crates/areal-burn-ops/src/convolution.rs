//! Convolution.

use areal_kernels::buffer_pool::take;
use areal_kernels::{Conv2d, ConvShape, Isa, MapShape, input_gradient, weights_gradient};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::ConvOptions;

use crate::fork::{Fork, pass_on};
use crate::layout::{dims, images_of, kernel_of, map_of, return_buffer, weights_of};
use crate::{CHECKED, FlexFloat, Kernels, is_ours};

/// The arguments of a convolution beside its tensors.
#[derive(Debug, Clone)]
struct Convolution {
    isa: Isa,
    options: ConvOptions<2>,
    /// Shared with the other operation that reads the images.
    fork: Option<Fork>,
}

/// The convolution as an operation of Burn's backends.
#[backend_extension(Flex, Autodiff)]
trait MapConvolution: Backend {
    /// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`.
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, how: Convolution) -> FloatTensor<Self>;
}

impl Kernels {
    /// Convolves images `[N, C, H, W]` with weights `[outputs, C, kernel rows, kernel columns]`, without bias. Burn's own
    /// operation is used for groups, unequal padding, other types than `f32` and other devices than the CPU.
    ///
    /// `fork` is shared with the other operation that reads `x`, if there is one that takes a fork.
    pub fn conv2d(self, x: Tensor<4>, weights: Tensor<4>, options: ConvOptions<2>, fork: Option<&Fork>) -> Tensor<4> {
        if !is_ours(&x) || !is_ours(&weights) || shapes(x.dims(), weights.dims(), &options).is_none() {
            return burn::tensor::module::conv2d(x, weights, None, options);
        }
        let how = Convolution { isa: self.isa, options, fork: fork.cloned() };
        Tensor::from_dispatch(<Dispatch as MapConvolution>::map_conv2d(x.into_dispatch(), weights.into_dispatch(), how))
    }
}

/// The convolution, its input map and its output map; none for what the kernels do not cover.
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

impl MapConvolution for Flex {
    fn map_conv2d(x: FlexFloat, weights: FlexFloat, how: Convolution) -> FlexFloat {
        let (shape, input, output) = shapes(dims(&x), dims(&weights), &how.options).expect(CHECKED);
        let conv = Conv2d::of_rows(how.isa, shape, &kernel_of(&weights)).expect(CHECKED);
        let mut y = take(output.len());
        conv.run(input, &map_of(&x), None, &mut y).expect(CHECKED);
        conv.return_buffers();
        images_of(y, output)
    }
}

/// What the gradients of one convolution are computed from.
#[derive(Debug, Clone)]
struct ConvState {
    x: FlexFloat,
    weights: FlexFloat,
    how: Convolution,
}

impl ConvState {
    fn shapes(&self) -> (ConvShape, MapShape, MapShape) {
        shapes(dims(&self.x), dims(&self.weights), &self.how.options).expect(CHECKED)
    }

    /// The gradient by the images, plus that of the fork's other branch.
    fn by_images(&self, gradient: &FlexFloat, other: Option<&FlexFloat>) -> FlexFloat {
        let (shape, input, _) = self.shapes();
        let mut result = take(input.len());
        let other = other.map(map_of);
        let (weights, gradient) = (kernel_of(&self.weights), map_of(gradient));
        input_gradient(self.how.isa, &shape, input, &weights, &gradient, other.as_deref(), &mut result).expect(CHECKED);
        images_of(result, input)
    }

    fn by_weights(&self, gradient: &FlexFloat) -> FlexFloat {
        let (shape, input, _) = self.shapes();
        let mut result = take(shape.weights_len());
        weights_gradient(self.how.isa, &shape, input, &map_of(&self.x), &map_of(gradient), &mut result).expect(CHECKED);
        weights_of(result, dims(&self.weights))
    }
}

impl<C: CheckpointStrategy> MapConvolution for Autodiff<Flex, C> {
    fn map_conv2d(x: FloatTensor<Self>, weights: FloatTensor<Self>, how: Convolution) -> FloatTensor<Self> {
        match ConvStep.prepare::<C>([x.node(), weights.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (x, weights) = (x.into_primitive(), weights.into_primitive());
                let y = Flex::map_conv2d(x.clone(), weights.clone(), how.clone());
                prepared.finish(ConvState { x, weights, how }, y)
            }
            OpsKind::UnTracked(prepared) => {
                prepared.finish(Flex::map_conv2d(x.into_primitive(), weights.into_primitive(), how))
            }
        }
    }
}

/// The backward pass of a convolution.
#[derive(Debug)]
struct ConvStep;

impl Backward<Flex, 2> for ConvStep {
    type State = ConvState;

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [by_x, by_weights] = ops.parents;
        let gradient = grads.consume::<Flex>(&ops.node);
        let state = ops.state;
        if let Some(node) = by_weights {
            grads.register::<Flex>(node.id, state.by_weights(&gradient));
        }
        if let Some(node) = by_x {
            let other = state.how.fork.as_ref().and_then(Fork::take);
            let result = state.by_images(&gradient, other.as_ref());
            // With the other branch's gradient in it, the sum is complete.
            let fork = if other.is_some() { None } else { state.how.fork.as_ref() };
            pass_on(grads, node.id, fork, result);
            other.into_iter().for_each(return_buffer);
        }
        return_buffer(gradient);
        return_buffer(state.x);
    }
}
