//! Finished rows of cells, and their encoding in the journal.

use std::io::Read;
use std::ops::Range;
use std::path::Path;

use areal_grid::PixelState;
use areal_job::{FileError, hash_bytes};

use crate::dense::ModeDifference;

/// The final rows of cells of one strip.
#[derive(Debug, Clone)]
pub struct StripResult {
    /// First row of cells.
    pub first_row: usize,
    pub first_col: usize,
    pub rows: usize,
    pub cols: usize,
    pub channels: usize,
    /// `[channel, row, col]`; NaN where nothing is predicted.
    pub values: Vec<f32>,
    /// `[row, col]`; observed where something is predicted.
    pub states: Vec<PixelState>,
    /// `[row, col]`: shares of the cell's ground by state, in the order of [`PixelState::ALL`].
    pub shares: Vec<[f32; 4]>,
}

impl StripResult {
    /// Values of one channel, `[row, col]`.
    pub fn channel(&self, channel: usize) -> &[f32] {
        let cells = self.rows * self.cols;
        &self.values[channel * cells..(channel + 1) * cells]
    }
}

impl StripResult {
    /// Some of its columns.
    pub fn columns(&self, columns: &Range<usize>) -> Self {
        let (cols, cells) = (columns.len(), self.rows * self.cols);
        let part = |row: usize| row * self.cols + columns.start..row * self.cols + columns.end;
        let channel =
            |c: usize| (0..self.rows).flat_map(move |row| c * cells + part(row).start..c * cells + part(row).end);
        Self {
            first_row: self.first_row,
            first_col: self.first_col + columns.start,
            rows: self.rows,
            cols,
            channels: self.channels,
            values: (0..self.channels).flat_map(channel).map(|at| self.values[at]).collect(),
            states: (0..self.rows).flat_map(part).map(|at| self.states[at]).collect(),
            shares: (0..self.rows).flat_map(part).map(|at| self.shares[at]).collect(),
        }
    }
}

/// All that is kept of a finished strip: its cells, its pixels by state, and the sums of the rows that later patches
/// still add to.
#[derive(Debug, Clone)]
pub struct Shard {
    pub cells: StripResult,
    /// Pixels of the scene in the strip's patches: observed, nodata, masked, outside.
    pub pixels: [u64; 4],
    /// Patches that were predicted.
    pub patches: u64,
    /// In dense mode, how far sampled patches are from patch by patch.
    pub difference: ModeDifference,
    /// Patches added to each cell of the rows after.
    pub pending_counts: Vec<u32>,
    /// Sums of the rows after.
    pub pending_sums: Vec<f64>,
}

const MAGIC: &[u8] = b"areal-shard/3\n";
/// What shards of all versions begin with.
const FAMILY: &[u8] = b"areal-shard/";
const DIGEST: usize = 64;

