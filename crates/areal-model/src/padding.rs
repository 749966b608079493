//! Padding of convolutions.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use crate::ModelError;

/// What a network's convolutions see past the border of a patch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Display, EnumString, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_fn = unknown, parse_err_ty = ModelError)]
pub enum Padding {
    /// Zeros, so that maps keep their size up to the stride: as published weights were trained.
    #[default]
    Same,
    /// Nothing: maps shrink by the reach of every kernel. No feature of a patch depends on where the patch ends, so
    /// features that patches share can be computed once without any change; patches must be as large as the reach of
    /// the whole network ([`crate::NetworkConfig::least_patch`]).
    Valid,
}

impl Padding {
    /// Pixels around a map for a kernel of odd size.
    pub(crate) fn around(self, kernel: usize) -> usize {
        match self {
            Self::Same => kernel / 2,
            Self::Valid => 0,
        }
    }
}

fn unknown(given: &str) -> ModelError {
    ModelError::unknown::<Padding>("padding", given)
}
