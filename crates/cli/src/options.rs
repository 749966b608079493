//! Options of commands: the given values, layered over defaults that are defined once.
//!
//! Each command has one options struct. A flag and a recipe key are the same field. The default of a field is
//! the `default_value_t` of its `#[arg]`, taken from the settings of the library. `--help`
//! prints it, and a recipe section without the key gets it through [`defaults`].

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Command};
use strum::VariantNames;

use crate::errors::{CliError, Exit};

/// Help of `--overwrite`.
pub const OVERWRITE: &str = "Replace an existing --out";

/// Help of `--device`.
pub const DEVICE: &str = "Device to run the network on: cpu, gpu, gpu:N, cuda, cuda:N; `areal devices` lists them";

/// The options of an empty command line.
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

/// A required path; `what` describes it.
pub fn required<'a>(path: Option<&'a PathBuf>, flag: &str, what: &str) -> Result<&'a Path, CliError> {
    path.map(PathBuf::as_path).ok_or_else(|| missing(flag, what))
}

/// The error for a missing required flag.
pub fn missing(flag: &str, what: &str) -> CliError {
    CliError::new(Exit::Usage, format!("{what} is not given")).help(format!("pass {flag}"))
}
