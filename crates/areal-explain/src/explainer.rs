//! Saliency of single patches and the measures of its faithfulness.

use areal_formats::ModelSpec;
use areal_grid::PixelState;
use areal_model::{
    DeviceChoice, Gradients, ModelError, Network, NetworkConfig, PatchBatch, StateDict, probabilities, to_tensor,
};
use burn::tensor::{Device, Tensor};
use ndarray::{Array2, Array3};

use crate::cam::{grad_cam, hires_cam, upsample};
use crate::measure::{area_under, order, rank_correlation};
use crate::{ExplainError, Method};

/// Patches that go through the network at once.
const BATCH: usize = 64;

/// A network prepared for explanation: in evaluation mode, with gradients by the feature maps only.
pub struct Explainer {
    spec: ModelSpec,
    network: Network,
    /// The same weights on the device with gradients; only its head is used, which has no batch normalisation.
    head: Network,
    device: Device,
}

/// One output of the network for a patch.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// Which output: the class's place in the legend; 0 for a value.
    pub output: usize,
    /// The logit; of a value, before it is converted to its units.
    pub logit: f64,
    /// The class probability, 0 to 1; of a value, the value.
    pub result: f64,
}

/// A saliency map at two resolutions.
#[derive(Debug, Clone, PartialEq)]
pub struct Saliency {
    /// The map as computed, `[h, w]`: of the feature maps' size, or of the patch's for occlusion. In units of the logit.
    pub raw: Array2<f32>,
    /// The map on the pixels of the patch, `[row, col]`.
    pub map: Array2<f32>,
}

impl Explainer {
    /// For a network with these weights.
    ///
    /// # Errors
    /// When the weights do not fit the model, or the device cannot be had or computes something else than the CPU.
    pub fn new(spec: ModelSpec, state: &StateDict, device: DeviceChoice) -> Result<Self, ExplainError> {
        let config = NetworkConfig::of(&spec);
        let device = device.open_checked(&config, state, Gradients::Compare)?;
        let network = Network::from_state(&config, state, &device)?;
        let head = Network::from_state(&config, state, &device.clone().autodiff())?;
        Ok(Self { spec, network, head, device })
    }

    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// Logits `[N, K]` of patches.
    ///
    /// # Errors
    /// When the batch does not fit the model or the device fails.
    pub fn logits(&self, batch: &PatchBatch) -> Result<Array2<f32>, ExplainError> {
        batch.check(self.spec.bands.len())?;
        let logits = self.network.forward(to_tensor(batch, &self.spec.normalisation, &self.device));
        let values = values(logits)?;
        let shape = (batch.shape[0], self.spec.target.outputs());
        Ok(Array2::from_shape_vec(shape, values).map_err(|e| ModelError::Compute(e.to_string()))?)
    }

    /// The score of one output for a single patch; of the largest logit without `output`.
    ///
    /// # Errors
    /// As [`logits`](Self::logits).
    pub fn score(&self, patch: &PatchBatch, output: Option<usize>) -> Result<Score, ExplainError> {
        let logits = self.logits(patch)?;
        let largest = (0..logits.ncols()).max_by(|a, b| logits[[0, *a]].total_cmp(&logits[[0, *b]]).then(b.cmp(a)));
        let output = output.or(largest).expect("a model has an output");
        let result = probabilities(&self.spec, logits.view())[[0, output]];
        Ok(Score { output, logit: f64::from(logits[[0, output]]), result: f64::from(result) })
    }

    /// The logit of an output when every feature is 0: the bias of the head.
    ///
    /// # Errors
    /// When the device fails.
    pub fn bias(&self, output: usize) -> Result<f64, ExplainError> {
        let side = self.spec.patch_size;
        let empty = PatchBatch {
            shape: [1, self.spec.bands.len(), side, side],
            pixels: areal_grid::Pixels::zeros(self.spec.pixel_type, self.spec.bands.len() * side * side),
            states: vec![PixelState::Nodata; side * side],
        };
        let features = self.network.features(to_tensor(&empty, &self.spec.normalisation, &self.device));
        let logits = values(self.network.head(features.zeros_like()))?;
        Ok(f64::from(logits[output]))
    }

