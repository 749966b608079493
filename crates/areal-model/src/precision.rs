use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ModelError;

/// In what numbers a network computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Maps and weights of bf16 (8 significant binary digits), sums in single precision.
    Bf16,
    /// Maps and weights of 8-bit integers with measured scales, exact sums.
    Int8,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::Int8];
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        })
    }
}

impl FromStr for Precision {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Self::ALL.into_iter().find(|p| p.to_string() == text).ok_or_else(|| ModelError::Choice {
            what: "precision",
            given: text.to_owned(),
            choices: Self::ALL.map(|p| p.to_string()).to_vec(),
        })
    }
}

/// What a reduced precision changes against single precision, measured on patches that the model was not trained on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum PrecisionChange {
    /// Of classes.
    Labels {
        /// Patches compared.
        patches: u64,
        /// Those of them whose class changed.
        changed: u64,
        /// Share of right classes in single precision.
        accuracy_f32: f64,
        /// Share of right classes in the reduced one.
        accuracy: f64,
    },
    /// Of a value, in its units.
    Values {
        /// Patches compared.
        patches: u64,
        /// Greatest change of a value.
        greatest_change: f64,
        /// Root of the mean squared error in single precision.
        rmse_f32: f64,
        /// The same in the reduced one.
        rmse: f64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_is_written_as_its_name() {
        for precision in Precision::ALL {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), precision);
            assert_eq!(serde_json::to_string(&precision).unwrap(), format!("\"{precision}\""));
        }
        let refused = "fp16".parse::<Precision>().unwrap_err().to_string();
        assert!(refused.contains("fp16") && refused.contains("f32, bf16"), "{refused}");
    }
}
