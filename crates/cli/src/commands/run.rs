//! `areal run`: every stage of a recipe.

use std::path::PathBuf;

use clap::Args;

use super::check_names;
use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::recipe::{Recipe, RecipeRun, RunSettings, enter_folder, stage_sections};

/// Run every stage of a recipe, from scenes to the report
#[derive(Debug, Clone, Args)]
#[command(long_about = long_about(), after_help = "Examples:\n  areal run demo/recipe.toml\n  areal run recipe.toml --set train.epochs=5 \
                        --set train.loss=focal\n  areal run recipe.toml --dry-run")]
pub struct Options {
    /// Recipe to run; 'areal init' writes one.
    pub recipe: PathBuf,
    /// Override a value of the recipe: a dotted key and a TOML value. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder for the results [default: the recipe's workdir, or 'out' beside the recipe].
    #[arg(long, value_name = "FOLDER")]
    pub workdir: Option<PathBuf>,
    /// Run every stage, even if nothing has changed.
    #[arg(long)]
    pub force: bool,
    /// Print which stages would run and why, without running them. Inputs that no stage creates must exist.
    #[arg(long)]
    pub dry_run: bool,
}

fn long_about() -> String {
    format!(
        "Run every stage of a recipe, from scenes to the report\n\n\
         The sections {} hold the options of the commands with these names. A stage without a section is left out. A stage is \
         skipped, with a message, if its inputs and settings have not changed since it last ran. A sample is drawn once and \
         never replaced. [estimate] runs once people have labelled the sample. Paths in a recipe are relative to the folder \
         of the recipe.",
        stage_sections()
    )
}

pub fn run(options: Options, context: &Context) -> Result<(), CliError> {
    check_names([&options.recipe].into_iter().chain(&options.workdir))?;
    let recipe = Recipe::read(&options.recipe, &options.set)?;
    // A folder named on the command line is relative to where the person stands, unlike one in the recipe.
    let workdir = options.workdir.map(|w| std::path::absolute(&w).map_err(|e| bad_workdir(&w, &e))).transpose()?;
    enter_folder(&options.recipe)?;
    if let Some(folder) = options.recipe.parent().filter(|f| !f.as_os_str().is_empty()) {
        tracing::info!("paths below are relative to {}", folder.display());
    }
    let settings = RunSettings { workdir, force: options.force, dry_run: options.dry_run };
    RecipeRun::new(&recipe, settings, context).run()
}

fn bad_workdir(path: &std::path::Path, error: &std::io::Error) -> CliError {
    CliError::new(Exit::Usage, format!("--workdir {}: {error}", path.display())).help("name a folder")
}
