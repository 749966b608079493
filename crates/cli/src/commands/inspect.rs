use clap::Args;

use crate::context::Context;
use crate::errors::{CliError, Exit};

/// (help of inspect)
#[derive(Debug, Clone, Default, Args)]
pub struct Options {}

pub fn run(_options: Options, _context: &Context) -> Result<(), CliError> {
    Err(CliError::new(Exit::Failure, "inspect is not built yet"))
}
