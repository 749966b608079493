//! The interface of inference over whole scenes.

use std::ops::Range;

use areal_formats::ModelSpec;
use areal_grid::PixelBlock;
use ndarray::Array2;

use crate::ModelError;

/// A part of a scene that a network runs over from the top down, and the patches that it gives outputs for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DensePart {
    /// Patch rows, from the first one with outputs.
    pub patch_rows: Range<usize>,
    pub patch_columns: Range<usize>,
    /// Rows of pixels that are read; they may reach past the scene.
    pub rows: Range<usize>,
    /// Columns of pixels that are read; they may reach past the scene.
    pub columns: Range<usize>,
    /// Most bytes of all maps that are held at once.
    pub bytes: u64,
    /// Greatest number of rows of pixels, from a patch's first on, that are read before the patch is complete.
    pub lag: usize,
}

/// Outputs of a row of patches.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseRow {
    pub patch_row: usize,
    /// Logits of the patch columns of the part, `[patch, K]`.
    pub logits: Array2<f32>,
}

/// A network that runs over a whole scene instead of patch by patch: what patches share is computed once.
///
/// It sees the scene as one image with zeros around it, unobserved pixels 0 after normalisation. The outputs of a patch
/// are the head's of the mean of those features that lie in it. Without padding ([`areal_formats::Padding::Valid`]) they are what
/// the patch alone would give, up to rounding; with padding a patch's features see what lies around it.
pub trait DenseInference: Send {
    /// The model behind it.
    fn spec(&self) -> &ModelSpec;

    /// How it computes, in a word or two, as [`crate::Inference::kind`].
    fn kind(&self) -> String;

    /// What is read for the patches of some columns, from patch row `patch_row` on. The outputs are the same to the last
    /// bit whatever the part.
    ///
    /// # Errors
    /// When there are no such patches.
    fn part(&self, patch_row: usize, patch_columns: &Range<usize>) -> Result<DensePart, ModelError>;

    /// Begins with a part.
    ///
    /// # Errors
    /// When it is not a part of this scene.
    fn start(&mut self, part: &DensePart) -> Result<(), ModelError>;

    /// The rows of pixels that [`DenseInference::push`] takes next; empty when all are in.
    fn wanted(&self) -> Range<usize>;

    /// Takes the wanted rows out of `blocks`, which hold them in all columns of the part as far as the scene goes, and
    /// gives the rows of patches that are complete with them.
    ///
    /// # Errors
    /// When no part was begun, a block has other bands, or the network fails.
    fn push(&mut self, blocks: &[&PixelBlock]) -> Result<Vec<DenseRow>, ModelError>;
}
