//! A network being trained, epoch by epoch.

use areal_formats::ModelSpec;
use areal_job::{Job, Task};
use areal_kernels::Isa;
use areal_model::{
    Bundle, BurnInference, DeviceChoice, Inference, Loss, ModelError, Network, NetworkConfig, Precision, StateDict,
    stage_count,
};
use areal_plan::PlanInference;
use burn::module::Module;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ndarray::Array2;

use crate::data::Samples;
use crate::evaluate::{measure, stack};
use crate::features::HeadInputs;
use crate::groups::Groups;
use crate::loader::{Batch, Loader};
use crate::optimiser::Optimiser;
use crate::sampling::{epoch_batches, even_batches, stream};
use crate::step::step;
use crate::{EpochRow, KernelOperations, TrainError, TrainSettings};

/// Purpose of the random streams that order patches.
const ORDER: u64 = 1;

/// What the names of the head's tensors begin with.
const HEAD: &str = "fc.";

/// Weights of [`Learner::weights`] with those of the frozen layers, which any other weights of the run hold.
pub(crate) fn with_frozen(
    settings: &TrainSettings,
    of_run: impl FnOnce() -> Result<StateDict, TrainError>,
    weights: StateDict,
) -> Result<StateDict, TrainError> {
    if !settings.trains_head_alone() {
        return Ok(weights);
    }
    let mut all = of_run()?;
    all.tensors.extend(weights.tensors);
    Ok(all)
}

/// A network being trained.
pub(crate) struct Learner<'a> {
    settings: &'a TrainSettings,
    /// The model as it will be described; not calibrated yet.
    spec: &'a ModelSpec,
    loss: Loss,
    /// Weight of each class in the loss; none where all have the same weight.
    class_weights: Option<Vec<f64>>,
    train: &'a Samples<'a>,
    validation: &'a Samples<'a>,
    classes: Vec<usize>,
    device: Device,
    operations: KernelOperations,
    network: Network,
    /// Where only the head is trained and each patch has few variants: its features, in place of the images.
    features: Option<HeadInputs>,
    pub optimiser: Optimiser,
}

/// Where a step of training begins.
enum Start<'a> {
    /// With the images.
    Images,
    /// After frozen layers, which the images go through first.
    After(&'a FrozenLayers),
    /// With features, which were computed before.
    Features,
}

/// The first layers of a network, which are not trained for now; on the device without gradients.
struct FrozenLayers {
    network: Network,
    /// Stages after the stem.
    stages: usize,
}

/// Settings, model description and data of a training.
pub(crate) struct TrainingInputs<'a> {
    pub settings: &'a TrainSettings,
    pub spec: &'a ModelSpec,
    pub loss: Loss,
    pub class_weights: Option<Vec<f64>>,
    pub train: &'a Samples<'a>,
    pub validation: &'a Samples<'a>,
}

impl<'a> Learner<'a> {
    /// `device` is one with gradients.
    pub fn new(
        inputs: TrainingInputs<'a>,
        weights: &StateDict,
        device: Device,
        operations: KernelOperations,
    ) -> Result<Self, TrainError> {
        let network = Network::from_state(&NetworkConfig::of(inputs.spec), weights, &device)?;
        let classes = if inputs.spec.target.classes().is_empty() { Vec::new() } else { inputs.train.classes() };
        let steps = inputs.train.len().div_ceil(inputs.settings.batch_size);
        let groups = Groups::new(&network, inputs.settings, steps);
        Ok(Self {
            settings: inputs.settings,
            spec: inputs.spec,
            loss: inputs.loss,
            class_weights: inputs.class_weights,
            train: inputs.train,
            validation: inputs.validation,
            classes,
            device,
            operations,
            network,
            features: None,
            optimiser: Optimiser::new(inputs.settings, operations).with_groups(groups),
        })
    }

    /// The weights as they are; only those of the head where nothing else is trained.
    pub fn weights(&self) -> StateDict {
        let mut weights = StateDict::of(&self.network);
        if self.settings.trains_head_alone() {
            weights.tensors.retain(|name, _| name.starts_with(HEAD));
        }
        weights
    }

