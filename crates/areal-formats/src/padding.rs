//! Padding of convolutions.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantNames};

use crate::{NamedChoice, UnknownName};

/// What a network's convolutions see past the border of a patch.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, Display, EnumString, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Padding {
    /// Zeros, so that maps keep their size up to the stride: as published weights were trained.
    #[default]
    Same,
    /// Nothing: maps shrink by the reach of every kernel. No feature of a patch depends on where the patch ends, so
    /// features that patches share can be computed once without any change; patches must be as large as the reach of
    /// the whole network.
    Valid,
}

impl Padding {
    /// Pixels around a map for a kernel of odd size.
    pub fn around(self, kernel: usize) -> usize {
        match self {
            Self::Same => kernel / 2,
            Self::Valid => 0,
        }
    }
}

impl NamedChoice for Padding {
    const WHAT: &'static str = "padding";
}
