//! The statistics of a zone that can be asked for, by name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A statistic of the values of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Statistic {
    /// Observed cells.
    Cells,
    Sum,
    Mean,
    Min,
    Max,
    Range,
    Variance,
    StandardDeviation,
    Median,
    /// The value below which so many per cent lie.
    Quantile(Percent),
    /// The value with the largest area.
    Majority,
    /// The value with the smallest area.
    Minority,
    /// How many different values there are.
    Variety,
}

/// Statistics with a plain name.
const NAMED: [(&str, Statistic); 12] = [
    ("cells", Statistic::Cells),
    ("sum", Statistic::Sum),
    ("mean", Statistic::Mean),
    ("min", Statistic::Min),
    ("max", Statistic::Max),
    ("range", Statistic::Range),
    ("variance", Statistic::Variance),
    ("standard-deviation", Statistic::StandardDeviation),
    ("median", Statistic::Median),
    ("majority", Statistic::Majority),
    ("minority", Statistic::Minority),
    ("variety", Statistic::Variety),
];

/// A number of per cent from 0 to 100, with up to three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Percent(u32);

const THOUSANDTHS: f64 = 1000.0;

impl Percent {
    pub const HALF: Self = Self(50_000);
    pub const ALL: Self = Self(100_000);

    /// From 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / (100.0 * THOUSANDTHS)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / THOUSANDTHS)
    }
}

/// A text that names no statistic.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnknownStatistic {
    #[error(
        "unknown statistic \"{0}\"; expected {names} or a quantile: q and a number of per cent from 0 to 100, such as q5, q90 or q97.5",
        names = NAMED.map(|(name, _)| name).join(", ")
    )]
    Name(String),
    /// A quantile whose number is not a percentage from 0 to 100.
    #[error(
        "\"{0}\" is not a quantile: after q comes a number of per cent from 0 to 100 with up to three decimals, such as q5, q90 or q97.5"
    )]
    Quantile(String),
}

impl Statistic {
    /// The quantile that it is, if it is one.
    pub(crate) fn quantile(self) -> Option<Percent> {
        match self {
            Self::Median => Some(Percent::HALF),
            Self::Quantile(percent) => Some(percent),
            _ => None,
        }
    }

    /// True when it needs every different value of a zone.
    pub(crate) fn needs_values(self) -> bool {
        self.quantile().is_some() || self.fits_classes()
    }

    /// True when the amounts of a weights raster can weigh it.
    pub(crate) fn has_weighted(self) -> bool {
        !matches!(self, Self::Cells | Self::Min | Self::Max | Self::Range | Self::Variety)
    }

    /// True when it has a meaning for class codes.
    pub(crate) fn fits_classes(self) -> bool {
        matches!(self, Self::Majority | Self::Minority | Self::Variety)
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, NAMED.iter().find(|(_, statistic)| statistic == self)) {
            (_, Some((name, _))) => f.write_str(name),
            (Self::Quantile(percent), None) => write!(f, "q{percent}"),
            (_, None) => unreachable!("all statistics but quantiles are named"),
        }
    }
}

impl FromStr for Statistic {
    type Err = UnknownStatistic;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some((_, statistic)) = NAMED.iter().find(|(name, _)| *name == text) {
            return Ok(*statistic);
        }
        let Some(number) = text.strip_prefix('q') else { return Err(UnknownStatistic::Name(text.to_owned())) };
        let digits = Some(number).filter(|n| n.starts_with(|c: char| c.is_ascii_digit()));
        let thousandths = digits.and_then(|n| n.parse::<f64>().ok()).map(|percent| percent * THOUSANDTHS);
        match thousandths {
            Some(n) if (0.0..=100.0 * THOUSANDTHS).contains(&n) && (n - n.round()).abs() < 1e-6 => {
                Ok(Self::Quantile(Percent(n.round() as u32)))
            }
            _ => Err(UnknownStatistic::Quantile(text.to_owned())),
        }
    }
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All of these were told only that q5, q90 and q97.5 are quantiles.
    #[test]
    fn a_quantile_out_of_range_is_told_the_range() {
        for text in ["q105", "q-5", "qabc", "q", "q100.1", "q1.00001"] {
            let said = text.parse::<Statistic>().unwrap_err().to_string();
            let expected = format!(
                "\"{text}\" is not a quantile: after q comes a number of per cent from 0 to 100 with up to three decimals, such as q5, q90 or q97.5"
            );
            assert_eq!(said, expected);
        }
        let said = "mode".parse::<Statistic>().unwrap_err().to_string();
        assert!(
            said.starts_with("unknown statistic \"mode\"; expected cells, sum,") && said.contains("from 0 to 100"),
            "{said}"
        );
    }

    #[test]
    fn names_come_back() {
        for text in ["cells", "standard-deviation", "median", "q0", "q5", "q97.5", "q99.999", "q100"] {
            assert_eq!(text.parse::<Statistic>().unwrap().to_string(), text);
        }
        assert_eq!("q05".parse::<Statistic>().unwrap().to_string(), "q5");
        for text in ["", "q", "q-1", "q101", "q1e1x", "qinf", "q1.00001", "Mean", "mode"] {
            assert!(text.parse::<Statistic>().is_err(), "{text}");
        }
    }
}
