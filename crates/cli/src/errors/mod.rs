//! Error messages: the error of the library (file, position, value) and advice for the user.

mod demo;
mod estimate;
mod explain;
mod job;
mod model;
mod patches;
mod plan;
mod predict;
mod raster;
mod report;
mod tables;
mod train;
mod zones;

pub use job::MAKE_AGAIN;
pub use raster::raster_help;

use std::io::Write;
use std::process::ExitCode;

use miette::Diagnostic;

/// Exit codes, as documented in `areal --help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The job failed for any other reason.
    Failure,
    /// Wrong usage, settings or recipe.
    Usage,
    /// An input that cannot be used.
    Input,
    /// An output that cannot be written.
    Output,
    /// Another process is writing the output.
    Busy,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Failure => 1,
            Self::Usage => 2,
            Self::Input => 3,
            Self::Output => 4,
            Self::Busy => 5,
            Self::Interrupted => 130,
        }
    }
}

/// A failed command.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("{message}")]
pub struct CliError {
    message: String,
    exit: Exit,
    #[help]
    help: Option<String>,
}

impl CliError {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { message: message.into(), exit, help: None }
    }

    /// An error of a library: its whole chain of causes in one message.
    pub fn from_source(exit: Exit, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            // Many errors repeat their source in their own text.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        Self::new(exit, message)
    }

    /// Says what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the section of a recipe whose settings are at fault.
    pub fn in_section(self, section: &str) -> Self {
        Self { message: format!("[{section}]: {}", self.message), ..self }
    }

    /// Prints the error to stderr and gives the exit code.
    pub fn report(self) -> ExitCode {
        let code = self.exit.code();
        // Lines break only at spaces, so that paths and flags can be copied. Setting the handler twice is harmless.
        let _ = miette::set_hook(Box::new(|_| {
            let layout = miette::MietteHandlerOpts::new()
                .break_words(false)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            Box::new(layout.build())
        }));
        // Ignore write errors: stderr may be closed, and the exit code reports the failure too.
        let _ = writeln!(std::io::stderr(), "{:?}", miette::Report::new(self));
        ExitCode::from(code)
    }
}
