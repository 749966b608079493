//! `areal completions`: a script that completes commands, flags and their values in a shell.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::args::Cli;
use crate::context::Context;
use crate::errors::CliError;

/// Print a script that completes areal's commands, flags and values in a shell.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  areal completions bash > ~/.local/share/bash-completion/completions/areal
  areal completions zsh > ~/.zfunc/_areal
  areal completions fish > ~/.config/fish/completions/areal.fish")]
pub struct Options {
    /// Shell to complete in.
    pub shell: Shell,
}

#[expect(clippy::needless_pass_by_value, clippy::unnecessary_wraps, reason = "every command is called in the same way")]
pub fn run(options: Options, _context: &Context) -> Result<(), CliError> {
    let mut script = Vec::new();
    generate(options.shell, &mut Cli::command(), "areal", &mut script);
    out!("{}", String::from_utf8(script).expect("names of flags are UTF-8"));
    Ok(())
}
