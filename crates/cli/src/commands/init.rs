use std::path::PathBuf;

use areal_job::{FileError, StagedFile};
use clap::Args;

use crate::context::Context;
use crate::errors::CliError;
use crate::recipe::TEMPLATE;

/// Write a commented recipe to start from
#[derive(Debug, Clone, Args)]
#[command(after_help = "Example:\n  areal init rubber.toml\n  areal run rubber.toml")]
pub struct Options {
    /// Where to write it.
    #[arg(default_value = "recipe.toml")]
    pub recipe: PathBuf,
    /// Replace a file that stands there.
    #[arg(long)]
    pub overwrite: bool,
}

pub fn run(options: Options, _context: &Context) -> Result<(), CliError> {
    let path = options.recipe;
    if path.exists() && !options.overwrite {
        return Err(FileError::Exists { path }.into());
    }
    let staged = StagedFile::new(&path)?;
    std::fs::write(staged.path(), TEMPLATE).map_err(FileError::io("write", &path))?;
    staged.commit()?;
    tracing::info!("wrote {}: fill in its paths, then: areal run {}", path.display(), path.display());
    Ok(())
}
