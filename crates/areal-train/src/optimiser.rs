//! Optimisers whose state can be saved and restored.

use std::collections::BTreeMap;

use areal_burn_ops::{Kernels, squares};
use areal_kernels::{AdamW, Momentum};
use areal_model::{Network, StateDict, TensorValues};
use burn::backend::DispatchTensor;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::GradientsParams;
use burn::tensor::{Tensor, TensorData};

use crate::groups::Groups;
use crate::{KernelOperations, OptimiserKind, TrainSettings};

/// Momentum of [`OptimiserKind::Sgd`].
pub const MOMENTUM: f64 = 0.9;
const BETA: [f64; 2] = [0.9, 0.999];
const EPSILON: f64 = 1e-8;

/// Adam with decoupled weight decay, or gradient descent with momentum; its state can be saved and restored, so
/// that a run continues to the same bytes.
pub struct Optimiser {
    kernels: Kernels,
    kind: OptimiserKind,
    weight_decay: f64,
    clip_norm: Option<f64>,
    groups: Groups,
    steps: u64,
    /// Per parameter: first moment (or momentum), second moment.
    moments: BTreeMap<u64, Vec<Moment>>,
}

impl Optimiser {
    /// Before its first step.
    pub fn new(settings: &TrainSettings, operations: KernelOperations) -> Self {
        Self {
            kernels: operations.0,
            kind: settings.optimiser,
            weight_decay: settings.weight_decay,
            clip_norm: settings.clip_norm,
            groups: Groups::default(),
            steps: 0,
            moments: BTreeMap::new(),
        }
    }

    /// With the groups of a network's parameters; without, all are trained alike.
    pub(crate) fn with_groups(self, groups: Groups) -> Self {
        Self { groups, ..self }
    }

    /// One step down the gradients.
    pub fn step(&mut self, rate: f64, network: Network, grads: GradientsParams) -> Network {
        self.steps += 1;
        let scale = self.clip_norm.map_or(1.0, |most| {
            let mut norm = Norm { grads: &grads, squares: 0.0 };
            network.visit(&mut norm);
            (most / norm.squares.sqrt().max(f64::MIN_POSITIVE)).min(1.0)
        });
        network.map(&mut Update { optimiser: self, rate, scale, grads })
    }

    /// New values of one parameter with weights `p` and gradient `g`, which is multiplied by `scale` first.
    fn update<const D: usize>(
        &mut self,
        id: u64,
        p: Tensor<D>,
        g: Tensor<D>,
        [rate, decay, scale]: [f64; 3],
    ) -> Tensor<D> {
        let mut old = self.moments.remove(&id).unwrap_or_default().into_iter();
        let mut moment = || old.next().map_or_else(|| Tensor::zeros(p.dims(), &p.device()), |m| m.tensor(&p));
        let (p, moments) = match self.kind {
            OptimiserKind::Adamw => {
                let moments = [moment(), moment()];
                // Counted from the parameter's first step: its moments begin there.
                let step = self.steps - self.groups.of(id).begins;
                let how = AdamW { rate, decay, betas: BETA, epsilon: EPSILON, step, scale };
                let (p, moments) = self.kernels.adamw(p, g, moments, how);
                (p, Vec::from(moments))
            }
            OptimiserKind::Sgd => {
                let old = moment();
                let how = Momentum { rate, decay, beta: MOMENTUM, scale };
                let (p, momentum) = self.kernels.momentum(p, g, old, how);
                (p, vec![momentum])
            }
        };
        self.moments.insert(id, moments.into_iter().map(Moment::of).collect());
        p
    }

    /// The number of steps and the moments.
    pub(crate) fn state(&self) -> (u64, StateDict) {
        let tensors = self.moments.iter().flat_map(|(id, moments)| {
            moments.iter().enumerate().map(move |(i, moment)| (format!("{id}.{i}"), moment.values()))
        });
        (self.steps, StateDict { tensors: tensors.collect() })
    }

    /// Puts [`state`](Self::state) back.
    ///
    /// # Errors
    /// The name of a tensor that does not begin with the number of a parameter.
    pub(crate) fn restore(&mut self, steps: u64, state: StateDict) -> Result<(), String> {
        self.steps = steps;
        self.moments.clear();
        // Names ascend, so that a parameter's moments come in their order.
        for (name, values) in state.tensors {
            let Some(id) = name.split('.').next().and_then(|id| id.parse().ok()) else { return Err(name) };
            self.moments.entry(id).or_default().push(Moment::Kept(values));
        }
        Ok(())
    }
}

/// The moments of one parameter, which has any number of axes.
enum Moment {
    /// Taken from a checkpoint.
    Kept(TensorValues),
    /// In use, with how it is read.
    InUse(DispatchTensor, fn(DispatchTensor) -> TensorValues),
}

impl Moment {
    fn of<const D: usize>(tensor: Tensor<D>) -> Self {
        let read = |tensor| {
            let tensor = Tensor::<D>::from_dispatch(tensor);
            TensorValues { shape: tensor.dims().to_vec(), values: tensor.into_data().iter::<f32>().collect() }
        };
        Self::InUse(tensor.into_dispatch(), read)
    }

