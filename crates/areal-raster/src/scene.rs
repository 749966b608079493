//! A scene: one or more rasters read as one image on one pixel grid.

use std::collections::HashSet;
use std::path::Path;

use areal_grid::{
    GroundResolution, PixelBlock, PixelGrid, PixelState, PixelType, Pixels, Scaling, Window, ground_resolution,
};

use crate::conversion::{Conversion, warn_of_converted_codes};
use crate::masked_file::MaskedFile;
use crate::selection::Selection;
use crate::sources::{Access, SceneFile, plan};
use crate::warp::WarpedFile;
use crate::{BandInfo, FileFacts, Projection, RasterError};
use areal_formats::SceneSettings;

/// One or more rasters read as one image: the same bands, one pixel grid, a state for every pixel.
///
/// A pixel is observed when every chosen band has a finite value there that is not nodata, no alpha band or mask hides
/// it, and the quality band does not set it aside. Nodata of the colours of an image is a colour: see [`crate::BandFacts::colour`]. Where files overlap, the first one, in the order given, in which the
/// pixel is observed wins; where it is observed in none, `Masked` wins over `Nodata` over `Outside`.
#[derive(Debug, Clone)]
pub struct Scene {
    settings: SceneSettings,
    grid: PixelGrid,
    bands: Vec<BandInfo>,
    /// As the files store them.
    stored_type: PixelType,
    stored_scaling: Vec<Scaling>,
    conversion: Option<Conversion>,
    resolution: GroundResolution,
    sources: Vec<SceneFile>,
}

impl Scene {
    /// Opens the files and works out the pixel grid. No pixel is read.
    ///
    /// # Errors
    /// When a file cannot be opened or has no usable grid, a band is missing, or files differ in a way that the
    /// settings do not resolve.
    pub fn open(settings: &SceneSettings) -> Result<Self, RasterError> {
        check_named_once(settings)?;
        let files = settings.files.iter().map(|path| {
            let facts = FileFacts::read(path)?;
            let selection = Selection::new(&facts, settings)?;
            selection.check_types(&facts)?;
            Ok((facts, selection))
        });
        let (grid, sources) = plan(settings, files.collect::<Result<_, RasterError>>()?)?;
        let Some(first) = sources.first() else { return Err(RasterError::NoFiles { scene: settings.name.clone() }) };
        let resolution = ground_resolution(&grid, &Projection::to_lonlat(&grid.crs)?)
            .map_err(|source| RasterError::Projection { path: first.facts.path.clone(), source })?;
        let stored_type = first.selection.pixel_type();
        let mut bands: Vec<BandInfo> = first.selection.bands.iter().map(BandInfo::from).collect();
        let stored_scaling = bands.iter().map(|band| band.scaling).collect();
        let conversion = settings.conversion(bands.len())?.map(|by| Conversion::new(by, stored_type));
        if let Some(conversion) = &conversion {
            warn_of_converted_codes(&first.facts.path, &first.selection.bands, &conversion.bands);
            // The scale and offset in a file describe its stored values.
            for band in &mut bands {
                (band.pixel_type, band.scaling) = (conversion.pixel_type, Scaling::default());
            }
        }
        Ok(Self {
            bands,
            stored_type,
            stored_scaling,
            conversion,
            settings: settings.clone(),
            grid,
            resolution,
            sources,
        })
    }

    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Where its pixels lie.
    pub fn grid(&self) -> &PixelGrid {
        &self.grid
    }

    /// Its bands, in the order in which they are read.
    pub fn bands(&self) -> &[BandInfo] {
        &self.bands
    }

    /// What makes the values of each band from those that the files store, where that is given.
    pub fn conversion(&self) -> Option<&[Scaling]> {
        self.conversion.as_ref().map(|conversion| &conversion.bands[..])
    }

    /// What the values of each band mean.
    pub fn scaling(&self) -> Vec<Scaling> {
        self.bands.iter().map(|band| band.scaling).collect()
    }

    /// The type of the pixels that its files store, before a conversion.
    pub fn stored_type(&self) -> PixelType {
        self.stored_type
    }

    /// What the files say that the stored values of each band mean, before a conversion.
    pub fn stored_scaling(&self) -> &[Scaling] {
        &self.stored_scaling
    }

    /// The type of all its pixels.
    pub fn pixel_type(&self) -> PixelType {
        self.conversion.as_ref().map_or(self.stored_type, |conversion| conversion.pixel_type)
    }

    /// Size of a pixel on the ground, in the middle of the scene.
    pub fn ground_resolution(&self) -> GroundResolution {
        self.resolution
    }

    /// Pairs of its files of which the later one lies on the ground of the earlier one, and with which share of its own.
    pub fn overlaps(&self) -> Vec<(&Path, &Path, f64)> {
        let extents: Vec<_> = self.sources.iter().map(|source| source.extent(&self.grid)).collect();
        let mut found = Vec::new();
        for (k, later) in extents.iter().enumerate() {
            for (first, earlier) in extents[..k].iter().enumerate() {
                let (Some(later), Some(earlier)) = (later, earlier) else { continue };
                if let Some(both) = later.intersect(earlier) {
                    let path = |k: usize| self.sources[k].facts.path.as_path();
                    found.push((path(first), path(k), both.len() as f64 / later.len().max(1) as f64));
                }
            }
        }
        found
    }

    /// Rows and columns of the blocks that are read fastest: those in which the first file is stored, or 256 x 256 where
    /// it is warped.
    pub fn block_size(&self) -> (usize, usize) {
        let block = match self.sources.first() {
            Some(SceneFile { access: Access::Direct { .. }, selection, .. }) => {
                selection.bands.first().map_or([1, 1], |b| b.block)
            }
            _ => [256, 256],
        };
        (block[0].min(self.grid.height), block[1].min(self.grid.width))
    }

