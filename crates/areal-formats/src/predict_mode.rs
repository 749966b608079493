//! How a network is run over a scene, and how far its two modes are apart.

use serde::{Deserialize, Serialize};

use crate::{NamedChoice, UnknownName};

/// How a network is run over a scene.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum PredictMode {
    /// Patch by patch: each as if there were nothing around it.
    #[default]
    Patch,
    /// Over the scene, features pooled patch by patch: what patches share is computed once.
    Dense,
}

impl PredictMode {
    pub const ALL: [Self; 2] = [Self::Patch, Self::Dense];

    /// Its name in flags, files and messages.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl NamedChoice for PredictMode {
    const WHAT: &'static str = "mode";
}

/// How far dense mode and patch by patch are apart, on patches of the scene that were predicted in both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseAgreement {
    pub patches: u64,
    /// Share of them with the same most probable class, 0 to 1; none for a value.
    pub same_class: Option<f64>,
    /// Mean difference of a class probability, without its sign; of the value in its own unit.
    pub mean_difference: f64,
    /// Greatest difference of a class probability; of the value in its own unit.
    pub greatest_difference: f64,
}