    /// Computes the features of all patches, where only the head is trained and they do not change.
    pub fn cache_features(&mut self, job: Job<'_>) -> Result<(), TrainError> {
        let width = NetworkConfig::of(self.spec).features();
        if HeadInputs::are_wanted(self.settings, width, [self.train.len(), self.validation.len()]) {
            let mut inference = self.inference()?;
            let augmentation = self.settings.augmentation;
            self.features = Some(HeadInputs::new(inference.as_mut(), augmentation, self.train, self.validation, job)?);
        }
        Ok(())
    }

    /// The network as it is used after training: compiled on the CPU.
    fn inference(&self) -> Result<Box<dyn Inference>, TrainError> {
        let (spec, network) = (self.spec.clone(), self.network.valid());
        if self.settings.device != DeviceChoice::Cpu {
            return Ok(Box::new(BurnInference::new(Bundle { spec, network }, self.device.clone().inner())));
        }
        Ok(Box::new(PlanInference::from_bundle(Bundle { spec, network }, Isa::detect()?, Precision::F32, None)?))
    }

    /// Steps of an epoch.
    pub fn steps(&self) -> usize {
        self.train.len().div_ceil(self.settings.batch_size)
    }

    /// Trains for one epoch (from 1) and measures it on the validation patches.
    pub fn epoch(&mut self, epoch: usize, job: Job<'_>, task: &dyn Task) -> Result<EpochRow, TrainError> {
        let train_loss = self.learn(epoch, job, task)?;
        let logits = self.validation_logits(job)?;
        let validation = measure(self.spec, &logits, &self.validation.targets);
        let validation_loss = self.plain_loss(&logits);
        let learning_rate = self.settings.rate(epoch * self.steps() - 1, self.steps());
        EpochRow { epoch, learning_rate, train_loss, validation_loss, validation }.finite()
    }

