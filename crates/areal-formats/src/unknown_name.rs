//! The error of a text that is none of an enum's names: it lists them all.

use strum::VariantNames;

/// A plain enum whose variants are written by their names.
pub trait NamedChoice: VariantNames {
    /// The word for it in messages.
    const WHAT: &'static str;
}

/// A text that is none of an enum's names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} \"{text}\"; expected {}", in_words(expected))]
pub struct UnknownName {
    what: &'static str,
    text: String,
    expected: &'static [&'static str],
}

impl UnknownName {
    /// The error for `text`, which should have named a `T`.
    pub fn of<T: NamedChoice>(text: &str) -> Self {
        Self { what: T::WHAT, text: text.to_owned(), expected: T::VARIANTS }
    }
}

/// `a, b or c`
fn in_words(names: &[&str]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{PredictMode, Resampling};

    #[test]
    fn legal_names_are_listed_and_come_back() {
        let error = "x".parse::<Resampling>().unwrap_err().to_string();
        assert_eq!(error, "unknown resampling \"x\"; expected nearest, bilinear, cubic or average");
        let error = "Patch".parse::<PredictMode>().unwrap_err().to_string();
        assert_eq!(error, "unknown mode \"Patch\"; expected patch or dense");
        for resampling in Resampling::ALL {
            assert_eq!(resampling.to_string().parse(), Ok(resampling));
        }
    }
}
