//! Which layers of a network training leaves as they are.

use std::str::FromStr;

use areal_formats::Architecture;
use serde::{Deserialize, Serialize};

use crate::ModelError;
use crate::network::stage_count;

/// What training leaves as it is: weights, and the running statistics of batch normalisation, which are used in place of
/// those of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Freeze {
    /// Nothing.
    #[default]
    None,
    /// All but the linear layer of the head.
    Backbone,
    /// The stem and so many stages after it; 0 is the stem alone.
    Stages(usize),
}

impl Freeze {
    /// Number of stages after the stem that are frozen with it; none where nothing is.
    pub fn stages(self, architecture: Architecture) -> Option<usize> {
        match self {
            Self::None => None,
            Self::Backbone => Some(stage_count(architecture)),
            Self::Stages(stages) => Some(stages),
        }
    }
}

impl std::fmt::Display for Freeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Backbone => f.write_str("backbone"),
            Self::Stages(stages) => write!(f, "stages({stages})"),
        }
    }
}

impl FromStr for Freeze {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (name, numbers) = crate::choice::call(text);
        match (name, numbers.as_deref()) {
            ("none", Some([])) => Ok(Self::None),
            ("backbone", Some([])) => Ok(Self::Backbone),
            ("stages", Some([n])) if (0.0..=100.0).contains(n) && n.fract() == 0.0 => Ok(Self::Stages(*n as usize)),
            _ => Err(ModelError::Choice {
                what: "freeze",
                given: text.to_owned(),
                choices: ["none", "backbone", "stages(N)"].map(str::to_owned).to_vec(),
            }),
        }
    }
}

crate::choice::text_form!(Freeze);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_is_written_as_it_is_read() {
        for (text, freeze) in [("none", Freeze::None), ("backbone", Freeze::Backbone), ("stages(2)", Freeze::Stages(2))]
        {
            assert_eq!(text.parse::<Freeze>().unwrap(), freeze);
            assert_eq!(serde_json::to_string(&freeze).unwrap(), format!("\"{text}\""));
        }
        for wrong in ["stages", "stages(-1)", "stages(1.5)", "head", "stages(1,2)", "backbone(1)"] {
            let said = wrong.parse::<Freeze>().unwrap_err().to_string();
            assert!(said.contains(wrong) && said.contains("stages(N)"), "{said}");
        }
        assert_eq!(Freeze::Backbone.stages(Architecture::Compact), Some(3));
        assert_eq!(Freeze::Backbone.stages(Architecture::Resnet50), Some(4));
        assert_eq!(Freeze::None.stages(Architecture::Resnet50), None);
    }
}
