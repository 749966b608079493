//! The weights of a network by name, and their file.

use std::collections::BTreeMap;
use std::path::Path;

use areal_job::FileError;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};
use rand::RngExt;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::{ModelError, Network, NetworkConfig};

/// One tensor's values in the computer's memory.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorValues {
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Vec<f32>,
}

/// All weights of a network by name. Names and shapes are those that Python's image-classification packages use
/// (`layer1.0.bn1.running_mean`, `fc.weight` `[outputs, features]`), so that a bundle's weights load there as they are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StateDict {
    pub tensors: BTreeMap<String, TensorValues>,
}

impl StateDict {
    /// The weights of a network, running statistics included.
    pub fn of(network: &Network) -> Self {
        let mut collector = Collector::default();
        // `valid` brings the running statistics up to date and detaches every tensor from gradients.
        network.valid().visit(&mut collector);
        Self { tensors: collector.tensors }
    }

    /// Compares names and shapes with what a network needs, and every value with being finite.
    ///
    /// # Errors
    /// The first tensor that is missing, unknown, of the wrong shape or not finite.
    pub fn check(&self, config: &NetworkConfig) -> Result<(), ModelError> {
        let architecture = || config.architecture.to_string();
        let expected = shapes(config);
        for (name, shape) in &expected {
            let Some(tensor) = self.tensors.get(name) else {
                let (name, shape) = (name.clone(), shape.clone());
                return Err(ModelError::TensorMissing { name, architecture: architecture(), shape });
            };
            if &tensor.shape != shape || tensor.values.len() != shape.iter().product::<usize>() {
                return Err(ModelError::TensorShape {
                    name: name.clone(),
                    architecture: architecture(),
                    expected: shape.clone(),
                    found: tensor.shape.clone(),
                });
            }
        }
        for (name, tensor) in &self.tensors {
            if !expected.contains_key(name) {
                return Err(ModelError::TensorUnknown {
                    name: name.clone(),
                    architecture: architecture(),
                    shape: tensor.shape.clone(),
                });
            }
            if let Some(index) = tensor.values.iter().position(|v| !v.is_finite()) {
                let value = tensor.values[index];
                return Err(ModelError::TensorNotFinite { name: name.clone(), index, value });
            }
        }
        Ok(())
    }

