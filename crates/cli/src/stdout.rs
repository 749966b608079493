//! Data on stdout. A reader that has seen enough (`areal ... | head`) is no fault; a full disk is.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write, stdout};

use crate::errors::Exit;

/// Writes to stdout; ends the program when nothing more can be written there. What a command makes is whole by the
/// time it prints.
pub fn write(text: Arguments<'_>) {
    let mut out = stdout().lock();
    let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) else { return };
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(0);
    }
    eprintln!("cannot write to stdout: {error}");
    std::process::exit(i32::from(Exit::Output.code()));
}

/// `print!` that does not panic.
macro_rules! out {
    ($($text:tt)*) => { $crate::stdout::write(format_args!($($text)*)) };
}

/// `println!` that does not panic.
macro_rules! outln {
    ($($text:tt)*) => { $crate::stdout::write(format_args!("{}\n", format_args!($($text)*))) };
}
