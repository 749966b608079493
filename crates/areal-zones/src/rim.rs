//! Cells on the rim of the Earth: a zone covers a share of what of the cell is on the Earth.

use std::collections::BTreeMap;

use areal_grid::Window;

use crate::Span;
use crate::walker::{from_fixed, to_fixed};

/// The share of a rim cell that is on the Earth is known to about this. Zones that leave less than this part of it free are taken to
/// cover it, so up to a hundredth of a rim cell may be counted to the zones instead of outside them.
const TOLERANCE: f64 = 0.01;

/// Cells on the rim of the Earth in one window: by row, columns with the share that is on the Earth.
pub(crate) struct Rim {
    shares: BTreeMap<[u32; 2], f64>,
}

impl Rim {
    /// From rows and columns in the grid. Where zones cover a cell to about the share that is on the Earth, this share is
    /// what they cover: it is the more exact one, and nothing is left over.
    pub(crate) fn new(
        window: Window,
        rim: &[([usize; 2], f64)],
        zones: &[(u32, Span)],
        common: &[(u32, Span)],
    ) -> Self {
        let at = |[row, col]: [usize; 2]| [(row - window.row) as u32, col as u32];
        let mut covered: BTreeMap<[u32; 2], f64> = rim.iter().map(|(cell, _)| (at(*cell), 0.0)).collect();
        for (spans, sign) in [(zones, 1.0), (common, -1.0)] {
            for (row, span) in spans {
                for (_, sum) in covered.range_mut([*row, span.col]..[*row, span.col + span.len]) {
                    *sum += sign * span.coverage;
                }
            }
        }
        let share = |(cell, share): &([usize; 2], f64)| {
            let cell = at(*cell);
            let together = covered[&cell];
            (cell, if together > share * (1.0 - TOLERANCE) { together.min(1.0) } else { *share })
        };
        Self { shares: rim.iter().map(share).collect() }
    }

    /// Brings coverages of whole cells to coverages of what of them is on the Earth.
    pub(crate) fn cover(&self, lists: [&mut Vec<(u32, Span)>; 2]) {
        for spans in lists {
            *spans = std::mem::take(spans).into_iter().flat_map(|(row, span)| self.cut(row, span)).collect();
        }
    }

    /// A span, cut where it holds rim cells.
    fn cut(&self, row: u32, span: Span) -> Vec<(u32, Span)> {
        let mut pieces = Vec::new();
        let mut col = span.col;
        let end = span.col + span.len;
        for (&[_, at], share) in self.shares.range([row, span.col]..[row, end]) {
            if at > col {
                pieces.push((row, Span { col, len: at - col, ..span }));
            }
            let coverage = from_fixed(to_fixed((span.coverage / share).min(1.0)));
            pieces.push((row, Span { col: at, len: 1, coverage, ..span }));
            col = at + 1;
        }
        if col < end {
            pieces.push((row, Span { col, len: end - col, ..span }));
        }
        pieces
    }
}
