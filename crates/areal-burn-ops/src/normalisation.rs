use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use crate::fork::{Fork, Node, pass_on};
use crate::layout::{images_of, into_map, map_of, map_shape, plain, recycle, vector};
use crate::{FlexFloat, is_ours, isa};
use areal_kernels::buffer_pool::take;
use areal_kernels::{KernelError, Moments, Norm, NormGradient, moments};

/// What is done beside the tensors.
#[derive(Debug, Clone)]
struct Normalisation {
    epsilon: f64,
    relu: bool,
    /// SharedMut with the other operation that reads the map to add.
    fork: Option<Fork>,
}

/// The normalisation as an operation of Burn's backends; all give the output, the mean and the variance by channel.
#[backend_extension(Flex, Autodiff)]
trait MapNormalisation: Backend {
    /// Normalises.
    fn map_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        how: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// Normalises and adds.
    fn map_norm_add(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        add: FloatTensor<Self>,
        how: Normalisation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

/// Normalises images `[N, C, H, W]` by channel with the moments of the batch itself, scales by `gamma` `[C]`, shifts by
/// `beta` `[C]`, adds other images if there are any, and rectifies if asked to. Gives the images, the mean `[C]` and the
/// variance `[C]`, which is that of the batch and not an estimate of its source's; neither of the two passes gradients on.
///
/// With these kernels in single precision on Burn's CPU backend, with Burn's own operations elsewhere. The fork beside
/// the images to add is shared with the one other operation that reads them, if there is one that takes a fork.
pub fn batch_norm(
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
    let how = Normalisation { epsilon, relu: rectify, fork };
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let (y, mean, variance) = match add {
        Some((add, _)) => <Dispatch as MapNormalisation>::map_norm_add(x, gamma, beta, add.into_dispatch(), how),
        None => <Dispatch as MapNormalisation>::map_norm(x, gamma, beta, how),
    };
    (Tensor::from_dispatch(y), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
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

/// What the gradients of one normalisation come from.
#[derive(Debug, Clone)]
struct Kept {
    x: FlexFloat,
    /// The output, where something was added.
    y: Option<FlexFloat>,
    norm: Norm,
    moments: Moments,
    how: Normalisation,
}

/// The output, and what its gradients come from.
fn forward(
    x: FlexFloat,
    gamma: &FlexFloat,
    beta: &FlexFloat,
    add: Option<&FlexFloat>,
    how: Normalisation,
) -> Result<(FlexFloat, Kept), KernelError> {
    let shape = map_shape(&x);
    let map = map_of(&x);
    let moments = moments(isa(), shape.channels, &map)?;
    let norm = Norm::new(&moments, &plain(gamma), &plain(beta), how.epsilon, how.relu)?;
    let mut y = take(shape.len());
    let other = add.map(map_of);
    norm.run(isa(), &map, other.as_deref(), &mut y)?;
    drop(map);
    let y = images_of(y, shape);
    let kept = Kept { x, y: add.map(|_| y.clone()), norm, moments, how };
    Ok((y, kept))
}

/// Gradients by the input, the scale, the shift and the map that was added.
struct Shares {
    x: FlexFloat,
    gamma: FlexFloat,
    beta: FlexFloat,
    add: Option<FlexFloat>,
}

impl Kept {
    fn backward(&self, gradient: FlexFloat) -> Result<Shares, KernelError> {
        let shape = map_shape(&self.x);
        let (x, mut gradient) = (map_of(&self.x), into_map(gradient));
        let step = NormGradient { norm: &self.norm, moments: &self.moments, epsilon: self.how.epsilon, x: &x };
        let Some(y) = &self.y else {
            let by = step.run(isa(), &mut gradient)?;
            let x = images_of(gradient, shape);
            return Ok(Shares { x, gamma: vector(by.gamma), beta: vector(by.beta), add: None });
        };
        let mut by_x = take(shape.len());
        let by = step.run_added(isa(), &map_of(y), &mut gradient, &mut by_x)?;
        Ok(Shares {
            x: images_of(by_x, shape),
            gamma: vector(by.gamma),
            beta: vector(by.beta),
            add: Some(images_of(gradient, shape)),
        })
    }
}

type Three<B> = (FloatTensor<B>, FloatTensor<B>, FloatTensor<B>);

impl MapNormalisation for Flex {
    fn map_norm(x: FlexFloat, gamma: FlexFloat, beta: FlexFloat, how: Normalisation) -> Three<Self> {
        of_flex(x, &gamma, &beta, None, how).0
    }

    fn map_norm_add(
        x: FlexFloat,
        gamma: FlexFloat,
        beta: FlexFloat,
        add: FlexFloat,
        how: Normalisation,
    ) -> Three<Self> {
        of_flex(x, &gamma, &beta, Some(&add), how).0
    }
}

/// The three results, and what gradients come from. What the kernels refuse, and `batch_norm` never passes on, comes
/// out as it went in.
fn of_flex(
    x: FlexFloat,
    gamma: &FlexFloat,
    beta: &FlexFloat,
    add: Option<&FlexFloat>,
    how: Normalisation,
) -> (Three<Flex>, Option<Kept>) {
    let fallback = (x.clone(), gamma.clone(), beta.clone());
    match forward(x, gamma, beta, add, how) {
        Ok((y, kept)) => {
            let (mean, variance) = (vector(kept.moments.mean.clone()), vector(kept.moments.variance.clone()));
            ((y, mean, variance), Some(kept))
        }
        Err(_) => (fallback, None),
    }
}

impl<C: CheckpointStrategy> MapNormalisation for Autodiff<Flex, C> {
    fn map_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        how: Normalisation,
    ) -> Three<Self> {
        let prepared = Step.prepare::<C>([x.node(), gamma.node(), beta.node()]).compute_bound().stateful();
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let ((y, mean, variance), kept) = of_flex(x, &gamma, &beta, None, how);
        let y = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, y),
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
    ) -> Three<Self> {
        let nodes = [x.node(), gamma.node(), beta.node(), add.node()];
        let prepared = AddStep.prepare::<C>(nodes).compute_bound().stateful();
        let (x, gamma, beta) = (x.into_primitive(), gamma.into_primitive(), beta.into_primitive());
        let ((y, mean, variance), kept) = of_flex(x, &gamma, &beta, Some(&add.into_primitive()), how);
        let y = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish(kept, y),
            OpsKind::UnTracked(prepared) => prepared.finish(y),
        };
        (y, Self::from_inner(mean), Self::from_inner(variance))
    }
}

/// Passes on the gradients by the input, the scale and the shift, and gives that by the map that was added, with its fork.
fn three(
    grads: &mut Gradients,
    gradient: FlexFloat,
    kept: Option<Kept>,
    nodes: [Option<Node>; 3],
) -> Option<(FlexFloat, Option<Fork>)> {
    let kept = kept?;
    let shares = kept.backward(gradient).ok()?;
    recycle(kept.x);
    kept.y.into_iter().for_each(recycle);
    for (node, share) in nodes.into_iter().zip([shares.x, shares.gamma, shares.beta]) {
        if let Some(node) = node {
            grads.register::<Flex>(node, share);
        }
    }
    Some((shares.add?, kept.how.fork))
}

/// The backward step.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 3> for Step {
    type State = Option<Kept>;

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        three(grads, gradient, ops.state, ops.parents.map(|node| node.map(|node| node.id)));
    }
}

/// The backward step where a map was added.
#[derive(Debug)]
struct AddStep;

impl Backward<Flex, 4> for AddStep {
    type State = Option<Kept>;

    fn backward(self, ops: Ops<Self::State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let [x, gamma, beta, add] = ops.parents.map(|node| node.map(|node| node.id));
        let share = three(grads, gradient, ops.state, [x, gamma, beta]);
        if let (Some(node), Some((share, fork))) = (add, share) {
            pass_on(grads, node, fork.as_ref(), share);
        }
    }
}
