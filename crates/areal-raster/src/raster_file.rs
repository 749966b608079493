//! One plain raster, read band by band: a label raster, a prediction, a weight.

use std::path::Path;

use areal_formats::{BandRef, SceneSettings};
use areal_grid::{PixelBlock, PixelGrid, PixelState, Pixels, Window};
use gdal::Dataset;
use gdal::raster::RgbaEntry;

use crate::attribute_table::{NamedCode, named_codes};
use crate::facts::{Mask, category_names, open_raster};
use crate::masked_file::{MaskedFile, all_observed, blank, flip, mark_nodata};
use crate::raster_io::{Layout, read};
use crate::selection::{Selection, find};
use crate::{BandInfo, FileFacts, RasterError, Scene, SceneReader};
use areal_tables::Encoding;

/// One raster, read band by band: a label raster, a prediction, a weight.
pub struct RasterFile {
    facts: FileFacts,
    grid: PixelGrid,
    block: (usize, usize),
    bands: Vec<BandInfo>,
    dataset: Dataset,
    settings: SceneSettings,
    /// True when its pixels are read on a grid that the settings name.
    is_warped: bool,
    open: Vec<Option<BandReader>>,
}

enum BandReader {
    Own(MaskedFile),
    Warped(SceneReader),
}

impl RasterFile {
    /// Opens a raster as it is.
    ///
    /// # Errors
    /// When it cannot be opened or has no grid with a CRS whose columns run east.
    pub fn open(path: &Path) -> Result<Self, RasterError> {
        Self::open_as(&SceneSettings::new("raster", vec![path.to_path_buf()])).map_err(RasterError::as_it_is)
    }

    /// Opens the one file of these settings, to be read with their nodata value and quality band and on their grid. Their
    /// bands, scale and offset are left out: pixels are as they are stored.
    ///
    /// # Errors
    /// As [`Scene::open`].
    pub fn open_as(settings: &SceneSettings) -> Result<Self, RasterError> {
        let [path] = &settings.files[..] else {
            return Err(RasterError::NoFiles { scene: settings.name.clone() });
        };
        let settings = &SceneSettings { band_scale: Vec::new(), band_offset: Vec::new(), ..settings.clone() };
        let dataset = open_raster(path)?;
        let facts = FileFacts::of(path, &dataset)?;
        let is_warped = settings.crs.is_some()
            || settings.resolution.is_some()
            || settings.bounds.is_some()
            || settings.resampling.is_some();
        let (grid, block) = if is_warped {
            let first = facts.bands.first().map_or(1, |band| band.number);
            let scene = Scene::open(&SceneSettings { bands: vec![BandRef::Number(first)], ..settings.clone() })?;
            (scene.grid().clone(), scene.block_size())
        } else {
            let block = facts.bands.first().map_or([1, 1], |b| b.block);
            (facts.grid()?, (block[0].min(facts.height), block[1].min(facts.width)))
        };
        Ok(Self {
            grid,
            block,
            bands: facts.bands.iter().map(BandInfo::from).collect(),
            settings: settings.clone(),
            is_warped,
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

    /// The band that a reference names.
    ///
    /// # Errors
    /// When there is none, or there are several.
    pub fn band(&self, band: &BandRef) -> Result<&crate::BandFacts, RasterError> {
        find(&self.facts, band)
    }

    /// All that the file says about itself.
    pub fn facts(&self) -> &FileFacts {
        &self.facts
    }

    /// Rows and columns of the blocks that are read fastest.
    pub fn block_size(&self) -> (usize, usize) {
        self.block
    }

    /// Reads a window of a band (number from 1): values and states, `[row, col]`. The window may reach past the raster:
    /// pixels out there are [`PixelState::Outside`]. A pixel that is not observed holds 0.
    ///
    /// # Errors
    /// When there is no such band or the file is damaged.
    pub fn read_band(&mut self, band: usize, window: &Window) -> Result<(Pixels, Vec<PixelState>), RasterError> {
        let facts = self.band_facts(band)?.clone();
        let mut block = PixelBlock::outside(*window, 1, facts.pixel_type);
        let Some(inside) = window.intersect(&self.grid.window()) else { return Ok((block.pixels, block.states)) };
        let settings = SceneSettings { bands: vec![BandRef::Number(band)], ..self.settings.clone() };
        let reader = match &mut self.open[band - 1] {
            Some(reader) => reader,
            closed if self.is_warped => closed.insert(BandReader::Warped(Scene::open(&settings)?.reader()?)),
            closed => {
                let selection = Selection::new(&self.facts, &settings)?;
                closed.insert(BandReader::Own(MaskedFile::on_grid(&self.facts, &selection)?))
            }
        };
        match reader {
            BandReader::Own(file) => {
                file.read_into(&inside, &mut block, inside.row - window.row, inside.col - window.col)?;
            }
            BandReader::Warped(scene) => block = scene.read(window)?,
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
        let as_stored = !self.is_warped && self.settings.quality.is_none() && bands.iter().all(plain);
        if !self.grid.window().contains(window) || !as_stored {
            return bands.iter().map(|band| self.read_band(*band, window)).collect();
        }
        let layout = Layout::whole(window);
        let flipped = self.facts.is_south_up();
        let stored = if flipped { Window { row: self.grid.height - window.row_end(), ..*window } } else { *window };
        let read_one = |band: &usize| {
            let facts = self.band_facts(*band)?;
            let mut pixels = Pixels::zeros(facts.pixel_type, window.len());
            // One handle for all bands: GDAL keeps the blocks that it decoded on the way.
            read(&self.dataset, &[*band], &stored, &mut pixels, layout).map_err(|message| RasterError::Read {
                path: self.facts.path.clone(),
                window: stored,
                message,
            })?;
            if flipped {
                flip(&mut pixels, 1, window, layout);
            }
            let mut states = vec![PixelState::Observed; window.len()];
            mark_nodata(&mut states, &pixels, window, layout, [facts.nodata, self.settings.nodata]);
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

    /// The class codes that a band names, in ascending order, with their colours; `encoding` is that of a table beside the raster.
    ///
    /// # Errors
    /// When there is no such band, or a table beside the raster cannot be read.
    pub fn named_codes(&self, band: usize, encoding: Option<Encoding>) -> Result<Vec<NamedCode>, RasterError> {
        self.band_facts(band)?;
        let band = self.dataset.rasterband(band).expect("a band with facts is in the file");
        named_codes(&self.facts.path, &band, encoding)
    }

    fn band_facts(&self, band: usize) -> Result<&crate::BandFacts, RasterError> {
        self.facts.bands.iter().find(|b| b.number == band).ok_or_else(|| RasterError::NoSuchBand {
            path: self.facts.path.clone(),
            band: BandRef::Number(band),
            available: self.facts.bands_in_words(),
        })
    }
}
