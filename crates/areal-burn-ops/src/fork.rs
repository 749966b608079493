//! Gradients of a tensor that two operations read, added where the second one is computed.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::Flex;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Tensor;

use crate::{FlexFloat, is_ours};

/// Adds the gradients of a map that two operations read.
///
/// Burn would add them in a separate pass, in one thread and out of the maps' order in memory. Of two operations that share
/// a fork, the one whose gradient is computed first stores it here; the other adds its own as it is computed and passes the
/// sum on. A fork serves one forward and one backward pass. Both operations must take part in the backward pass and be
/// covered by the kernels, since Burn's own operations do not use forks.
#[derive(Debug, Clone)]
pub struct Fork(Arc<Mutex<Option<FlexFloat>>>);

impl Fork {
    /// A fork for a tensor that two operations are going to read; none on devices where Burn's own operations are used.
    pub fn of(x: &Tensor<4>) -> Option<Self> {
        is_ours(x).then(|| Self(Arc::default()))
    }

    /// The gradient of the other branch, if it has been computed.
    pub(crate) fn take(&self) -> Option<FlexFloat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Stores a gradient for the other branch.
    pub(crate) fn store(&self, gradient: FlexFloat) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gradient);
    }
}

/// The node of a tensor in the graph of gradients.
pub(crate) type Node = burn::backend::autodiff::NodeId;

/// Passes on the gradient of a tensor that was read through a fork, or through none.
pub(crate) fn pass_on(grads: &mut Gradients, node: Node, fork: Option<&Fork>, gradient: FlexFloat) {
    let Some(fork) = fork else { return grads.register::<Flex>(node, gradient) };
    match fork.take() {
        Some(other) => grads.register::<Flex>(node, Flex::float_add(other, gradient)),
        None => fork.store(gradient),
    }
}
