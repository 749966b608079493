//! Scale and offset of stored values.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the stored numbers of a band mean: physical value = stored value x scale + offset.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scaling {
    /// Physical units in one stored unit.
    pub scale: f64,
    /// Physical value of a stored 0.
    pub offset: f64,
}

impl Default for Scaling {
    /// Stored values are physical ones.
    fn default() -> Self {
        Self { scale: 1.0, offset: 0.0 }
    }
}

impl Scaling {
    /// The physical value of a stored one.
    pub fn apply(&self, stored: f64) -> f64 {
        stored * self.scale + self.offset
    }

    /// True when both mean the same, but for the last digits of how they were written.
    pub fn is_like(&self, other: &Self) -> bool {
        let alike = |a: f64, b: f64| (a - b).abs() <= 1e-6 * a.abs().max(b.abs());
        alike(self.scale, other.scale) && alike(self.offset, other.offset)
    }

    /// True when each band of the one is like that of the other.
    pub fn are_like(a: &[Self], b: &[Self]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_like(b))
    }

    /// The scalings of bands for messages: each once where all are the same.
    pub fn in_words(all: &[Self]) -> String {
        match all {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => format!("{first} in every band"),
            _ => all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        }
    }
}

impl fmt::Display for Scaling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.offset < 0.0 { '-' } else { '+' };
        write!(f, "x {} {sign} {}", self.scale, self.offset.abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalings_are_compared_and_said() {
        let (old, new) = (Scaling { scale: 1e-4, offset: 0.0 }, Scaling { scale: 1e-4, offset: -0.1 });
        assert!(old.is_like(&Scaling { scale: f64::from(1e-4f32), offset: 0.0 }) && !old.is_like(&new));
        assert!(Scaling::default().is_like(&Scaling::default()));
        assert!(!Scaling::are_like(&[old, old], &[old]) && !Scaling::are_like(&[old, old], &[old, new]));
        assert_eq!(Scaling::in_words(&[new, new]), "x 0.0001 - 0.1 in every band");
        assert_eq!(Scaling::in_words(&[old, new]), "x 0.0001 + 0, x 0.0001 - 0.1");
    }
}
