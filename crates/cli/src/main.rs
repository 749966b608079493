//! The `areal` program: satellite scenes in, area statistics out.

#![warn(clippy::print_stdout, clippy::print_stderr)]

#[macro_use]
mod stdout;

mod args;
mod class_list;
mod columns;
mod commands;
mod context;
mod deprecated;
mod errors;
mod layers;
mod named_rasters;
mod named_scenes;
mod options;
mod precision;
mod recipe;
mod scene_options;
mod survey;
mod terminal;
mod threads;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let (args, old_names) = deprecated::rename_flags(std::env::args_os());
    let cli = args::Cli::parse_from(args);
    let context = match context::Context::new(&cli.global) {
        Ok(context) => context,
        Err(error) => return error.report(),
    };
    deprecated::warn(&old_names);
    let done = threads::with_refusals(|| commands::dispatch(cli.command, &context)).and_then(|()| stdout::check());
    areal_model::settle_devices();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
