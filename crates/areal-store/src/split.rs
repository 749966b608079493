//! Train, validation, test.

use areal_formats::{NamedChoice, UnknownName};
use serde::{Deserialize, Serialize};

/// Which part of the work a patch serves. Splits are assigned by place, never by patch.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", ascii_case_insensitive, parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub enum Split {
    /// The network learns from it.
    Train,
    /// Chooses among epochs and settings.
    #[strum(to_string = "validation", serialize = "val")]
    Validation,
    /// Measures the chosen model, once.
    Test,
}

impl Split {
    /// All splits, in the order of tables.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// Its word in files: `train`, `validation`, `test`.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Its place in [`Split::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl NamedChoice for Split {
    const WHAT: &'static str = "split";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_back() {
        for split in Split::ALL {
            assert_eq!(split.name().parse(), Ok(split));
        }
        assert_eq!("Val".parse(), Ok(Split::Validation));
        assert!("dev".parse::<Split>().is_err());
    }
}
