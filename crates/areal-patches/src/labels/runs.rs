//! Labels of one row of pixels, as runs.

use crate::PatchError;

/// Pixels `start..end` of one row that carry the label of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LabelRun {
    pub start: usize,
    pub end: usize,
    pub item: u32,
}

/// Labels of a scene, row by row from the top: polygons and label rasters look alike from here on.
pub trait LabelRows {
    /// Replaces `out` by the runs of a row, ascending and apart. Rows are asked for in ascending order.
    fn row(&mut self, row: usize, out: &mut Vec<LabelRun>) -> Result<(), PatchError>;
}
