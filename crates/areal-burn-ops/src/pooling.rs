//! Max pooling.

use std::sync::Arc;

use areal_kernels::buffer_pool::take;
use areal_kernels::{Isa, MapShape, MaxPool};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn::tensor::ops::MaxPoolOptions;

use crate::layout::{images_of, map_of, map_shape, return_buffer};
use crate::{CHECKED, FlexFloat, Kernels, is_ours};

/// The pooling as an operation of Burn's backends.
#[backend_extension(Flex, Autodiff)]
trait MapPooling: Backend {
    /// The greatest value in each window of images `[N, C, H, W]`.
    fn map_max_pool2d(x: FloatTensor<Self>, pool: MaxPool, isa: Isa) -> FloatTensor<Self>;
}

impl Kernels {
    /// The greatest value in each window of images `[N, C, H, W]`; positions outside do not count. Burn's own operation is
    /// used for other types than `f32`, other devices than the CPU and windows of more than 255 positions.
    pub fn max_pool2d(self, x: Tensor<4>, pool: MaxPool) -> Tensor<4> {
        let [n, c, h, w] = x.dims();
        let is_small = u8::try_from(pool.kernel * pool.kernel).is_ok();
        if is_ours(&x) && is_small && pool.output(MapShape::new(h, w, n, c)).is_ok() {
            let y = <Dispatch as MapPooling>::map_max_pool2d(x.into_dispatch(), pool, self.isa);
            return Tensor::from_dispatch(y);
        }
        let MaxPool { kernel, stride, padding } = pool;
        let options = MaxPoolOptions::new([kernel; 2]).with_stride([stride; 2]).with_padding([padding; 2]);
        burn::tensor::module::max_pool2d(x, options)
    }
}

/// Where each of the greatest values came from.
#[derive(Debug, Clone)]
struct PoolState {
    isa: Isa,
    pool: MaxPool,
    shape: MapShape,
    places: Arc<Vec<u8>>,
}

fn forward(x: &FlexFloat, pool: MaxPool, isa: Isa) -> (FlexFloat, PoolState) {
    let shape = map_shape(x);
    let target = pool.output(shape).expect(CHECKED);
    let (mut y, mut places) = (take(target.len()), vec![0; target.len()]);
    pool.run_and_remember(isa, shape, &map_of(x), &mut y, &mut places).expect(CHECKED);
    (images_of(y, target), PoolState { isa, pool, shape, places: Arc::new(places) })
}

impl MapPooling for Flex {
    fn map_max_pool2d(x: FlexFloat, pool: MaxPool, isa: Isa) -> FlexFloat {
        forward(&x, pool, isa).0
    }
}

impl<C: CheckpointStrategy> MapPooling for Autodiff<Flex, C> {
    fn map_max_pool2d(x: FloatTensor<Self>, pool: MaxPool, isa: Isa) -> FloatTensor<Self> {
        match PoolStep.prepare::<C>([x.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => {
                let (y, state) = forward(&x.into_primitive(), pool, isa);
                prepared.finish(state, y)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(forward(&x.into_primitive(), pool, isa).0),
        }
    }
}

/// The backward pass of a pooling.
#[derive(Debug)]
struct PoolStep;

impl Backward<Flex, 1> for PoolStep {
    type State = PoolState;

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let gradient = grads.consume::<Flex>(&ops.node);
        let ([Some(node)], PoolState { isa, pool, shape, places }) = (ops.parents, ops.state) else { return };
        let mut result = take(shape.len());
        pool.gradient(isa, shape, &places, &map_of(&gradient), &mut result).expect(CHECKED);
        grads.register::<Flex>(node.id, images_of(result, shape));
        return_buffer(gradient);
    }
}
