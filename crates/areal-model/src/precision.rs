//! Precisions of inference, and what a reduced one changes.

use areal_formats::{NamedChoice, UnknownName};
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, VariantArray, VariantNames};

/// The arithmetic of a network.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, Display, EnumString, VariantArray, VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// Maps and weights of bf16 (8 significant binary digits), sums in single precision.
    Bf16,
    /// Maps and weights of 8-bit integers with measured scales, exact sums.
    Int8,
}

impl NamedChoice for Precision {
    const WHAT: &'static str = "precision";
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
        /// Fraction of correct classes in single precision.
        accuracy_f32: f64,
        /// Fraction of correct classes in the reduced one.
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
        for precision in <Precision as VariantArray>::VARIANTS {
            assert_eq!(precision.to_string().parse::<Precision>().unwrap(), *precision);
            assert_eq!(serde_json::to_string(precision).unwrap(), format!("\"{precision}\""));
        }
        let refused = "fp16".parse::<Precision>().unwrap_err().to_string();
        assert_eq!(refused, "unknown precision \"fp16\"; expected f32, bf16 or int8");
    }
}
