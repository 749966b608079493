//! Maps whose rows lie in a ring buffer.

/// Where the rows of a map lie in memory: one after the other, and after the last place at the first one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ring {
    /// Place of row 0.
    first: usize,
    /// Places.
    rows: usize,
}

/// A map whose rows lie in a ring.
#[derive(Debug, Clone, Copy)]
pub struct MapRows<'a> {
    /// The values of all places.
    pub values: &'a [f32],
    /// Where the rows lie.
    pub ring: Ring,
}

impl Ring {
    /// With row `row` of an endless map at place `row % rows`; `first` of that map is row 0 here.
    pub fn new(first: usize, rows: usize) -> Self {
        Self { first: first % rows.max(1), rows }
    }

    /// Of a map held as a whole.
    pub fn whole(rows: usize) -> Self {
        Self { first: 0, rows }
    }

    /// Place of a row; less than [`Ring::rows`] for rows below that number.
    pub fn place(self, row: usize) -> usize {
        let at = self.first + row;
        if at < self.rows { at } else { at - self.rows }
    }

    /// Places.
    pub fn rows(self) -> usize {
        self.rows
    }
}

impl<'a> MapRows<'a> {
    /// A map held as a whole, of this number of rows.
    pub fn whole(values: &'a [f32], rows: usize) -> Self {
        Self { values, ring: Ring::whole(rows) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_on_at_the_first_place() {
        let ring = Ring::new(13, 5);
        assert_eq!([0, 1, 2, 3, 4].map(|row| ring.place(row)), [3, 4, 0, 1, 2]);
        assert_eq!([0, 4].map(|row| Ring::whole(5).place(row)), [0, 4]);
    }
}
