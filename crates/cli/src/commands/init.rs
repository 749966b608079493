//! `areal init`: a recipe to start from.

use std::path::PathBuf;

use areal_job::{FileError, StagedFile};
use clap::Args;

use super::check_names;
use crate::context::Context;
use crate::errors::CliError;
use crate::recipe::TEMPLATE;

/// Write a commented recipe to start from
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  areal init rubber.toml\n  areal run rubber.toml")]
pub struct Options {
    /// File to write.
    #[arg(default_value = "recipe.toml")]
    pub recipe: PathBuf,
    /// Replace the file if it exists.
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(options: Options, _context: &Context) -> Result<(), CliError> {
    let path = options.recipe;
    check_names([&path])?;
    let staged = StagedFile::replacing(&path, options.overwrite, "format = \"areal-recipe/").map_err(|e| match e {
        FileError::Exists { .. } => CliError::from(e).help("name another file, or pass --overwrite to replace it"),
        e => e.into(),
    })?;
    std::fs::write(staged.path(), TEMPLATE).map_err(FileError::io("write", &path))?;
    staged.commit()?;
    tracing::info!("wrote {}: fill in its paths, then run: areal run {}", path.display(), path.display());
    Ok(())
}
