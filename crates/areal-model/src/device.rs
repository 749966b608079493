//! Devices that networks run on.

use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::check_device::check_device;
use crate::{Gradients, ModelError, NetworkConfig, StateDict};

/// Where a network runs: `cpu`, `gpu`, `gpu:1`, `cuda:0` ...
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// This computer's processor.
    #[default]
    Cpu,
    /// A graphics processor of any maker, by number from 0 (feature `gpu`).
    Gpu(usize),
    /// An NVIDIA graphics processor, by number from 0 (feature `cuda`).
    Cuda(usize),
}

/// A device that can be had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceInfo {
    /// What to pass as `--device`.
    pub choice: DeviceChoice,
    /// Its name, as its driver gives it.
    pub name: String,
    pub kind: DeviceKind,
    /// Name and version of its driver; none for the CPU and where the driver does not say.
    pub driver: Option<String>,
    /// Largest size of one tensor, bytes; none for the CPU and where it is not known.
    pub max_tensor_bytes: Option<u64>,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    #[strum(serialize = "CPU")]
    Cpu,
    #[strum(serialize = "GPU")]
    Gpu,
    /// A GPU that a program on the CPU imitates: for tests, slow.
    #[strum(serialize = "software GPU")]
    SoftwareGpu,
}

impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(n) => write!(f, "gpu:{n}"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (kind, number) = match text.split_once(':') {
            Some((kind, number)) => (kind, number.parse().ok()),
            None => (text, Some(0)),
        };
        match (kind, number) {
            ("cpu", Some(0)) => Ok(Self::Cpu),
            ("gpu", Some(n)) => Ok(Self::Gpu(n)),
            ("cuda", Some(n)) => Ok(Self::Cuda(n)),
            _ => Err(ModelError::Choice {
                what: "device",
                given: text.to_owned(),
                choices: ["cpu", "gpu", "gpu:N", "cuda", "cuda:N"].map(str::to_owned).to_vec(),
            }),
        }
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = ModelError;

    fn try_from(text: String) -> Result<Self, ModelError> {
        text.parse()
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        choice.to_string()
    }
}

impl DeviceChoice {
    /// The device for a network with these weights. A device other than the CPU is first compared with the CPU on a probe
    /// batch; with `gradients` also on a step of training.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ModelError::DeviceDisagrees`] when the device computes something else than the CPU.
    pub fn open_checked(
        self,
        config: &NetworkConfig,
        weights: &StateDict,
        gradients: Gradients,
    ) -> Result<Device, ModelError> {
        let device = self.open()?;
        if self != Self::Cpu {
            check_device(self, &device, config, weights, gradients)?;
        }
        Ok(device)
    }

    /// The device itself, not compared with any other.
    ///
    /// # Errors
    /// [`ModelError::Device`] when this build or this machine does not have it; it lists what there is.
    pub fn open(self) -> Result<Device, ModelError> {
        let (built, found, n) = match self {
            Self::Cpu => return Ok(Device::flex()),
            Self::Gpu(n) => (cfg!(feature = "gpu"), gpus(), n),
            Self::Cuda(n) => (cfg!(feature = "cuda"), cudas(), n),
        };
        let feature = if matches!(self, Self::Gpu(_)) { "gpu" } else { "cuda" };
        let device = found.into_iter().nth(n).ok_or_else(|| ModelError::Device {
            asked: self.to_string(),
            reason: if built {
                "this machine has no such device".to_owned()
            } else {
                format!("this build is without the feature {feature}")
            },
            available: devices().iter().map(|d| d.choice.to_string()).collect(),
        })?;
        opened().push(device.clone());
        Ok(device)
    }
}

/// Devices other than the CPU that were opened.
fn opened() -> MutexGuard<'static, Vec<Device>> {
    static OPENED: Mutex<Vec<Device>> = Mutex::new(Vec::new());
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until every opened device has nothing left to do. A program calls it before it ends: drivers fail when they are unloaded while a
/// device still frees its memory.
pub fn settle_devices() {
    for device in opened().drain(..) {
        if let Err(error) = device.sync() {
            tracing::debug!("{device:?} does not settle: {error}");
        }
    }
}

/// The devices that this build finds on this machine.
pub fn devices() -> Vec<DeviceInfo> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = DeviceInfo {
        choice: DeviceChoice::Cpu,
        name: format!("{threads} threads"),
        kind: DeviceKind::Cpu,
        driver: None,
        max_tensor_bytes: None,
    };
    std::iter::once(cpu).chain(gpu_infos()).chain(cuda_infos()).collect()
}

fn gpus() -> Vec<Device> {
    #[cfg(feature = "gpu")]
    return Device::enumerate(burn::tensor::DeviceType::Vulkan).into_vec();
    #[cfg(not(feature = "gpu"))]
    Vec::new()
}

/// The devices of [`gpus`], in their order: Burn has one for each Vulkan adapter.
#[cfg(feature = "gpu")]
fn gpu_infos() -> Vec<DeviceInfo> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::VULKAN,
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapters = futures_lite::future::block_on(instance.enumerate_adapters(wgpu::Backends::VULKAN));
    adapters
        .iter()
        .enumerate()
        .map(|(n, adapter)| {
            let info = adapter.get_info();
            let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
            DeviceInfo {
                choice: DeviceChoice::Gpu(n),
                name: info.name,
                kind: match info.device_type {
                    wgpu::DeviceType::Cpu => DeviceKind::SoftwareGpu,
                    _ => DeviceKind::Gpu,
                },
                driver: Some(driver).filter(|d| !d.is_empty()),
                max_tensor_bytes: Some(adapter.limits().max_storage_buffer_binding_size),
            }
        })
        .collect()
}

#[cfg(not(feature = "gpu"))]
fn gpu_infos() -> Vec<DeviceInfo> {
    Vec::new()
}

fn cuda_infos() -> impl Iterator<Item = DeviceInfo> {
    cudas().into_iter().enumerate().map(|(n, device)| DeviceInfo {
        choice: DeviceChoice::Cuda(n),
        name: format!("{device:?}"),
        kind: DeviceKind::Gpu,
        driver: None,
        max_tensor_bytes: None,
    })
}

fn cudas() -> Vec<Device> {
    #[cfg(feature = "cuda")]
    return Device::enumerate(burn::tensor::DeviceType::Cuda).into_vec();
    #[cfg(not(feature = "cuda"))]
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_and_the_processor_is_always_there() {
        for (text, choice) in [
            ("cpu", DeviceChoice::Cpu),
            ("gpu", DeviceChoice::Gpu(0)),
            ("gpu:2", DeviceChoice::Gpu(2)),
            ("cuda:1", DeviceChoice::Cuda(1)),
        ] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), choice);
        }
        for text in ["tpu", "gpu:x", "gpu:-1", "cpu:1", ""] {
            assert!(text.parse::<DeviceChoice>().is_err(), "{text}");
        }
        assert_eq!(devices()[0].choice, DeviceChoice::Cpu);
        DeviceChoice::Cpu.open().unwrap();
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_device_that_this_build_lacks_is_refused_with_what_there_is() {
        let refused = DeviceChoice::Cuda(3).open().unwrap_err().to_string();
        assert!(
            refused
                .starts_with("device cuda:3 is not available: this build is without the feature cuda; available: cpu"),
            "{refused}"
        );
    }
}