    /// As a tensor like the parameter.
    fn tensor<const D: usize>(self, like: &Tensor<D>) -> Tensor<D> {
        match self {
            Self::Kept(values) => Tensor::from_data(TensorData::new(values.values, like.dims()), &like.device()),
            Self::InUse(tensor, _) => Tensor::from_dispatch(tensor),
        }
    }

    fn values(&self) -> TensorValues {
        match self {
            Self::Kept(values) => values.clone(),
            Self::InUse(tensor, read) => read(tensor.clone()),
        }
    }
}

struct Norm<'a> {
    grads: &'a GradientsParams,
    squares: f64,
}

impl ModuleVisitor for Norm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(grad) = self.grads.get::<D>(param.id) {
            self.squares += squares(grad);
        }
    }
}

struct Update<'a> {
    optimiser: &'a mut Optimiser,
    rate: f64,
    scale: f64,
    grads: GradientsParams,
}

impl ModuleMapper for Update<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper): (ParamId, Tensor<D>, _) = param.consume();
        // Running statistics and frozen parameters have no gradient.
        let Some(grad) = self.grads.remove::<D>(id) else { return Param::from_mapped_value(id, tensor, mapper) };
        let device = tensor.device();
        // Normalisations and biases have one axis; they do not decay.
        let decay = if D > 1 { self.optimiser.weight_decay } else { 0.0 };
        let rate = self.rate * self.optimiser.groups.of(id.val()).factor;
        let updated = self.optimiser.update(id.val(), tensor.inner(), grad, [rate, decay, self.scale]);
        let updated = Tensor::from_inner(updated).to_device(&device).require_grad();
        Param::from_mapped_value(id, updated, mapper)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    fn tensor(values: &[f32]) -> Tensor<1> {
        Tensor::from_data(TensorData::from(values), &Device::flex())
    }

    fn values(tensor: &Tensor<1>) -> Vec<f32> {
        tensor.to_data().iter::<f32>().collect()
    }

    fn optimiser(kind: OptimiserKind) -> Optimiser {
        Optimiser::new(
            &TrainSettings { optimiser: kind, ..TrainSettings::default() },
            KernelOperations::detect().unwrap(),
        )
    }

    /// The first step of Adam is the rate in the gradient's direction, whatever its size; decay comes on top.
    #[test]
    fn adam_by_hand() {
        let mut adam = optimiser(OptimiserKind::Adamw);
        adam.steps = 1;
        let p = adam.update(1, tensor(&[1.0, -2.0]), tensor(&[0.5, -3.0]), [0.1, 0.0, 1.0]);
        assert!(values(&p).iter().zip([0.9f32, -1.9]).all(|(f, e)| (f - e).abs() < 1e-6), "{p}");
        // Second step, gradient 1 then 0: first moment 0.09 / (1 - 0.81), second 0.000999 / (1 - 0.998001).
        let mut adam = optimiser(OptimiserKind::Adamw);
        adam.steps = 1;
        adam.update(1, tensor(&[0.0]), tensor(&[1.0]), [0.1, 0.0, 1.0]);
        adam.steps = 2;
        let p = adam.update(1, tensor(&[1.0]), tensor(&[0.0]), [0.1, 0.5, 1.0]);
        let expected = 1.0 * (1.0 - 0.05) - 0.1 * (0.09 / 0.19) / (0.000_999f64 / 0.001_999).sqrt();
        assert!((f64::from(values(&p)[0]) - expected).abs() < 1e-6, "{p} {expected}");
    }

    /// Momentum: 1, then 0.9 x 1 + 1; decay adds to the gradient.
    #[test]
    fn momentum_by_hand() {
        let mut sgd = optimiser(OptimiserKind::Sgd);
        let p = sgd.update(1, tensor(&[2.0]), tensor(&[1.0]), [0.1, 0.0, 1.0]);
        assert!((values(&p)[0] - 1.9).abs() < 1e-6);
        let p = sgd.update(1, p, tensor(&[1.0]), [0.1, 0.0, 1.0]);
        assert!((values(&p)[0] - (1.9 - 0.19)).abs() < 1e-6);
        let p = optimiser(OptimiserKind::Sgd).update(1, tensor(&[2.0]), tensor(&[1.0]), [0.1, 0.5, 1.0]);
        assert!((values(&p)[0] - 1.8).abs() < 1e-6);
    }

    #[test]
    fn what_is_remembered_comes_back() {
        let mut adam = optimiser(OptimiserKind::Adamw);
        adam.steps = 1;
        let p = adam.update(12, tensor(&[1.0, -2.0]), tensor(&[0.5, -3.0]), [0.1, 0.1, 1.0]);
        let (steps, state) = adam.state();
        let mut other = optimiser(OptimiserKind::Adamw);
        other.restore(steps, state).unwrap();
        let unknown =
            StateDict { tensors: [("x.0".to_owned(), TensorValues { shape: vec![], values: vec![0.0] })].into() };
        assert_eq!(optimiser(OptimiserKind::Adamw).restore(1, unknown), Err("x.0".to_owned()));
        adam.steps += 1;
        other.steps += 1;
        let next = |o: &mut Optimiser| values(&o.update(12, p.clone(), tensor(&[0.3, 0.1]), [0.1, 0.1, 1.0]));
        assert_eq!(next(&mut adam), next(&mut other));
    }
}
