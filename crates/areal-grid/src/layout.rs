//! Patches of a scene and the prediction cells made from them.

use crate::Window;

/// The patches of a scene, and the cells of the prediction made from them.
///
/// The stride divides the patch size. One prediction cell is `stride` x `stride` pixels; cells cover the scene from
/// its first corner, `ceil(size / stride)` each way, so the last ones may reach past it. Patches start on cell corners
/// and are as many as it takes to cover every cell; the last ones may reach past the scene too. With stride = patch
/// size, every pixel lies in exactly one patch and every cell in exactly one patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PatchLayout {
    height: usize,
    width: usize,
    patch_size: usize,
    stride: usize,
}

/// Sizes that give no layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// A size of zero.
    #[error("{what} is 0; it must be at least 1 pixel")]
    Zero { what: &'static str },
    /// The stride leaves a remainder, so cells and patches would not line up.
    #[error("stride {stride} does not divide the patch size {patch_size}; patches and cells would not line up")]
    StrideDoesNotDivide {
        /// Patch size in pixels.
        patch_size: usize,
        /// Stride in pixels.
        stride: usize,
    },
}

impl PatchLayout {
    /// The layout of `patch_size` patches every `stride` pixels over a scene of `height` x `width` pixels.
    ///
    /// # Errors
    /// When a size is 0 or the stride does not divide the patch size.
    pub fn new(height: usize, width: usize, patch_size: usize, stride: usize) -> Result<Self, LayoutError> {
        let sizes = [
            (height, "the scene's height"),
            (width, "the scene's width"),
            (patch_size, "patch size"),
            (stride, "stride"),
        ];
        if let Some((_, what)) = sizes.into_iter().find(|(size, _)| *size == 0) {
            return Err(LayoutError::Zero { what });
        }
        if !patch_size.is_multiple_of(stride) {
            return Err(LayoutError::StrideDoesNotDivide { patch_size, stride });
        }
        Ok(Self { height, width, patch_size, stride })
    }

    /// Patch size in pixels.
    pub fn patch_size(&self) -> usize {
        self.patch_size
    }

    /// Stride in pixels.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Rows and columns of prediction cells.
    pub fn cells(&self) -> (usize, usize) {
        (self.height.div_ceil(self.stride), self.width.div_ceil(self.stride))
    }

    /// Rows and columns of patches.
    pub fn patches(&self) -> (usize, usize) {
        let (rows, cols) = self.cells();
        let span = self.cells_per_patch();
        ((rows + 1).saturating_sub(span).max(1), (cols + 1).saturating_sub(span).max(1))
    }

    /// Cells along one side of a patch.
    pub fn cells_per_patch(&self) -> usize {
        self.patch_size / self.stride
    }

    /// Pixels of the patch in patch row `i` and patch column `j`. It may reach past the scene.
    pub fn window(&self, i: usize, j: usize) -> Window {
        Window::new(i * self.stride, j * self.stride, self.patch_size, self.patch_size)
    }

    /// Cells that the patch in patch row `i` and patch column `j` covers, cut off at the last row and column of cells.
    pub fn cells_of(&self, i: usize, j: usize) -> Window {
        let (rows, cols) = self.cells();
        let span = self.cells_per_patch();
        Window::new(i, j, span.min(rows - i), span.min(cols - j))
    }

    /// All patches as `(i, j)`, row by row.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (rows, cols) = self.patches();
        (0..rows).flat_map(move |i| (0..cols).map(move |j| (i, j)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn patches_cover_every_pixel_and_no_cell_is_missed(
            h in 1usize..90, w in 1usize..90, stride in 1usize..9, k in 1usize..5,
        ) {
            let layout = PatchLayout::new(h, w, stride * k, stride).unwrap();
            let mut pixels = vec![0u32; h * w];
            let (rows, cols) = layout.cells();
            let mut cells = vec![0u32; rows * cols];
            for (i, j) in layout.iter() {
                let win = layout.window(i, j).intersect(&Window::new(0, 0, h, w)).unwrap();
                for r in win.row..win.row_end() {
                    for c in win.col..win.col_end() {
                        pixels[r * w + c] += 1;
                    }
                }
                let win = layout.cells_of(i, j);
                for r in win.row..win.row_end() {
                    for c in win.col..win.col_end() {
                        cells[r * cols + c] += 1;
                    }
                }
            }
            prop_assert!(pixels.iter().all(|&n| n >= 1 && n as usize <= k * k));
            prop_assert!(cells.iter().all(|&n| n >= 1));
            if k == 1 {
                prop_assert!(pixels.iter().chain(&cells).all(|&n| n == 1));
            }
        }
    }

    #[test]
    fn a_scene_smaller_than_a_patch_has_one_patch() {
        let layout = PatchLayout::new(10, 20, 64, 16).unwrap();
        assert_eq!(layout.patches(), (1, 1));
        assert_eq!(layout.cells(), (1, 2));
        assert_eq!(layout.cells_of(0, 0), Window::new(0, 0, 1, 2));
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert_eq!(
            PatchLayout::new(10, 10, 64, 48),
            Err(LayoutError::StrideDoesNotDivide { patch_size: 64, stride: 48 })
        );
        assert_eq!(PatchLayout::new(10, 10, 64, 0), Err(LayoutError::Zero { what: "stride" }));
    }
}
