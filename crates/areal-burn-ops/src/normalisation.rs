//! Batch normalisation, with what usually follows it: an addition and the rectifier.

use areal_kernels::buffer_pool::take;
use areal_kernels::{Isa, Moments, Norm, NormGradient, moments};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::fork::{Fork, Node, pass_on};
use crate::layout::{images_of, into_map, map_of, map_shape, plain, return_buffer, vector};
use crate::{CHECKED, FlexFloat, Kernels, is_ours};

/// The arguments of a normalisation beside its tensors.
#[derive(Debug, Clone)]
struct Normalisation {
    isa: Isa,
    epsilon: f64,
    relu: bool,
    /// Shared with the other operation that reads the map to add.
    fork: Option<Fork>,
}

/// The normalisation as an operation of Burn's backends; all give the output, the mean and the variance by channel.
#[backend_extension(Flex, Autodiff)]
trait MapNormalisation: Backend {
    fn map_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        how: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    fn map_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        add: FloatTensor<Self>,
        how: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl Kernels {
    /// Normalises images `[N, C, H, W]` by channel with the moments of the batch itself, scales by `gamma` `[C]`, shifts by
    /// `beta` `[C]`, adds other images if there are any, and rectifies if asked to. Gives the images, the mean `[C]` and the
    /// variance `[C]` of the batch (not the estimate of a population's); neither of the two passes gradients on.
    ///
    /// Burn's own operation is used for other types than `f32` and other devices than the CPU. The fork beside the images to
    /// add is shared with the other operation that reads them, if there is one that takes a fork.
    pub fn batch_norm(
        self,
        x: Tensor<4>,
        [gamma, beta]: [Tensor<1>; 2],
        epsilon: f64,
        add: Option<(Tensor<4>, Option<&Fork>)>,
        rectify: bool,
    ) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
        let fits = add.as_ref().is_none_or(|(add, _)| is_ours(add) && add.dims() == x.dims());
        let channels = x.dims()[1];
        if !is_ours(&x) || !fits || gamma.dims() != [channels] || beta.dims() != [channels] || x.dims().contains(&0) {
            return with_burn(x, gamma, beta, epsilon, add.map(|(add, _)| add), rectify);
        }
        let fork = add.as_ref().and_then(|(_, fork)| fork.cloned());
        let how = Normalisation { isa: self.isa, epsilon, relu: rectify, fork };
        let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
        let (y, mean, variance) = match add {
            Some((add, _)) => <Dispatch as MapNormalisation>::map_norm_add(x, gamma, beta, add.into_dispatch(), how),
            None => <Dispatch as MapNormalisation>::map_norm(x, gamma, beta, how),
        };
        (Tensor::from_dispatch(y), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
    }
}

fn with_burn(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    add: Option<Tensor<4>>,
    rectify: bool,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let result = burn::tensor::module::batch_norm_train(x, gamma, beta, epsilon);
    let y = add.into_iter().fold(result.output, |y, add| y + add);
    let y = if rectify { relu(y) } else { y };
    (y, result.mean.detach(), result.variance.detach())
}

/// What the gradients of one normalisation are computed from.
#[derive(Debug, Clone)]
struct NormState {
    x: FlexFloat,
    /// The output, where something was added.
    y: Option<FlexFloat>,
    norm: Norm,
    moments: Moments,
    how: Normalisation,
}

/// Output, mean and variance.
type Normalised<B> = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

/// The three results, and what gradients are computed from.
fn forward(
    x: FlexFloat,
    gamma: &FlexFloat,
    beta: &FlexFloat,
    add: Option<&FlexFloat>,
    how: Normalisation,
) -> (Normalised<Flex>, NormState) {
    let shape = map_shape(&x);
    let map = map_of(&x);
    let moments = moments(how.isa, shape.channels, &map).expect(CHECKED);
    let norm = Norm::new(&moments, &plain(gamma), &plain(beta), how.epsilon, how.relu).expect(CHECKED);
    let mut y = take(shape.len());
    let other = add.map(map_of);
    norm.run(how.isa, &map, other.as_deref(), &mut y).expect(CHECKED);
    drop(map);
    let y = images_of(y, shape);
    let (mean, variance) = (vector(moments.mean.clone()), vector(moments.variance.clone()));
    let state = NormState { x, y: add.map(|_| y.clone()), norm, moments, how };
    ((y, mean, variance), state)
}

/// Gradients by the input, the scale, the shift and the map that was added.
struct NormGradients {
    x: FlexFloat,
    gamma: FlexFloat,
    beta: FlexFloat,
    add: Option<FlexFloat>,
}

impl NormState {
    fn backward(&self, gradient: FlexFloat) -> NormGradients {
        let (shape, isa) = (map_shape(&self.x), self.how.isa);
        let (x, mut gradient) = (map_of(&self.x), into_map(gradient));
        let step = NormGradient { norm: &self.norm, moments: &self.moments, epsilon: self.how.epsilon, x: &x };
        let Some(y) = &self.y else {
            let by = step.run(isa, &mut gradient).expect(CHECKED);
            let x = images_of(gradient, shape);
            return NormGradients { x, gamma: vector(by.gamma), beta: vector(by.beta), add: None };
        };
        let mut by_x = take(shape.len());
        let by = step.run_added(isa, &map_of(y), &mut gradient, &mut by_x).expect(CHECKED);
        NormGradients {
            x: images_of(by_x, shape),
            gamma: vector(by.gamma),
            beta: vector(by.beta),
            add: Some(images_of(gradient, shape)),
        }
    }
}

impl MapNormalisation for Flex {
    fn map_norm(x: FlexFloat, gamma: FlexFloat, beta: FlexFloat, how: Normalisation) -> Normalised<Self> {
        forward(x, &gamma, &beta, None, how).0
    }

