//! A comparison of a device with the CPU, before anything is computed on it.

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients as BurnGradients, Tensor, TensorData};
use rand::{RngExt, SeedableRng};

use crate::{DeviceChoice, ModelError, Network, NetworkConfig, StateDict};

/// Patches of the batch that goes through both devices.
const PATCHES: usize = 4;
/// Side of these patches, whatever the side of those in use, unless the network needs larger ones. With fewer or smaller ones the deepest
/// maps have a handful of values, and normalisation by their own variance would blow rounding up.
const SIDE: usize = 48;
/// Greatest difference allowed, as a fraction of what is expected (see [`apart`]). Devices that round products to 10 binary
/// digits stay below it. A device that computes something else does not.
const TOLERANCE: f64 = 0.02;
/// The same for the gradients of one tensor: where rounding moves a feature over zero, its gradients come or go.
const GRADIENT_TOLERANCE: f64 = 0.1;
/// Numbers whose sum of squares is this fraction of what they are a part of may be rounding alone.
const NEGLIGIBLE: f64 = 1e-3;

/// Whether a device is also compared with the CPU on gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gradients {
    Compare,
    Ignore,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::Display)]
pub enum Compared {
    /// Feature maps of a batch.
    #[strum(serialize = "the feature maps")]
    Features,
    /// Logits of a batch.
    #[strum(serialize = "the outputs")]
    Logits,
    /// Gradients of a tensor of weights by the sum of the squared logits, as in training.
    #[strum(serialize = "the gradients")]
    Gradients,
}

/// Sends a batch through a network with these weights on the device and on the CPU, and compares feature maps and logits, and
/// gradients where they are asked for.
///
/// # Errors
/// [`ModelError::DeviceDisagrees`] when the two differ; [`ModelError::Compute`] when the device fails.
pub(crate) fn check_device(
    choice: DeviceChoice,
    device: &Device,
    config: &NetworkConfig,
    weights: &StateDict,
    gradients: Gradients,
) -> Result<(), ModelError> {
    let batch = Batch::of(config);
    let expected = batch.results(config, weights, &Device::flex(), gradients)?;
    let found = batch.results(config, weights, device, gradients)?;
    let least =
        NEGLIGIBLE * expected.iter().filter(|r| r.compared == Compared::Gradients).map(Numbers::squares).sum::<f64>();
    if let Some(value) = expected.iter().flat_map(|e| &e.values).find(|v| !v.is_finite()) {
        return Err(ModelError::Compute(format!("the network gives {value} on the CPU for a probe batch")));
    }
    if found.len() != expected.len() {
        let (found, expected) = (found.len(), expected.len());
        return Err(ModelError::Compute(format!("{choice} gives gradients of {found} tensors in place of {expected}")));
    }
    for (found, expected) in found.iter().zip(&expected) {
        let (compared, tolerance) = (expected.compared, expected.tolerance());
        let apart = apart(found, expected, least);
        tracing::debug!(%compared, apart, "{choice} beside the CPU");
        if apart.is_nan() || apart > tolerance {
            let example = expected.example(found);
            return Err(ModelError::DeviceDisagrees { device: choice, compared, found: apart, tolerance, example });
        }
    }
    Ok(())
}

/// Root of the sum of squared differences, as a fraction of the root of the sum of squares of what is expected.
///
/// Of features and logits only what differs from patch to patch counts as expected: a large constant, such as the bias of the
/// head, must not hide that a device gives all patches the same. A tensor of gradients with a sum of squares below `least` may
/// be rounding alone, and `least` takes its place.
fn apart(found: &Numbers, expected: &Numbers, least: f64) -> f64 {
    if found.values.len() != expected.values.len() {
        return f64::INFINITY;
    }
    let difference: f64 =
        found.values.iter().zip(&expected.values).map(|(f, e)| square(f64::from(*f) - f64::from(*e))).sum();
    let scale = match expected.compared {
        Compared::Gradients => expected.squares().max(least),
        Compared::Features | Compared::Logits => expected.spread().max(NEGLIGIBLE * expected.squares()),
    };
    if difference == 0.0 { 0.0 } else { (difference / scale).sqrt() }
}

/// A batch of normalised images `[N, C, H, W]`.
struct Batch {
    values: Vec<f32>,
    shape: [usize; 4],
}

impl Batch {
    /// Pseudo-random images, brighter from patch to patch, so that a sound network tells them apart.
    fn of(config: &NetworkConfig) -> Self {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(0x00A2_EA1B);
        let side = SIDE.max(config.least_patch());
        let shape = [PATCHES, config.bands, side, side];
        let mut values = Vec::with_capacity(shape.iter().product());
        for patch in 0..PATCHES {
            for _ in 0..config.bands {
                let level = patch as f32 - 1.5 + rng.random::<f32>() - 0.5;
                values.extend((0..side * side).map(|_| level + 2.0 * rng.random::<f32>() - 1.0));
            }
        }
        Self { values, shape }
    }

    fn on(&self, device: &Device) -> Tensor<4> {
        Tensor::from_data(TensorData::new(self.values.clone(), self.shape), device)
    }

    fn results(
        &self,
        config: &NetworkConfig,
        weights: &StateDict,
        device: &Device,
        gradients: Gradients,
    ) -> Result<Vec<Numbers>, ModelError> {
        let network = Network::from_state(config, weights, device)?;
        // The logits are computed anew: read out in between, the device could not fuse the operations that it fuses in use.
        let features = network.features(self.on(device));
        let mut results = vec![
            Numbers { compared: Compared::Features, values: values(features)? },
            Numbers { compared: Compared::Logits, values: values(network.forward(self.on(device)))? },
        ];
        if gradients == Gradients::Compare {
            results.extend(self.gradients(config, weights, &device.clone().autodiff())?);
        }
        Ok(results)
    }

