//! Steps of optimisers.

use areal_kernels::{AdamW, Isa, Momentum, sum_of_squares};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, TensorMetadata, backend_extension};
use burn::tensor::Tensor;

use crate::layout::{dims, is_kernel, kernel_of, plain, return_buffer, vector, weights_of};
use crate::{CHECKED, FlexFloat, Kernels, is_ours};

/// Steps of optimisers as operations of Burn's backends.
#[backend_extension(Flex)]
trait MapOptimiser: Backend {
    /// New weights and moments.
    fn map_adamw(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        how: AdamW,
        isa: Isa,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// New weights and momentum.
    fn map_momentum(
        weights: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        momentum: FloatTensor<Self>,
        how: Momentum,
        isa: Isa,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);

    /// The sum of squares, `[1]`.
    fn map_squares(values: FloatTensor<Self>) -> FloatTensor<Self>;
}

impl Kernels {
    /// One step of [`AdamW`] for weights, their gradient and the two moments (zeros before the first step); gives the new
    /// weights and moments. The tensors must not require gradients. In place on Burn's CPU backend where nothing else refers
    /// to them, with Burn's own operations elsewhere.
    pub fn adamw<const D: usize>(
        self,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        [first, second]: [Tensor<D>; 2],
        how: AdamW,
    ) -> (Tensor<D>, [Tensor<D>; 2]) {
        if [&weights, &gradient, &first, &second].into_iter().all(is_ours) {
            let [w, g, m, v] = [weights, gradient, first, second].map(Tensor::into_dispatch);
            let (weights, first, second) = <Dispatch as MapOptimiser>::map_adamw(w, g, m, v, how, self.isa);
            return (Tensor::from_dispatch(weights), [first, second].map(Tensor::from_dispatch));
        }
        let gradient = gradient * how.scale;
        let first = first * how.betas[0] + gradient.clone() * (1.0 - how.betas[0]);
        let second = second * how.betas[1] + gradient.clone() * gradient * (1.0 - how.betas[1]);
        let [c1, c2] = how.betas.map(|beta| 1.0 - beta.powf(how.step as f64));
        let size = (second.clone() / c2).sqrt() + how.epsilon;
        let change = (first.clone() / c1) / size * how.rate;
        (weights * (1.0 - how.rate * how.decay) - change, [first, second])
    }

    /// One step of [`Momentum`]: gives the new weights and momentum (zeros before the first step), as [`Kernels::adamw`] does.
    pub fn momentum<const D: usize>(
        self,
        weights: Tensor<D>,
        gradient: Tensor<D>,
        momentum: Tensor<D>,
        how: Momentum,
    ) -> (Tensor<D>, Tensor<D>) {
        if [&weights, &gradient, &momentum].into_iter().all(is_ours) {
            let [w, g, m] = [weights, gradient, momentum].map(Tensor::into_dispatch);
            let (weights, momentum) = <Dispatch as MapOptimiser>::map_momentum(w, g, m, how, self.isa);
            return (Tensor::from_dispatch(weights), Tensor::from_dispatch(momentum));
        }
        let momentum = momentum * how.beta + (gradient * how.scale + weights.clone() * how.decay);
        (weights - momentum.clone() * how.rate, momentum)
    }
}

/// The sum of squares of a tensor that does not require gradients.
pub fn squares<const D: usize>(values: Tensor<D>) -> f64 {
    let sum = if is_ours(&values) {
        Tensor::<1>::from_dispatch(<Dispatch as MapOptimiser>::map_squares(values.into_dispatch()))
    } else {
        (values.clone() * values).sum()
    };
    sum.into_data().iter::<f64>().sum()
}

/// Values that may be changed, in the order in memory of the gradient: the tensor's own memory where nothing else refers
/// to it and it lies in that order.
fn values_like(gradient: &FlexFloat, tensor: FlexFloat) -> Vec<f32> {
    let tensor = if is_kernel(gradient) { kernel_order(tensor) } else { tensor };
    tensor.into_data().try_into_vec().expect(CHECKED)
}

/// A view in the order `[rows, columns, I, O]`.
fn kernel_order(weights: FlexFloat) -> FlexFloat {
    let view = weights.permute(&[2, 3, 1, 0]);
    drop(weights);
    view
}

/// The reverse of [`values_like`]: a tensor of the gradient's shape.
fn tensor_like(gradient: &FlexFloat, values: Vec<f32>) -> FlexFloat {
    if is_kernel(gradient) { weights_of(values, dims(gradient)) } else { vector(values).reshape(gradient.shape()) }
}

impl MapOptimiser for Flex {
    fn map_adamw(
        weights: FlexFloat,
        gradient: FlexFloat,
        first: FlexFloat,
        second: FlexFloat,
        how: AdamW,
        isa: Isa,
    ) -> (FlexFloat, FlexFloat, FlexFloat) {
        let [mut w, mut m, mut v] = [weights, first, second].map(|tensor| values_like(&gradient, tensor));
        let g = if is_kernel(&gradient) { kernel_of(&gradient) } else { plain(&gradient) };
        how.run(isa, &mut w, &g, [&mut m, &mut v]).expect(CHECKED);
        drop(g);
        let result = (tensor_like(&gradient, w), tensor_like(&gradient, m), tensor_like(&gradient, v));
        return_buffer(gradient);
        result
    }

    fn map_momentum(
        weights: FlexFloat,
        gradient: FlexFloat,
        momentum: FlexFloat,
        how: Momentum,
        isa: Isa,
    ) -> (FlexFloat, FlexFloat) {
        let [mut w, mut m] = [weights, momentum].map(|tensor| values_like(&gradient, tensor));
        let g = if is_kernel(&gradient) { kernel_of(&gradient) } else { plain(&gradient) };
        how.run(isa, &mut w, &g, &mut m).expect(CHECKED);
        drop(g);
        let result = (tensor_like(&gradient, w), tensor_like(&gradient, m));
        return_buffer(gradient);
        result
    }

    fn map_squares(values: FlexFloat) -> FlexFloat {
        let values = if is_kernel(&values) { kernel_of(&values) } else { plain(&values) };
        vector(vec![sum_of_squares(&values) as f32])
    }
}