    /// Reads a safetensors file of single-precision tensors.
    ///
    /// # Errors
    /// When the file cannot be read, is truncated or holds another type.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = std::fs::read(path).map_err(FileError::io("read", path))?;
        let fault = |reason: String| ModelError::Weights { path: path.to_path_buf(), reason };
        let file =
            SafeTensors::deserialize(&bytes).map_err(|e| fault(format!("not a complete safetensors file ({e})")))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            if view.dtype() != Dtype::F32 {
                return Err(fault(format!("tensor {name} is {:?}, expected F32", view.dtype())));
            }
            let values = view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            tensors.insert(name, TensorValues { shape: view.shape().to_vec(), values });
        }
        Ok(Self { tensors })
    }

    /// Writes a safetensors file; the same weights give the same bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let fault = |e: safetensors::SafeTensorError| ModelError::Weights {
            path: path.to_path_buf(),
            reason: format!("cannot be laid out ({e})"),
        };
        let bytes: BTreeMap<&String, Vec<u8>> = self
            .tensors
            .iter()
            .map(|(name, tensor)| (name, tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
            .collect();
        let views = self
            .tensors
            .iter()
            .map(|(name, tensor)| Ok((name, TensorView::new(Dtype::F32, tensor.shape.clone(), &bytes[name])?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(fault)?;
        let metadata = [("format".to_owned(), "pt".to_owned())].into();
        let file = safetensors::serialize(views, Some(metadata)).map_err(fault)?;
        std::fs::write(path, file).map_err(FileError::io("write", path))?;
        Ok(())
    }
}

/// Names and shapes of a network's tensors.
pub(crate) fn shapes(config: &NetworkConfig) -> BTreeMap<String, Vec<usize>> {
    let mut collector = Collector { shapes_only: true, ..Collector::default() };
    config.zeros(&Device::flex()).visit(&mut collector);
    collector.tensors.into_iter().map(|(name, tensor)| (name, tensor.shape)).collect()
}

/// Weights to begin training with; see [`Network::new`].
pub(crate) fn initial_state(config: &NetworkConfig, rng: &mut impl rand::Rng) -> StateDict {
    let shapes = shapes(config);
    let inputs = shapes["fc.weight"][1];
    let tensors = shapes.into_iter().map(|(name, shape)| {
        let len = shape.iter().product();
        let values = match (name.rsplit('.').next().expect("a split has a first part"), shape.as_slice()) {
            ("weight", [out, _, height, width]) => {
                let std = (2.0 / (out * height * width) as f64).sqrt();
                (0..len).map(|_| (std * standard_normal(rng)) as f32).collect()
            }
            _ if name.starts_with("fc.") => {
                let bound = 1.0 / (inputs as f64).sqrt();
                (0..len).map(|_| (bound * (2.0 * rng.random::<f64>() - 1.0)) as f32).collect()
            }
            ("weight" | "running_var", _) => vec![1.0; len],
            _ => vec![0.0; len],
        };
        (name, TensorValues { shape, values })
    });
    StateDict { tensors: tensors.collect() }
}

/// Box and Muller 1958.
fn standard_normal(rng: &mut impl rand::Rng) -> f64 {
    let (u, v): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// Puts checked weights into a network. Parameters are numbered in their order, so that an optimiser's state finds
/// them again in another run.
pub(crate) fn fill(network: Network, state: &StateDict) -> Network {
    network.map(&mut Filler { path: ModulePath::default(), state, next: 1 })
}

/// The path of the module that a visitor is in.
#[derive(Default)]
struct ModulePath(Vec<String>);

impl ModulePath {
    /// The tensor's name in published weights: Burn says gamma and beta where others say weight and bias.
    fn name(&self) -> String {
        let parts = self.0.iter().map(|part| match part.as_str() {
            "gamma" => "weight",
            "beta" => "bias",
            other => other,
        });
        parts.collect::<Vec<_>>().join(".")
    }
}

#[derive(Default)]
struct Collector {
    path: ModulePath,
    shapes_only: bool,
    tensors: BTreeMap<String, TensorValues>,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        // A linear layer's weight is [inputs, outputs] here, [outputs, inputs] in published weights.
        let tensor = if D == 2 { param.val().transpose() } else { param.val() };
        let shape = tensor.dims().to_vec();
        let values = if self.shapes_only { Vec::new() } else { host_values(tensor) };
        self.tensors.insert(self.path.name(), TensorValues { shape, values });
    }
}

fn host_values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

struct Filler<'a> {
    path: ModulePath,
    state: &'a StateDict,
    next: u64,
}

impl ModuleMapper for Filler<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.0.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.0.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, old, mapper) = param.consume();
        let Some(values) = self.state.tensors.get(&self.path.name()) else {
            return Param::from_mapped_value(ParamId::new(), old, mapper);
        };
        // Transposed here and not by a view: another layout in memory would round sums differently than in the run before.
        let data = match values.shape[..] {
            [rows, cols] => TensorData::new(transposed(&values.values, rows, cols), [cols, rows]),
            _ => TensorData::new(values.values.clone(), values.shape.clone()),
        };
        let tensor = Tensor::from_data(data, &old.device()).set_require_grad(old.is_require_grad());
        self.next += 1;
        Param::from_mapped_value(ParamId::from(self.next), tensor, mapper)
    }
}

/// A matrix `[rows, cols]` as `[cols, rows]`.
fn transposed(values: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|i| values[i % rows * cols + i / rows]).collect()
}
