use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a network is run over a scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PredictMode {
    /// Patch by patch: each as if there were nothing around it.
    #[default]
    Patch,
    /// Over the scene, features pooled patch by patch: what patches share is computed once.
    Dense,
}

impl PredictMode {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Patch, Self::Dense];

    /// Its name in flags, files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Patch => "patch",
            Self::Dense => "dense",
        }
    }
}

impl fmt::Display for PredictMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no mode; use patch or dense")]
pub struct UnknownMode(String);

impl FromStr for PredictMode {
    type Err = UnknownMode;

    fn from_str(text: &str) -> Result<Self, UnknownMode> {
        Self::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| UnknownMode(text.to_owned()))
    }
}

/// How far dense mode and patch by patch are apart, on patches of the scene that were predicted in both.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Patches compared.
    pub patches: u64,
    /// Share of them with the same most probable class, 0 to 1; none for a value.
    pub same_class: Option<f64>,
    /// Mean difference of a class probability, without its sign; of the value in its own unit.
    pub mean_difference: f64,
    /// Greatest difference of a class probability; of the value in its own unit.
    pub greatest_difference: f64,
}
