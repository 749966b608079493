//! One step of training.

use areal_model::Network;
use burn::optim::GradientsParams;
use burn::tensor::Tensor;

use crate::Optimiser;

/// One step of training: computes the loss of the network as it is, and moves the network down its gradients at the
/// learning rate; not where the loss is not finite. Gives the network and the loss `[1]` before the step.
///
/// The network should be shared with nothing, so that it can be changed in place.
pub fn step(
    network: Network,
    optimiser: &mut Optimiser,
    rate: f64,
    loss: impl FnOnce(&Network) -> Tensor<1>,
) -> (Network, f64) {
    let loss = loss(&network);
    let value: f64 = loss.to_data().iter::<f64>().sum();
    if !value.is_finite() {
        return (network, value);
    }
    let grads = GradientsParams::from_grads(loss.backward(), &network);
    (optimiser.step(rate, network, grads), value)
}
