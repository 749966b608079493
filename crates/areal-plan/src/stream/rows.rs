//! The rows of a map that are held at a time.

use std::ops::Range;

use areal_kernels::{Buffer, KernelError, MapRows, Ring};

/// The rows held of a map that is computed from the top. New rows replace those that are no longer needed.
#[derive(Debug, Clone, Default)]
pub struct HeldRows {
    buffer: Buffer,
    /// Index of the first row held.
    first: usize,
    /// Index after the last row held.
    end: usize,
    /// Values of a row.
    len: usize,
    /// Rows that there is room for.
    room: usize,
}

impl HeldRows {
    /// None yet, with room for `room`.
    pub fn new(len: usize, room: usize) -> Self {
        Self { buffer: Buffer::zeros(len * room), first: 0, end: 0, len, room }
    }

    /// Index after the last row held.
    pub fn end(&self) -> usize {
        self.end
    }

    /// Index of the first row held.
    pub fn first(&self) -> usize {
        self.first
    }

    /// The map from row `first` on, which must be held.
    pub fn map_from(&self, first: usize) -> MapRows<'_> {
        MapRows { values: &self.buffer, ring: Ring::new(first, self.room) }
    }

    /// Rows `range`, which must be held.
    pub fn get(&self, range: Range<usize>) -> Vec<&[f32]> {
        let map = self.map_from(range.start);
        (0..range.len()).map(|row| &map.values[map.ring.place(row) * self.len..][..self.len]).collect()
    }

    /// Drops the rows before `keep` and makes place for `rows` new ones, whose first index it gives.
    ///
    /// # Errors
    /// When there is not enough room.
    pub fn append(&mut self, keep: usize, rows: usize) -> Result<usize, KernelError> {
        let start = self.end;
        self.first = keep.clamp(self.first, self.end);
        self.end += rows;
        let held = self.end - self.first;
        if held > self.room {
            return Err(KernelError::Shape(format!("{held} rows where there is room for {}", self.room)));
        }
        Ok(start)
    }

    /// All values, and where rows from `first` on lie.
    pub fn places_mut(&mut self, first: usize) -> (&mut [f32], Ring) {
        (&mut self.buffer, Ring::new(first, self.room))
    }

    /// Rows `range`, which must be held.
    pub fn get_mut(&mut self, range: Range<usize>) -> Vec<&mut [f32]> {
        let (values, ring) = (&mut self.buffer[..self.room * self.len], Ring::new(range.start, self.room));
        let (before, after) = values.split_at_mut(ring.place(0) * self.len);
        after.chunks_mut(self.len).chain(before.chunks_mut(self.len)).take(range.len()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_kept_stay_what_they_were() {
        let mut rows = HeldRows::new(2, 4);
        for (at, row) in [0, 1, 2].into_iter().zip(rows.append(0, 3).map(|_| rows.get_mut(0..3)).unwrap()) {
            row.copy_from_slice(&[10.0 * at as f32, 10.0 * at as f32 + 1.0]);
        }
        assert_eq!(rows.append(2, 3).unwrap(), 3);
        for row in rows.get_mut(3..6) {
            row.fill(7.0);
        }
        assert_eq!((rows.first(), rows.end()), (2, 6));
        assert_eq!(rows.get(2..4), [[20.0, 21.0], [7.0, 7.0]]);
        // Rows 4 and 5 are where 0 and 1 were.
        assert_eq!(rows.map_from(4).values[..4], [7.0; 4]);
        assert!(rows.append(3, 2).is_err(), "five rows in place of four");
    }
}
