use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// What a network's convolutions see past the border of a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Padding {
    /// Zeros, so that maps keep their size up to the stride: as the weights in circulation were trained.
    #[default]
    Same,
    /// Nothing: maps shrink by the reach of every kernel. No feature of a patch depends on where the patch ends, so
    /// features that patches share can be computed once without any change; patches must be as large as the reach of
    /// the whole network ([`crate::NetworkConfig::least_patch`]).
    Valid,
}

impl Padding {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Same, Self::Valid];

    /// Its name in files, flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Valid => "valid",
        }
    }

    /// Pixels around a map for a kernel of odd size.
    pub(crate) fn around(self, kernel: usize) -> usize {
        match self {
            Self::Same => kernel / 2,
            Self::Valid => 0,
        }
    }
}

impl std::fmt::Display for Padding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Padding {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Self::ALL.into_iter().find(|p| p.name() == text).ok_or_else(|| ModelError::Choice {
            what: "padding",
            given: text.to_owned(),
            choices: Self::ALL.map(|p| p.name().to_owned()).to_vec(),
        })
    }
}
