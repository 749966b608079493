//! The architectures of networks.

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray, VariantNames};

use crate::{NamedChoice, UnknownName};

/// A network's shape.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, VariantArray, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Architecture {
    /// A small residual network for training on a CPU: one strided 3 x 3 convolution and three basic blocks, about
    /// 230,000 parameters, for patches from 8 px.
    Compact,
    /// 18 layers, basic blocks (He et al. 2016, table 1).
    Resnet18,
    /// 34 layers, basic blocks (He et al. 2016, table 1).
    Resnet34,
    /// 50 layers, bottleneck blocks (He et al. 2016, table 1), with the stride in the 3 x 3 convolution, as the
    /// published weights have it.
    Resnet50,
}

impl NamedChoice for Architecture {
    const WHAT: &'static str = "architecture";
}
