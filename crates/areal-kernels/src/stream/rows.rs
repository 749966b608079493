use std::ops::Range;

use crate::Buffer;

/// The rows at hand of a map that is computed from the top.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    buffer: Buffer,
    /// Index of the first row at hand.
    first: usize,
    /// Index after the last row at hand.
    end: usize,
    /// Values of a row.
    len: usize,
}

impl Rows {
    /// None yet, with room for so many.
    pub fn new(len: usize, room: usize) -> Self {
        Self { buffer: Buffer::zeros(len * room), first: 0, end: 0, len }
    }

    /// Index after the last row at hand.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Index of the first row at hand.
    pub fn first(&self) -> usize {
        self.first
    }

    /// Rows `range`, which must be at hand.
    pub fn get(&self, range: Range<usize>) -> &[f32] {
        &self.buffer[(range.start - self.first) * self.len..(range.end - self.first) * self.len]
    }

    /// Drops the rows before `keep` and gives the place of `rows` new ones.
    pub fn append(&mut self, keep: usize, rows: usize) -> &mut [f32] {
        let keep = keep.clamp(self.first, self.end);
        let (from, to) = ((keep - self.first) * self.len, (self.end - self.first) * self.len);
        if from > 0 {
            self.buffer.copy_within(from..to, 0);
        }
        self.first = keep;
        let at = to - from;
        self.end += rows;
        self.buffer.grow(at + rows * self.len);
        &mut self.buffer[at..at + rows * self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_kept_stay_what_they_were() {
        let mut rows = Rows::new(2, 3);
        rows.append(0, 3).copy_from_slice(&[0.0, 1.0, 10.0, 11.0, 20.0, 21.0]);
        rows.append(2, 2).copy_from_slice(&[30.0, 31.0, 40.0, 41.0]);
        assert_eq!((rows.first(), rows.end()), (2, 5));
        assert_eq!(rows.get(2..4), [20.0, 21.0, 30.0, 31.0]);
    }
}
