//! A large text, read block by block: only what is not taken yet is held.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bytes that are read at a time.
pub(crate) const BLOCK: usize = 1 << 23;
/// Most bytes that are held: a longer element is not read.
const MAX_BYTES: usize = 1 << 30;

/// What of a file is read and not taken yet.
pub(crate) struct Blocks {
    file: File,
    held: Vec<u8>,
    taken: usize,
    block: usize,
}

impl Blocks {
    /// Opens a file and reads its first block, or all of a smaller one.
    pub(crate) fn open(path: &Path, block: usize) -> Option<Self> {
        let mut new = Self { file: File::open(path).ok()?, held: Vec::new(), taken: 0, block };
        new.more()?;
        Some(new)
    }

    pub(crate) fn rest(&self) -> &[u8] {
        &self.held[self.taken..]
    }

    /// Leaves the first bytes of the rest behind.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken += bytes;
    }

    /// Reads on: a block, or as much as is held already. False at the end of the file, `None` where it cannot be read or too
    /// much is held.
    pub(crate) fn more(&mut self) -> Option<bool> {
        self.held.drain(..self.taken);
        self.taken = 0;
        let (before, wanted) = (self.held.len(), self.held.len().max(self.block));
        if before + wanted > MAX_BYTES {
            return None;
        }
        self.held.reserve_exact(wanted);
        (&mut self.file).take(wanted as u64).read_to_end(&mut self.held).ok()?;
        Some(self.held.len() > before)
    }
}
