use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// A network's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// A small residual network for training on a CPU: one strided 3 x 3 convolution and three basic blocks, about
    /// 230,000 parameters, for patches from 8 px.
    Compact,
    /// 18 layers, basic blocks (He et al. 2016, table 1).
    Resnet18,
    /// 34 layers, basic blocks (He et al. 2016, table 1).
    Resnet34,
    /// 50 layers, bottleneck blocks (He et al. 2016, table 1), with the stride in the 3 x 3 convolution, as the
    /// weights in circulation have it.
    Resnet50,
}

impl Architecture {
    /// Every architecture.
    pub const ALL: [Self; 4] = [Self::Compact, Self::Resnet18, Self::Resnet34, Self::Resnet50];

    /// Its name in files, flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Resnet18 => "resnet18",
            Self::Resnet34 => "resnet34",
            Self::Resnet50 => "resnet50",
        }
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Architecture {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Self::ALL.into_iter().find(|a| a.name() == text).ok_or_else(|| ModelError::Choice {
            what: "architecture",
            given: text.to_owned(),
            choices: Self::ALL.map(|a| a.name().to_owned()).to_vec(),
        })
    }
}
