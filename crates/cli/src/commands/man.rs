//! `areal man`: manual pages made from the same text as `--help`.

use std::path::PathBuf;

use areal_job::{FileError, StagedDir};
use clap::{Args, CommandFactory};
use clap_mangen::Man;

use crate::args::Cli;
use crate::context::Context;
use crate::errors::{CliError, Exit};

/// Print the manual page of areal, or write one page for each command.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  areal man | man -l -
  areal man --command predict | man -l -
  areal man --out man1")]
pub struct Options {
    /// Command whose page is printed [default: areal itself].
    #[arg(long, value_name = "COMMAND", conflicts_with = "out")]
    pub command: Option<String>,
    /// Folder to write, with one page for areal and one for each command.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

pub fn run(options: Options, _context: &Context) -> Result<(), CliError> {
    let mut cli = Cli::command();
    cli.build();
    let Some(out) = options.out else {
        let shown = match &options.command {
            Some(name) => cli.find_subcommand(name).ok_or_else(|| unknown(name, &cli))?,
            None => &cli,
        };
        out!("{}", page(shown));
        return Ok(());
    };
    let folder = StagedDir::new(&out, false)?;
    for command in std::iter::once(&cli).chain(cli.get_subcommands()) {
        let path = folder.file(&format!("{}.1", file_name(command)));
        std::fs::write(&path, page(command)).map_err(FileError::io("write", &path))?;
    }
    folder.commit()?;
    tracing::info!("manual pages are in {}", out.display());
    Ok(())
}

/// `areal` or `areal-predict`.
fn file_name(command: &clap::Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: &clap::Command) -> String {
    let mut page = Vec::new();
    Man::new(command.clone()).title(file_name(command)).render(&mut page).expect("writing to memory cannot fail");
    String::from_utf8(page).expect("help is UTF-8")
}

fn unknown(name: &str, cli: &clap::Command) -> CliError {
    let names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
    CliError::new(Exit::Usage, format!("areal has no command \"{name}\"")).help(format!("use {}", names.join(", ")))
}
