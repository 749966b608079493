//! Bytes that are written once and read in pieces: in memory up to a bound, then in an unnamed temporary file.

use std::fs::File;
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::os::unix::fs::FileExt;

/// Bytes that are written to a file at a time.
const BLOCK: usize = 1 << 18;

/// Bytes in memory and, after them, in a temporary file.
#[derive(Debug, Default)]
pub(crate) struct Spill {
    memory: Vec<u8>,
    most: usize,
    file: Option<BufWriter<File>>,
    len: u64,
}

impl Spill {
    /// For so many bytes in memory.
    pub(crate) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Adds a piece, which is in memory or in the file as a whole. Returns where it begins.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<u64, Error> {
        let start = self.len;
        self.len += bytes.len() as u64;
        let needed = self.memory.len() + bytes.len();
        if self.file.is_none() && needed <= self.most {
            // Never more than the bound: a vector would grow to twice its size.
            if needed > self.memory.capacity() {
                self.memory.reserve_exact((2 * needed).min(self.most) - self.memory.len());
            }
            self.memory.extend_from_slice(bytes);
            return Ok(start);
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(BufWriter::with_capacity(BLOCK, tempfile::tempfile()?)),
        };
        file.write_all(bytes)?;
        Ok(start)
    }

    /// Ends the writing: only after it what was pushed can be read.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Reads a part of one piece.
    pub(crate) fn read<R>(&self, start: u64, len: usize, take: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        let in_memory = self.memory.len() as u64;
        if start < in_memory {
            let start = start as usize;
            return Ok(take(self.memory.get(start..start + len).ok_or(ErrorKind::UnexpectedEof)?));
        }
        if len == 0 {
            return Ok(take(&[]));
        }
        let file = self.file.as_ref().ok_or(ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; len];
        file.get_ref().read_exact_at(&mut bytes, start - in_memory)?;
        Ok(take(&bytes))
    }
}

/// Pieces by number.
#[derive(Debug, Default)]
pub(crate) struct Records {
    bytes: Spill,
    /// Where each begins.
    starts: Vec<u64>,
}

impl Records {
    /// With so many bytes in memory.
    pub(crate) fn new(most: usize) -> Self {
        Self { bytes: Spill::new(most), starts: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(crate) fn push(&mut self, record: &[u8]) -> Result<(), Error> {
        self.starts.push(self.bytes.push(record)?);
        Ok(())
    }

    /// Ends the writing.
    pub(crate) fn settle(&mut self) -> Result<(), Error> {
        self.bytes.settle()
    }

    /// Bytes of a record.
    pub(crate) fn size(&self, number: usize) -> usize {
        let end = self.starts.get(number + 1).copied().unwrap_or(self.bytes.len());
        (end - self.starts[number]) as usize
    }

    pub(crate) fn read<R>(&self, number: usize, take: impl FnOnce(&[u8]) -> R) -> Result<R, Error> {
        self.bytes.read(self.starts[number], self.size(number), take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_the_same_in_memory_and_on_the_disk() {
        let record = |k: usize| vec![k as u8; k % 7];
        for most in [0, 1, 10, 100, 10_000] {
            let mut records = Records::new(most);
            (0..300).for_each(|k| records.push(&record(k)).unwrap());
            records.settle().unwrap();
            assert!(records.bytes.memory.capacity() <= most);
            for k in (0..300).rev() {
                assert_eq!(records.size(k), k % 7);
                assert_eq!(records.read(k, <[u8]>::to_vec).unwrap(), record(k));
            }
        }
    }
}
