//! Writes data to stdout. A closed pipe (`areal ... | head`) is not an error; a full disk is. Neither stops the job.

use std::fmt::Arguments;
use std::io::{Error, ErrorKind, Write, stdout};
use std::sync::OnceLock;

use crate::errors::{CliError, Exit};

/// The first write error; after it nothing more is written.
static REFUSED: OnceLock<Error> = OnceLock::new();

/// Writes to stdout unless an earlier write failed. The command continues either way.
pub fn write(text: Arguments<'_>) {
    put(|out| out.write_fmt(text));
}

fn put(write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) {
    if REFUSED.get().is_some() {
        return;
    }
    let mut out = stdout().lock();
    if let Err(error) = write(&mut out).and_then(|()| out.flush()) {
        let _ = REFUSED.set(error);
    }
}

/// Stdout for what writes bytes; never fails, as [`write`].
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        put(|out| out.write_all(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Reports at the end of the job whether everything was written to stdout.
///
/// # Errors
/// If a write failed. A closed pipe is not an error.
pub fn check() -> Result<(), CliError> {
    match REFUSED.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(CliError::new(Exit::Output, format!("cannot write to stdout: {error}"))
                .help("the job itself is done: all output files are complete"))
        }
        _ => Ok(()),
    }
}

/// `print!` that does not panic.
macro_rules! out {
    ($($text:tt)*) => { $crate::stdout::write(format_args!($($text)*)) };
}

/// `println!` that does not panic.
macro_rules! outln {
    ($($text:tt)*) => { $crate::stdout::write(format_args!("{}\n", format_args!($($text)*))) };
}
