//! Reading of whole images that have no place on the ground.

use std::path::Path;

use areal_grid::{PixelBlock, PixelState, PixelType, Pixels, Window};
use gdal::Dataset;

use crate::masked_file::MaskedFile;
use crate::selection::Selection;
use crate::{BandInfo, FileFacts, RasterError};
use areal_formats::SceneSettings;

/// Reads a whole image that need not lie anywhere on the ground: a JPEG, PNG or TIFF of a training set. All bands but
/// the alpha band, which says what is observed. An image of a palette is read as the colours of its own palette: red, green and blue.
///
/// # Errors
/// When it cannot be read or its bands are of several types.
pub fn read_image(path: &Path) -> Result<(Vec<BandInfo>, PixelBlock), RasterError> {
    let facts = FileFacts::read(path)?;
    let selection = Selection::new(&facts, &SceneSettings::new("image", vec![path.to_path_buf()]))?;
    let window = Window::new(0, 0, facts.height, facts.width);
    let mut block = PixelBlock::outside(window, selection.bands.len(), selection.pixel_type());
    let file = MaskedFile::open(&facts, &selection)?;
    file.read_into(&window, &mut block, 0, 0)?;
    let bands: Vec<BandInfo> = selection.bands.iter().map(BandInfo::from).collect();
    match (&bands[..], palette(file.dataset(), bands[0].number)) {
        ([band], Some(palette)) => Ok(coloured(band, &block, &palette)),
        _ => Ok((bands, block)),
    }
}

/// The colours of a band's palette: red, green, blue and alpha.
pub(crate) fn palette(dataset: &Dataset, band: usize) -> Option<Vec<[u8; 4]>> {
    let band = dataset.rasterband(band).ok()?;
    let table = band.color_table()?;
    let colour = |k| {
        let entry = table.entry_as_rgb(k)?;
        Some([entry.r, entry.g, entry.b, entry.a].map(|v| v.clamp(0, 255) as u8))
    };
    (0..table.entry_count()).map(colour).collect()
}

/// The colours that places in a palette stand for. A transparent colour, or a place beyond the palette, is nodata.
fn coloured(band: &BandInfo, block: &PixelBlock, palette: &[[u8; 4]]) -> (Vec<BandInfo>, PixelBlock) {
    let plane = block.states.len();
    let mut made = PixelBlock::outside(block.window, 3, PixelType::U8);
    let mut values = vec![0; 3 * plane];
    for k in 0..plane {
        let colour = palette.get(block.pixels.get(k) as usize).filter(|colour| colour[3] > 0);
        made.states[k] = match (block.states[k], colour) {
            (PixelState::Observed, Some(colour)) => {
                (0..3).for_each(|band| values[band * plane + k] = colour[band]);
                PixelState::Observed
            }
            (PixelState::Observed, None) => PixelState::Nodata,
            (other, _) => other,
        };
    }
    made.pixels = Pixels::U8(values);
    let info = |(k, name): (usize, &str)| BandInfo {
        number: k + 1,
        description: name.to_owned(),
        pixel_type: PixelType::U8,
        scaling: band.scaling,
    };
    (["red", "green", "blue"].into_iter().enumerate().map(info).collect(), made)
}
