//! A file that is read from its beginning to its end.

use std::fs::File;
use std::io::{ErrorKind, Read, Result};
use std::path::Path;

/// A file for readers that ask for a piece at a time: a call that a signal interrupted is made again, which such readers leave to
/// the file.
#[derive(Debug)]
pub struct InputFile(File);

impl InputFile {
    /// Opens a file.
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn open(path: &Path) -> Result<Self> {
        File::open(path).map(Self)
    }
}

impl Read for InputFile {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}
