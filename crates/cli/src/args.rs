//! The command line: flags of every command, and which command.

use clap::{Args, Parser};

use crate::commands::Command;

/// Satellite scenes in, area statistics out.
///
/// Results go to stdout and to the files named with --out. Messages go to stderr.
///
/// Exit codes: 0 success; 1 the job failed; 2 wrong usage, settings or recipe; 3 an input cannot be used;
/// 4 an output cannot be written; 5 another process is writing the output; 130 interrupted.
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
    /// Print only warnings and errors.
    #[arg(short, long, global = true, help_heading = "Global options", conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print more messages, including the decisions that are made.
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub verbose: bool,
}
