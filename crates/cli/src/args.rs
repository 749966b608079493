use clap::{Args, Parser, Subcommand};

use crate::commands;

/// Satellite scenes in, area statistics out.
///
/// Results go to stdout and to the files named with --out; everything said along the way goes to stderr.
///
/// Exit codes: 0 done; 1 the job failed; 2 wrong usage, settings or recipe; 3 an input that cannot be used;
/// 4 an output that cannot be written; 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "areal", version, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// Say less: only warnings and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: what is decided along the way.
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// What areal does.
#[allow(clippy::large_enum_variant, reason = "there is one, made once")]
#[derive(Debug, Subcommand)]
pub enum Command {
    Inspect(commands::inspect::Options),
    Tile(commands::tile::Options),
    Train(commands::train::Options),
    Evaluate(commands::evaluate::Options),
    Predict(commands::predict::Options),
    Explain(commands::explain::Options),
    Aggregate(commands::aggregate::Options),
    Sample(commands::sample::Options),
    Estimate(Box<commands::estimate::Options>),
    Compare(commands::compare::Options),
    Report(commands::report::Options),
    Run(commands::run::Options),
    Init(commands::init::Options),
    Demo(commands::demo::Options),
    Devices(commands::devices::Options),
}
