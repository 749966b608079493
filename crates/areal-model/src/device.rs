//! Devices that networks run on.

use std::str::FromStr;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::ModelError;

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
    /// What it is.
    pub name: String,
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
    /// The device itself.
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
        found.into_iter().nth(n).ok_or_else(|| ModelError::Device {
            asked: self.to_string(),
            reason: if built {
                "this machine has no such device".to_owned()
            } else {
                format!("this build is without the feature {feature}")
            },
            available: devices().iter().map(|d| d.choice.to_string()).collect(),
        })
    }
}

/// The devices that this build finds on this machine.
pub fn devices() -> Vec<DeviceInfo> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let cpu = DeviceInfo { choice: DeviceChoice::Cpu, name: format!("processor, {threads} threads") };
    let numbered = |devices: Vec<Device>, choice: fn(usize) -> DeviceChoice| {
        devices.into_iter().enumerate().map(move |(n, d)| DeviceInfo { choice: choice(n), name: format!("{d:?}") })
    };
    std::iter::once(cpu)
        .chain(numbered(gpus(), DeviceChoice::Gpu))
        .chain(numbered(cudas(), DeviceChoice::Cuda))
        .collect()
}

fn gpus() -> Vec<Device> {
    #[cfg(feature = "gpu")]
    return Device::enumerate(burn::tensor::DeviceType::Vulkan).into_vec();
    #[cfg(not(feature = "gpu"))]
    Vec::new()
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
