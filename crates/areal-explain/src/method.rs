use serde::{Deserialize, Serialize};

use crate::ExplainError;

/// How saliency is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Feature maps weighted by their mean gradient, positive part (Selvaraju et al. 2017, eq. 1 and 2).
    GradCam,
    /// Feature maps times their gradient, place by place, with sign (Draelos and Carin 2020, eq. 5).
    HiresCam,
    /// Drop of the logit when a window is hidden (Zeiler and Fergus 2014).
    Occlusion,
}

impl Method {
    /// Every method.
    pub const ALL: [Self; 3] = [Self::GradCam, Self::HiresCam, Self::Occlusion];

    /// Its name in files, flags and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "grad-cam",
            Self::HiresCam => "hires-cam",
            Self::Occlusion => "occlusion",
        }
    }
}

impl std::fmt::Display for Method {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Method {
    type Err = ExplainError;

    fn from_str(text: &str) -> Result<Self, ExplainError> {
        Self::ALL.into_iter().find(|m| m.name() == text).ok_or_else(|| ExplainError::Method { given: text.to_owned() })
    }
}