impl Shard {
    /// Writes the shard, whole or not at all. Numbers are little-endian; the last 64 bytes are the SHA-256 of the rest.
    ///
    /// # Errors
    /// When the file cannot be written: a full disk shows here.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        let c = &self.cells;
        let mut bytes = MAGIC.to_vec();
        let (counts, sums) = (self.pending_counts.len(), self.pending_sums.len());
        let sizes = [c.first_row, c.first_col, c.rows, c.cols, c.channels, counts, sums];
        let d = &self.difference;
        let difference = [d.patches, d.same, d.numbers, d.sum.to_bits(), d.greatest.to_bits()];
        for n in sizes.map(|n| n as u64).into_iter().chain(self.pixels).chain([self.patches]).chain(difference) {
            bytes.extend(n.to_le_bytes());
        }
        bytes.extend(c.values.iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(c.states.iter().map(|s| *s as u8));
        bytes.extend(c.shares.iter().flatten().flat_map(|v| v.to_le_bytes()));
        bytes.extend(self.pending_counts.iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(self.pending_sums.iter().flat_map(|v| v.to_le_bytes()));
        let digest = hash_bytes(&bytes);
        bytes.extend(digest.as_str().as_bytes());
        let staged = areal_job::StagedFile::new(path)?;
        std::fs::write(staged.path(), bytes).map_err(FileError::io("write", path))?;
        staged.commit()
    }

    /// True for a file that begins as shards of all versions do.
    pub fn is_one(path: &Path) -> bool {
        let mut beginning = Vec::new();
        let read = std::fs::File::open(path).and_then(|f| f.take(FAMILY.len() as u64).read_to_end(&mut beginning));
        read.is_ok() && beginning == FAMILY
    }

    /// Reads a shard; `None` when the file is not there or not whole, so that its strip is done again.
    pub fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let (body, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST)?)?;
        if hash_bytes(body).as_str().as_bytes() != digest {
            return None;
        }
        let mut rest = Rest(body.strip_prefix(MAGIC)?);
        let [first_row, first_col, rows, cols, channels, counts, sums] = rest.numbers::<7>()?.map(|n| n as usize);
        let pixels = rest.numbers::<4>()?;
        let [patches, compared, same, numbers, sum, greatest] = rest.numbers::<6>()?;
        let (sum, greatest) = (f64::from_bits(sum), f64::from_bits(greatest));
        let difference = ModeDifference { patches: compared, same, numbers, sum, greatest };
        let cells = rows.checked_mul(cols)?;
        let values = rest.array(channels.checked_mul(cells)?, f32::from_le_bytes)?;
        let states = rest.array(cells, |[b]: [u8; 1]| PixelState::from_code(b))?.into_iter().collect::<Option<_>>()?;
        let shares = rest.array(cells.checked_mul(4)?, f32::from_le_bytes)?.as_chunks::<4>().0.to_vec();
        let pending_counts = rest.array(counts, u32::from_le_bytes)?;
        let pending_sums = rest.array(sums, f64::from_le_bytes)?;
        let cells = StripResult { first_row, first_col, rows, cols, channels, values, states, shares };
        Some(Self { cells, pixels, patches, difference, pending_counts, pending_sums })
    }
}

struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn array<const SIZE: usize, T>(&mut self, len: usize, decode: impl Fn([u8; SIZE]) -> T) -> Option<Vec<T>> {
        let (here, after) = self.0.split_at_checked(len.checked_mul(SIZE)?)?;
        self.0 = after;
        Some(here.as_chunks::<SIZE>().0.iter().map(|b| decode(*b)).collect())
    }

    fn numbers<const N: usize>(&mut self) -> Option<[u64; N]> {
        self.array(N, u64::from_le_bytes)?.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> Shard {
        let cells = StripResult {
            first_row: 3,
            first_col: 7,
            rows: 1,
            cols: 2,
            channels: 2,
            values: vec![0.5, f32::NAN, 0.25, f32::NAN],
            states: vec![PixelState::Observed, PixelState::Masked],
            shares: vec![[0.75, 0.25, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
        };
        let difference = ModeDifference { patches: 3, same: 2, numbers: 6, sum: 0.3, greatest: 0.125 };
        Shard {
            cells,
            pixels: [5, 1, 2, 0],
            patches: 4,
            difference,
            pending_counts: vec![1, 0],
            pending_sums: vec![0.1, 0.2],
        }
    }

    #[test]
    fn columns_are_those_of_every_channel() {
        let cells = StripResult {
            first_row: 3,
            first_col: 0,
            rows: 2,
            cols: 3,
            channels: 2,
            values: (0..12u8).map(f32::from).collect(),
            states: [PixelState::Nodata, PixelState::Masked, PixelState::Observed].repeat(2),
            shares: (0..6u8).map(|k| [f32::from(k); 4]).collect(),
        };
        let part = cells.columns(&(1..3));
        assert_eq!((part.first_row, part.first_col, part.rows, part.cols), (3, 1, 2, 2));
        assert_eq!(part.values, [1., 2., 4., 5., 7., 8., 10., 11.]);
        assert_eq!(part.states, [PixelState::Masked, PixelState::Observed].repeat(2));
        assert_eq!(part.shares, [[1.0; 4], [2.0; 4], [4.0; 4], [5.0; 4]]);
    }

    #[test]
    fn a_shard_comes_back_bit_by_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        shard().write(&path).unwrap();
        let back = Shard::read(&path).unwrap();
        // NaN is not equal to itself; the text of both is.
        assert_eq!(format!("{back:?}"), format!("{:?}", shard()));
    }

    #[test]
    fn a_damaged_shard_is_no_shard() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        shard().write(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for cut in [0, 10, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(Shard::read(&path).is_none());
        }
        let mut changed = whole;
        changed[40] ^= 1;
        std::fs::write(&path, changed).unwrap();
        assert!(Shard::read(&path).is_none());
    }
}
