//! Positions along one axis of a map, rows or columns: what an operation reads, and how far what it reads is known.

use std::ops::Range;

/// Side of the output squares that Winograd's algorithm computes at once.
pub const TILE: usize = 4;
/// Positions that such a square reads along one axis.
const TILE_READS: usize = 6;

/// Past every position of every map.
const FAR: i64 = 1 << 40;

/// What an operation reads along one axis for the output at position `o`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Positions `o * stride - padding` and those after it, `kernel` in all. In `tiles`, outputs are computed four at a
    /// time and share what they read, so that rounding differs with all of it.
    Window {
        /// Positions read.
        kernel: usize,
        /// Step.
        stride: usize,
        /// Zeros before the first position and after the last.
        padding: usize,
        /// Whether outputs are computed in tiles.
        tiles: bool,
    },
    /// Position `o + margin`.
    Crop {
        /// Positions that are left out on either side.
        margin: usize,
    },
    /// Positions `o * phases ..`, `phases` of them.
    Phases {
        /// How many become one.
        phases: usize,
    },
}

impl Reads {
    /// Number of outputs for this number of positions; none where the operation does not fit them.
    pub fn outputs(self, size: usize) -> Option<usize> {
        match self {
            Self::Window { kernel, stride, padding, .. } => {
                Some((size + 2 * padding).checked_sub(kernel)? / stride + 1)
            }
            Self::Crop { margin } => size.checked_sub(2 * margin).filter(|left| *left > 0),
            Self::Phases { phases } => size.is_multiple_of(phases).then_some(size / phases),
        }
    }

    /// Outputs that can be computed when the positions before `end` are there and more are to come.
    pub fn outputs_before(self, end: usize) -> usize {
        match self {
            Self::Window { kernel, stride, padding, .. } => {
                (end + padding).checked_sub(kernel).map_or(0, |left| left / stride + 1)
            }
            Self::Crop { margin } => end.saturating_sub(margin),
            Self::Phases { phases } => end / phases,
        }
    }

    /// The first position that output `o` or a later one reads.
    pub fn first(self, o: usize) -> usize {
        match self {
            Self::Window { stride, padding, .. } => (o * stride).saturating_sub(padding),
            Self::Crop { margin } => o + margin,
            Self::Phases { phases } => o * phases,
        }
    }

    /// The end of the positions that the outputs before `end` read, in a map of `size`.
    pub fn end(self, end: usize, size: usize) -> usize {
        let reach = match self {
            Self::Window { kernel, stride, padding, .. } => ((end - 1) * stride + kernel).saturating_sub(padding),
            Self::Crop { margin } => end + margin,
            Self::Phases { phases } => end * phases,
        };
        reach.min(size)
    }

    /// How many outputs are computed together.
    pub fn together(self) -> usize {
        if matches!(self, Self::Window { tiles: true, .. }) { TILE } else { 1 }
    }

    /// The outputs that read nothing but what is known.
    pub fn known(self, known: ExactRange) -> ExactRange {
        let ExactRange { from, to } = known;
        match self {
            Self::Window { kernel, stride, padding, tiles } => {
                let together = if tiles { TILE } else { 1 } as i64;
                let reads = if tiles { TILE_READS } else { kernel } as i64;
                let (step, padding) = (stride as i64 * together, padding as i64);
                ExactRange {
                    from: (from + padding + step - 1).div_euclid(step) * together,
                    to: ((to + padding - reads).div_euclid(step) + 1) * together,
                }
            }
            Self::Crop { margin } => ExactRange { from: from - margin as i64, to: to - margin as i64 },
            Self::Phases { phases } => {
                let phases = phases as i64;
                ExactRange { from: (from + phases - 1).div_euclid(phases), to: to.div_euclid(phases) }
            }
        }
    }
}

/// Positions of a map whose values are those of the whole image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactRange {
    from: i64,
    to: i64,
}

impl ExactRange {
    /// Of a map of `size` positions, cut off before its first one or after its last one where `cut` says so. Nothing
    /// lies past an end that is not cut off, and that is known.
    pub fn of(size: usize, cut: [bool; 2]) -> Self {
        Self { from: if cut[0] { 0 } else { -FAR }, to: if cut[1] { size as i64 } else { FAR } }
    }

    /// What is known of both.
    pub fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }

    /// Whether a range of positions is known.
    pub fn covers(self, range: &Range<usize>) -> bool {
        self.from <= range.start as i64 && range.end as i64 <= self.to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_reads_what_its_formula_says() {
        // Kernel 3, stride 2, padding 1 on 8 positions: outputs 0..4 read -1..2, 1..4, 3..6, 5..8.
        let reads = Reads::Window { kernel: 3, stride: 2, padding: 1, tiles: false };
        assert_eq!(reads.outputs(8), Some(4));
        assert_eq!([0, 1, 2, 3, 4, 6, 8].map(|end| reads.outputs_before(end)), [0, 0, 1, 1, 2, 3, 4]);
        assert_eq!([0, 1, 3].map(|o| reads.first(o)), [0, 1, 5]);
        assert_eq!((reads.end(1, 8), reads.end(3, 8), reads.end(4, 7)), (2, 6, 7));
        // Cut off before 0 and after 8: output 0 reads position -1, all others what is there.
        assert_eq!(reads.known(ExactRange::of(8, [true, true])), ExactRange { from: 1, to: 4 });
    }

    #[test]
    fn outputs_in_tiles_are_known_four_at_a_time() {
        let reads = Reads::Window { kernel: 3, stride: 1, padding: 1, tiles: true };
        // Tiles read -1..5, 3..9, 7..13: the second one alone lies within 0..12.
        assert_eq!(reads.known(ExactRange::of(12, [true, true])), ExactRange { from: 4, to: 8 });
        assert!(reads.known(ExactRange::of(12, [false, false])).covers(&(0..12)));
    }

    #[test]
    fn phases_need_whole_groups() {
        let reads = Reads::Phases { phases: 2 };
        assert_eq!((reads.outputs(6), reads.outputs(7), reads.outputs_before(5)), (Some(3), None, 2));
        assert_eq!(reads.known(ExactRange { from: 1, to: 5 }), ExactRange { from: 1, to: 2 });
    }
}
