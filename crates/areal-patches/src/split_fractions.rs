//! The fractions of patches that the splits are to have.

use areal_store::Split;
use serde::{Deserialize, Serialize};

/// The fractions of patches that the splits are to have: train, validation, test; they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 3]", into = "[f64; 3]")]
pub struct SplitFractions([f64; 3]);

impl SplitFractions {
    /// The fraction of one split, 0 to 1.
    pub fn of(&self, split: Split) -> f64 {
        self.0[split.index()]
    }

    /// The splits that have a fraction above 0.
    pub fn wanted(&self) -> impl Iterator<Item = Split> + '_ {
        Split::ALL.into_iter().filter(|s| self.of(*s) > 0.0)
    }
}

impl Default for SplitFractions {
    fn default() -> Self {
        Self([0.7, 0.15, 0.15])
    }
}

impl std::fmt::Display for SplitFractions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [train, validation, test] = self.0;
        write!(f, "{train},{validation},{test}")
    }
}

impl TryFrom<[f64; 3]> for SplitFractions {
    type Error = String;

    fn try_from(fractions: [f64; 3]) -> Result<Self, String> {
        let shown = fractions.map(|s| s.to_string()).join(",");
        if fractions.iter().any(|s| !(0.0..=1.0).contains(s)) {
            return Err(format!("split fractions {shown}: each must be between 0 and 1"));
        }
        if (fractions.iter().sum::<f64>() - 1.0).abs() > 1e-6 {
            return Err(format!("split fractions {shown} add up to {}, not to 1", fractions.iter().sum::<f64>()));
        }
        if fractions[0] == 0.0 {
            return Err(format!("split fractions {shown}: the training fraction is 0"));
        }
        Ok(Self(fractions))
    }
}

impl From<SplitFractions> for [f64; 3] {
    fn from(fractions: SplitFractions) -> Self {
        fractions.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_must_add_up_and_leave_something_to_train_on() {
        assert!(SplitFractions::try_from([0.6, 0.2, 0.2]).is_ok());
        assert!(SplitFractions::try_from([0.6, 0.2, 0.1]).unwrap_err().contains("not to 1"));
        assert!(SplitFractions::try_from([0.0, 0.5, 0.5]).unwrap_err().contains("the training fraction is 0"));
        assert!(SplitFractions::try_from([1.5, -0.5, 0.0]).unwrap_err().contains("between 0 and 1"));
        let no_test = SplitFractions::try_from([0.8, 0.2, 0.0]).unwrap();
        assert_eq!(no_test.wanted().collect::<Vec<_>>(), [Split::Train, Split::Validation]);
    }
}