    fn map_norm_add(
        x: FlexFloat,
        gamma: FlexFloat,
        beta: FlexFloat,
        add: FlexFloat,
        how: Normalisation,
    ) -> Normalised<Self> {
        forward(x, &gamma, &beta, Some(&add), how).0
    }
}

impl<C: CheckpointStrategy> MapNormalisation for Autodiff<Flex, C> {
    fn map_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        how: Normalisation,
    ) -> Normalised<Self> {
        let prepared = NormStep.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful();
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let ((y, mean, variance), state) = forward(x, &gamma, &beta, None, how);
        let y = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(state, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }

    fn map_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        add: FloatTensor<Self>,
        how: Normalisation,
    ) -> Normalised<Self> {
        let nodes = [x.node(), gamma.node(), beta.node(), add.node()];
        let prepared = NormAddStep.prepare::<C>(nodes).compute_bound().stateful();
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let ((y, mean, variance), state) = forward(x, &gamma, &beta, Some(&add.into_primitive()), how);
        let y = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(state, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }
}

/// Registers the gradients by the input, the scale and the shift, and returns that by the map that was added, with its
/// fork.
fn register_three(
    grads: &mut Gradients,
    gradient: FlexFloat,
    state: NormState,
    nodes: [Option<Node>; 3],
) -> (Option<FlexFloat>, Option<Fork>) {
    let by = state.backward(gradient);
    return_buffer(state.x);
    state.y.into_iter().for_each(return_buffer);
    for (node, gradient) in nodes.into_iter().zip([by.x, by.gamma, by.beta]) {
        if let Some(node) = node {
            grads.register::<Flex>(node, gradient);
        }
    }
    (by.add, state.how.fork)
}

/// The backward pass of a normalisation.
#[derive(Debug)]
struct NormStep;

impl Backward<Flex, 3> for NormStep {
    type State = NormState;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        register_three(grads, gradient, ops.state, ops.parents.map(|node| node.map(|node| node.id)));
    }
}

/// The backward pass of a normalisation with an addition.
#[derive(Debug)]
struct NormAddStep;

impl Backward<Flex, 4> for NormAddStep {
    type State = NormState;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [x, gamma, beta, add] = ops.parents.map(|node| node.map(|node| node.id));
        let (by_add, fork) = register_three(grads, gradient, ops.state, [x, gamma, beta]);
        if let (Some(node), Some(gradient)) = (add, by_add) {
            pass_on(grads, node, fork.as_ref(), gradient);
        }
    }
}
