//! Options of commands: what was said, over defaults that are written once.
//!
//! Each command has one struct of options. A flag and a recipe key are the same field of it, and what holds where
//! nothing is said is the `default_value_t` of the field's `#[arg]`, taken from the library's own settings: `--help`
//! prints it, and a recipe's section that lacks the key takes it from there through [`defaults`].

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command};
use strum::VariantNames;

use crate::errors::{CliError, Exit};

/// The options of a command line that says nothing.
pub fn defaults<T: Args>() -> T {
    let matches = T::augment_args(Command::new("defaults").no_binary_name(true))
        .try_get_matches_from(std::iter::empty::<&str>())
        .expect("no flag of a stage is required");
    T::from_arg_matches(&matches).expect("every default has the type of its field")
}

/// Parses one of an enum's names; `--help`, completions and errors list them.
pub fn name_of<T>() -> impl TypedValueParser<Value = T>
where
    T: VariantNames + FromStr + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(T::VARIANTS)
        .map(|name| T::from_str(&name).unwrap_or_else(|_| unreachable!("{name} is one of the enum's names")))
}

/// A path without which the command cannot begin; `what` says what it is.
pub fn required<'a>(path: Option<&'a PathBuf>, flag: &str, what: &str) -> Result<&'a Path, CliError> {
    path.map(PathBuf::as_path).ok_or_else(|| missing(flag, what))
}

/// The error for a flag without which the command cannot begin.
pub fn missing(flag: &str, what: &str) -> CliError {
    CliError::new(Exit::Usage, format!("{what} is not given")).help(format!("pass {flag}"))
}