    /// Feature maps of a single patch and the gradients of a logit by them, both `[F, h, w]`.
    fn features_and_gradients(
        &self,
        patch: &PatchBatch,
        output: usize,
    ) -> Result<(Array3<f32>, Array3<f32>), ExplainError> {
        patch.check(self.spec.bands.len())?;
        let features = self.network.features(to_tensor(patch, &self.spec.normalisation, &self.device));
        let [_, f, h, w] = features.dims();
        // A leaf of its own: the gradient stops at the feature maps.
        let leaf = Tensor::from_inner(features.clone()).require_grad();
        let logits = self.head.head(leaf.clone());
        let gradients = logits.slice([0..1, output..output + 1]).sum().backward();
        let gradient = leaf.grad(&gradients).ok_or_else(|| ModelError::Compute("no gradient".to_owned()))?;
        let array = |tensor: Tensor<4>| -> Result<Array3<f32>, ExplainError> {
            let array = Array3::from_shape_vec((f, h, w), values(tensor)?);
            Ok(array.map_err(|e| ModelError::Compute(e.to_string()))?)
        };
        Ok((array(features)?, array(gradient)?))
    }

    /// The saliency of a single patch for one output.
    ///
    /// # Errors
    /// When the patch does not fit the model or the device fails.
    pub fn saliency(
        &self,
        patch: &PatchBatch,
        output: usize,
        method: Method,
        window: usize,
    ) -> Result<Saliency, ExplainError> {
        if method == Method::Occlusion {
            let map = self.occlusion(patch, output, window)?;
            return Ok(Saliency { raw: map.clone(), map });
        }
        let (features, gradients) = self.features_and_gradients(patch, output)?;
        let raw = match method {
            Method::GradCam => grad_cam(&features, &gradients),
            _ => hires_cam(&features, &gradients),
        };
        let places = NetworkConfig::of(&self.spec).places(raw.dim().0, patch.shape[3]);
        Ok(Saliency { map: upsample(&raw, patch.shape[3], places), raw })
    }

    /// What the logit loses when a `window` x `window` square is hidden, for squares half a window apart; a pixel
    /// holds the mean of the squares that cover it. A hidden pixel is one that is not observed.
    fn occlusion(&self, patch: &PatchBatch, output: usize, window: usize) -> Result<Array2<f32>, ExplainError> {
        let side = patch.shape[3];
        let window = window.clamp(1, side);
        let squares = squares(side, window);
        let whole = self.logits(patch)?[[0, output]];
        let hidden: Vec<Vec<usize>> = squares
            .iter()
            .map(|&(r, c)| (r..r + window).flat_map(|y| (c..c + window).map(move |x| y * side + x)).collect())
            .collect();
        let logits = self.with_hidden(patch, &hidden)?;
        let (mut sum, mut count) = (Array2::<f32>::zeros((side, side)), Array2::<f32>::zeros((side, side)));
        for (pixels, row) in hidden.iter().zip(logits.rows()) {
            for pixel in pixels {
                sum[[pixel / side, pixel % side]] += whole - row[output];
                count[[pixel / side, pixel % side]] += 1.0;
            }
        }
        Ok(sum / count.mapv_into(|n| n.max(1.0)))
    }

    /// Logits `[M, K]` of a patch with each of `M` sets of pixels hidden.
    fn with_hidden(&self, patch: &PatchBatch, hidden: &[Vec<usize>]) -> Result<Array2<f32>, ExplainError> {
        let mut logits = Array2::zeros((0, self.spec.target.outputs()));
        for part in hidden.chunks(BATCH) {
            let batch = hide(patch, part);
            for row in self.logits(&batch)?.rows() {
                logits.push_row(row).map_err(|e| ModelError::Compute(e.to_string()))?;
            }
        }
        Ok(logits)
    }

