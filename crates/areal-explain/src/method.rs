//! The saliency methods.

use areal_formats::{NamedChoice, UnknownName};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray, VariantNames};

/// How saliency is computed.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumString, VariantArray, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Method {
    /// Feature maps weighted by their mean gradient, positive part (Selvaraju et al. 2017, eq. 1 and 2).
    GradCam,
    /// Feature maps times their gradient, position by position, with sign (Draelos and Carin 2020, eq. 5).
    HiresCam,
    /// Drop of the logit when a window is hidden (Zeiler and Fergus 2014).
    Occlusion,
}

impl NamedChoice for Method {
    const WHAT: &'static str = "saliency method";
}
