//! The command line: flags of every command, and which command.

use clap::{Args, Parser};

use crate::commands::Command;

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