    /// The gradients of each tensor of weights, in the order of the network's modules.
    fn gradients(
        &self,
        config: &NetworkConfig,
        weights: &StateDict,
        device: &Device,
    ) -> Result<Vec<Numbers>, ModelError> {
        let network = Network::from_state(config, weights, device)?;
        let logits = network.forward(self.on(device));
        let gradients = (logits.clone() * logits).sum().backward();
        let mut collector = Collector { gradients, found: Ok(Vec::new()) };
        network.visit(&mut collector);
        collector.found
    }
}

/// Numbers that a device computed.
struct Numbers {
    compared: Compared,
    values: Vec<f32>,
}

impl Numbers {
    fn tolerance(&self) -> f64 {
        if self.compared == Compared::Gradients { GRADIENT_TOLERANCE } else { TOLERANCE }
    }

    fn squares(&self) -> f64 {
        self.values.iter().map(|v| square(f64::from(*v))).sum()
    }

    /// Sum of squared differences from the mean over the patches.
    fn spread(&self) -> f64 {
        let size = self.values.len() / PATCHES;
        let of_patches = |k: usize| (0..PATCHES).map(move |p| f64::from(self.values[p * size + k]));
        let at = |k: usize| {
            let mean = of_patches(k).sum::<f64>() / PATCHES as f64;
            of_patches(k).map(|v| square(v - mean)).sum::<f64>()
        };
        (0..size).map(at).sum()
    }

    /// The number that is furthest from what is expected, for a person to see.
    fn example(&self, found: &Self) -> String {
        let far = |(f, e): &(&f32, &f32)| (*f - *e).abs();
        let worst = found.values.iter().zip(&self.values).max_by(|a, b| far(a).total_cmp(&far(b)));
        worst.map_or_else(|| "no values".to_owned(), |(f, e)| format!("{f} in place of {e}"))
    }
}

fn square(x: f64) -> f64 {
    x * x
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, ModelError> {
    Ok(tensor.try_into_data().map_err(|e| ModelError::Compute(e.to_string()))?.iter::<f32>().collect())
}

struct Collector {
    gradients: BurnGradients,
    found: Result<Vec<Numbers>, ModelError>,
}

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let (Ok(found), Some(gradient)) = (&mut self.found, param.val().grad(&self.gradients)) else { return };
        match values(gradient) {
            Ok(values) => found.push(Numbers { compared: Compared::Gradients, values }),
            Err(error) => self.found = Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(values: &[f32]) -> Numbers {
        Numbers { compared: Compared::Logits, values: values.to_vec() }
    }

    /// A GPU gave every patch the bias of the head, which was most of each logit: a difference of 5 % of the greatest logit.
    #[test]
    fn a_device_that_gives_all_patches_the_same_is_far_apart() {
        let expected = logits(&[10.0, -3.0, 10.5, -3.5, 10.2, -3.1, 9.6, -2.6]);
        let same = logits(&[10.0, -3.0, 10.0, -3.0, 10.0, -3.0, 10.0, -3.0]);
        // Differences from the expected: 0.5, 0.5, 0.2, 0.1, 0.4, 0.4 squared are .87 in all. By column the expected have means 10.075 and
        // -3.05, and squared differences from them .075^2 + .425^2 + .125^2 + .475^2 = .4275 and .05^2 + .45^2 + .05^2 + .45^2 = .41.
        assert!((apart(&same, &expected, 0.0) - (0.87f64 / 0.8375).sqrt()).abs() < 1e-5);
        assert_eq!(apart(&expected, &expected, 0.0), 0.0);
        let rounded = logits(&[10.001, -3.001, 10.501, -3.499, 10.201, -3.101, 9.599, -2.601]);
        assert!(apart(&rounded, &expected, 0.0) < TOLERANCE);
    }

    #[test]
    fn numbers_that_are_none_or_lack_are_far_apart() {
        let expected = logits(&[1.0, 2.0, 3.0, 4.0]);
        assert!(apart(&logits(&[1.0, f32::NAN, 3.0, 4.0]), &expected, 0.0).is_nan());
        assert_eq!(apart(&logits(&[1.0, 2.0]), &expected, 0.0), f64::INFINITY);
    }

    #[test]
    fn rounding_in_gradients_that_are_nearly_zero_is_allowed() {
        let gradients = |value| Numbers { compared: Compared::Gradients, values: vec![value; 4] };
        assert!(apart(&gradients(2e-4), &gradients(1e-4), 0.0) > GRADIENT_TOLERANCE);
        assert!(apart(&gradients(2e-4), &gradients(1e-4), 1.0) < GRADIENT_TOLERANCE);
        assert!(apart(&gradients(0.0), &gradients(1.0), 1.0) > GRADIENT_TOLERANCE);
    }

    #[test]
    fn the_cpu_agrees_with_itself_on_features_outputs_and_gradients() {
        let config = NetworkConfig {
            architecture: areal_formats::Architecture::Compact,
            padding: areal_formats::Padding::Same,
            bands: 3,
            outputs: 1,
        };
        let weights = StateDict::of(&Network::new(&config, 5, &Device::flex()).unwrap());
        check_device(DeviceChoice::Cpu, &Device::flex(), &config, &weights, Gradients::Compare).unwrap();
        let results = Batch::of(&config).results(&config, &weights, &Device::flex(), Gradients::Compare).unwrap();
        let of = |compared| results.iter().filter(|r| r.compared == compared).count();
        assert!(of(Compared::Gradients) > 20, "{}", of(Compared::Gradients));
        assert!(results.iter().all(|r| r.squares() > 0.0));
    }
}
