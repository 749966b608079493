use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;

use crate::layout::{images_of, map_of, map_shape, recycle};
use crate::{FlexFloat, is_ours, isa};
use areal_kernels::buffer_pool::take;
use areal_kernels::{KernelError, MapShape, MaxPool};

/// The pooling as an operation of Burn's backends.
#[backend_extension(Flex, Autodiff)]
trait MapPooling: Backend {
    /// The greatest value in each window of images `[N, C, H, W]`.
    fn map_max_pool2d(x: FloatTensor<Self>, pool: MaxPool) -> FloatTensor<Self>;
}

/// The greatest value in each window of images `[N, C, H, W]`; positions outside do not count. With these kernels in
/// single precision on Burn's CPU backend, with Burn's own operation elsewhere.
pub fn max_pool2d(x: Tensor<4>, pool: MaxPool) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    let is_small = u8::try_from(pool.kernel * pool.kernel).is_ok();
    if is_ours(&x) && is_small && pool.output(MapShape::new(h, w, n, c)).is_ok() {
        return Tensor::from_dispatch(<Dispatch as MapPooling>::map_max_pool2d(x.into_dispatch(), pool));
    }
    let MaxPool { kernel, stride, padding } = pool;
    let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
    burn::tensor::module::max_pool2d(x, options)
}

/// Where each of the greatest values came from.
#[derive(Debug, Clone)]
struct Kept {
    pool: MaxPool,
    shape: MapShape,
    places: Arc<Vec<u8>>,
}

fn forward(x: &FlexFloat, pool: MaxPool) -> Result<(FlexFloat, Kept), KernelError> {
    let shape = map_shape(x);
    let target = pool.output(shape)?;
    let (mut y, mut places) = (take(target.len()), vec![0; target.len()]);
    pool.run_and_remember(isa(), shape, &map_of(x), &mut y, &mut places)?;
    Ok((images_of(y, target), Kept { pool, shape, places: Arc::new(places) }))
}

/// The pooled images. What the kernels refuse, and `max_pool2d` never passes on, comes out as it went in.
fn of_flex(x: FlexFloat, pool: MaxPool) -> (FlexFloat, Option<Kept>) {
    match forward(&x, pool) {
        Ok((y, kept)) => (y, Some(kept)),
        Err(_) => (x, None),
    }
}

impl MapPooling for Flex {
    fn map_max_pool2d(x: FlexFloat, pool: MaxPool) -> FlexFloat {
        of_flex(x, pool).0
    }
}

impl<C: CheckpointStrategy> MapPooling for Autodiff<Flex, C> {
    fn map_max_pool2d(x: FloatTensor<Self>, pool: MaxPool) -> FloatTensor<Self> {
        match Step.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (y, kept) = of_flex(x.into_primitive(), pool);
                prepared.finish(kept, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(of_flex(x.into_primitive(), pool).0),
        }
    }
}

/// The backward step.
#[derive(Debug)]
struct Step;

impl Backward<Flex, 1> for Step {
    type State = Option<Kept>;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let ([Some(node)], Some(kept)) = (ops.parents, ops.state) else { return };
        let mut result = take(kept.shape.len());
        if kept.pool.gradient(isa(), kept.shape, &kept.places, &map_of(&gradient), &mut result).is_ok() {
            grads.register::<Flex>(node.id, images_of(result, kept.shape));
        }
        recycle(gradient);
    }
}
