//! Reading of whole images that have no place on the ground.

use std::path::Path;

use areal_grid::{PixelBlock, Window};

use crate::masked_file::MaskedFile;
use crate::selection::Selection;
use crate::{BandInfo, FileFacts, RasterError};
use areal_formats::SceneSettings;

/// Reads a whole image that need not lie anywhere on the ground: a JPEG, PNG or TIFF of a training set. All bands but
/// the alpha band, which says what is observed.
///
/// # Errors
/// When it cannot be read or its bands are of several types.
pub fn read_image(path: &Path) -> Result<(Vec<BandInfo>, PixelBlock), RasterError> {
    let facts = FileFacts::read(path)?;
    let selection = Selection::new(&facts, &SceneSettings::new("image", vec![path.to_path_buf()]))?;
    let window = Window::new(0, 0, facts.height, facts.width);
    let mut block = PixelBlock::outside(window, selection.bands.len(), selection.pixel_type());
    MaskedFile::open(&facts, &selection)?.read_into(&window, &mut block, 0, 0)?;
    Ok((selection.bands.iter().map(BandInfo::from).collect(), block))
}
