//! Half-open rectangles of pixels.

use serde::{Deserialize, Serialize};

/// A half-open rectangle of pixels: rows `row..row + height`, columns `col..col + width`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub row: usize,
    pub col: usize,
    pub height: usize,
    pub width: usize,
}

impl Window {
    /// A window from its first row and column and its size.
    pub fn new(row: usize, col: usize, height: usize, width: usize) -> Self {
        Self { row, col, height, width }
    }

    /// First row after the window.
    pub fn row_end(&self) -> usize {
        self.row + self.height
    }

    /// First column after the window.
    pub fn col_end(&self) -> usize {
        self.col + self.width
    }

    pub fn len(&self) -> usize {
        self.height * self.width
    }

    /// True when the window holds no pixel.
    pub fn is_empty(&self) -> bool {
        self.height == 0 || self.width == 0
    }

    /// The pixels that lie in both windows; `None` when there are none.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let (row, col) = (self.row.max(other.row), self.col.max(other.col));
        let (row_end, col_end) = (self.row_end().min(other.row_end()), self.col_end().min(other.col_end()));
        (row < row_end && col < col_end).then(|| Self::new(row, col, row_end - row, col_end - col))
    }

    /// True when every pixel of `other` lies in this window.
    pub fn contains(&self, other: &Self) -> bool {
        self.row <= other.row
            && self.col <= other.col
            && self.row_end() >= other.row_end()
            && self.col_end() >= other.col_end()
    }
}

/// Cuts a `height` x `width` grid into blocks of at most `block_height` x `block_width`, row by row; every pixel lies
/// in exactly one. A block size of 0 counts as 1.
pub fn blocks(
    height: usize,
    width: usize,
    block_height: usize,
    block_width: usize,
) -> impl Iterator<Item = Window> + Clone {
    let (bh, bw) = (block_height.max(1), block_width.max(1));
    (0..height).step_by(bh).flat_map(move |row| {
        (0..width).step_by(bw).map(move |col| Window::new(row, col, bh.min(height - row), bw.min(width - col)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_cover_each_pixel_once(h in 0usize..40, w in 0usize..40, bh in 1usize..17, bw in 1usize..17) {
            let mut seen = vec![0u8; h * w];
            for b in blocks(h, w, bh, bw) {
                for r in b.row..b.row_end() {
                    for c in b.col..b.col_end() {
                        seen[r * w + c] += 1;
                    }
                }
            }
            prop_assert!(seen.iter().all(|&n| n == 1));
        }
    }

    #[test]
    fn windows_that_only_touch_do_not_intersect() {
        let a = Window::new(0, 0, 2, 2);
        assert_eq!(a.intersect(&Window::new(0, 2, 2, 2)), None);
        assert_eq!(a.intersect(&Window::new(1, 1, 5, 5)), Some(Window::new(1, 1, 1, 1)));
        assert!(a.contains(&Window::new(1, 0, 1, 2)) && !a.contains(&Window::new(1, 0, 2, 2)));
    }
}
