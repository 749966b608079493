use std::path::PathBuf;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::Stage;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// (help of aggregate)
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Options {}

impl Stage for Options {
    fn inputs(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    fn output(&self) -> PathBuf {
        PathBuf::new()
    }

    fn run(self, _context: &Context) -> Result<(), CliError> {
        Err(CliError::new(Exit::Failure, "aggregate is not built yet"))
    }
}