    /// Mean loss over the epoch's patches.
    fn learn(&mut self, epoch: usize, job: Job<'_>, task: &dyn Task) -> Result<f64, TrainError> {
        let settings = self.settings;
        let mut order = stream(settings.seed, ORDER, epoch, 0);
        let batches = epoch_batches(settings.sampler, self.train.len(), &self.classes, settings.batch_size, &mut order);
        let (train, normalisation) = (self.train, &self.spec.normalisation);
        let vary = Some((settings.augmentation, settings.seed, epoch));
        let (steps, mut sum, mut patches) = (batches.len(), 0.0, 0);
        let frozen = settings.frozen_stages(epoch).map(|stages| FrozenLayers { network: self.network.valid(), stages });
        let features = self.features.take();
        let start = match (&features, &frozen) {
            (Some(_), _) => Start::Features,
            (None, Some(frozen)) => Start::After(frozen),
            (None, None) => Start::Images,
        };
        // After its first step its memory is not shared, and it is changed in place.
        let mut network = Some(self.network.clone());
        let mut use_batch = |step: usize, batch: Batch| {
            job.check()?;
            let n = batch.targets.len();
            let at = (epoch - 1) * steps + step;
            let before = network.take().expect("each step puts the network back");
            let (after, loss) = self.step(before, settings.rate(at, steps), batch, &start);
            network = Some(after);
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch, step: step + 1, steps, loss });
            }
            sum += loss * n as f64;
            patches += n;
            task.advance(1);
            Ok(())
        };
        if let Some(features) = &features {
            let mut first = 0;
            for (step, places) in batches.iter().enumerate() {
                use_batch(step, features.train.batch(train, places, first, vary))?;
                first += places.len();
            }
        } else {
            Loader { samples: train, normalisation, vary }.run(&batches, use_batch)?;
        }
        self.features = features;
        self.network = network.expect("each step puts the network back");
        Ok(sum / patches.max(1) as f64)
    }

    /// One step down the gradients of one batch; gives its loss before the step.
    fn step(&mut self, network: Network, rate: f64, batch: Batch, start: &Start<'_>) -> (Network, f64) {
        let pixels = TensorData::new(batch.pixels, batch.shape);
        let (maps, stages) = match start {
            Start::Images => (Tensor::<4>::from_data(pixels, &self.device), None),
            Start::Features => (Tensor::from_data(pixels, &self.device), Some(stage_count(self.spec.architecture))),
            Start::After(frozen) => {
                let x = Tensor::from_data(pixels, &self.device.clone().inner());
                let maps = frozen.network.maps_after(x, frozen.stages, &self.operations);
                (Tensor::from_inner(maps).to_device(&self.device), Some(frozen.stages))
            }
        };
        let weights = self.class_weights.as_ref().map(|weights| {
            let of_patches: Vec<f32> = batch.targets.iter().map(|k| weights[*k as usize] as f32).collect();
            Tensor::<1>::from_data(TensorData::from(of_patches.as_slice()), &self.device)
        });
        let (spec, kind, device, operations) = (self.spec, self.loss, &self.device, self.operations);
        step(network, &mut self.optimiser, rate, |network| {
            let logits = match stages {
                None => network.forward_with(maps, &operations),
                Some(stages) => network.logits_after(maps, stages, &operations),
            };
            Loss::mean(losses(spec, kind, logits, &batch.targets, device), weights)
        })
    }

    fn plain_loss(&self, logits: &Array2<f32>) -> f64 {
        let device = Device::flex();
        let data = TensorData::new(logits.iter().copied().collect::<Vec<f32>>(), [logits.nrows(), logits.ncols()]);
        let losses = losses(self.spec, self.loss, Tensor::from_data(data, &device), &self.validation.targets, &device);
        losses.mean().into_data().iter::<f64>().sum()
    }

    /// Logits `[N, K]` of the validation patches, batch normalisation as in use.
    pub fn validation_logits(&self, job: Job<'_>) -> Result<Array2<f32>, TrainError> {
        let network = self.network.valid();
        let device = self.device.clone().inner();
        let batches = even_batches(&(0..self.validation.len()).collect::<Vec<_>>(), self.settings.batch_size);
        let (samples, normalisation) = (self.validation, &self.spec.normalisation);
        let mut parts = Vec::with_capacity(batches.len());
        let features = self.features.as_ref().map(|features| &features.validation);
        let use_batch = |_: usize, batch: Batch| {
            job.check()?;
            let x = Tensor::<4>::from_data(TensorData::new(batch.pixels, batch.shape), &device);
            let logits = if features.is_some() { network.head(x) } else { network.forward(x) };
            let logits = logits.into_data().iter::<f32>().collect();
            let shape = (batch.targets.len(), self.spec.target.outputs());
            parts.push(Array2::from_shape_vec(shape, logits).map_err(|e| ModelError::Compute(e.to_string()))?);
            Ok(())
        };
        match features {
            Some(features) => {
                let of_batch = |(i, places): (usize, &Vec<usize>)| (i, features.batch(samples, places, 0, None));
                let mut batches = batches.iter().enumerate().map(of_batch);
                batches.try_for_each({
                    let mut use_batch = use_batch;
                    move |(i, batch)| use_batch(i, batch)
                })?;
            }
            None => Loader { samples, normalisation, vary: None }.run(&batches, use_batch)?,
        }
        Ok(stack(&parts))
    }

    /// Puts other weights of [`Learner::weights`] in the place of the present ones.
    pub fn set_weights(&mut self, weights: StateDict) -> Result<(), TrainError> {
        let all = with_frozen(self.settings, || Ok(StateDict::of(&self.network)), weights)?;
        self.network = Network::from_state(&NetworkConfig::of(self.spec), &all, &self.device)?;
        Ok(())
    }

    /// The trained network, without gradients.
    pub fn into_network(self) -> Network {
        self.network.valid()
    }
}

/// Losses `[N]` of logits `[N, K]` against classes, or values in their own units.
fn losses(spec: &ModelSpec, loss: Loss, logits: Tensor<2>, targets: &[f64], device: &Device) -> Tensor<1> {
    if let Some(scale) = spec.value_scale {
        let values: Vec<f32> = targets.iter().map(|v| ((v - scale.mean) / scale.std) as f32).collect();
        let truth = Tensor::from_data(TensorData::from(values.as_slice()), device);
        return loss.of_values(logits.reshape([targets.len()]), truth);
    }
    let classes: Vec<i64> = targets.iter().map(|k| *k as i64).collect();
    let truth = Tensor::<1, Int>::from_data(TensorData::from(classes.as_slice()), device);
    loss.of_classes(logits, truth)
}
