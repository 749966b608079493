//! One plain raster, read band by band: a label raster, a prediction, a weight.

use std::path::Path;

use areal_grid::{PixelBlock, PixelGrid, PixelState, Pixels, Window};
use gdal::Dataset;
use gdal::raster::RgbaEntry;

use crate::facts::{Mask, category_names, open_raster};
use crate::masked_file::{MaskedFile, all_observed, blank, mark_nodata};
use crate::raster_io::{Layout, read};
use crate::selection::Selection;
use crate::{BandInfo, FileFacts, RasterError};

/// One plain raster, read band by band: a label raster, a prediction, a weight.
pub struct RasterFile {
    facts: FileFacts,
    grid: PixelGrid,
    bands: Vec<BandInfo>,
    dataset: Dataset,
    open: Vec<Option<MaskedFile>>,
}

impl RasterFile {
    /// Opens a raster.
    ///
    /// # Errors
    /// When it cannot be opened or has no north-up grid with a CRS.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        let dataset = open_raster(path)?;
        let facts = FileFacts::of(path, &dataset)?;
        Ok(Self {
            grid: facts.grid()?,
            bands: facts.bands.iter().map(BandInfo::from).collect(),
            open: facts.bands.iter().map(|_| None).collect(),
            facts,
            dataset,
        })
    }

    /// Where its pixels lie.
    pub fn grid(&self) -> &PixelGrid {
        &self.grid
    }

    pub fn bands(&self) -> &[BandInfo] {
        &self.bands
    }

    /// All that the file says about itself.
    pub fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// Rows and columns of the blocks in which it is stored.
    pub fn block_size(&self) -> (usize, usize) {
        let block = self.facts.bands.first().map_or([1, 1], |b| b.block);
        (block[0].min(self.grid.height), block[1].min(self.grid.width))
    }

    /// Reads a window of a band (number from 1): values and states, `[row, col]`. The window may reach past the raster:
    /// pixels out there are [`PixelState::Outside`]. A pixel that is not observed holds 0.
    ///
    /// # Errors
    /// When there is no such band or the file is damaged.
    pub fn read_band(&mut self, band: usize, window: &Window) -> Result<(Pixels, Vec<PixelState>), RasterError> {
        let facts = self.band_facts(band)?.clone();
        let mut block = PixelBlock::outside(*window, 1, facts.pixel_type);
        if let Some(inside) = window.intersect(&self.grid.window()) {
            let slot = &mut self.open[band - 1];
            let file = match slot {
                Some(file) => file,
                closed => {
                    let selection = Selection { bands: vec![facts], quality: None, nodata: None };
                    closed.insert(MaskedFile::open(&self.facts, &selection)?)
                }
            };
            file.read_into(&inside, &mut block, inside.row - window.row, inside.col - window.col)?;
        }
        Ok((block.pixels, block.states))
    }

    /// Reads a window of several bands, numbers from 1; the same as [`RasterFile::read_band`] for each, but what is stored
    /// together is decoded once.
    ///
    /// # Errors
    /// As [`RasterFile::read_band`].
    pub fn read_bands(
        &mut self,
        bands: &[usize],
        window: &Window,
    ) -> Result<Vec<(Pixels, Vec<PixelState>)>, RasterError> {
        let plain = |band: &usize| self.band_facts(*band).is_ok_and(|facts| facts.mask == Mask::None);
        if !self.grid.window().contains(window) || !bands.iter().all(plain) {
            return bands.iter().map(|band| self.read_band(*band, window)).collect();
        }
        let layout = Layout::whole(window);
        let read_one = |band: &usize| {
            let facts = self.band_facts(*band)?;
            let mut pixels = Pixels::zeros(facts.pixel_type, window.len());
            // One handle for all bands: GDAL keeps the blocks that it decoded on the way.
            read(&self.dataset, &[*band], window, &mut pixels, layout).map_err(|message| RasterError::Read {
                path: self.facts.path.clone(),
                window: *window,
                message,
            })?;
            let mut states = vec![PixelState::Observed; window.len()];
            mark_nodata(&mut states, &pixels, window, layout, [facts.nodata, None]);
            if !all_observed(&states) {
                blank(&mut pixels, 1, window, layout, &states);
            }
            Ok((pixels, states))
        };
        bands.iter().map(read_one).collect()
    }

    /// Colours of a band by value, from 0; empty where it has no colour table.
    ///
    /// # Errors
    /// When there is no such band.
    pub fn colour_table(&self, band: usize) -> Result<Vec<[u8; 4]>, RasterError> {
        self.band_facts(band)?;
        let rgba =
            |c: Option<RgbaEntry>| c.map_or([0, 0, 0, 255], |c| [c.r, c.g, c.b, c.a].map(|v| v.clamp(0, 255) as u8));
        let band = self.dataset.rasterband(band).expect("a band with facts is in the file");
        let table = band.color_table();
        Ok(table.map_or_else(Vec::new, |table| (0..table.entry_count()).map(|k| rgba(table.entry_as_rgb(k))).collect()))
    }

    /// Category names of a band by value, from 0; empty where it has none.
    ///
    /// # Errors
    /// When there is no such band.
    pub fn category_names(&self, band: usize) -> Result<Vec<String>, RasterError> {
        self.band_facts(band)?;
        Ok(category_names(&self.dataset.rasterband(band).expect("a band with facts is in the file")))
    }

    fn band_facts(&self, band: usize) -> Result<&crate::BandFacts, RasterError> {
        self.facts.bands.iter().find(|b| b.number == band).ok_or_else(|| RasterError::NoSuchBand {
            path: self.facts.path.clone(),
            band: areal_formats::BandRef::Number(band),
            available: self.facts.bands_in_words(),
        })
    }
}