    /// What it was opened with.
    pub fn settings(&self) -> &SceneSettings {
        &self.settings
    }

    /// A reader of its pixels, with file handles of its own: one a thread.
    ///
    /// # Errors
    /// When a file cannot be opened any more.
    pub fn reader(&self) -> Result<SceneReader, RasterError> {
        Ok(SceneReader {
            grid: self.grid.clone(),
            bands: self.bands.len(),
            stored_type: self.stored_type,
            conversion: self.conversion.clone(),
            files: self.sources.iter().map(|source| OpenSource { source: source.clone(), file: None }).collect(),
        })
    }
}

/// A file that is named twice would only be read twice.
fn check_named_once(settings: &SceneSettings) -> Result<(), RasterError> {
    let mut seen = HashSet::new();
    // A raster inside a file has no path of its own.
    match settings.files.iter().find(|path| !seen.insert(path.canonicalize().unwrap_or_else(|_| (*path).clone()))) {
        Some(path) => Err(RasterError::FileTwice { scene: settings.name.clone(), path: path.clone() }),
        None => Ok(()),
    }
}

/// Reads windows of a scene.
pub struct SceneReader {
    grid: PixelGrid,
    bands: usize,
    stored_type: PixelType,
    conversion: Option<Conversion>,
    files: Vec<OpenSource>,
}

/// A file of the scene, opened when it is first needed.
struct OpenSource {
    source: SceneFile,
    file: Option<Opened>,
}

enum Opened {
    Direct { file: MaskedFile, row: i64, col: i64 },
    Warped(Box<WarpedFile>),
}

impl SceneReader {
    /// Reads a window, which may reach past the scene: pixels out there are [`PixelState::Outside`].
    ///
    /// # Errors
    /// [`RasterError::Read`] with file and window where a file is damaged.
    pub fn read(&mut self, window: &Window) -> Result<PixelBlock, RasterError> {
        let stored = self.read_stored(window)?;
        Ok(match &self.conversion {
            Some(conversion) => conversion.apply(stored),
            None => stored,
        })
    }

    fn read_stored(&mut self, window: &Window) -> Result<PixelBlock, RasterError> {
        let mut block = PixelBlock::outside(*window, self.bands, self.stored_type);
        let Some(inside) = window.intersect(&self.grid.window()) else { return Ok(block) };
        let mut fresh = true;
        for open in &mut self.files {
            let Some(part) = open.source.extent(&self.grid).and_then(|extent| extent.intersect(&inside)) else {
                continue;
            };
            if fresh {
                open.read_into(&self.grid, &part, &mut block)?;
                fresh = false;
            } else if !all_observed(&block, &part) {
                let mut other = PixelBlock::outside(part, self.bands, self.stored_type);
                open.read_into(&self.grid, &part, &mut other)?;
                merge(&mut block, &other);
            }
        }
        Ok(block)
    }
}

impl OpenSource {
    /// Reads `part` of the scene, which lies in the source's extent and in the block's window.
    fn read_into(&mut self, grid: &PixelGrid, part: &Window, block: &mut PixelBlock) -> Result<(), RasterError> {
        let opened = match &mut self.file {
            Some(opened) => opened,
            closed => closed.insert(Opened::new(&self.source, grid)?),
        };
        match opened {
            Opened::Direct { file, row, col } => {
                let (top, left) = ((part.row as i64 - *row) as usize, (part.col as i64 - *col) as usize);
                let own = Window::new(top, left, part.height, part.width);
                file.read_into(&own, block, part.row - block.window.row, part.col - block.window.col)
            }
            Opened::Warped(file) => file.read_into(part, block),
        }
    }
}

impl Opened {
    fn new(source: &SceneFile, grid: &PixelGrid) -> Result<Self, RasterError> {
        let SceneFile { facts, selection, access } = source;
        match access {
            Access::Direct { row, col } => {
                Ok(Self::Direct { file: MaskedFile::on_grid(facts, selection)?, row: *row, col: *col })
            }
            Access::Warped(plan) => Ok(Self::Warped(Box::new(WarpedFile::open(facts, selection, grid, plan)?))),
        }
    }
}

fn all_observed(block: &PixelBlock, part: &Window) -> bool {
    (part.row..part.row_end()).all(|row| {
        let at = (row - block.window.row) * block.window.width + part.col - block.window.col;
        block.states[at..at + part.width].iter().all(|s| *s == PixelState::Observed)
    })
}

/// Lays `other` under `block`: a pixel is taken where it is better known.
fn merge(block: &mut PixelBlock, other: &PixelBlock) {
    let rank = |state: PixelState| match state {
        PixelState::Observed => 0,
        PixelState::Masked => 1,
        PixelState::Nodata => 2,
        PixelState::Outside => 3,
    };
    let (to, from) = (block.window, other.window);
    for row in 0..from.height {
        for col in 0..from.width {
            let source = row * from.width + col;
            let target = (from.row + row - to.row) * to.width + from.col + col - to.col;
            if rank(other.states[source]) >= rank(block.states[target]) {
                continue;
            }
            block.states[target] = other.states[source];
            if other.states[source] == PixelState::Observed {
                copy_pixel(&mut block.pixels, target, to.len(), &other.pixels, source, from.len(), block.bands);
            }
        }
    }
}

fn copy_pixel(
    to: &mut Pixels,
    target: usize,
    to_stride: usize,
    from: &Pixels,
    source: usize,
    from_stride: usize,
    bands: usize,
) {
    for band in 0..bands {
        to.copy_from(target + band * to_stride, from, source + band * from_stride, 1);
    }
}