    /// Areas under the deletion and the insertion curve (Petsiuk et al. 2018): the result of the output while the most
    /// salient pixels are hidden first, and while they are shown first on a hidden patch, over the fraction of pixels
    /// changed, by the trapezoid rule with `steps` steps. Low is good for deletion, high for insertion.
    ///
    /// # Errors
    /// When the device fails.
    pub fn deletion_insertion(
        &self,
        patch: &PatchBatch,
        output: usize,
        map: &Array2<f32>,
        steps: usize,
    ) -> Result<(f64, f64), ExplainError> {
        let order = order(map);
        let changed = |t: usize| (t * order.len() + steps / 2) / steps.max(1);
        let deleted: Vec<Vec<usize>> = (0..=steps).map(|t| order[..changed(t)].to_vec()).collect();
        let inserted: Vec<Vec<usize>> = (0..=steps).map(|t| order[changed(t)..].to_vec()).collect();
        let area = |sets: &[Vec<usize>]| -> Result<f64, ExplainError> {
            let results = probabilities(&self.spec, self.with_hidden(patch, sets)?.view());
            Ok(area_under(&results.column(output).iter().map(|v| f64::from(*v)).collect::<Vec<_>>()))
        };
        Ok((area(&deleted)?, area(&inserted)?))
    }

    /// Rank correlation of a map with the map of the same patch by another network: near 0 for a method that depends
    /// on the weights, when the other's are random (Adebayo et al. 2018). None where a map has no spread.
    ///
    /// # Errors
    /// As [`saliency`](Self::saliency).
    pub fn correlation_with(
        &self,
        patch: &PatchBatch,
        output: usize,
        method: Method,
        window: usize,
        map: &Array2<f32>,
    ) -> Result<Option<f64>, ExplainError> {
        Ok(rank_correlation(map, &self.saliency(patch, output, method, window)?.map))
    }
}

/// Separates the random weights from those that training with the same seed starts from: a head that training changed
/// little would otherwise be compared with itself.
const SEED_MASK: u64 = 0x9E37_79B9_7F4A_7C15;

/// The weights with a random head, and entirely random weights: randomised from the top down.
///
/// # Errors
/// None for a sound model.
pub fn randomised(spec: &ModelSpec, state: &StateDict, seed: u64) -> Result<[StateDict; 2], ExplainError> {
    let all = StateDict::of(&Network::new(&NetworkConfig::of(spec), seed ^ SEED_MASK, &Device::flex())?);
    let mut head = state.clone();
    for (name, tensor) in all.tensors.iter().filter(|(name, _)| name.starts_with("fc.")) {
        head.tensors.insert(name.clone(), tensor.clone());
    }
    Ok([head, all])
}

/// First rows and columns of the squares: half a window apart, the last ones flush with the far edge.
fn squares(side: usize, window: usize) -> Vec<(usize, usize)> {
    let step = (window / 2).max(1);
    let mut firsts: Vec<usize> = (0..=side - window).step_by(step).collect();
    if firsts.last() != Some(&(side - window)) {
        firsts.push(side - window);
    }
    firsts.iter().flat_map(|&r| firsts.iter().map(move |&c| (r, c))).collect()
}

/// Copies of a patch with pixels hidden, one for each set.
fn hide(patch: &PatchBatch, sets: &[Vec<usize>]) -> PatchBatch {
    let [_, c, h, w] = patch.shape;
    let size = c * h * w;
    let mut pixels = areal_grid::Pixels::zeros(patch.pixels.pixel_type(), sets.len() * size);
    let mut states = Vec::with_capacity(sets.len() * h * w);
    for (n, set) in sets.iter().enumerate() {
        pixels.copy_from(n * size, &patch.pixels, 0, size);
        let first = states.len();
        states.extend_from_slice(&patch.states);
        for pixel in set {
            states[first + pixel] = PixelState::Nodata;
        }
    }
    PatchBatch { shape: [sets.len(), c, h, w], pixels, states }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ExplainError> {
    let data = tensor.try_into_data().map_err(|e| ModelError::Compute(e.to_string()))?;
    Ok(data.iter::<f32>().collect())
}
