//! One file a command: its options (flags and recipe keys alike), and the call into the library.

pub mod aggregate;
mod aggregate_maps;
mod aggregate_text;
pub mod bundle;
pub mod compare;
pub mod completions;
pub mod demo;
pub mod devices;
pub mod estimate;
pub mod evaluate;
pub mod explain;
pub mod export;
pub mod features;
pub mod init;
pub mod inspect;
mod inspect_bundle;
mod inspect_text;
pub mod man;
mod metrics_text;
pub mod predict;
pub mod report;
pub mod run;
pub mod sample;
pub mod tile;
mod tile_flags;
mod tile_text;
pub mod train;
pub mod verify;

use std::path::PathBuf;

use clap::Subcommand;

use crate::context::Context;
use crate::errors::{CliError, Exit};
use crate::recipe::Planned;

/// A command that `areal run` can run as a stage: it can say what it reads and writes before it does.
pub trait Stage {
    /// Files and folders that the stage reads.
    fn inputs(&self) -> Vec<PathBuf>;
    /// The folder or file that the stage makes, where one is given. A recipe gives one to each of its stages.
    fn output(&self) -> Option<PathBuf>;
    /// Checks the settings and what is there to read, before any stage of a recipe runs.
    fn check(&self, planned: &mut Planned) -> Result<(), CliError>;
    /// Runs the stage.
    fn run(self, context: &Context) -> Result<(), CliError>;
}

/// Refuses a name that is not valid UTF-8, because documents could not record it.
pub fn check_names<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> Result<(), CliError> {
    match paths.into_iter().find(|p| p.to_str().is_none()) {
        Some(path) => {
            let message = format!("{}: file name is not valid UTF-8", path.display());
            Err(CliError::new(Exit::Usage, message).help("rename the file or folder, or name it through a link"))
        }
        None => Ok(()),
    }
}

/// Runs a stage, unless its output would change one of its own inputs.
pub fn start<S: Stage>(stage: S, context: &Context) -> Result<(), CliError> {
    let output = stage.output();
    check_names(stage.inputs().iter().chain(&output))?;
    for input in stage.inputs() {
        areal_job::recover_input(&input)?;
    }
    if let Some(output) = output {
        areal_job::check_output(&output, &stage.inputs())?;
    }
    stage.run(context)
}

/// The commands.
#[allow(clippy::large_enum_variant, reason = "only one value exists")]
#[derive(Debug, Subcommand)]
pub enum Command {
    Inspect(inspect::Options),
    Tile(tile::Options),
    Train(train::Options),
    Evaluate(evaluate::Options),
    Predict(predict::Options),
    Explain(explain::Options),
    Features(features::Options),
    Export(export::Options),
    Aggregate(aggregate::Options),
    Sample(sample::Options),
    Estimate(Box<estimate::Options>),
    Compare(compare::Options),
    Report(report::Options),
    Run(run::Options),
    Init(init::Options),
    Demo(demo::Options),
    Devices(devices::Options),
    Completions(completions::Options),
    Man(man::Options),
    Verify(verify::Options),
    Bundle(bundle::Options),
}

pub fn dispatch(command: Command, context: &Context) -> Result<(), CliError> {
    match command {
        Command::Inspect(options) => inspect::run(options, context),
        Command::Tile(options) => start(options, context),
        Command::Train(options) => start(options, context),
        Command::Evaluate(options) => start(options, context),
        Command::Predict(options) => start(options, context),
        Command::Explain(options) => start(options, context),
        Command::Features(options) => start(options, context),
        Command::Export(options) => start(options, context),
        Command::Aggregate(options) => start(options, context),
        Command::Sample(options) => start(options, context),
        Command::Estimate(options) => start(*options, context),
        Command::Compare(options) => compare::run(&options, context),
        Command::Report(options) => start(options, context),
        Command::Run(options) => run::run(options, context),
        Command::Init(options) => init::run(&options, context),
        Command::Demo(options) => demo::run(options, context),
        Command::Devices(options) => devices::run(options, context),
        Command::Completions(options) => completions::run(options, context),
        Command::Man(options) => man::run(options, context),
        Command::Verify(options) => verify::run(&options, context),
        Command::Bundle(options) => bundle::run(&options, context),
    }
}
